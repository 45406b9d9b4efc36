"""Averages of weights: their recurrence in NumPy, and their use with Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.testing import assert_allclose
from stacks import line_by_line

from rnnbench.data.dataset import Dataset
from rnnbench.training.engines import FitRequest, ignore, keras_engine
from rnnbench.training.engines.keras_engine import Averages
from rnnbench.training.epochs import Epochs
from rnnbench.training.settings import Training

N = 11
EPOCHS = 3
DECAY = 0.8
SEED = 5


def documents(n=N, seed=0):
    """Return made-up sequences, and labels that are easy to learn."""
    x = default_rng(seed).normal(size=(n, 4, 1)).astype(np.float32)
    return x, (x[:, -1, 0] > 0).astype(np.int32)


def dataset():
    """Return a data set of the made-up sequences, without a test set."""
    x, y = documents()
    rows = np.arange(N)
    return Dataset(x, y, x[:0], y[:0], ("falls", "rises"), 0, rows, rows[:0], [])


OTHERS = documents(20, seed=1)


def fresh():
    """Return a small model, the same each time."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.SimpleRNN(3), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.Input((4, 1)), *layers])


def train(ema=DECAY, validation=None, sample_weights=None):
    """Return a trained model and the notes of its epochs."""
    model = fresh()
    epochs = Epochs()
    training = Training(
        epochs=EPOCHS, batch_size=4, learning_rate=0.5, optimizer="sgd", ema=ema
    )
    request = FitRequest(
        None, dataset(), training, SEED, ignore, False, sample_weights=sample_weights
    )
    with line_by_line():
        keras_engine.train(model, request, documents(), validation, epochs)
    return model, epochs


@pytest.fixture(scope="module")
def trainings():
    """The same training with and without averages, validated on other documents."""
    return [train(ema, OTHERS) for ema in (None, DECAY)]


def weights_of_each_step():
    """Return the weights after each step of plain gradient descent."""
    model = fresh()
    x, y = documents()
    after = []
    model.compile(
        keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", run_eagerly=True
    )
    for epoch in range(1, EPOCHS + 1):
        for rows in Training(batch_size=4).batches(N, SEED, epoch):
            model.train_on_batch(x[rows], y[rows])
            after.append(model.get_weights())
    return after


def average(values, decay):
    """Return a moving average that is corrected for its start, as in Adam."""
    total = np.zeros_like(values[0], np.float64)
    for value in values:
        total = decay * total + (1 - decay) * value
    return total / (1 - decay ** len(values))


@settings(max_examples=30)
@given(
    decay=st.sampled_from([1e-6, 0.5, 0.99, 0.999999]) | st.floats(0.01, 0.99),
    steps=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_the_averages_follow_the_recurrence(decay, steps, seed):
    values = default_rng(seed).normal(size=(steps, 5)).astype(np.float32)
    weight = keras.Variable(np.zeros(5))
    averages = Averages([weight], decay)

    for step in range(steps):
        weight.assign(values[step])
        averages._update(tf.constant(step + 1))

    assert_allclose(averages.values[0], average(values, decay), atol=1e-5)


def test_a_trained_model_has_the_averages_of_its_weights_over_all_steps(trainings):
    _, (model, _) = trainings

    after = weights_of_each_step()
    assert len(after) == 3 * EPOCHS
    for place, ours in enumerate(model.get_weights()):
        expected = average([weights[place] for weights in after], DECAY)
        assert_allclose(ours, expected, atol=1e-5)
        assert np.abs(ours - after[-1][place]).max() > 1e-3, "not the last weights"


def test_the_training_itself_does_not_notice(trainings):
    (_, plain), (_, ours) = trainings

    assert_allclose(ours.history.loss, plain.history.loss, rtol=1e-5)
    assert ours.history.score == plain.history.score
    assert not np.allclose(ours.history.val_loss, plain.history.val_loss, rtol=1e-3)


def test_it_is_the_averages_that_are_validated(trainings):
    _, (model, epochs) = trainings
    x, y = OTHERS

    for weights, epoch in (
        (model.get_weights(), EPOCHS),
        (epochs.best_weights, epochs.best_epoch),
    ):
        judged = fresh()
        judged.set_weights(weights)
        loss = -np.log(np.array(judged(x))[np.arange(20), y]).mean()
        assert epochs.history.val_loss[epoch - 1] == pytest.approx(loss, rel=1e-4)


def test_documents_that_do_not_count_teach_nothing():
    model, _ = train(ema=None, sample_weights=np.zeros(N, np.float32))

    for weights, untrained in zip(model.weights, fresh().weights, strict=True):
        np.testing.assert_array_equal(weights, untrained)


def test_weights_of_one_change_nothing():
    model, _ = train(sample_weights=np.ones(N, np.float32))

    for weights, expected in zip(model.weights, train()[0].weights, strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-6)
