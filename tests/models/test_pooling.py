"""One vector of each sequence, with and without masked steps, against plain NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.models.pooling import POOLING

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis 1")
"""Attention to the one step of a sequence."""

ways = pytest.mark.parametrize("by", POOLING)


def pooled(by, steps, weights):
    """Return the vector of those steps of a sequence that count, ``(steps, features)``."""
    if by == "max":
        return steps.max(axis=0)
    if by == "mean":
        return steps.mean(axis=0)
    if by == "last":
        return steps[-1]
    kernel, bias, query = weights
    scores = np.exp(np.tanh(steps @ kernel + bias) @ query)
    return (scores / scores.sum() * steps).sum(axis=0)


def layer_and_sequences(by, sequences, steps, features, seed):
    """Return a layer with random weights, and sequences for it."""
    random = np.random.default_rng(seed)
    layer = POOLING[by]()
    layer.build((sequences, steps, features))
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer, random.normal(size=(sequences, steps, features)).astype(np.float32)


sizes = st.integers(1, 5)


@st.composite
def masks(draw):
    """Return which steps of some sequences count: at least one of each."""
    sequences, steps = draw(sizes), draw(sizes)
    rows = st.lists(st.booleans(), min_size=steps, max_size=steps).filter(any)
    return np.array(draw(st.lists(rows, min_size=sequences, max_size=sequences)))


@ways
@settings(max_examples=40)
@given(mask=masks(), is_masked=st.booleans(), features=sizes, seed=st.integers(0, 99))
def test_all_steps_count_that_are_not_masked(by, mask, is_masked, features, seed):
    layer, x = layer_and_sequences(by, *mask.shape, features, seed)

    found = layer(x, mask=mask) if is_masked else layer(x)

    kept = [steps[own] if is_masked else steps for steps, own in zip(x, mask, strict=True)]
    expected = [pooled(by, steps, layer.get_weights()) for steps in kept]
    assert found.shape == layer.compute_output_shape(x.shape) == (len(mask), features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@ways
@settings(max_examples=40)
@given(mask=masks(), features=sizes, seed=st.integers(0, 99))
def test_masked_steps_have_no_influence_not_even_on_gradients(by, mask, features, seed):
    layer, x = layer_and_sequences(by, *mask.shape, features, seed)
    other = np.where(mask[..., np.newaxis], x, np.float32(1000))
    outcomes = []
    for inputs in map(tf.constant, (x, other)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            out = layer(inputs, mask=mask)
            loss = tf.reduce_sum(out**2)
        outcomes.append((out, *tape.gradient(loss, [inputs, *layer.trainable_variables])))

    for ours, others in zip(*outcomes, strict=True):
        np.testing.assert_allclose(ours, others, atol=1e-4)
    np.testing.assert_array_equal(np.array(outcomes[0][1])[~mask], 0)


@ways
def test_in_a_compiled_program_a_sequence_may_be_masked_throughout(by):
    layer, x = layer_and_sequences(by, sequences=3, steps=4, features=3, seed=0)
    mask = np.array([[False] * 4, [True] * 4, [True, False, True, False]])

    compiled = tf.function(lambda x, mask: layer(x, mask=mask), jit_compile=True, autograph=False)
    nothing, *others = np.array(compiled(x, mask))

    expected = {"max": np.zeros(3), "mean": np.zeros(3), "last": x[0, 0], "attention": x[0].mean(0)}
    np.testing.assert_allclose(nothing, expected[by], atol=1e-6)
    for found, steps in zip(others, (x[1], x[2, ::2]), strict=True):
        np.testing.assert_allclose(found, pooled(by, steps, layer.get_weights()), atol=1e-6)


@ways
def test_padding_is_skipped_after_an_embedding_that_masks_and_no_mask_is_handed_on(by):
    ids = keras.Input((None,), dtype="int32")
    out = POOLING[by]()(keras.layers.Embedding(9, 3, mask_zero=True)(ids))
    model = keras.Model(ids, out)

    short, padded = np.array([[5, 6, 7]]), np.array([[0, 5, 0, 6, 7, 0]])

    assert getattr(out, "_keras_mask", None) is None
    np.testing.assert_allclose(model(padded), model(short), atol=1e-6)


def test_the_weights_of_attention_follow_its_seeds():
    config = POOLING["attention"](kernel_seed=1, query_seed=2).get_config()
    first, again = (POOLING["attention"].from_config(config) for _ in range(2))

    for layer in (first, again):
        layer.build((1, 2, 5))

    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
