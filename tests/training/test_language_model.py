"""Language models: what they learn, and that networks begin with them."""

from dataclasses import replace

import factories
import numpy as np
import pytest
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

GRU, LSTM = ({kind: {"units": 3, "weight_drop": 0.2}} for kind in ("gru", "lstm"))
EMBEDDING, DROPOUT = (
    {"embedding": {"dim": 4, "dropout": 0.1}},
    {"spatial_dropout": {"rate": 0.5}},
)


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


@pytest.mark.parametrize(
    ("layer", "times"), [(LSTM, 1), ({"bidirectional": {"layer": GRU}}, 2)]
)
def test_it_learns_which_word_comes_next_the_same_way_each_time(layer, times):
    model = pretrained(EMBEDDING, layer, epochs=40)
    words = np.tile(np.array([START, 4, 5, 6, 7], np.int32), 60)

    trainings = []
    for _ in range(times):
        trainings.append(train(layers_of(model), model.pretrain, words, 8, []))
    (weights, losses), *others = trainings

    assert losses[0] == pytest.approx(np.log(5), abs=0.1), (
        "that of five words, all as likely"
    )
    assert losses[-1] < losses[0] / 2
    for again, _ in others:
        for one, other in zip(weights, again, strict=True):
            np.testing.assert_array_equal(one, other)


def test_both_engines_begin_with_it_and_it_is_kept_and_made_again_if_damaged(
    dataset, caplog
):
    def weights(model=BOTH_WAYS):
        phases = []
        with report_phases_to(phases.append):
            found = language_weights(model, dataset, 0.0)
        return found, bool(phases)

    first, was_made = weights()
    wide = pretrained(
        EMBEDDING | {"embedding": {"dim": 4}}, {"bidirectional": {"layer": GRU}}
    )
    again, is_made_again = weights(wide)
    assert (was_made, is_made_again) == (True, False)
    np.testing.assert_array_equal(first[1], again[1])
    assert len(first) == 1 + 2 * 3, "an embedding, and three arrays each way"
    for engine in ("native", "keras"):
        training = Training(epochs=1, batch_size=50, learning_rate=1e-9)
        with line_by_line(if_so=engine == "keras"):
            trained = ENGINES[engine].fit(
                FitRequest(BOTH_WAYS, dataset, training, 5, ignore, keep_model=True)
            )
        for one, other in zip(trained.weights, first, strict=False):
            np.testing.assert_allclose(one, other, atol=1e-6)

    (file,) = (cache.folder() / "language_models").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-60])
    repaired, was_made = weights()

    assert was_made
    assert f"damaged cache: {file}" in caplog.text
    np.testing.assert_array_equal(first[1], repaired[1])
