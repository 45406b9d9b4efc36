"""Language models: what they learn, and that networks begin with them."""

import shutil
from dataclasses import replace

import factories
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from stacks import line_by_line, network

from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.padding import START
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.training.engines import ENGINES, FitRequest, ignore
from rnnbench.training.epochs import report_phases_to
from rnnbench.training.language_model import language_weights, layers_of, train
from rnnbench.training.settings import Training

GRU = {"gru": {"units": 3, "weight_drop": 0.2}}
LSTM = {"lstm": {"units": 3, "weight_drop": 0.2}}
EMBEDDING = {"embedding": {"dim": 4, "dropout": 0.1}}
DROPOUT = {"spatial_dropout": {"rate": 0.5}}


def pretrained(*layers, epochs=2):
    """Return a network that begins as a language model."""
    plain = network([*layers]).model_dump()
    options = {"epochs": epochs, "learning_rate": 0.05}
    return LayeredNetwork.model_validate(
        plain | {"pretrain": {"language_model": options}}
    )


BOTH_WAYS = pretrained(EMBEDDING, DROPOUT, {"bidirectional": {"layer": GRU}})


@pytest.fixture(scope="module")
def dataset():
    corpus = factories.corpus(documents=60)
    texts = np.tile(np.array([1, 2, 3, 0], np.int32), 30)
    return make_dataset(replace(corpus, unlabeled=texts), Data(test_split=0.3))


LAYERS = {"lstm": LSTM, "both ways": {"bidirectional": {"layer": GRU}}}


def learned(name):
    """Return the weights and the losses of a model of texts that repeat five words."""
    model = pretrained(EMBEDDING, LAYERS[name], epochs=40)
    words = np.tile(np.array([START, 4, 5, 6, 7], np.int32), 60)
    return train(layers_of(model), model.pretrain, words, 8, [])


@pytest.mark.parametrize("name", LAYERS)
def test_it_learns_which_word_comes_next(name):
    _, losses = learned(name)

    at_first = pytest.approx(np.log(5), abs=0.1)
    assert losses[0] == at_first, "that of five words, all as likely"
    assert losses[-1] < losses[0] / 2


def weights_of(dataset, model=BOTH_WAYS):
    """Return the weights, and whether they were made now."""
    phases = []
    with report_phases_to(phases.append):
        weights = language_weights(model, dataset, 0.0)
    return weights, bool(phases)


@pytest.fixture(scope="module")
def made(dataset, tmp_path_factory):
    """The folder of a cache with a language model, and its weights."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNBENCH_CACHE", str(folder))
        weights, was_made = weights_of(dataset)
    assert was_made
    return folder, weights


@pytest.fixture
def first(made, cache_folder):
    """The weights of the language model in the cache."""
    folder, weights = made
    shutil.copytree(folder, cache_folder, dirs_exist_ok=True)
    return weights


def test_it_is_kept_for_models_with_the_same_layers(dataset, first):
    bare = pretrained({"embedding": {"dim": 4}}, {"bidirectional": {"layer": GRU}})

    again, is_made_again = weights_of(dataset, bare)

    assert not is_made_again
    assert len(first) == 1 + 2 * 3, "an embedding, and three arrays each way"
    assert_array_equal(first[1], again[1])


@pytest.mark.parametrize("engine", ["native", "keras"])
def test_each_engine_begins_with_it(dataset, first, engine):
    training = Training(epochs=1, batch_size=50, learning_rate=1e-9)

    request = FitRequest(BOTH_WAYS, dataset, training, 5, ignore, keep_model=True)
    with line_by_line(if_so=engine == "keras"):
        trained = ENGINES[engine].fit(request)

    for ours, expected in zip(trained.weights, first, strict=False):
        assert_allclose(ours, expected, atol=1e-6)


def test_it_is_made_again_in_the_same_way_if_its_file_is_damaged(
    dataset, first, caplog
):
    (file,) = (cache.folder() / "language_models").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-60])

    repaired, was_made = weights_of(dataset)

    assert was_made
    assert f"damaged cache: {file}" in caplog.text
    for ours, theirs in zip(first, repaired, strict=True):
        assert_array_equal(ours, theirs)
