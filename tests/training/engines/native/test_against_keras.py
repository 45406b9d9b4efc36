"""The engine ``native`` against Keras: initial weights, losses, gradients and steps of
Adam.
"""

import keras
import numpy as np
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

from rnnbench.models.build import build
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Shape
from rnnbench.training.engines.native.engine import NativeNetwork, Scorer
from rnnbench.training.engines.native.memory import Sizes
from rnnbench.training.engines.native.random import (
    glorot_uniform,
    orthogonal,
    random_uniform,
    uniform,
)
from rnnbench.training.settings import Training

LARGEST = 10
"""Errors may be this many times those of Keras in float32."""
LEAST = 2e-6
"""Errors this small, of the largest number of an array, are rounding."""

RNN = {"simple_rnn": {"units": 3}}
NUMBERS, WORDS = (
    LayeredNetwork.model_validate({"layers": [*first, RNN, SOFTMAX]})
    for first in ([], [{"embedding": {"dim": 5}}])
)
BAG = LayeredNetwork.model_validate(
    {"layers": [{"bag_of_words": {"values": "tfidf"}}, SIGMOID]}
)
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
        """Take an optimizer step; return the loss, the gradients and the weights after
        it.
        """
        self.model.set_weights(weights)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self.model(x, training=True)
            losses = keras.losses
            is_one = y.ndim == 1
            by = (
                losses.sparse_categorical_crossentropy
                if is_one
                else losses.binary_crossentropy
            )
            loss = tf.reduce_mean(by(y, answers))
        gradients = tape.gradient(loss, [own.value for own in variables])
        gradients = list(map(tf.convert_to_tensor, gradients))
        self.optimizer.apply(gradients, variables)
        if self.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip)
        after = [own.numpy() for own in variables]
        return [np.array(loss)], [np.array(own) for own in gradients], after


def error(arrays, exact):
    """Return the largest error, of the largest number of an array."""
    return max(
        np.abs(one - other).max() / max(np.abs(other).max(), 1e-6)
        for one, other in zip(arrays, exact, strict=True)
    )


@examples(4)
@given(
    model=networks(most_units=40),
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
    x, y = documents(sizes, min(count, sizes.batch), model=model)
    net = network(program(model, sizes, registers), model, x)
    exact, stock = (Stock(model, sizes, dtype) for dtype in ("float64", "float32"))

    def read(of):
        return [part.read(net.arenas[0], of) for part in net.program.parts]

    laid_out, mean, average = net.lay_out(x), None, 0
    for step in range(1, 3):
        before = [*net.fixed, *read("value")]
        loss, _ = net.train(laid_out, y, step)
        means = read("mean")
        gradients = [10 * (own - 0.9 * (0 if mean is None else last)) for own, last in zip(
            means, mean or means, strict=True
        )]  # fmt: skip
        mean = means
        ours = [np.array(loss)], gradients, read("value")
        theirs, right = (own.step(before, x, y) for own in (stock, exact))
        for mine, others, truth in zip(ours, theirs, right, strict=True):
            assert error(mine, truth) <= max(LARGEST * error(others, truth), LEAST)
        share = (1 - DECAY) / (1 - DECAY**step)
        average = [
            a + share * (w - a)
            for a, w in zip(average or ours[2], ours[2], strict=True)
        ]
    if sizes.averages:
        for mine, right in zip(net.weights()[len(net.fixed) :], average, strict=True):
            np.testing.assert_allclose(mine, right, atol=1e-5)
    logs = Scorer(net.program, net.model, net.weights()).scores(x)
    exact.model.set_weights(net.weights())
    np.testing.assert_allclose(np.exp(logs), exact.model(x), atol=1e-5)


@examples(8)
@given(
    seed=st.integers(0, 2**31 - 1), rows=st.integers(1, 80), columns=st.integers(1, 80)
)
@example(seed=2**31 - 2, rows=5, columns=20)
@example(seed=2**31 - 1, rows=5, columns=20)
def test_initializers_are_those_of_keras(seed, rows, columns):
    shape, random = (rows, columns), keras.initializers

    for ours, theirs in (
        (glorot_uniform(shape, seed), random.GlorotUniform(seed)(shape)),
        (glorot_uniform((3, *shape), seed), random.GlorotUniform(seed)((3, *shape))),
        (random_uniform(shape, seed), random.RandomUniform(seed=seed)(shape)),
        (
            uniform(rows, seed),
            tf.random.stateless_uniform([rows], [seed % (2**31 - 2), 0]),
        ),
    ):
        np.testing.assert_array_equal(ours, theirs)
    stock = random.Orthogonal(seed=seed)(shape)
    np.testing.assert_allclose(orthogonal(shape, seed), stock, atol=1e-4)


@examples(3)
@given(model=networks(most_units=9), sizes=all_sizes())
@example(
    model=LayeredNetwork.model_validate(
        {"layers": [{"lstm": {"units": 3, "unit_forget_bias": False}}, SOFTMAX]}
    ),
    sizes=None,
)
def test_a_network_begins_with_the_weights_that_keras_gives_it(model, sizes):
    sizes = sizes or Sizes(4, 3, 9, 2, 2, 8)
    x, _ = documents(sizes, 2)
    net = NativeNetwork(program(model, sizes), model, x, Training(), 3)
    ours = [part.read(net.arenas[0], "value") for part in net.program.parts]

    shape = Shape(sizes.timesteps, sizes.topics, sizes.n_ids)
    for mine, theirs in zip(
        ours, build(model, shape, 3).trainable_variables, strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=2e-6)
