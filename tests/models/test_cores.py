"""The cores, against the layers of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.models import cores

KINDS = {
    "simple_rnn": (cores.simple_rnn, keras.layers.SimpleRNN),
    "lstm": (cores.lstm, keras.layers.LSTM),
    "gru": (cores.gru, keras.layers.GRU),
}
FEW = cores.FEW_FEATURES
every_kind = pytest.mark.parametrize("kind", KINDS)

shapes = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 7), st.integers(1, 4))
"""Steps, sequences, features, units."""
sizes = st.sampled_from([0.1, 1, 100])
"""Of the inputs; large ones saturate the gates, as word ids do."""


class Task:
    """A layer, its inputs, and a loss, a sum of the outputs with random slopes."""

    def __init__(self, kind, shape, return_sequences, size=1.0, seed=0, dtype="float64"):
        steps, sequences, features, units = shape
        random = np.random.default_rng(seed)
        self.core, layer = KINDS[kind]
        self.layer = layer(units, return_sequences=return_sequences, dtype=dtype)
        self.layer.build((sequences, steps, features))
        self.return_sequences = return_sequences
        self.scratch = ()
        self.values = [
            tf.constant(size * random.normal(size=(steps, sequences, features)), dtype),
            *(tf.constant(random.normal(size=v.shape) * 0.5, dtype) for v in self.layer.weights),
        ]
        self.layer.set_weights(self.values[1:])
        out = (steps, sequences, units) if return_sequences else (sequences, units)
        self.slopes = tf.constant(random.normal(size=out), dtype)

    def of_core(self):
        """Return the outputs, and the gradients of the loss, as written by hand."""
        with tf.GradientTape() as tape:
            tape.watch(self.values)
            options = {"return_sequences": self.return_sequences, "scratch": self.scratch}
            out = self.core(*self.values, **options)
            loss = tf.reduce_sum(self.slopes * out)
        return out, tape.gradient(loss, self.values)

    def of_keras(self):
        """Return the outputs of the layer, time first, and the automatic gradients."""
        x = self.values[0]
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = self.layer(tf.transpose(x, (1, 0, 2)))
            out = tf.transpose(out, (1, 0, 2)) if self.return_sequences else out
            loss = tf.reduce_sum(self.slopes * out)
        return out, tape.gradient(loss, [x, *(own.value for own in self.layer.weights)])


def assert_all_close(ours, theirs, tolerance):
    """Compare tensors, each relative to its largest entry."""
    for our, their in zip(ours, theirs, strict=True):
        assert our.shape == their.shape
        scale = max(np.abs(their).max(), 1e-3)
        np.testing.assert_allclose(our / scale, their / scale, rtol=0, atol=tolerance)


@every_kind
@settings(max_examples=4)
@given(shape=shapes, return_sequences=st.booleans(), size=sizes, seed=st.integers(0, 2**32 - 1))
@example(shape=(3, 2, 1, 1), return_sequences=False, size=1, seed=0)
@example(shape=(3, 2, FEW, 33), return_sequences=True, size=1, seed=0)
@example(shape=(3, 2, FEW + 1, 33), return_sequences=True, size=1, seed=0)
@example(shape=(1, 1, 1, 1), return_sequences=True, size=1, seed=0)
def test_states_and_gradients_are_those_of_keras(kind, shape, return_sequences, size, seed):
    task = Task(kind, shape, return_sequences, size, seed)

    (ours, our_gradients), (theirs, gradients) = task.of_core(), task.of_keras()

    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * max(1, size))
    # Where gates are saturated, 1 - tanh^2 loses digits, which large inputs multiply.
    assert_all_close(our_gradients, gradients, 1e-12 * max(1, size) ** 2)


@every_kind
@pytest.mark.parametrize(
    ("shape", "return_sequences", "size", "tolerance"),
    [
        ((12, 5, 7, 33), True, 1, 1e-5),
        ((12, 5, 1, 33), False, 1, 1e-5),
        ((49, 4, 1, 8), False, 100, 1e-4),
        ((49, 4, 1, 8), False, 30_000, 1e-4),
    ],
    ids=["all states", "last state", "small word ids", "large word ids"],
)
def test_so_they_are_in_single_precision(kind, shape, return_sequences, size, tolerance):
    task = Task(kind, shape, return_sequences, size, dtype="float32")

    (ours, our_gradients), (theirs, gradients) = task.of_core(), task.of_keras()

    assert ours.dtype == theirs.dtype == tf.float32
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * max(1, size))
    assert_all_close(our_gradients, gradients, tolerance)


@every_kind
def test_leftovers_of_earlier_calls_in_the_scratch_make_no_difference(kind):
    shape = steps, sequences, _, units = 4, 3, 2, 5
    scratch = cores.make_scratch(KINDS[kind][0], steps, sequences, units, "float64")

    for seed in range(3):
        task = Task(kind, shape, return_sequences=seed != 1, seed=seed)
        plain, plain_gradients = task.of_core()
        task.scratch = scratch

        for _ in range(2):
            again, gradients = task.of_core()
            np.testing.assert_array_equal(again, plain)
            assert_all_close(gradients, plain_gradients, 0)
        assert all(np.any(buffer != 0) for buffer in scratch), "it is used"
