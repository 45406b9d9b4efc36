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
from rnnbench.config.shipped import for_texts, starter
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
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.settings import Training

EXTENDED = ("notebook", "references", "baseline_grids", "field", "minilm", "ensembles")
"""Configs for others to extend, without documents of their own."""
WITH_GRIDS = ["r52", "r8", "reuters46", "zoo"]
"""Configs whose baselines are chosen by a config of their own."""
SHIPPED = [name for name in shipped.names() if name not in EXTENDED]
CHOSEN_PARTS = ("_baselines", "_ensembles", "_layers", "_networks", "_variants")
CHOICES = [name for name in SHIPPED if name.endswith(CHOSEN_PARTS)]
"""Configs from which models are chosen for others, on the same documents."""
FIELDS = [name for name in SHIPPED if name.endswith("_field")]
"""Configs with more networks than those that they extend."""
OTHER_SETTINGS = [
    "own_texts",
    "texts",
    "r52_pretrained",
    "reuters90",
    "reuters90_all",
    "reuters90_minilm",
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


def test_a_config_is_found_by_its_path_in_a_clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert load("configs/smoke.yaml") == benchmark_of("smoke")


@pytest.mark.parametrize("name", ["r52_field", "zoo_baselines"])
def test_a_config_of_the_maintainers_is_found_by_its_path_of_before(name):
    place = shipped.folder() / shipped.MAINTAINERS / f"{name}.yaml"
    assert shipped.find(name) == place
    assert load(f"configs/{name}.yaml") == benchmark_of(name)


@pytest.mark.parametrize("name", shipped.names())
def test_the_comments_of_a_config_begin_with_a_short_sentence(name):
    summary = shipped.summary(shipped.find(name))
    assert re.fullmatch(r"[A-Z].{,118}[.?]", summary)


def test_a_folder_does_not_come_before_a_name():
    Path("r52").mkdir()

    assert load("r52").name == "r52"


def test_a_file_of_the_user_comes_before_a_name():
    Path("all").write_text("extends: smoke\nname: mine\n")
    Path("notebook.yaml").write_text(shipped.find("lstm").read_text())

    assert load("all").name == "mine"
    assert load("notebook.yaml") == benchmark_of("lstm"), "which extends notebook"


def test_a_file_of_the_user_is_extended_before_a_name():
    mine = "extends: notebook\nname: mine\nmodels: {m: {python: a:b}}"
    Path("mine.yaml").write_text(mine)

    assert load("mine.yaml").training == benchmark_of("all").training
    for file, epochs in (("notebook.yaml", 7), ("notebook", 8)):
        Path(file).write_text(f"training: {{epochs: {epochs}}}\n")
        assert load("mine.yaml").training.epochs == epochs


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_has_the_name_of_its_file(name):
    assert benchmark_of(name).name == name


@pytest.mark.parametrize("name", [*CHOICES, *FIELDS])
def test_models_are_chosen_with_the_settings_that_they_are_run_with(name):
    benchmark = benchmark_of(name)
    run = benchmark_of(documents_of(name))
    data = run.data
    if name == "reuters90_field":
        data = data.model_copy(update={"pad_length": 150})

    assert benchmark.data == data
    assert benchmark.training.facts("seeds") == run.training.facts("seeds")


def documents_of(name):
    """Return the first word of the name of a config."""
    return name.partition("_")[0]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_has_the_documents_in_its_name(name):
    sources = {
        "r52": "r52",
        "r8": "r8",
        "own": "files",
        "texts": "files",
        "reuters90": "modapte",
    }

    source = benchmark_of(name).data.source

    assert source == sources.get(documents_of(name), "auto")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_has_the_published_results_on_its_documents(name):
    benchmark = benchmark_of(name)
    shared = benchmark_of("all").references
    if benchmark.data.source == "files":
        shared = {}

    assert benchmark.references.items() >= shared.items()
    others = benchmark.references.keys() - shared.keys()
    assert others <= PUBLISHED_ON.get(documents_of(name), set())


@pytest.mark.parametrize("name", sorted({*SHIPPED} - {*OTHER_SETTINGS}))
def test_most_configs_have_the_settings_of_the_notebook(name):
    training = Training(epochs=200, batch_size=50, seeds=5)
    if name == "smoke":
        training = Training(epochs=2, batch_size=50, seeds=1)
    data = Data(num_words=30_000, maxlen=50, test_split=0.3, padding="post")

    benchmark = benchmark_of(name)

    assert benchmark.data == data
    assert benchmark.training == training


@pytest.mark.parametrize("name", WITH_GRIDS)
def test_baselines_are_chosen_from_the_same_grids(name):
    models = benchmark_of(f"{name}_baselines").models
    everywhere = benchmark_of("zoo_baselines").models

    assert models.items() <= everywhere.items()
    if name != "reuters46":  # where a high C takes too long
        assert len(models) == len(everywhere)


def test_every_baseline_is_in_the_grids_or_in_the_baselines():
    kinds = set()
    for model in benchmark_of("zoo_baselines").models.values():
        if isinstance(model, BaselineModel):
            kinds.add(model.baseline.kind)
    assert kinds == {*BASELINES} - {"most_frequent", "stratified"}
    models = benchmark_of("baselines").models
    assert {name: type(model.baseline) for name, model in models.items()} == {
        kind: baseline for kind, baseline in BASELINES.items() if not baseline.packages
    }


@pytest.mark.parametrize("name", ["all", "smoke"])
def test_all_has_two_baselines_after_the_models_of_the_notebook(name):
    baselines = ["multinomial_naive_bayes", "tfidf_linear_svm"]

    assert list(benchmark_of(name).models) == [*NOTEBOOK_MODELS, *baselines]


@pytest.mark.parametrize("name", ["all", "smoke"])
def test_all_has_the_results_of_the_notebook(name):
    notebook = benchmark_of(name).references["notebook"]

    assert list(notebook.models) == NOTEBOOK_MODELS
    assert notebook.training == TrainingSettings(epochs=200, batch_size=50)


@pytest.mark.parametrize("name", ["all", "smoke"])
def test_it_is_said_where_other_results_were_published(name):
    references = benchmark_of(name).references.values()
    papers = [paper for paper in references if paper.split is not None]

    assert all(paper.where for paper in papers)
    assert len({(paper.split, paper.source) for paper in papers}) == len(papers)


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
STEPS = {folder.name for folder in REFERENCE_CHOICES.glob("*_*")}
LAST_STEPS = STEPS - {*chain(*EARLIER.values())}


@pytest.mark.parametrize("name", sorted(LAST_STEPS))
def test_models_have_the_settings_that_were_best_on_training_documents(name):
    of_models = [other for other in shipped.names() if other not in CHOICES]
    config = benchmark_of(max(filter(name.startswith, of_models), key=len))
    points = defaultdict(list)
    for step in (*EARLIER.get(name, []), name):  # of equals, the first is the best
        folder = REFERENCE_CHOICES / step
        results, _ = read_record(folder / "choice.json", ChoiceResults)
        tried = load(folder / "config.yaml")  # some name an engine that is gone
        for point in results.candidates:
            rank = rank_key(point.score, point.training.get("epochs", 0), point.params)
            model = VARIANTS.get(name, model_of(point.name))
            points[model].append((step in READ_PADDING, rank, point.name, tried))

    for model, candidates in points.items():
        *_, best, tried = min(candidates, key=itemgetter(0, 1))
        n_tried = len({point for _, _, point, _ in candidates})
        expected = tried.models[best].model_copy(update={"chosen_from": n_tried})
        assert config.models[model] == expected
        training = config.training_of(model).facts("seeds", "engine")
        assert training == tried.training_of(best).facts("seeds", "engine")


def test_the_network_of_r52_on_the_whole_keras_set_has_all_settings_of_r52():
    r52 = benchmark_of("r52")
    field = benchmark_of("reuters46_field")
    network = field.models["bigru_max_of_r52"]

    assert network.layers == r52.models["bigru_max"].layers
    assert network.chosen_from == r52.models["bigru_max"].chosen_from
    training = field.training_of("bigru_max_of_r52").facts("seeds")
    assert training == r52.training_of("bigru_max").facts("seeds")


def test_a_wheel_brings_the_package_with_the_configs(tmp_path, repository):
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "."]
    command = [sys.executable, "-m", "pip", "wheel", *options, repository]
    subprocess.run(command, cwd=tmp_path, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info" not in name}
        archive.extractall(tmp_path / "site")
    files = set()
    for file in repository.glob("configs/**/*.*"):
        files.add(f"rnnbench/{file.relative_to(repository).as_posix()}")
    for file in repository.glob("rnnbench/**/*.*"):
        if "__pycache__" not in str(file):
            files.add(file.relative_to(repository).as_posix())
    assert packed == files

    arguments = ["config", "new", "a.yaml", "--from", "own_texts"]
    command = [sys.executable, "-m", "rnnbench", *arguments]
    variables = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    subprocess.run(command, cwd=tmp_path, env=variables, check=True)
    assert (tmp_path / "own_texts.csv").is_file()


def test_a_config_for_texts_lacks_nothing_that_is_replaced(monkeypatch):
    Path("texts").write_text("name: texts\ndata: {source: files}\n")
    monkeypatch.setattr(shipped, "get", Path)

    with pytest.raises(ValueError, match=r"no ' +source: files"):
        for_texts(Path("own.csv"))


def switched_on():
    """Return the starter with every option that is switched off switched on."""
    return re.sub(r"^( *)#(?=\S)", r"\1", starter(), flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["a.b", "true", "_", "é", "x" * 120, "name: starter"])
def test_a_new_config_has_no_problems_whatever_its_name(name):
    Path("a.yaml").write_text(starter(name))
    assert list(load("a.yaml").models) == ["gru", "naive_bayes"]


def test_every_option_that_is_switched_off_can_be_switched_on():
    Path("other.yaml").write_text("training: {epochs: 3}\n")
    Path("a.yaml").write_text(switched_on())

    benchmark = load("a.yaml")

    assert list(benchmark.models) == [
        "gru[units=16,epochs=10]",
        "gru[units=16,epochs=20]",
        "gru[units=32,epochs=10]",
        "gru[units=32,epochs=20]",
        "naive_bayes",
        "minilm",
        "both",
        "mine",
    ]
    Path("config.yaml").write_text(dump(benchmark, Path()))
    assert load("config.yaml") == benchmark


def test_a_new_config_names_every_key_there_is():
    sections = (
        Benchmark,
        Data,
        Training,
        LayeredNetwork,
        PythonNetwork,
        TransformerModel,
        Transformer,
        BaselineModel,
        EnsembleModel,
        Ensemble,
        Reference,
        Published,
    )
    keys = {"extends"}
    for section in sections:
        keys.update(section.model_fields)
    keys -= {"train", "test", "fit_on_all"}  # for no path, or no test document

    assert keys <= set(re.findall(r"(\w+):", switched_on()))


def test_a_new_config_lists_every_kind_of_layer_with_its_defaults():
    listed = {}
    for item in comments(r"^#   ( *(?!rnnbench).+)$"):
        listed |= item

    assert listed == {kind: defaults(layer) for kind, layer in LAYERS.items()}


def test_a_new_config_lists_every_baseline_with_its_defaults():
    listed = comments(r"^  #   (.+)$")

    assert listed == {kind: defaults(baseline) for kind, baseline in BASELINES.items()}


def comments(pattern):
    """Return the YAML in lines of comments."""
    lines = re.findall(pattern, starter(), flags=re.MULTILINE)
    return parse("\n".join(lines), "starter.yaml")[0].plain


def defaults(section):
    values = {}
    for key, field in section.model_fields.items():
        values[key] = "N" if field.is_required() else field.default
    return values
