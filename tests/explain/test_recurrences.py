"""The recurrences in NumPy give what Keras's layers give."""

import doctest

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.explain import recurrences
from rnnbench.explain.recurrences import gru, lstm, simple_rnn

RECURRENCES = {"SimpleRNN": simple_rnn, "GRU": gru, "LSTM": lstm}
LAYERS = sorted(RECURRENCES)

few = st.integers(1, 6)
sizes = st.tuples(st.integers(1, 3), few, few)
"""Sequences, steps, features."""


def layer_and_input(name, units, shape, dtype="float64", seed=0, **options):
    """Return a layer whose biases are not zero, and sequences for it."""
    random = np.random.default_rng(seed)
    x = random.normal(size=shape).astype(dtype)
    layer = getattr(keras.layers, name)(
        units, return_sequences=True, return_state=True, dtype=dtype, **options
    )
    layer.build(shape)
    *kernels, bias = layer.get_weights()
    layer.set_weights([*kernels, random.uniform(-1, 1, bias.shape)])
    return layer, x


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=25)
@given(
    units=few, shape=sizes, dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 99)
)
def test_numpy_and_keras_agree_at_every_step(name, units, shape, dtype, seed):
    layer, x = layer_and_input(name, units, shape, dtype, seed)
    hidden, *states = map(np.asarray, layer(x))

    ours = RECURRENCES[name](x, *layer.get_weights())

    our_states = ours if name == "LSTM" else (ours,)
    assert our_states[0].shape == (*shape[:2], units)
    np.testing.assert_allclose(our_states[0], hidden, rtol=0, atol=1e-6)
    for our, their in zip(our_states, states, strict=True):
        np.testing.assert_allclose(our[:, -1], their, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_the_result_has_the_precision_of_the_arguments(name):
    layer, x = layer_and_input(name, 3, (2, 4, 5), "float32")

    ours = RECURRENCES[name](x, *layer.get_weights())

    assert {each.dtype for each in (ours if name == "LSTM" else (ours,))} == {np.dtype("float32")}


@pytest.mark.parametrize("name", LAYERS)
def test_a_step_depends_on_what_came_before_and_not_on_what_comes_after(name):
    layer, x = layer_and_input(name, 3, (2, 4, 5))
    weights = layer.get_weights()
    changed = x.copy()
    changed[:, 2] += 1

    before, after = (np.atleast_1d(RECURRENCES[name](each, *weights)) for each in (x, changed))
    if name == "LSTM":
        before, after = before[0], after[0]

    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).all()


def test_the_gru_is_the_one_that_resets_after_the_product():
    layer, x = layer_and_input("GRU", 3, (2, 4, 5), reset_after=False)
    kernel, recurrent_kernel, bias = layer.get_weights()
    hidden, _ = layer(x)

    ours = gru(x, kernel, recurrent_kernel, np.stack([bias, np.zeros_like(bias)]))

    np.testing.assert_allclose(ours[:, 0], np.asarray(hidden)[:, 0])  # nothing to reset yet
    assert np.abs(ours - np.asarray(hidden)).max() > 1e-3


@pytest.mark.parametrize("name", LAYERS)
def test_huge_numbers_saturate_without_a_warning(name):
    layer, x = layer_and_input(name, 3, (2, 4, 5))

    with np.errstate(all="raise", under="ignore"):
        ours = RECURRENCES[name](x * 1e6, *layer.get_weights())

    assert np.isfinite(ours).all()


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(recurrences)

    assert outcome.attempted >= 3
    assert not outcome.failed
