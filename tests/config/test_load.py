"""The meaning of configs, of ``extends`` and of flags, and configs that are dumped.

For mistakes in them see test_messages.py.
"""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from pydantic import ValidationError
from strategies import plain_values, texts

from rnnbench.config.load import (
    Override,
    dump,
    load,
    load_data,
    load_written,
    select,
    tree_of,
)
from rnnbench.config.nodes import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.data.config import Data
from rnnbench.errors import UserError
from rnnbench.models.baselines import TfidfLinearSVM
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, PythonNetwork
from rnnbench.points import split_setting
from rnnbench.storage import write_text
from rnnbench.training.settings import Training

SMALL = """\
name: small
models:
  rnn:
    layers:
      - simple_rnn: {units: 2}
      - dense: {units: topics, activation: softmax}
"""


def write(text: str, name: str = "good.yaml") -> Path:
    write_text(Path(name), text)
    return Path(name)


def messages(config, *overrides: Override) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(config, overrides)
    return str(caught.value).splitlines()


def setting(text: str) -> Override:
    """Return the value that ``--set key=value`` sets."""
    return Override(f"--set {text}", *split_setting(text))


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        (
            Path("smal.yaml"),
            "smal.yaml: no such file (allowed: Small.yaml; did you mean 'Small.yaml'?)",
        ),
        ("nowhere/small.yaml", "nowhere/small.yaml: no such file"),
        (
            "ovn.csv",
            "ovn.csv: no such file (allowed: own.csv; did you mean 'own.csv'?)",
        ),
    ],
)
def test_a_file_that_is_not_there_is_named(config, fault):
    write(SMALL, "Small.yaml")
    write("text,label\n", "own.csv")

    assert messages(config) == [fault]


def test_a_text_that_is_no_config_is_named():
    (fault,) = messages(write("a, b", "x.txt"))
    assert fault.endswith(
        "a table of texts ends in .csv, .tsv, .tab, .jsonl, .ndjson, .json, .parquet, .xlsx, .arrow"
    )


def test_a_folder_that_is_no_config_is_named():
    Path("configs").mkdir()
    (fault,) = messages(Path("configs"))
    assert fault.startswith("configs: is a folder (should be a config file, or a fo")


def test_a_config_that_is_not_in_utf_8_is_named():
    Path("bad.yaml").write_bytes("# no\nname: café\n".encode("latin-1"))
    assert messages(Path("bad.yaml")) == ["bad.yaml:2: is not UTF-8"]


def test_a_section_may_be_empty():
    small = load(write(SMALL))
    assert load(write(f"data:\ntraining:\n{SMALL}")) == small
    assert (small.name, small.references) == ("small", {})


def test_data_are_by_default_those_of_keras():
    defaults = {
        "source": "auto",
        "path": None,
        "split": "auto",
        "num_words": None,
        "maxlen": None,
        "test_split": 0.2,
        "seed": 113,
        "pad_length": None,
        "padding": "pre",
        "truncating": "pre",
    }
    data = dict(load(write(SMALL)).data)
    assert {key: data[key] for key in defaults} == defaults


def test_training_is_by_default_one_seed_of_adam():
    defaults = {
        "epochs": 10,
        "batch_size": 32,
        "engine": "auto",
        "optimizer": "adam",
        "learning_rate": 0.001,
        "seeds": (0,),
        "validation_split": 0,
    }
    training = dict(load(write(SMALL)).training)
    assert {key: training[key] for key in defaults} == defaults


def test_seeds_are_ten_thousand_at_most():
    with pytest.raises(
        ValidationError, match=r"\(allowed: a number from 1 to 10,000, or "
    ):
        Training(seeds=list(range(10_001)))


COUNTED = {
    "analyzer": "word",
    "min_ngram": 1,
    "max_ngram": 3,
    "min_df": 1,
    "char_ngrams": None,
}
LINEAR = {"sublinear_tf": False, "C": 0.5, "calibrated": False, "weights": None}
SVM = {"baseline": {"tfidf_linear_svm": COUNTED | LINEAR}}
OWN = {"python": "my.nets:make", "arguments": {"units": 8, "rates": [0.1, None]}}


def test_the_keys_of_a_model_say_its_kind():
    models = load({"name": "LSTM-2_x", "models": {"svm": SVM, "own": OWN}}).models

    svm = BaselineModel(baseline=TfidfLinearSVM(max_ngram=3, C=0.5))
    assert models == {"svm": svm, "own": PythonNetwork(**OWN)}
    network = load(write(SMALL)).models["rnn"]
    assert (type(network), network.inputs) == (LayeredNetwork, "ids")


def test_a_model_is_dumped_as_it_was_written():
    benchmark = load({"name": "a", "models": {"svm": SVM, "own": OWN}})

    assert benchmark.model_dump(mode="json")["models"] == {"svm": SVM, "own": OWN}


def test_a_model_may_be_named_by_a_number():
    file = write(SMALL.replace("rnn:", "010:", 1))
    flag = setting("models.010.layers.0.simple_rnn.units=7")
    assert list(load(file).models) == ["010"]
    assert load(file, [flag]).models["010"].layers[0].units == 7


def test_a_mapping_may_hold_any_python_values():
    models = load(write(SMALL)).models
    config = {"name": "a", "models": dict(models), "data": {"path": Path("b")}}
    config["training"] = {"seeds": (3, 7)}
    benchmark = load(config, [setting("training.epochs=3")])
    assert benchmark.models == models
    assert benchmark.data == Data(path="b")
    assert benchmark.training == Training(seeds=[3, 7], epochs=3)


def test_a_mapping_that_extends_files_stays_as_it_is():
    write(f"training: {{epochs: 3, batch_size: 7}}\n{SMALL}", "configs/base.yaml")
    config = {"extends": "configs/base.yaml", "training": {"epochs": 4}}

    assert load(config).training == Training(epochs=4, batch_size=7)
    assert config == {"extends": "configs/base.yaml", "training": {"epochs": 4}}


def test_a_mapping_may_not_hold_itself():
    config = {"name": "a"}
    config["models"] = config

    assert messages(config) == ["nested too deeply (allowed: 100 levels)"]


def test_what_is_done_to_the_values_of_one_load_does_not_reach_the_next():
    file = write(
        "name: m\nmodels: {m: {python: 'nets:build', arguments: {units: [1, 2]}}}\n"
    )
    load(file).models["m"].arguments["units"].pop()

    assert load(file).models["m"].arguments == {"units": [1, 2]}


def test_mistakes_in_a_mapping_are_answered_as_in_a_file_without_a_place():
    config = {"name": "a b", "training": {"epohcs": 3}, "models": {7: {"layers": [3]}}}
    in_a_file = messages(write(yaml.dump(config), "bad.yaml"))
    assert len(in_a_file) == 3
    assert messages(config) == sorted(
        re.sub(r"^bad.yaml:\d+: ", "", message) for message in in_a_file
    )


def test_paths_are_relative_to_the_file_that_they_are_in():
    write(
        "name: &x base\nseed: 3\ndata: {path: ../corpus, train: *x}\n",
        "configs/bases/base.yaml",
    )
    write("extends: bases/base.yaml\nname: middle\n", "configs/middle.yaml")
    value = tree_of(write("extends: configs/middle.yaml\n")).root.plain
    assert (value["name"], value["seed"]) == ("middle", 3)
    assert value["data"]["train"] == "configs/bases/base"
    assert Path(value["data"]["path"]).resolve() == Path("configs/corpus").resolve()


@pytest.mark.parametrize("path", ["/corpora/reuters", "~/corpus"])
def test_a_path_from_a_root_or_a_home_stays_as_it_is(path):
    tree = tree_of(write(f"data: {{path: {path}}}\n", "configs/a.yaml"))

    assert tree.root.plain["data"]["path"] == path


def test_of_several_extended_files_the_last_wins_key_by_key():
    write(
        "zulu: [1, 2]\ntraining: {epochs: 3, batch_size: 7}\ndata: {seed: 3}\n",
        "z.yaml",
    )
    write(
        "alpha: 2\nzulu: [1]\ntraining: {epochs: 4, batch_size: }\ndata: \n", "a.yaml"
    )
    value = tree_of(write("rnn: 3\nextends: [z.yaml, a.yaml]\n")).root.plain
    assert value == {
        "zulu": [1],
        "training": {"epochs": 4, "batch_size": None},
        "data": {"seed": 3},
        "alpha": 2,
        "rnn": 3,
    }
    assert list(value) == ["zulu", "training", "data", "alpha", "rnn"], "in order"


def test_a_config_extends_a_hundred_files_at_most():
    for number in range(24):
        write(f"extends: [e{number + 1}.yaml, e{number + 1}.yaml]\n", f"e{number}.yaml")
    write("name: x\n", "e24.yaml")

    tree = tree_of(Path("e0.yaml"))

    assert "too many files (allowed: 100)" in tree.problems[0].message
    assert len(tree.problems) < 100


def test_flags_replace_values_of_the_file_or_of_flags_before():
    text = f"training: {{epochs: ten}}\ndata: {{path: corpus, maxlen: 50}}\n{SMALL}"
    flags = [
        "training.epochs=5",
        "training.epochs=6",
        "data.maxlen=",
        "data.path=corpus",
    ]
    benchmark = load(write(text, "configs/a.yaml"), [*map(setting, flags)])
    assert benchmark.training == Training(epochs=6)
    assert benchmark.data == Data(path="corpus"), "relative to the working folder"


@pytest.mark.parametrize(
    "key",
    [
        "data.path",
        "training.seeds",
        "models",
        "models.rnn.layers.0",
        "references.paper.models",
    ],
)
@settings(max_examples=10)
@given(value=plain_values)
def test_any_value_of_a_flag_is_taken_or_answered_with_its_place(key, value):
    flag = Override("--set", key, json.dumps(value, ensure_ascii=False))
    try:
        assert isinstance(load(write(SMALL), [flag]), Benchmark)
    except ConfigError as error:
        for answer in str(error).splitlines():
            assert re.match(r"--set: |good\.yaml:\d+: ", answer)


def test_a_flag_leads_no_deeper_than_a_file_may_nest():
    deep, too_deep = (Override("--set", ".".join("a" * n), "9") for n in (100, 101))
    assert tree_of({}, [deep]).problems == []
    (problem,) = tree_of({}, [too_deep]).problems
    assert str(problem) == "--set: a path of 101 keys (allowed: 100)"


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (["RNN", "rnn"], "no model 'RNN' (allowed: rnn; did you mean 'rnn'?)"),
        (
            list("abcdefg"),
            "no model 'a', 'b', 'c', 'd', 'e' and 2 more (allowed: rnn)",
        ),
        ([], "names no model (allowed: rnn)"),
    ],
)
def test_select_answers_with_the_models_there_are(names, answer):
    with pytest.raises(UserError, match=re.escape(f"--models: {answer}")):
        select(load(write(SMALL)), names, "--models")


def test_data_are_those_of_the_config_or_of_flags_or_the_default():
    from_flag = load_data(None, [Override("--data", "data.source", "r8")])

    assert load_data(write(f"data: {{maxlen: 50}}\n{SMALL}")) == Data(maxlen=50)
    assert from_flag == Data(source="r8")
    assert load_data(None) == Data()


def test_a_flag_for_data_alone_may_set_nothing_else():
    fault = r"^--set .+: training: unknown key \(allowed: data\)$"
    with pytest.raises(ConfigError, match=fault):
        load_data(None, [setting("training.epochs=3")])


def dumped_and_loaded(benchmark: Benchmark, folder: Path = Path()) -> Benchmark:
    return load(write(dump(benchmark, folder), str(folder / "config.yaml")))


@settings(max_examples=20)
@given(plain_values, texts.filter(bool))
def test_whatever_is_dumped_loads_again(value, text):
    arguments = {"a": value, text: text}
    network = {"python": "nets:make", "arguments": arguments}
    paper = {"source": text, "split": "5" * 64, "models": {text: {"accuracy": 0.5}}}
    config = {"name": "a", "models": {"own": network}, "references": {"paper": paper}}

    benchmark = load(config)

    assert dumped_and_loaded(benchmark) == benchmark
    assert load_written(write(dump(benchmark)), []) == benchmark
    assert benchmark.models["own"].arguments == arguments


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("corpus", "configs"),
        ("/corpora/Büro", "results/small"),
        ("configs/corpus", "link"),
    ],
)
def test_a_dump_names_the_same_data_from_another_folder(path, folder):
    Path("far/away").mkdir(parents=True)
    Path("link").symlink_to("far/away")
    benchmark = load(yaml.safe_load(SMALL) | {"data": {"path": path}})
    text = dump(benchmark, Path(folder))
    assert "path: ../" in text, "so that all can be moved"
    assert Path(path).name in text, "letters stay readable"
    again = dumped_and_loaded(benchmark, Path(folder))
    assert again.data.path.resolve() == Path(path).resolve()
