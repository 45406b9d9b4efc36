"""Layers that drop weights in training: what they drop, and what passes through the rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from stacks import EMBEDDING, bidirectional, network, randomized

from rnnbench.models.build import build
from rnnbench.models.dropped_weights import WEIGHT_DROP, DropoutEmbedding
from rnnbench.models.fused import with_cores
from rnnbench.models.layers.base import Shape

STEPS, UNITS, WORDS = 4, 20, 200
SEQUENCES = np.random.default_rng(0).normal(size=(3, STEPS, 2)).astype(np.float32)
IDS = np.random.default_rng(1).integers(0, WORDS, (100, STEPS), dtype=np.int32)
IDS[:, 0] = 7  # a word that is in all documents
RECURRENT_KERNEL = 1
"""Its place among the weights of a layer."""

kinds = pytest.mark.parametrize("kind", WEIGHT_DROP)
rates = pytest.mark.parametrize("rate", [0.25, 0.9])
engines = pytest.mark.parametrize("is_compiled", [False, True], ids=["keras", "compiled"])


def recurrent(kind, rate=0.5, seed=0, below=()):
    """Return a model of a recurrent layer that drops weights, all of them random."""
    layer = WEIGHT_DROP[kind](
        UNITS, return_sequences=True, weight_drop=rate, weight_drop_seed=seed, name="a"
    )
    model = keras.Sequential([keras.Input((STEPS, 2)), *below, layer])
    random = np.random.default_rng(2)
    model.set_weights([random.normal(size=each.shape) / 4 for each in model.get_weights()])
    return model


def embedding(rate=0.5, seed=0):
    """Return a model of an embedding that drops words; all its vectors are ones."""
    layer = DropoutEmbedding(WORDS, 3, dropout=rate, dropout_seed=seed)
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), layer])
    model.set_weights([np.ones((WORDS, 3))])
    return model


def compiled(model):
    """Return the copy that the engine ``compiled`` trains, and the layers left to Keras."""
    stock = set()
    copy = with_cores(model, stock.add)
    for ours, theirs in zip(copy.variables, model.variables, strict=True):
        ours.assign(theirs)
    return copy, stock


def trainer(model, inputs, is_compiled):
    """Return a function from nothing to the outputs in training, and gradients by the weights.

    The gradients are those of the sum of the squares of the outputs.
    """
    if is_compiled:
        model, _ = compiled(model)

    def step():
        with tf.GradientTape() as tape:
            out = model(tf.constant(inputs), training=True)
            loss = tf.reduce_sum(out**2)
        weights = [weight.value for weight in model.trainable_variables]
        return out, [tf.convert_to_tensor(each) for each in tape.gradient(loss, weights)]

    return tf.function(step, jit_compile=is_compiled, autograph=False)


def kept_in(step):
    """Return which recurrent weights are kept in a step: those that a gradient reaches."""
    _, gradients = step()
    return np.array(gradients[RECURRENT_KERNEL]) != 0


@kinds
@engines
def test_a_step_is_that_of_the_stock_layer_with_some_recurrent_weights_0_and_the_rest_scaled(
    kind, is_compiled
):
    rate = 0.25
    model = recurrent(kind, rate)

    out, gradients = trainer(model, SEQUENCES, is_compiled)()

    mask = (np.array(gradients[RECURRENT_KERNEL]) != 0) / np.float32(1 - rate)
    assert np.mean(mask == 0) == pytest.approx(rate, abs=0.1)
    layer = getattr(keras.layers, kind)(UNITS, return_sequences=True)
    stock = keras.Sequential([keras.Input((STEPS, 2)), layer])
    weights = model.get_weights()
    weights[RECURRENT_KERNEL] *= mask
    stock.set_weights(weights)
    expected, slopes = trainer(stock, SEQUENCES, is_compiled=False)()
    np.testing.assert_allclose(out, expected, atol=1e-5)
    for place, (ours, theirs) in enumerate(zip(gradients, slopes, strict=True)):
        scale = mask if place == RECURRENT_KERNEL else 1
        np.testing.assert_allclose(ours, theirs * scale, atol=1e-4)


@engines
def test_each_step_drops_others_and_a_seed_the_same(is_compiled):
    step = trainer(recurrent("SimpleRNN", seed=1), SEQUENCES, is_compiled)
    again = trainer(recurrent("SimpleRNN", seed=1), SEQUENCES, is_compiled)
    other = trainer(recurrent("SimpleRNN", seed=2), SEQUENCES, is_compiled)

    first, second = kept_in(step), kept_in(step)

    np.testing.assert_array_equal(kept_in(again), first)
    for mask in (second, kept_in(other)):
        assert np.mean(mask == first) == pytest.approx(0.5, abs=0.1), "as often as by chance"


@engines
def test_recurrent_weights_keep_their_means(is_compiled):
    step = trainer(recurrent("SimpleRNN", rate=0.25), SEQUENCES, is_compiled)

    mean = np.mean([kept_in(step) / 0.75 for _ in range(400)], axis=0)

    np.testing.assert_allclose(mean, 1, atol=0.15)
    assert mean.mean() == pytest.approx(1, abs=0.01)


@kinds
def test_nothing_is_dropped_while_predicting(kind):
    model = recurrent(kind)
    copy, stock = compiled(model)
    layer = getattr(keras.layers, kind)(UNITS, return_sequences=True)
    plain = keras.Sequential([keras.Input((STEPS, 2)), layer])
    plain.set_weights(model.get_weights())

    for each in (model, copy):
        np.testing.assert_allclose(each(SEQUENCES), plain(SEQUENCES), atol=1e-5)
    assert not stock


def test_a_layer_that_the_cores_do_not_cover_drops_weights_too():
    model = recurrent("LSTM", below=[keras.layers.Masking()])

    step, (copy, stock) = trainer(model, SEQUENCES, is_compiled=True), compiled(model)
    copy(SEQUENCES)

    assert np.mean(kept_in(step)) == pytest.approx(0.5, abs=0.1)
    assert stock == {"a: masking"}


@engines
def test_the_two_directions_drop_weights_of_their_own(is_compiled):
    stack = [EMBEDDING, bidirectional("gru", units=UNITS, weight_drop=0.5)]
    model = randomized(build(network(stack), Shape(STEPS, 3, WORDS), 0))

    _, gradients = trainer(model, IDS, is_compiled)()

    forward, backward = (np.array(gradients[place]) != 0 for place in (2, 5))
    assert forward.shape == backward.shape == (UNITS, 3 * UNITS)
    for kept in (forward, backward, forward == backward):
        assert np.mean(kept) == pytest.approx(0.5, abs=0.1)


@rates
@engines
def test_an_embedding_drops_words_wherever_they_are_and_scales_the_rest(rate, is_compiled):
    step = trainer(embedding(rate), IDS, is_compiled)

    (out, (gradient,)), (second, _) = step(), step()

    out, left = np.array(out), np.float32(1 / (1 - rate))
    values = {word: set(out[word == IDS].flat) for word in np.unique(IDS)}
    assert all(found in ({0}, {left}) for found in values.values())
    kept = np.array([values[word] == {left} for word in values])
    assert np.mean(kept) == pytest.approx(1 - rate, abs=0.1)
    counts = np.bincount(IDS.flat, minlength=WORDS)
    slopes = 2 * left**2 * counts * [left in values.get(word, ()) for word in range(WORDS)]
    np.testing.assert_allclose(gradient, np.repeat(slopes[:, np.newaxis], 3, axis=1), rtol=1e-5)
    assert np.any(out != np.array(second)), "each step drops others"


@engines
def test_words_keep_their_means_and_follow_the_seed(is_compiled):
    step, again = (trainer(embedding(0.25, seed=3), IDS, is_compiled) for _ in range(2))

    first, repeated = np.array(step()[0]), np.array(again()[0])
    common = np.mean([np.array(step()[0])[0, 0] for _ in range(400)])

    np.testing.assert_array_equal(first, repeated)
    assert common == pytest.approx(1, abs=0.1)


def test_an_embedding_drops_nothing_while_predicting():
    model = embedding()

    for each in (model, compiled(model)[0]):
        np.testing.assert_array_equal(each(IDS), np.ones((*IDS.shape, 3)))


def test_without_a_rate_the_layers_are_those_of_keras():
    stack = [EMBEDDING, {"lstm": {"units": 3, "weight_drop": 0.0}}]
    model = build(network(stack), Shape(STEPS, 3, WORDS), 0)

    assert [type(each) for each in model.layers[:2]] == [keras.layers.Embedding, keras.layers.LSTM]
