"""The typed benchmark, its defaults, and the configs that come with the package."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from rnnbench.config.load import load
from rnnbench.config.nodes import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.data.settings import Data
from rnnbench.models.baselines import BASELINES, TfidfLinearSVM
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Network, PythonNetwork
from rnnbench.training.recipe import Recipe
from rnnbench.training.settings import Training

CONFIGS = Path(__file__).parents[2] / "configs"
EXTENDED = ["notebook", "references"]
"""Configs without models of their own, for others to extend."""
GRIDS = "baseline_grids"
"""The config of models without documents, for others to extend."""
WITH_GRIDS = ["r52", "r8", "reuters46", "zoo"]
"""Configs whose baselines are chosen by a config of their own."""
CHOICES = [
    *(f"{name}_baselines" for name in WITH_GRIDS),
    *(f"{name}_networks" for name in ("zoo", "r52", "reuters46")),
    "reuters46_layers",
]
"""Configs from which models are chosen for others, on the same documents."""
OTHER_SETTINGS = ["own_texts", *WITH_GRIDS, *CHOICES]
"""Configs with other documents or another training than the notebook's."""
SHIPPED = sorted(
    file.stem for file in CONFIGS.glob("*.yaml") if file.stem not in [*EXTENDED, GRIDS]
)
NOTEBOOK_MODELS = ["vanilla_rnn", "stacked_vanilla_rnn", "lstm", "stacked_lstm"]

LAYERS = [{"simple_rnn": {"units": 2}}, {"dense": {"units": "topics", "activation": "softmax"}}]
COUNTED = {"analyzer": "word", "min_ngram": 1, "max_ngram": 3, "min_df": 1, "char_ngrams": None}
SVM = {"baseline": {"tfidf_linear_svm": COUNTED | {"sublinear_tf": False, "C": 0.5}}}
OWN = {"python": "my.nets:make", "arguments": {"units": 8, "rates": [0.1, None]}}
MODELS = {"rnn": {"layers": LAYERS}, "svm": SVM, "own": OWN}


# The configs that come with the package.


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_config_has_the_name_of_its_file_and_the_published_results(name):
    benchmark = load(CONFIGS / f"{name}.yaml")
    assert benchmark.name == name
    sources = {"r52": "r52", "r8": "r8", "own_texts": "files"}
    documents = name.partition("_")[0] if name in CHOICES else name
    assert benchmark.data.source == sources.get(documents, "auto")
    published = {} if name == "own_texts" else load(CONFIGS / "all.yaml").references
    assert benchmark.references == published


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in OTHER_SETTINGS])
def test_a_shipped_config_has_the_settings_of_the_notebook_unless_it_is_about_others(name):
    benchmark = load(CONFIGS / f"{name}.yaml")
    assert benchmark.data == Data(num_words=30_000, maxlen=50, test_split=0.3, padding="post")
    epochs, seeds = (2, 1) if name == "smoke" else (200, 5)
    assert benchmark.training == Training(epochs=epochs, batch_size=50, seeds=seeds)


@pytest.mark.parametrize("name", EXTENDED)
def test_a_config_that_others_extend_lacks_only_a_name_and_models(name):
    with pytest.raises(ConfigError) as caught:
        load(CONFIGS / f"{name}.yaml")
    assert [(problem.key, problem.message) for problem in caught.value.problems] == [
        ("models", "missing key"),
        ("name", "missing key"),
    ]


def test_the_grids_of_the_baselines_lack_only_a_name():
    with pytest.raises(ConfigError) as caught:
        load(CONFIGS / f"{GRIDS}.yaml")
    assert [(problem.key, problem.message) for problem in caught.value.problems] == [
        ("name", "missing key")
    ]


@pytest.mark.parametrize("name", CHOICES)
def test_models_are_chosen_on_the_documents_that_they_are_run_on(name):
    run, choice = (load(CONFIGS / f"{each}.yaml") for each in (name.partition("_")[0], name))
    assert choice.data == run.data
    assert choice.training == run.training


@pytest.mark.parametrize("name", WITH_GRIDS)
def test_baselines_are_chosen_from_the_same_grids(name):
    models = load(CONFIGS / f"{name}_baselines.yaml").models
    everywhere = load(CONFIGS / "zoo_baselines.yaml").models

    left_out = {each for each in everywhere if each not in models}
    assert models == {each: everywhere[each] for each in everywhere if each not in left_out}
    assert not left_out or name == "reuters46"  # where a high C takes too long


def test_every_kind_of_baseline_that_learns_from_words_is_in_the_grids():
    models = load(CONFIGS / "zoo_baselines.yaml").models.values()
    kinds = {model.baseline.kind for model in models if isinstance(model, BaselineModel)}
    assert kinds == {*BASELINES} - {"most_frequent", "stratified"}


@pytest.mark.parametrize("name", ["all", "smoke"])
def test_all_has_the_models_of_the_notebook_in_its_order_and_two_baselines(name):
    benchmark = load(CONFIGS / f"{name}.yaml")
    baselines = ["multinomial_naive_bayes", "tfidf_linear_svm"]
    assert list(benchmark.models) == [*NOTEBOOK_MODELS, *baselines]
    assert list(benchmark.references["notebook"].models) == NOTEBOOK_MODELS
    assert benchmark.references["notebook"].training == Recipe(epochs=200, batch_size=50)


def test_published_accuracies_of_other_models_say_where_they_are_found():
    references = load(CONFIGS / "all.yaml").references
    others = {name: each for name, each in references.items() if each.split is not None}
    assert [name for name, each in others.items() if each.where is None] == []
    assert len({(each.split, each.source) for each in others.values()}) == len(others)


def test_every_kind_of_baseline_that_needs_no_extra_has_its_model_in_a_config_of_all():
    models = load(CONFIGS / "baselines.yaml").models
    assert {name: type(model.baseline) for name, model in models.items()} == {
        kind: baseline for kind, baseline in BASELINES.items() if not baseline.packages
    }


# Defaults, and values in several forms.


def test_the_data_are_by_default_as_keras_loads_them():
    data = Data()
    assert (data.source, data.path, data.split) == ("auto", None, "auto")
    assert (data.num_words, data.maxlen, data.test_split, data.seed) == (None, None, 0.2, 113)
    assert (data.pad_length, data.padding, data.truncating) == (None, "pre", "pre")


def test_training_is_by_default_one_seed_of_adam_on_all_training_documents():
    training = Training()
    assert (training.epochs, training.batch_size, training.engine) == (10, 32, "auto")
    assert (training.optimizer, training.learning_rate) == ("adam", 0.001)
    assert (training.seeds, training.validation_split) == ((0,), 0)


def test_seeds_are_a_number_of_seeds_or_a_list():
    assert Training(seeds=10_000).seeds == tuple(range(10_000))
    assert Training(seeds=[5, 2**32 - 1]).seeds == (5, 2**32 - 1)


def test_a_list_of_seeds_may_be_as_long_as_the_largest_number_of_seeds_and_no_longer():
    assert len(Training(seeds=list(range(10_000))).seeds) == 10_000
    with pytest.raises(ValidationError, match=r"got 10,001 seeds \(allowed: at most 10,000\)"):
        Training(seeds=list(range(10_001)))


def test_data_may_be_on_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Data(path="corpus").path == Data(path=Path("corpus")).path == Path("corpus")
    assert Data(path="~/corpus").path == tmp_path / "corpus"


@pytest.mark.parametrize("name", ["7", "LSTM-2_x", "x" * 100])
def test_a_name_has_letters_digits_and_dashes(name):
    assert Benchmark(name=name, models=MODELS).name == name


@pytest.mark.parametrize("python", ["nets:make", "_a.b_2.c:_f", "package.module:Class"])
def test_a_function_is_named_by_its_module_and_its_name(python):
    assert PythonNetwork(python=python).python == python


# Models.


def test_the_keys_of_a_model_tell_its_kind():
    found = Benchmark(name="small", models=MODELS).models
    assert {name: type(model) for name, model in found.items()} == {
        "rnn": LayeredNetwork,
        "svm": BaselineModel,
        "own": PythonNetwork,
    }
    assert [name for name, model in found.items() if isinstance(model, Network)] == ["rnn", "own"]
    assert found["svm"] == BaselineModel(baseline=TfidfLinearSVM(max_ngram=3, C=0.5))
    assert found["own"] == PythonNetwork(**OWN)


def test_by_default_word_ids_are_not_scaled_and_a_function_has_no_arguments():
    scaled = MODELS["rnn"] | {"inputs": "scaled_ids"}
    assert LayeredNetwork.model_validate(scaled).inputs == "scaled_ids"
    assert LayeredNetwork.model_validate(MODELS["rnn"]).inputs == "ids"
    assert PythonNetwork(python="nets:make").arguments == {}


def test_models_are_dumped_as_they_are_written():
    benchmark = Benchmark(name="small", models=MODELS)
    dumped = benchmark.model_dump(mode="json")["models"]
    assert (dumped["svm"], dumped["own"]) == (SVM, OWN)
    assert Benchmark(name="small", models=dumped) == benchmark


def test_a_section_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Training().epochs = 3
