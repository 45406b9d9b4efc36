"""Many texts are predicted by machine code, with the answers that few texts get from NumPy."""

from functools import partial

import numpy as np
import pytest

from rnnbench.models import in_numpy
from rnnbench.prediction import predict
from rnnbench.prediction.predict import find_model
from rnnbench.training.engines.native import engine, memory
from rnnbench.training.engines.native.program import program_for

SOFTMAX = "dense: {units: topics, activation: softmax}"
LSTM = "bidirectional: {layer: {lstm: {units: 5, return_sequences: true}}}"
CONFIG = f"""\
name: tiny
data: {{source: sgml, path: sgml, num_words: 60, pad_length: 9, padding: post, test_split: 0.5}}
training: {{epochs: 20, batch_size: 4, learning_rate: 0.02}}
models:
  masked:
    layers:
      - embedding: {{dim: 6}}
      - spatial_dropout: {{rate: 0.5}}
      - {LSTM}
      - layer_norm: {{}}
      - pooling: {{by: max}}
      - dropout: {{rate: 0.5}}
      - {SOFTMAX}
  unmasked:
    layers:
      - embedding: {{dim: 6, masking: false}}
      - conv1d: {{filters: 5, kernel_size: 3, activation: relu}}
      - pooling: {{by: attention}}
      - {SOFTMAX}
  bag: {{layers: [bag_of_words: {{values: tfidf}}, dense: {{units: 7}}, {SOFTMAX}]}}
  numbers: {{layers: [gru: {{units: 4, return_sequences: true}}, lstm: {{units: 5}}, {SOFTMAX}]}}
  other: {{layers: [gru: {{units: 4, reset_after: false}}, {SOFTMAX}]}}
"""
COVERED = ["masked", "unmasked", "bag", "numbers"]
TEXTS = ["Net profit rose 7 pct in the quarter", "It buys unit 3", "zinc", "profit " * 20] * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_apart):
    """The folder of a run that kept its networks."""
    folder = tmp_path_factory.mktemp("kept")
    run_apart(folder, CONFIG, "--save-models")
    return folder / "results/tiny"


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
def test_many_texts_are_read_by_machine_code_and_few_by_numpy(folder, used, model):
    many = find_model(folder, model, None).answers(TEXTS)
    few = [own for text in TEXTS for own in find_model(folder, model, None).answers([text])]

    assert used == ["log_probabilities", *["predict"] * len(TEXTS)]
    for one, other in zip(many, few, strict=True):
        assert one.words == other.words
        assert [own.topic for own in one.topics] == [own.topic for own in other.topics]
        np.testing.assert_allclose(
            [own.probability for own in one.topics],
            [own.probability for own in other.topics],
            atol=2e-6,
        )


def test_numpy_reads_what_machine_code_cannot(folder, used, monkeypatch):
    find_model(folder, "other", None).answers(TEXTS)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "LARGEST_ARENA", 1000)
        program_for.cache_clear()
        find_model(folder, "masked", None).answers(TEXTS)
    monkeypatch.setattr(engine, "why_not", lambda: "it needs llvmlite")
    find_model(folder, "masked", None).answers(TEXTS)

    assert used == ["predict", "log_probabilities", "predict", "predict"]


def test_machine_code_that_is_made_also_reads_few_texts(folder, used):
    kept = find_model(folder, "masked", None)

    for texts in (TEXTS[:1], TEXTS, TEXTS[:1], TEXTS):
        kept.answers(texts)

    assert used == ["predict", *["log_probabilities"] * 3]
