"""Many texts are predicted by machine code, with the answers that few texts get from NumPy."""

from functools import partial

import numpy as np
import pytest
from factories import SOFTMAX

from rnnbench.data.vocabulary import Vocabulary
from rnnbench.models import in_numpy
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.prediction import predict
from rnnbench.prediction.predict import KeptModel
from rnnbench.tasks import SINGLE_LABEL
from rnnbench.training.engines.native import engine, memory
from rnnbench.training.engines.native.program import program_for

EMBEDDING, MAX = {"embedding": {"dim": 6}}, {"pooling": {"by": "max"}}
UNMASKED = {"embedding": {"dim": 6, "masking": False}}
LSTM = {"lstm": {"units": 5, "return_sequences": True}}
CONV = {"conv1d": {"filters": 5, "kernel_size": 3, "activation": "relu"}}
DROPOUT = [{"spatial_dropout": {"rate": 0.5}}, {"dropout": {"rate": 0.5}}]
STACKS = {
    "masked": [EMBEDDING, *DROPOUT, {"bidirectional": {"layer": LSTM}}, {"layer_norm": {}}, MAX],
    "unmasked": [
        {"embedding": {"dim": 6, "masking": False}},
        CONV,
        {"pooling": {"by": "attention"}},
    ],
    "bag": [{"bag_of_words": {"values": "tfidf"}}, {"dense": {"units": 7}}],
    "numbers": [{"gru": {"units": 4, "return_sequences": True}}, {"lstm": {"units": 5}}],
    "other": [{"gru": {"units": 4, "reset_after": False}}],
}
COVERED = ["masked", "unmasked", "bag", "numbers"]
WORDS = ["net", "profit", "rose", "7", "pct", "in", "the", "quarter", "it", "buys", "unit", "3"]
TEXTS = ["Net profit rose 7 pct in the quarter", "It buys unit 3", "zinc", "profit " * 20] * 3


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
        network = LayeredNetwork.model_validate({"layers": [*STACKS[name], SOFTMAX]})
        file = tmp_path / f"{name}.npz"
        model = KeptModel(name, 0, network, SINGLE_LABEL, None, file, vocabulary, None)
        random, shapes = np.random.default_rng(0), in_numpy.weight_shapes(network, model.shape)
        np.savez(file, *(random.normal(size=shape).astype(np.float32) for shape in shapes))
        return model

    return find


@pytest.fixture
def used(monkeypatch):
    """Makes two texts many, and eight a block of them; lists the functions that read texts."""
    names = []

    def noted(call, *arguments):
        names.append(call.__name__)
        return call(*arguments)

    for module, call in ((in_numpy, in_numpy.predict), (engine, engine.log_probabilities)):
        monkeypatch.setattr(module, call.__name__, partial(noted, call))
    monkeypatch.setattr(predict, "MANY", 10)
    monkeypatch.setattr(engine, "AT_ONCE", 8)
    return names


@pytest.mark.parametrize("model", COVERED)
def test_many_texts_are_read_by_machine_code_and_few_by_numpy(kept, used, model):
    found = kept(model)
    many = found.answers(TEXTS)
    found.answers(TEXTS[:1])  # by the same machine code
    few = [own for text in TEXTS for own in kept(model).answers([text])]

    assert used == ["log_probabilities"] * 2 + ["predict"] * len(TEXTS)
    for one, other in zip(many, few, strict=True):
        assert one.words == other.words
        assert [own.topic for own in one.topics] == [own.topic for own in other.topics]
        np.testing.assert_allclose(
            [own.probability for own in one.topics],
            [own.probability for own in other.topics],
            atol=2e-6,
        )


def test_numpy_reads_what_machine_code_cannot(kept, used, monkeypatch):
    kept("other").answers(TEXTS)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "LARGEST_ARENA", 1000)
        program_for.cache_clear()
        kept("masked").answers(TEXTS)
    monkeypatch.setattr(engine.NativeEngine, "why_not", lambda _: "it needs llvmlite")
    kept("masked").answers(TEXTS)

    assert used == ["predict", "log_probabilities", "predict", "predict"]
