"""Every kind of layer in both Keras engines, against Keras's own steps in the documented order.

Layers that draw at random have other masks than Keras's; ``test_network`` trains them. Shares
differ from TF-IDF in no weight that is trained.
"""

from typing import get_args

import keras
import numpy as np
import pytest
from stacks import EMBEDDING, MEAN, STACKS, line_by_line, network, randomized

from rnnbench.models.build import build
from rnnbench.models.layers.base import Shape
from rnnbench.training.engines import compiled, keras_fit
from rnnbench.training.epochs import Epochs, batches
from rnnbench.training.outcome import History
from rnnbench.training.settings import OptimizerName, Training

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=12)
SEED, N, TOLERANCE = 7, 11, 1e-4
"""Weights move much more than the tolerance, which is for rounding."""
RNN, LEFT_OUT = [{"simple_rnn": {"units": 3}}], ("dropout", "weight_drop", "shares")
COMPARED = {name: stack for name, stack in STACKS.items() if name not in LEFT_OUT}


def documents():
    """Return word ids and labels: documents of two to five words, padded behind."""
    random = np.random.default_rng(0)
    ids = random.integers(1, SHAPE.n_ids, (N, SHAPE.timesteps), dtype=np.int32)
    lengths = random.integers(2, SHAPE.timesteps + 1, (N, 1))
    labels = random.integers(0, SHAPE.n_topics, N, dtype=np.int32)
    return np.where(np.arange(SHAPE.timesteps) < lengths, ids, 0), labels


def fresh(stack):
    """Return a model that has random biases, too."""
    keras.utils.clear_session(free_memory=False)
    return randomized(build(network(stack), SHAPE, 0))


def training_with(optimizer):
    return Training(epochs=2, batch_size=3, learning_rate=0.02, optimizer=optimizer)


def train(stack, engine, optimizer="adam"):
    """Return a model after eight steps, and its history."""
    model, epochs = fresh(stack), Epochs()
    engine.train(model, documents(), None, training_with(optimizer), SEED, epochs)
    return model, epochs.history


def step_by_step(stack, optimizer="adam"):
    """Train with ``train_on_batch``, eagerly: a few steps take less time than to trace one."""
    model, training, history = fresh(stack), training_with(optimizer), History()
    x, y = documents()
    rule = keras.optimizers.get(optimizer)
    rule.learning_rate = training.learning_rate
    model.compile(rule, "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    for epoch in (1, 2):
        parts = batches(N, training.batch_size, SEED, epoch)
        scores = [model.train_on_batch(x[rows], y[rows]) for rows in parts]
        loss, accuracy = np.average(scores, axis=0, weights=[len(rows) for rows in parts])
        history.loss.append(loss)
        history.accuracy.append(accuracy)
    return model, history


def assert_same_training(ours, stock):
    (model, history), (other, expected) = ours, stock
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-5)
    np.testing.assert_allclose(history.accuracy, expected.accuracy, atol=1e-6)
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("stack", COMPARED.values(), ids=COMPARED)
def test_compiled_takes_the_steps_of_keras_and_moves_all_that_is_trained(stack):
    before = fresh(stack).get_weights()

    model, history = train(stack, compiled)

    assert_same_training((model, history), step_by_step(stack))
    trainable = {id(weight) for weight in model.trainable_weights}
    for weight, first in zip(model.weights, before, strict=True):
        moved = np.abs(weight.numpy() - first).max()
        assert moved > 10 * TOLERANCE if id(weight) in trainable else moved == 0, weight.path


@pytest.mark.parametrize("optimizer", sorted({*get_args(OptimizerName)} - {"adam"}))
@line_by_line()
def test_every_optimizer_takes_the_steps_of_keras(optimizer):
    assert_same_training(train(RNN, compiled, optimizer), step_by_step(RNN, optimizer))


@pytest.mark.parametrize("stack", [RNN, [EMBEDDING, {"dropout": {"rate": 0.5}}, MEAN]])
@line_by_line()
def test_model_fit_takes_the_same_steps(stack):
    assert_same_training(train(stack, keras_fit), step_by_step(stack))


@pytest.mark.parametrize("engine", [compiled, keras_fit])
@line_by_line()
def test_a_loss_that_probabilities_are_too_coarse_for_is_that_of_keras(engine, monkeypatch):
    def impossible(stack):
        model = randomized(build(network(stack), SHAPE, 0))
        model.layers[-1].bias.assign([50.0, 0, 0])  # the others are impossible in float32
        return model

    monkeypatch.setitem(globals(), "fresh", impossible)

    ours, stock = train(RNN, engine, "sgd"), step_by_step(RNN, "sgd")

    assert stock[1].loss[0] > 5
    assert_same_training(ours, stock)
