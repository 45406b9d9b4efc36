import json
import re
from pathlib import Path

import pytest

from rnnbench.config import shipped
from rnnbench.config.load import load
from rnnbench.config.shipped import starter
from rnnbench.models.baselines import BASELINES
from rnnbench.runner.check import ASSUMED

LSTM = "{layers: [lstm: {units: 2}, dense: {units: topics, activation: softmax}]}"
FINE = f"name: a\nmodels:\n  m: {LSTM}\n"
WRONG = f"name: a b\ntraining:\n  epohcs: 3\nmodels:\n  m: {LSTM}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder, with a config in it that is fine, and one that is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine.yaml").write_text(FINE)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    return tmp_path


# check


def test_each_config_has_its_problems_with_their_lines_or_its_counts(cli, folder):
    baselines = (
        "  always: {baseline: most_frequent}\n  by_chance: {baseline: stratified}\n"
    )
    (folder / "a.yaml").write_text(f"{FINE}{baselines}training: {{seeds: 5}}\n")

    result = cli("config", "check", "nowhere.yaml", "wrong.yaml", "fine.yaml", "a.yaml")

    assert result.exit_code == 2
    assert [line.split(" (")[0] for line in result.stderr.splitlines()] == [
        "fine.yaml: building 1 network",
        "a.yaml: building 1 network",
        "nowhere.yaml: no such file",
        "wrong.yaml:1: name: got 'a b'",
        "wrong.yaml:3: training.epohcs: unknown key",
    ]
    # always answers the same, so that one seed is enough
    counts = "fine.yaml: fine, 1 model, 1 trial\na.yaml: fine, 3 models, 11 trials\n"
    assert result.stdout == counts


def test_checks_as_json(cli):
    result = cli("config", "check", "wrong.yaml", "fine.yaml", "--json")
    record = json.loads(result.stdout)
    wrong, fine = record["files"]

    assert (result.exit_code, record["schema_version"]) == (2, 1)
    assert (wrong["file"], wrong["is_fine"], wrong["models"]) == (
        "wrong.yaml",
        False,
        None,
    )
    assert [problem["where"] for problem in wrong["problems"]] == [
        "wrong.yaml:1",
        "wrong.yaml:3",
    ]
    assert wrong["problems"][1]["key"] == "training.epohcs"
    counts = {
        "models": 1,
        "trials": 1,
        "seconds": None,
        "gigabytes": None,
        "stored_gigabytes": None,
        "problems": [],
    }
    assert fine == {"file": "fine.yaml", "is_fine": True, "name": "a", **counts}


def test_the_time_of_all_trainings_is_estimated_if_the_documents_are_at_hand(
    cli, folder
):
    table = "text,label\n" + "".join(
        f"word{n % 3} more,topic{n % 3}\n" for n in range(20)
    )
    (folder / "texts.csv").write_text(table)
    data = "data: {source: files, path: texts.csv}\ntraining: {epochs: 1000}\n"
    (folder / "mine.yaml").write_text(FINE + data)

    shown = cli("config", "check", "mine.yaml").stdout
    assert re.fullmatch(
        r"mine.+ 1 trial, about \d+ s of training on this machine\n", shown
    )
    (checked,) = json.loads(cli("config", "check", "mine.yaml", "--json").stdout)[
        "files"
    ]
    assert checked["seconds"] > 0


def test_a_config_that_needs_too_much_memory_is_wrong(cli, folder, monkeypatch):
    monkeypatch.setattr("rnnbench.runner.forecast.usable_memory", lambda: 10**6)
    (folder / "texts.csv").write_text("text,label\n" + "a b,x\nc d,y\n" * 5)
    data = "data: {source: files, path: texts.csv}\n"
    (folder / "mine.yaml").write_text(FINE + data)

    done = cli("config", "check", "mine.yaml")

    assert done.exit_code == 2
    assert "\nmine.yaml:2: training needs about 0." in done.stderr


FAULTS = {
    "training: {validation_split: 0.01}\ndata: {source: files, path: texts.csv}\n": (
        "a.yaml:4: training.validation_split: 0.01 of 4 training"
    ),
    "  n: {layers: [embedding: {dim: 2}, gru: {units: 2}, dense: {units: topics, activation: "
    "softmax}], pretrain: language_model}\ndata: {source: files, path: texts.csv}\n": (
        "a.yaml:4: models.n: needs texts without labels, and files has none"
    ),
    "data: {path: none.csv}\n": "a.yaml:4: none.csv: no such file or folder",
    "data: {source: files}\n": "a.yaml:4: data.source: needs data.path",
    "  n:\n    python: nowhere:make\n    grid: {arguments.n: [1, 2]}\n": (
        "a.yaml:4: models.n[n=1]: python: nowhere:make cannot be imported"
    ),
    "  it: {outside: answers.csv}\n": "a.yaml:4: models.it: it cannot be trained: answers from",
    "  it: {baseline: sentence_embedding}\n": (
        "a.yaml:4: models.it: baseline 'sentence_embedding' needs no-such-package: pip install "
        "'rnnbench[wordllama]'\n"
    ),
    "  n: {layers: [gru: {units: 2, dropout: 0.1}, dense: {units: topics, activation: "
    "softmax}]}\ntraining: {engine: native}\n": (
        "a.yaml:4: models.n: training.engine: native cannot train n (allowed: keras)"
    ),
    "  n: {python: nowhere:make, training: {engine: compiled}}\n": (
        "a.yaml:4: models.n: training.engine: compiled is gone (use auto; allowed: auto, native, "
    ),
}


@pytest.mark.parametrize("end", FAULTS)
def test_what_building_finds_is_reported_at_the_line_of_its_model_or_section(
    cli, folder, monkeypatch, end
):
    monkeypatch.setattr(
        BASELINES["sentence_embedding"], "packages", ("no-such-package",)
    )
    (folder / "texts.csv").write_text("text,label\n" + "a b,x\nc d,y\n" * 3)
    (folder / "a.yaml").write_text(FINE + end)

    done = cli("config", "check", "a.yaml")

    assert done.exit_code == 2
    assert f"\n{FAULTS[end]}" in done.stderr


# show


def test_the_output_is_a_config_of_the_same_benchmark_wherever_it_is(
    cli, folder, repository
):
    notebook = repository / "configs" / "all.yaml"
    (folder / "elsewhere").mkdir()
    (folder / "a.yaml").write_text(
        f"extends: {notebook}\nname: a\ndata: {{path: b.npz}}\n"
    )

    shown = cli("config", "show", "a.yaml", "--set", "training.seeds=[3, 7]").stdout
    (folder / "elsewhere/a.yaml").write_text(shown)

    same = {"extends": str(notebook), "name": "a", "data": {"path": folder / "b.npz"}}
    assert load(folder / "elsewhere/a.yaml") == load(
        same | {"training": {"seeds": [3, 7]}}
    )


# new


def test_a_new_config_has_no_problems(cli, folder):
    result = cli("config", "new", "my first.yaml")

    assert result.exit_code == 0
    assert load(folder / "my first.yaml").name == "my_first"
    assert cli("config", "check", "my first.yaml").stdout.endswith(
        "fine, 2 models, 4 trials\n"
    )
    assert cli("config", "new").stdout == starter(), "without a file it is printed"


def test_a_config_is_overwritten_only_by_force(cli, folder):
    refused = cli("config", "new", "fine.yaml")

    assert refused.exit_code == 2
    assert "fine.yaml: exists already (--force overwrites a config)" in refused.stderr
    assert (folder / "fine.yaml").read_text() == FINE
    assert cli("config", "new", "fine.yaml", "--force").exit_code == 0
    assert (folder / "fine.yaml").read_text() == starter("fine")


def test_a_config_that_cannot_be_written_is_named(cli, folder):
    (folder / "a.yaml").mkdir()
    unwritable = cli("config", "new", "a.yaml", "--force")
    assert unwritable.exit_code == 2
    assert "a.yaml: cannot be written: " in unwritable.stderr


# Configs that come with the package.


def listed(cli, *options):
    """The names of the configs in the table."""
    words = cli("config", "list", *options).stdout.split()
    return [name for name in shipped.names() if name in words]


def test_at_most_twelve_configs_are_listed(cli):
    names = listed(cli)

    assert {"all", "zoo", "smoke", "texts"} <= set(names)
    assert len(names) <= 12


def test_the_number_of_other_configs_is_said(cli):
    n_others = len(shipped.names()) - len(listed(cli))

    ending = f"{n_others} others: rnnbench config list --all\n"
    assert cli("config", "list").stderr.endswith(ending)


def test_all_configs_of_the_package_are_listed_on_request(cli):
    assert listed(cli, "--all") == shipped.names()


def test_programs_get_all_configs_of_the_package(cli):
    content = json.loads(cli("config", "list", "--json").stdout)
    by_name = {config["name"]: config for config in content["configs"]}

    assert set(by_name) == set(shipped.names())
    assert by_name["lstm"] == {
        "name": "lstm",
        "models": 1,
        "trials": 5,
        "summary": "One LSTM layer.",
    }
    assert by_name["notebook"]["models"] is None


def test_a_copy_is_a_config_with_the_table_it_names(cli):
    assert cli("config", "new", "sub/mine.yaml", "--from", "own_texts").exit_code == 0

    assert {file.name for file in Path("sub").iterdir()} == {
        "mine.yaml",
        "own_texts.csv",
    }
    assert cli("config", "check", "sub/mine.yaml", "--no-build").exit_code == 0
    refused = cli("config", "new", "--from", "al")
    assert refused.exit_code == 2
    assert "no config 'al' (allowed: all, " in refused.stderr


def test_nothing_is_copied_where_a_table_would_be_overwritten(cli):
    Path("own_texts.csv").write_text("mine")

    assert (
        cli("config", "new", "a.yaml", "--from", "own_texts", "--force").exit_code == 2
    )

    assert Path("own_texts.csv").read_text() == "mine"
    assert not Path("a.yaml").exists()


# Building networks.

NETS = """
import keras
from keras import layers


def logits(shape):
    ids = keras.Input((shape.timesteps,), dtype="int32")
    embedding, output = layers.Embedding(shape.n_ids, 2), layers.Dense(shape.n_topics)
    return keras.Sequential([ids, embedding, layers.GRU(2), output])


def broken(shape):
    raise LookupError("no weights")
"""


@pytest.fixture
def nets(folder):
    """A config of networks that cannot be built, or give no probabilities."""
    (folder / "checked_nets.py").write_text(NETS)
    functions = ("logits", "broken", "gone")
    lines = [f'  {name}: {{python: "checked_nets:{name}"}}' for name in functions]
    (folder / "nets.yaml").write_text(
        "\n".join(["name: nets", "models:", *lines, f"  m: {LSTM}"])
    )
    return "nets.yaml"


def test_networks_that_cannot_be_built_are_named_with_their_line(cli, nets):
    done = cli("config", "check", nets)

    assert done.exit_code == 2
    assert done.stderr.splitlines()[1:] == [
        "nets.yaml:3: models.logits: python: checked_nets:logits returned a model that gives no "
        f"probabilities (should end in a softmax) {ASSUMED}",
        "nets.yaml:4: models.broken: python: checked_nets:broken failed: LookupError: no weights "
        f"(checked_nets.py, line 13) {ASSUMED}",
        "nets.yaml:5: models.gone: python: checked_nets:gone cannot be imported: AttributeError: "
        f"module 'checked_nets' has no attribute 'gone' {ASSUMED}",
    ]
    unbuilt = cli("config", "check", nets, "--no-build")
    assert unbuilt.stdout == "nets.yaml: fine, 4 models, 4 trials\n"


def test_the_json_schemas_are_printed(cli):
    schema, of_results = (
        json.loads(cli("config", "show", "--schema", kind).stdout)
        for kind in ("config", "results")
    )

    assert "models" in schema["$defs"]["Benchmark"]["properties"]
    assert "models" in of_results["properties"]
    assert (
        "name one of the two"
        in cli("config", "show", "fine.yaml", "--schema", "config").stderr
    )
    assert "'b' is not one of 'config'" in cli("config", "show", "--schema", "b").stderr


def test_a_file_that_is_far_too_long_is_no_config(cli, tmp_path):
    file = tmp_path / "long.yaml"
    with file.open("wb") as opened:
        opened.truncate(5 * 2**30)  # it takes no space

    done = cli("config", "check", file, "--no-build")

    assert done.exit_code == 2
    assert "longer than" in done.stderr
