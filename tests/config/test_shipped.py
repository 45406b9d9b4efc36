"""The configs that come with the package, and the one that a new one starts from."""

import os
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from functools import cache
from itertools import chain
from operator import itemgetter
from pathlib import Path

import pytest

from rnnbench.choice.ranking import rank_key
from rnnbench.choice.results import ChoiceResults
from rnnbench.config import shipped
from rnnbench.config.load import dump, load
from rnnbench.config.nodes import parse
from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.config.shipped import starter
from rnnbench.data.config import Data
from rnnbench.models.baselines import BASELINES
from rnnbench.models.descriptions import (
    BaselineModel,
    Ensemble,
    EnsembleModel,
    LayeredNetwork,
    PythonNetwork,
)
from rnnbench.models.layers import LAYERS
from rnnbench.plugins.transformer.config import Transformer
from rnnbench.plugins.transformer.model import TransformerModel
from rnnbench.points import model_of
from rnnbench.storage import read_record
from rnnbench.training.epochs import TrainingSettings
from rnnbench.training.settings import Training

EXTENDED = ("notebook", "references", "baseline_grids", "field", "minilm")
"""Configs for others to extend, without documents of their own."""
WITH_GRIDS = ["r52", "r8", "reuters46", "zoo"]
"""Configs whose baselines are chosen by a config of their own."""
SHIPPED = [name for name in shipped.names() if name not in EXTENDED]
CHOICES = [
    name for name in SHIPPED if name.endswith(("_baselines", "_layers", "_networks"))
]
"""Configs from which models are chosen for others, on the same documents."""
FIELDS = [name for name in SHIPPED if name.endswith("_field")]
"""Configs with more networks than those that they extend."""
OTHER_SETTINGS = [
    "own_texts",
    "texts",
    "r52_pretrained",
    "reuters90",
    "reuters90_all",
    *WITH_GRIDS,
    *FIELDS,
    *CHOICES,
]
"""Configs with other documents or another training than the notebook's."""
PUBLISHED_ON = {
    "reuters46": {"chollet_2017_reuters46"},
    "reuters90": {"adhikari_2019_reuters90", "huang_2021_reuters90"},
}
"""References that only the configs of some documents have."""
NOTEBOOK_MODELS = ["vanilla_rnn", "stacked_vanilla_rnn", "lstm", "stacked_lstm"]


@cache
def benchmark_of(name: str) -> Benchmark:
    return load(name)


def test_configs_are_found_by_their_names_only():
    assert shipped.find("all") == shipped.folder() / "all.yaml"
    for other in ("none", "all.yaml", "./all.yaml", "../configs/all", ""):
        assert shipped.find(other) is None


def test_the_configs_of_the_maintainers_are_not_listed():
    listed = set(shipped.listed())
    hidden = set(shipped.names()) - listed
    assert {
        "all",
        "smoke",
        "own_texts",
        "notebook",
        "baselines",
        "vanilla_rnn",
    } <= listed
    assert {"baseline_grids", "r52_networks", "r8_field", "reuters46_layers"} <= hidden


@pytest.mark.parametrize("name", ["r52_field", "zoo_baselines"])
def test_a_config_of_the_maintainers_is_found_by_its_path_of_before(name):
    place = shipped.folder() / shipped.MAINTAINERS / f"{name}.yaml"
    assert shipped.find(name) == place
    assert load(f"configs/{name}.yaml") == benchmark_of(name)


@pytest.mark.parametrize("name", shipped.names())
def test_the_comments_of_a_config_begin_with_a_short_sentence(name):
    summary = shipped.summary(shipped.find(name))
    assert re.fullmatch(r"[A-Z].{,118}[.?]", summary)


def test_a_file_of_the_user_comes_before_a_name_and_a_folder_does_not():
    training = benchmark_of("all").training
    Path("r52").mkdir()
    assert load("r52").name == "r52"
    Path("all").write_text("extends: smoke\nname: mine\n")
    assert load("all").name == "mine"
    Path("mine.yaml").write_text(
        "extends: notebook\nname: mine\nmodels: {m: {python: a:b}}"
    )
    assert load("mine.yaml").training == training
    Path("notebook.yaml").write_text(shipped.find("lstm").read_text())
    assert load("notebook.yaml") == benchmark_of("lstm"), "which extends notebook"
    for file, epochs in (("notebook.yaml", 7), ("notebook", 8)):
        Path(file).write_text(f"training: {{epochs: {epochs}}}\n")
        assert load("mine.yaml").training.epochs == epochs


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_has_the_name_of_its_file_and_the_settings_and_results_of_its_documents(
    name,
):
    benchmark = benchmark_of(name)
    assert benchmark.name == name
    if name in CHOICES or name in FIELDS:
        run = benchmark_of(name.partition("_")[0])
        changed = {"pad_length": 150} if name == "reuters90_field" else {}
        assert benchmark.data == run.data.model_copy(update=changed)
        assert benchmark.training.facts("seeds") == run.training.facts("seeds")
    sources = {
        "r52": "r52",
        "r8": "r8",
        "own": "files",
        "texts": "files",
        "reuters90": "modapte",
    }
    documents = name.partition("_")[0]
    assert benchmark.data.source == sources.get(documents, "auto")
    is_own = benchmark.data.source == "files"
    shared = {} if is_own else benchmark_of("all").references
    own = PUBLISHED_ON.get(documents, set())
    assert benchmark.references.items() >= shared.items()
    assert benchmark.references.keys() - shared.keys() <= own
    if name not in OTHER_SETTINGS:
        epochs, seeds = (2, 1) if name == "smoke" else (200, 5)
        assert benchmark.data == Data(
            num_words=30_000, maxlen=50, test_split=0.3, padding="post"
        )
        assert benchmark.training == Training(epochs=epochs, batch_size=50, seeds=seeds)


@pytest.mark.parametrize("name", WITH_GRIDS)
def test_baselines_are_chosen_from_the_same_grids(name):
    models = benchmark_of(f"{name}_baselines").models
    everywhere = benchmark_of("zoo_baselines").models

    assert models == {
        point: everywhere[point] for point in everywhere if point in models
    }
    assert (
        len(models) == len(everywhere) or name == "reuters46"
    )  # where a high C takes too long


def test_every_baseline_is_in_the_grids_or_in_the_baselines():
    models = benchmark_of("zoo_baselines").models.values()
    kinds = {
        model.baseline.kind for model in models if isinstance(model, BaselineModel)
    }
    assert kinds == {*BASELINES} - {"most_frequent", "stratified"}
    models = benchmark_of("baselines").models
    assert {name: type(model.baseline) for name, model in models.items()} == {
        kind: baseline for kind, baseline in BASELINES.items() if not baseline.packages
    }


@pytest.mark.parametrize("name", ["all", "smoke"])
def test_all_has_the_models_of_the_notebook_in_its_order_and_two_baselines(name):
    benchmark = benchmark_of(name)
    baselines = ["multinomial_naive_bayes", "tfidf_linear_svm"]
    assert list(benchmark.models) == [*NOTEBOOK_MODELS, *baselines]
    assert list(benchmark.references["notebook"].models) == NOTEBOOK_MODELS
    assert benchmark.references["notebook"].training == TrainingSettings(
        epochs=200, batch_size=50
    )
    others = [
        paper for paper in benchmark.references.values() if paper.split is not None
    ]
    assert all(paper.where for paper in others)
    assert len({(paper.split, paper.source) for paper in others}) == len(others)


REFERENCE_CHOICES = Path(__file__).parents[2] / "results/reference/choice"
EARLIER = {
    "reuters46_layers": ["reuters46_networks"],
    "r52_field_networks": ["r52_field", "r52_field_attention"],
    "r52_field_networks_minilm": ["r52_field_minilm"],
    "reuters90_baselines_larger": ["reuters90_baselines"],
    "zoo_word_char_larger": ["zoo_word_char"],
    "r52_word_char_larger": ["r52_word_char"],
    "r8_word_char_larger": ["r8_word_char"],
}
"""Choices that went on from the best of others."""
VARIANTS = {"reuters46_layers": "bigru_max"}
"""Choices in which all models are variants of one."""
READ_PADDING = {"reuters46_networks"}
"""Choices in which networks still read padding: their settings count, but none can be
the best."""
LAST_STEPS = {f.name for f in REFERENCE_CHOICES.glob("*_*")} - {
    *chain(*EARLIER.values())
}


@pytest.mark.parametrize("name", sorted(LAST_STEPS))
def test_models_have_the_settings_that_were_best_on_training_documents(name):
    of_models = [other for other in shipped.names() if other not in CHOICES]
    config = benchmark_of(max(filter(name.startswith, of_models), key=len))
    points = defaultdict(list)
    for step in (*EARLIER.get(name, []), name):  # of equals, the first is the best
        results, _ = read_record(
            REFERENCE_CHOICES / step / "choice.json", ChoiceResults
        )
        tried = load(
            REFERENCE_CHOICES / step / "config.yaml"
        )  # some name an engine that is gone
        for point in results.candidates:
            rank = rank_key(point.score, point.training.get("epochs", 0), point.params)
            model = VARIANTS.get(name, model_of(point.name))
            points[model].append((step in READ_PADDING, rank, point.name, tried))

    for model, found in points.items():
        *_, best, tried = min(found, key=itemgetter(0, 1))
        settings = {name_of_point for _, _, name_of_point, _ in found}
        expected = tried.models[best].model_copy(update={"chosen_from": len(settings)})
        assert config.models[model] == expected
        ours, best_one = config.training_of(model), tried.training_of(best)
        assert ours.facts("seeds", "engine") == best_one.facts("seeds", "engine")


def test_the_network_of_r52_on_the_whole_keras_set_has_all_settings_of_r52():
    r52, field = benchmark_of("r52"), benchmark_of("reuters46_field")
    ours, name = field.models["bigru_max_of_r52"], "bigru_max"

    assert ours.layers == r52.models[name].layers
    assert ours.chosen_from == r52.models[name].chosen_from
    trained = field.training_of("bigru_max_of_r52").facts("seeds")
    assert trained == r52.training_of(name).facts("seeds")


def test_a_wheel_brings_the_package_and_the_configs(tmp_path, repository):
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "."]
    command = [sys.executable, "-m", "pip", "wheel", *options, repository]
    subprocess.run(command, cwd=tmp_path, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info" not in name}
        archive.extractall(tmp_path / "site")
    files = set()
    for file in repository.glob("configs/**/*.*"):
        files.add(f"rnnbench/{file.relative_to(repository).as_posix()}")
    for file in repository.glob("rnnbench/**/*.*"):
        if "__pycache__" not in str(file):
            files.add(file.relative_to(repository).as_posix())
    assert found == files

    command = [
        sys.executable,
        "-m",
        "rnnbench",
        "config",
        "new",
        "a.yaml",
        "--from",
        "own_texts",
    ]
    variables = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    subprocess.run(command, cwd=tmp_path, env=variables, check=True)
    assert (tmp_path / "own_texts.csv").is_file()


def switched_on():
    """Return the starter with every option that is switched off switched on."""
    return re.sub(r"^( *)#(?=\S)", r"\1", starter(), flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["a.b", "true", "_", "é", "x" * 120, "name: starter"])
def test_a_new_config_has_no_problems_whatever_its_name(name):
    Path("a.yaml").write_text(starter(name))
    assert list(load("a.yaml").models) == ["gru", "naive_bayes"]


def test_every_option_that_is_switched_off_can_be_switched_on_and_dumped():
    Path("other.yaml").write_text("training: {epochs: 3}\n")
    Path("a.yaml").write_text(switched_on())
    benchmark = load("a.yaml")

    points = [
        f"gru[units={units},epochs={epochs}]"
        for units in (16, 32)
        for epochs in (10, 20)
    ]
    assert list(benchmark.models) == [*points, "naive_bayes", "minilm", "both", "mine"]
    Path("config.yaml").write_text(dump(benchmark, Path()))
    assert load("config.yaml") == benchmark


def test_a_new_config_names_every_key_there_is():
    networks = LayeredNetwork, PythonNetwork
    networks += TransformerModel, Transformer
    sections = (
        Benchmark,
        Data,
        Training,
        *networks,
        BaselineModel,
        EnsembleModel,
        Ensemble,
    )

    named = set(re.findall(r"(\w+):", switched_on()))

    every = {
        key
        for section in (*sections, Reference, Published)
        for key in section.model_fields
    }
    apart = {"train", "test", "fit_on_all"}
    assert every - apart <= named, (
        "which would need that there is no path, or no test document"
    )
    assert "extends" in named


def test_a_new_config_lists_every_kind_of_layer_and_baseline_with_its_defaults():
    layers = comments(r"^#   ( *(?!rnnbench).+)$")

    listed = {kind: parameters for item in layers for kind, parameters in item.items()}
    assert listed == {kind: defaults(layer) for kind, layer in LAYERS.items()}
    assert comments(r"^  #   (.+)$") == {
        kind: defaults(one) for kind, one in BASELINES.items()
    }


def comments(pattern):
    """Return the YAML in lines of comments."""
    lines = re.findall(pattern, starter(), flags=re.MULTILINE)
    return parse("\n".join(lines), "starter.yaml")[0].plain


def defaults(section):
    fields = section.model_fields.items()
    return {key: "N" if field.is_required() else field.default for key, field in fields}
