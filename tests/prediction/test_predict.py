"""Machine code reads texts, and gives the answers of Keras; where there is none, Keras
reads.
"""

import numpy as np
import pytest
from factories import SOFTMAX
from stacks import randomized

from rnnbench.data.vocabulary import Vocabulary, encode
from rnnbench.models.build import build
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.prediction import predict
from rnnbench.prediction.predict import KeptModel, is_unsure
from rnnbench.results import store
from rnnbench.storage import DamagedResultError
from rnnbench.tasks import SINGLE_LABEL
from rnnbench.training.engines.native import engine, memory
from rnnbench.training.engines.native.program import program_for

EMBEDDING = {"embedding": {"dim": 6}}
MAX = {"pooling": {"by": "max"}}
UNMASKED = {"embedding": {"dim": 6, "masking": False}}
LSTM = {"lstm": {"units": 5, "return_sequences": True}}
CONV = {"conv1d": {"filters": 5, "kernel_size": 3, "activation": "relu"}}
DROPOUT = [{"spatial_dropout": {"rate": 0.5}}, {"dropout": {"rate": 0.5}}]
STACKS = {
    "masked": [
        EMBEDDING,
        *DROPOUT,
        {"bidirectional": {"layer": LSTM}},
        {"layer_norm": {}},
        MAX,
    ],
    "unmasked": [UNMASKED, CONV, {"pooling": {"by": "attention"}}],
    "side by side": [EMBEDDING, {"parallel": {"branches": [[CONV, MAX], [LSTM, MAX]]}}],
    "bag": [{"bag_of_words": {"values": "tfidf"}}, {"dense": {"units": 7}}],
    "numbers": [
        {"gru": {"units": 4, "return_sequences": True}},
        {"lstm": {"units": 5}},
    ],
    "scaled": [{"lstm": {"units": 5}}],
    "other": [{"gru": {"units": 4, "reset_after": False}}],
}
COVERED = [name for name in STACKS if name != "other"]
WORDS = [
    "net",
    "profit",
    "rose",
    "7",
    "pct",
    "in",
    "the",
    "quarter",
    "it",
    "buys",
    "unit",
    "3",
]
TEXTS = [
    "Net profit rose 7 pct in the quarter",
    "It buys unit 3",
    "zinc",
    "profit " * 20,
] * 3


def test_the_repr_of_a_kept_model_is_short(kept):
    assert repr(kept("bag")) == "KeptModel('bag', seed 0, 2 labels)"


def test_a_notebook_shows_a_kept_model_as_a_table(kept):
    shown = kept("bag")._repr_html_()

    assert ">bag</td>" in shown
    assert "<th" in shown


def test_the_repr_of_a_prediction_is_one_short_line(kept):
    (prediction,) = kept("bag").answers(TEXTS[0])

    line = repr(prediction)

    assert line.startswith(f"Prediction({prediction.answer!r}: {prediction.answer} 0.")
    assert len(line) < 80


def test_a_notebook_shows_a_prediction_as_a_table(kept):
    (prediction,) = kept("bag").answers(TEXTS[0])

    shown = prediction._repr_html_()

    assert "<table" in shown
    for topic in prediction.topics:
        assert f">{topic.topic}</td>" in shown
        assert f">{topic.probability:.4f}</td>" in shown


@pytest.fixture
def kept(tmp_path):
    """Return a function that gives a kept network with random weights."""
    vocabulary = Vocabulary(
        dataset_fingerprint="d",
        source="sgml",
        words=WORDS,
        topics=["acq", "earn"],
        timesteps=9,
        padding="post",
        truncating="pre",
    )

    def find(name):
        inputs = "scaled_ids" if name == "scaled" else "ids"
        network = LayeredNetwork(layers=[*STACKS[name], SOFTMAX], inputs=inputs)
        file = tmp_path / f"{name}.npz"
        model = KeptModel(name, 0, network, SINGLE_LABEL, None, file, vocabulary, None)
        np.savez(file, *randomized(build(network, model.shape, seed=0)).get_weights())
        return model

    return find


@pytest.fixture
def by_code(monkeypatch):
    """Has machine code read eight texts at a time; lists how many it read each time."""
    counts = []
    lay_out = engine.Scorer.lay_out

    def noted(scorer, x):
        counts.append(len(x))
        return lay_out(scorer, x)

    monkeypatch.setattr(engine.Scorer, "lay_out", noted)
    monkeypatch.setattr(engine, "AT_ONCE", 8)
    return counts


def by_keras(model):
    ids = encode(TEXTS, model.vocabulary).ids
    network = build(model.model, model.shape, seed=0)
    with np.load(model.file) as weights:
        network.set_weights([*weights.values()])
    return network.predict(ids, verbose=0)


@pytest.mark.parametrize("name", COVERED)
def test_texts_are_read_by_machine_code_with_the_answers_of_keras(kept, by_code, name):
    model = kept(name)

    np.testing.assert_allclose(model.predict_proba(TEXTS), by_keras(model), atol=2e-6)
    assert by_code == [8, 4]


def test_keras_reads_what_machine_code_cannot(kept, by_code, monkeypatch):
    other = kept("other")
    masked = kept("masked")
    np.testing.assert_allclose(other.predict_proba(TEXTS), by_keras(other), atol=2e-6)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "LARGEST_ARENA", 1000)
        program_for.cache_clear()
        np.testing.assert_allclose(
            masked.predict_proba(TEXTS), by_keras(masked), atol=2e-6
        )
    monkeypatch.setattr(engine.NativeEngine, "why_not", lambda _: "it needs llvmlite")
    assert kept("masked").answers(TEXTS)

    assert not by_code


@pytest.mark.parametrize("name", ["masked", "other"])
def test_weights_of_another_network_are_refused(kept, name):
    model = kept(name)
    model.file = kept("bag").file

    with pytest.raises(DamagedResultError, match="network"):
        model.answers(TEXTS)


def test_the_weights_of_a_network_are_compared_before_keras_gets_them(
    kept, monkeypatch
):
    model = kept("masked")
    model.file = kept("bag").file
    loaded = []
    monkeypatch.setattr(np, "load", loaded.append)

    with pytest.raises(DamagedResultError, match="but the network has"):
        _ = model.keras
    assert not loaded


def test_the_weights_of_a_kept_baseline_are_read_once(finished, monkeypatch):
    read = []

    def noted(file, expected=None):
        read.append(file)
        return store.read_weights(file, expected)

    monkeypatch.setattr(predict, "read_weights", noted)
    predict.find_model(finished, "svm", seed=None).answers(TEXTS)

    assert len(read) == 1


def test_a_threshold_is_rounded_like_the_probabilities():
    probabilities = np.array([0.7, 0.3], np.float32)

    assert not is_unsure(probabilities, np.array([True, False]), 0.7)
