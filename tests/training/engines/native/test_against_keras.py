"""The engine ``native`` against Keras: weights, losses, gradients, steps of Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st
from machine_code import (
    DECAY,
    RATE,
    REGISTERS,
    SIGMOID,
    SOFTMAX,
    all_sizes,
    documents,
    examples,
    network,
    networks,
    program,
)
from numpy.testing import assert_allclose, assert_array_equal
from plugin_files import EXAMPLE

from rnnbench.models.build import build
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import LAYERS, Shape
from rnnbench.training.engines.native.memory import Sizes
from rnnbench.training.engines.native.network import NativeNetwork, Scorer
from rnnbench.training.engines.native.random import (
    glorot_uniform,
    orthogonal,
    random_uniform,
    uniform,
)
from rnnbench.training.engines.native.stage import STAGES
from rnnbench.training.settings import Training

LARGEST = 10
"""Errors may be this many times those of Keras in float32."""
LEAST = 2e-6
"""Errors this small, of the largest number of an array, are rounding."""

RNN = {"simple_rnn": {"units": 3}}


def network_of(*layers):
    return LayeredNetwork.model_validate({"layers": layers})


NUMBERS = network_of(RNN, SOFTMAX)
WORDS = network_of({"embedding": {"dim": 5}}, RNN, SOFTMAX)
BAG = network_of({"bag_of_words": {"values": "tfidf"}}, SIGMOID)
CLIPPED = Sizes(timesteps=4, topics=3, n_ids=9, batch=5, rows=5, lanes=8, clip=0.01)
"""Beside the gradients of such networks, there are other numbers, which their norm
leaves out."""


class Stock:
    """The same network, built of Keras's layers, of a precision."""

    def __init__(self, model, sizes, dtype):
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)
        try:
            shape = Shape(sizes.timesteps, sizes.topics, sizes.n_ids)
            self.model = build(model, shape, 0)
        finally:
            keras.config.set_floatx("float32")
            keras.config.set_dtype_policy("float32")
        self.clip = sizes.clip
        self.optimizer = keras.optimizers.Adam(RATE, global_clipnorm=self.clip)

    def step(self, weights, x, y):
        """Return the loss, the gradients and the weights after an optimizer step."""
        self.model.set_weights(weights)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self.model(x, training=True)
            if y.ndim == 1:
                losses = keras.losses.sparse_categorical_crossentropy(y, answers)
            else:
                losses = keras.losses.binary_crossentropy(y, answers)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        gradients = list(map(tf.convert_to_tensor, gradients))
        self.optimizer.apply(gradients, variables)
        if self.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip)
        after = [variable.numpy() for variable in variables]
        return [np.array(loss)], list(map(np.array, gradients)), after


def error(arrays, exact):
    """Return the largest error, of the largest number of an array."""
    errors = []
    for array, right in zip(arrays, exact, strict=True):
        largest = max(np.abs(right).max(), 1e-6)
        errors.append(np.abs(array - right).max() / largest)
    return max(errors)


def compare(model, sizes, registers, count):
    """Compare losses, gradients and weights with Keras, for two optimizer steps."""
    x, y = documents(sizes, min(count, sizes.batch), model=model)
    net = network(program(model, sizes, registers), model, x)
    exact = Stock(model, sizes, "float64")
    stock = Stock(model, sizes, "float32")

    def read(field):
        return [part.read(net.arenas[0], field) for part in net.program.parts]

    laid_out = net.lay_out(x)
    means = [np.zeros_like(mean) for mean in read("mean")]
    averages = [np.zeros_like(mean) for mean in means]
    for step in range(1, 3):
        before = [*net.fixed, *read("value")]
        loss, _ = net.train(laid_out, y, step)
        # Adam's average of gradients gives the gradient.
        last = means
        means = read("mean")
        gradients = [
            10 * (mean - 0.9 * mean_before)
            for mean, mean_before in zip(means, last, strict=True)
        ]
        weights = read("value")
        ours = [np.array(loss)], gradients, weights
        theirs = stock.step(before, x, y)
        right = exact.step(before, x, y)
        for mine, others, truth in zip(ours, theirs, right, strict=True):
            assert error(mine, truth) <= max(LARGEST * error(others, truth), LEAST)
        share = (1 - DECAY) / (1 - DECAY**step)
        averages = [
            average + share * (weight - average)
            for average, weight in zip(averages, weights, strict=True)
        ]
    trained = net.weights()[len(net.fixed) :]
    if sizes.averages:
        for mine, average in zip(trained, averages, strict=True):
            assert_allclose(mine, average, atol=1e-5)
    logs = Scorer(net.program, net.model, net.weights()).scores(x)
    exact.model.set_weights(net.weights())
    assert_allclose(np.exp(logs), exact.model(x), atol=1e-5)


@examples(4)
@given(
    model=networks(most_units=20),
    sizes=all_sizes(),
    registers=REGISTERS,
    count=st.integers(1, 25),
)
@example(model=NUMBERS, sizes=CLIPPED, registers=32, count=5)
@example(model=WORDS, sizes=CLIPPED, registers=32, count=5)
@example(model=BAG, sizes=CLIPPED, registers=32, count=5)
def test_losses_gradients_and_weights_are_those_of_keras_step_by_step(
    model, sizes, registers, count
):
    compare(model, sizes, registers, count)


SCALE = {"scale": {"start": 0.7}}
CONVOLUTION = {"conv1d": {"filters": 6, "kernel_size": 3, "padding": "same"}}
GRU = {"gru": {"units": 5, "return_sequences": True}}
BRANCHES = [[SCALE, CONVOLUTION, SCALE, {"pooling": {"by": "max"}}], [GRU, SCALE, RNN]]


@pytest.mark.parametrize(
    ("layers", "lanes"),
    [
        (
            [{"embedding": {"dim": 9}}, SCALE, GRU, SCALE, {"pooling": {"by": "mean"}}],
            16,
        ),
        ([{"embedding": {"dim": 20}}, {"parallel": {"branches": BRANCHES}}, SCALE], 4),
        ([{"bag_of_words": {"values": "tfidf"}}, {"dense": {"units": 18}}, SCALE], 16),
    ],
    ids=["below and above a recurrent layer", "in branches", "on vectors"],
)
def test_a_stage_of_another_package_computes_what_its_keras_layer_does(
    monkeypatch, layers, lanes
):
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    from my_package.layers import Scale
    from my_package.stages import ScaleStage

    sizes = Sizes(timesteps=6, topics=3, n_ids=15, batch=7, rows=4, lanes=lanes)
    with LAYERS.override("scale", Scale), STAGES.override("scale", ScaleStage):
        model = LayeredNetwork.model_validate({"layers": [*layers, SOFTMAX]})
        compare(model, sizes, registers=32, count=7)


@examples(8)
@given(
    seed=st.integers(0, 2**31 - 1), rows=st.integers(1, 80), columns=st.integers(1, 80)
)
@example(seed=2**31 - 2, rows=5, columns=20)
@example(seed=2**31 - 1, rows=5, columns=20)
def test_initializers_are_those_of_keras(seed, rows, columns):
    shape = (rows, columns)
    random = keras.initializers

    for ours, theirs in (
        (glorot_uniform(shape, seed), random.GlorotUniform(seed)(shape)),
        (glorot_uniform((3, *shape), seed), random.GlorotUniform(seed)((3, *shape))),
        (random_uniform(shape, seed), random.RandomUniform(seed=seed)(shape)),
        (
            uniform(rows, seed),
            tf.random.stateless_uniform([rows], [seed % (2**31 - 2), 0]),
        ),
    ):
        assert_array_equal(ours, theirs)
    stock = random.Orthogonal(seed=seed)(shape)
    assert_allclose(orthogonal(shape, seed), stock, atol=1e-4)


@examples(3)
@given(model=networks(most_units=9), sizes=all_sizes())
@example(
    model=network_of({"lstm": {"units": 3, "unit_forget_bias": False}}, SOFTMAX),
    sizes=None,
)
def test_a_network_begins_with_the_weights_that_keras_gives_it(model, sizes):
    sizes = sizes or Sizes(4, 3, 9, 2, 2, 8)
    x, _ = documents(sizes, 2)
    net = NativeNetwork(program(model, sizes), model, x, Training(), 3)
    ours = [part.read(net.arenas[0], "value") for part in net.program.parts]

    shape = Shape(sizes.timesteps, sizes.topics, sizes.n_ids)
    variables = build(model, shape, 3).trainable_variables
    for mine, theirs in zip(ours, variables, strict=True):
        assert_allclose(mine, theirs, atol=2e-6)
