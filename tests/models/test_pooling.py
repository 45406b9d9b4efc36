"""One vector a wire, with and without masked steps, against plain NumPy wire by wire."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.models.layers import Pooling
from rnnbench.models.pooling import POOLING

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis 1")
"""Attention to the one step of a wire."""

ways = pytest.mark.parametrize("by", POOLING)


def test_there_is_a_layer_for_every_way_that_a_config_names():
    assert list(POOLING) == ["max", "mean", "last", "attention"]
    for by in POOLING:
        assert Pooling(by=by).by == by


def pooled(by, steps, weights):
    """Return the vector of one wire, of those of its steps that count, ``(steps, features)``."""
    if by == "max":
        return steps.max(axis=0)
    if by == "mean":
        return steps.mean(axis=0)
    if by == "last":
        return steps[-1]
    kernel, bias, query = weights
    scores = np.exp(np.tanh(steps @ kernel + bias) @ query)
    return (scores / scores.sum() * steps).sum(axis=0)


def layer_and_wires(by, wires, steps, features, seed):
    """Return a layer with random weights, and wires for it."""
    random = np.random.default_rng(seed)
    layer = POOLING[by]()
    layer.build((wires, steps, features))
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer, random.normal(size=(wires, steps, features)).astype(np.float32)


sizes = st.integers(1, 5)


@st.composite
def masks(draw):
    """Return which steps of some wires count: at least one of each, anywhere."""
    wires, steps = draw(sizes), draw(sizes)
    rows = st.lists(st.booleans(), min_size=steps, max_size=steps).filter(any)
    return np.array(draw(st.lists(rows, min_size=wires, max_size=wires)))


@ways
@settings(max_examples=40)
@given(wires=sizes, steps=sizes, features=sizes, seed=st.integers(0, 99))
def test_all_steps_count_where_nothing_is_masked(by, wires, steps, features, seed):
    layer, x = layer_and_wires(by, wires, steps, features, seed)

    found = np.array(layer(x))

    expected = [pooled(by, wire, layer.get_weights()) for wire in x]
    assert found.shape == layer.compute_output_shape(x.shape) == (wires, features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@ways
@settings(max_examples=40)
@given(mask=masks(), features=sizes, seed=st.integers(0, 99))
def test_only_steps_that_are_not_masked_count(by, mask, features, seed):
    layer, x = layer_and_wires(by, *mask.shape, features, seed)

    found = layer(x, mask=mask)

    weights = layer.get_weights()
    expected = [pooled(by, wire[kept], weights) for wire, kept in zip(x, mask, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@ways
@settings(max_examples=40)
@given(mask=masks(), features=sizes, seed=st.integers(0, 99))
def test_what_stands_in_masked_steps_has_no_influence_not_even_on_gradients(
    by, mask, features, seed
):
    layer, x = layer_and_wires(by, *mask.shape, features, seed)
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
def test_all_steps_masked_count_as_each_way_has_it_and_give_numbers(by):
    layer, x = layer_and_wires(by, wires=2, steps=4, features=3, seed=0)
    mask = np.array([[False] * 4, [True] * 4])

    nothing, everything = np.array(layer(x, mask=mask))

    expected = {"max": np.zeros(3), "mean": np.zeros(3), "last": x[0, 0], "attention": x[0].mean(0)}
    np.testing.assert_allclose(nothing, expected[by], atol=1e-6)
    np.testing.assert_allclose(everything, pooled(by, x[1], layer.get_weights()), atol=1e-6)


@ways
def test_a_compiled_program_gives_the_same(by):
    mask = np.array([[False, False, False], [True, False, True], [True, True, False]])
    layer, x = layer_and_wires(by, *mask.shape, features=4, seed=0)

    compiled = tf.function(lambda x, mask: layer(x, mask=mask), jit_compile=True, autograph=False)

    np.testing.assert_allclose(compiled(x, mask), layer(x, mask=mask), atol=1e-6)


@ways
def test_no_mask_is_handed_on_for_what_is_left_has_no_steps(by):
    inputs = keras.Input((4,), dtype="int32")
    sequence = keras.layers.Embedding(9, 3, mask_zero=True)(inputs)

    out = POOLING[by]()(sequence)

    assert getattr(out, "_keras_mask", None) is None
    assert keras.Model(inputs, out)(np.array([[5, 6, 0, 0]])).shape == (1, 3)


@ways
def test_an_embedding_that_masks_makes_the_layer_pass_over_padding(by):
    inputs = keras.Input((None,), dtype="int32")
    sequence = keras.layers.Embedding(9, 3, mask_zero=True)(inputs)
    model = keras.Model(inputs, POOLING[by]()(sequence))

    short, padded = np.array([[5, 6, 7]]), np.array([[0, 5, 0, 6, 7, 0]])

    np.testing.assert_allclose(model(padded), model(short), atol=1e-6)


def test_attention_has_a_kernel_a_bias_and_a_query():
    layer, _ = layer_and_wires("attention", 1, 2, features=5, seed=0)

    assert [weight.shape for weight in layer.get_weights()] == [(5, 5), (5,), (5, 1)]


def test_attention_begins_near_the_mean_and_can_single_one_step_out():
    layer, x = layer_and_wires("attention", wires=1, steps=4, features=3, seed=0)
    kernel, bias, query = layer.get_weights()

    layer.set_weights([kernel, bias, 0 * query])
    np.testing.assert_allclose(layer(x), x.mean(axis=1), atol=1e-6)

    layer.set_weights([kernel, bias, 1000 * query])
    assert np.abs(np.array(layer(x)) - x[0]).max(axis=-1).min() < 1e-4


@pytest.mark.parametrize("by", ["max", "mean", "last"])
def test_the_others_learn_nothing(by):
    layer, _ = layer_and_wires(by, 1, 2, 3, seed=0)

    assert layer.get_weights() == []
