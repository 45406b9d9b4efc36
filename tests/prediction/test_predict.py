"""Texts are read by machine code, with the answers of Keras, or by Keras if there is no code."""

import numpy as np
import pytest
from factories import SOFTMAX
from stacks import randomized

from rnnbench.data.vocabulary import Vocabulary
from rnnbench.models.build import build
from rnnbench.models.descriptions import LayeredNetwork
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
        np.savez(file, *randomized(build(network, model.shape, seed=0)).get_weights())
        return model

    return find


@pytest.fixture
def by_code(monkeypatch):
    """Makes eight texts a block of machine code; lists the texts that each block had."""
    blocks, lay_out = [], engine.Scorer.lay_out

    def noted(scorer, x):
        blocks.append(len(x))
        return lay_out(scorer, x)

    monkeypatch.setattr(engine.Scorer, "lay_out", noted)
    monkeypatch.setattr(engine, "AT_ONCE", 8)
    return blocks


def without_code(model):
    model.code = None
    return model


@pytest.mark.parametrize("name", COVERED)
def test_texts_are_read_by_machine_code_with_the_answers_of_keras(kept, by_code, name):
    found = kept(name).decision_function(TEXTS)

    assert by_code == [8, 4]
    expected = without_code(kept(name)).decision_function(TEXTS)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_keras_reads_what_machine_code_cannot(kept, by_code, monkeypatch):
    assert len(kept("other").answers(TEXTS)) == len(TEXTS)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "LARGEST_ARENA", 1000)
        program_for.cache_clear()
        assert kept("masked").answers(TEXTS)
    monkeypatch.setattr(engine.NativeEngine, "why_not", lambda _: "it needs llvmlite")
    assert kept("masked").answers(TEXTS)

    assert not by_code
