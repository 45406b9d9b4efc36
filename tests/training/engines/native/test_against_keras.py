"""The engine ``native`` against Keras: initial weights, losses, gradients and steps of Adam."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st
from machine_code import REGISTERS, documents, examples, network, program, sizes
from stacks import network as network_of

from rnnbench.data.dataset import Dataset
from rnnbench.models.build import build, predict
from rnnbench.models.layers.base import Shape
from rnnbench.training.engines import ENGINES, ignore
from rnnbench.training.engines.native.network import (
    NetworkSizes,
    glorot_uniform,
    initial_weights,
    orthogonal,
    read_weights,
    uniform,
)
from rnnbench.training.settings import Training

LAYERS = {
    "gru": keras.layers.GRU,
    "lstm": keras.layers.LSTM,
    "simple_rnn": keras.layers.SimpleRNN,
}
MIXED = network_of(
    [{kind: {"units": 5 + n, "return_sequences": n < 2}} for n, kind in enumerate(LAYERS)]
)
RATE = 0.01
LARGEST = 10
"""Errors may be this many times those of Keras in float32."""
LEAST = 1e-6
"""Errors this small, of the largest number of an array, are rounding."""


class Stock:
    """The same network, built of Keras's layers, of a precision."""

    def __init__(self, of, dtype):
        last = len(of.layers) - 1
        stack = [
            LAYERS[cell](units, return_sequences=number < last, dtype=dtype)
            for number, (cell, units) in enumerate(of.layers)
        ]
        softmax = keras.layers.Dense(of.topics, activation="softmax", dtype=dtype)
        self.model = keras.Sequential([keras.Input((of.timesteps, 1)), *stack, softmax])
        self.optimizer, self.dtype = keras.optimizers.Adam(RATE), dtype

    def step(self, weights, x, y):
        """Take an optimizer step; return the loss, the gradients and the weights after it."""
        self.model.set_weights(weights)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self.model(tf.constant(x[..., np.newaxis], self.dtype), training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, answers))
        gradients = tape.gradient(loss, [own.value for own in variables])
        self.optimizer.apply(gradients, variables)
        return [np.array(loss)], [np.array(own) for own in gradients], self.model.get_weights()


def error(arrays, exact):
    """Return the largest error, of the largest number of an array."""
    return max(
        np.abs(one - other).max() / max(np.abs(other).max(), 1e-9)
        for one, other in zip(arrays, exact, strict=True)
    )


def gradient(net):
    """Return the gradient of the last optimizer step, which lies like the weights."""
    return read_weights(net.arrays, net.arena[net.arrays.weights.size :])


@examples(4)
@given(of=sizes(), registers=REGISTERS, data=st.data())
def test_losses_gradients_and_weights_are_those_of_keras_step_by_step(of, registers, data):
    net = network(program(of, registers))
    exact, stock = (Stock(of, dtype) for dtype in ("float64", "float32"))

    for step in range(2):
        count = data.draw(st.integers(1, of.batch), label="documents in the batch")
        x, y = documents(of, count, seed=step)
        before = net.weights
        loss, _ = net.train((x, y), RATE)
        ours = [np.array(loss)], gradient(net), net.weights
        theirs, right = (net_of.step(before, x, y) for net_of in (stock, exact))
        for mine, others, truth in zip(ours, theirs, right, strict=True):
            assert error(mine, truth) <= max(LARGEST * error(others, truth), LEAST)


@examples(2)
@given(of=sizes(most_units=20), data=st.data())
def test_an_epoch_is_its_steps_and_the_last_one_may_be_smaller(of, data):
    count = data.draw(st.integers(1, 3 * of.batch))
    x, y = documents(of, count)
    code = program(of)
    whole, stepwise = network(code), network(code)

    loss, accuracy = whole.train((x, y), RATE)

    starts = [*range(0, count, of.batch), count]
    parts = [
        (end - start, *stepwise.train((x[start:end], y[start:end]), RATE))
        for start, end in itertools.pairwise(starts)
    ]
    assert loss == pytest.approx(sum(n * own for n, own, _ in parts) / count, rel=1e-5)
    assert accuracy == pytest.approx(sum(n * own for n, _, own in parts) / count)
    for one, other in zip(whole.weights, stepwise.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kept_model_is_the_trained_one_in_keras():
    x = np.random.default_rng(0).integers(1, 9, (30, 6), dtype=np.int32)
    y, places = (x[:, -1] % 3).astype(np.int32), np.arange(30)
    dataset = Dataset(x, y, x[:5], y[:5], ("a", "b", "c"), 9, places, places[:5], documents=x)
    recipe = Training(epochs=3, batch_size=7, learning_rate=0.05, validation_split=0.3)

    trained = ENGINES["native"].fit(MIXED, dataset, recipe, 1, ignore, keep_model=True)

    again = build(MIXED, Shape.of(dataset), seed=1)
    again.set_weights(trained.weights)
    np.testing.assert_allclose(np.log(predict(again, x[:5])), trained.scores, atol=1e-5)
    assert again.count_params() == trained.record.params


@examples(20)
@given(
    seed=st.integers(0, 2**31 - 1),
    rows=st.integers(1, 80),
    columns=st.integers(1, 80),
)
@example(seed=2**31 - 3, rows=5, columns=20)
@example(seed=2**31 - 2, rows=5, columns=20)
@example(seed=2**31 - 1, rows=5, columns=20)
def test_initializers_are_those_of_keras(seed, rows, columns):
    shape = rows, columns

    stock = keras.initializers.GlorotUniform(seed=seed)(shape)
    np.testing.assert_array_equal(glorot_uniform(shape, seed), stock)
    stock = keras.initializers.Orthogonal(seed=seed)(shape)
    np.testing.assert_allclose(orthogonal(shape, seed), stock, atol=1e-4)
    stock = tf.random.stateless_uniform([rows], [seed % (2**31 - 2), 0])
    np.testing.assert_array_equal(uniform(rows, seed), stock)


def test_a_network_begins_with_the_weights_that_keras_gives_it():
    of = NetworkSizes(tuple((kind, 5 + n) for n, kind in enumerate(LAYERS)), 4, 6, 2, 8)

    ours = initial_weights(of, 3)

    stock = build(MIXED, Shape(6, 4, 9), 3).get_weights()
    for mine, theirs in zip(ours, stock, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-6)
