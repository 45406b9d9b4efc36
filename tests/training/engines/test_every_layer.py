"""Every kind of layer, trained by both engines: from one seed they take the same steps."""

import warnings
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from stacks import STACKS, is_random, network

from rnnbench.models.build import build, predict
from rnnbench.models.saved import load, to_bytes
from rnnbench.models.shape import Shape
from rnnbench.training.engines import Outcome, ignore, load_engine
from rnnbench.training.outcome import History
from rnnbench.training.recipe import Training

ENGINES = ["compiled", "keras"]
SHAPE = Shape(timesteps=5, n_topics=3, n_ids=12)
TRAINING = Training(epochs=1, batch_size=3, learning_rate=0.02)
TOLERANCE = 1e-4
"""Of the weights, which move much more than they are rounded."""


def wires():
    """Return word ids and labels: eleven wires of two to five words, padded behind."""
    random = np.random.default_rng(0)
    ids = random.integers(1, SHAPE.n_ids, (11, SHAPE.timesteps), dtype=np.int32)
    lengths = random.integers(2, SHAPE.timesteps + 1, (11, 1))
    return (
        np.where(np.arange(SHAPE.timesteps) < lengths, ids, 0),
        random.integers(0, SHAPE.n_topics, 11, dtype=np.int32),
    )


@dataclass
class Trained:
    """A model after a few steps, its weights before them, and what was told of them."""

    model: keras.Model
    before: list[np.ndarray]
    history: History


def train(stack, engine) -> Trained:
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    model = build(network(stack), SHAPE, 0)
    before = model.get_weights()
    outcome: Outcome = load_engine(engine)(model, *wires(), TRAINING, ignore, None)
    return Trained(model, before, outcome.history)


@pytest.fixture(scope="module", params=STACKS.values(), ids=STACKS)
def stack(request):
    return request.param


@pytest.fixture(scope="module")
def compiled(stack):
    return train(stack, "compiled")


@pytest.fixture(scope="module")
def stock(stack):
    """The same by ``model.fit``, eagerly: a few steps take less time than to trace one."""
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the `tf.config")  # not in tf.data
            return train(stack, "keras")
    finally:
        tf.config.run_functions_eagerly(False)


def test_both_engines_have_the_same_loss_and_come_to_the_same_weights(stack, compiled, stock):
    for ours, theirs in zip(compiled.before, stock.before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if is_random(stack):
        assert np.isfinite(compiled.history.loss + stock.history.loss).all()
        return
    np.testing.assert_allclose(compiled.history.loss, stock.history.loss, rtol=1e-5)
    np.testing.assert_allclose(compiled.history.accuracy, stock.history.accuracy, atol=1e-6)
    weights = zip(compiled.model.get_weights(), stock.model.get_weights(), strict=True)
    for ours, theirs in weights:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def test_all_that_is_trained_has_moved_and_nothing_else(compiled):
    trained = {id(weight) for weight in compiled.model.trainable_weights}

    for weight, before in zip(compiled.model.weights, compiled.before, strict=True):
        moved = np.abs(weight.numpy() - before).max()
        assert moved > 10 * TOLERANCE if id(weight) in trained else moved == 0, weight.path


def test_a_trained_model_answers_and_comes_back_from_its_file_with_the_same_answers(
    compiled, tmp_path
):
    ids, _ = wires()
    file = tmp_path / "model.keras"
    file.write_bytes(to_bytes(compiled.model))

    answers = predict(compiled.model, ids)

    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(predict(load(file), ids), answers)
