"""Copies of models whose recurrent layers use the cores."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnnbench.models import fused
from rnnbench.models.fused import with_cores

KINDS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
STEPS = 5


def batch(features=1, seed=0):
    """Return made-up sequences; the last two steps of the first are zeros."""
    x = np.random.default_rng(seed).normal(size=(4, STEPS, features)).astype(np.float32)
    x[0, -2:] = 0
    return x


def sequential(*stack, features=1):
    """Return a model from sequences to three topics, with weights that are nowhere zero."""
    topics = layers.Dense(3, activation="softmax")
    return randomized(keras.Sequential([keras.Input((STEPS, features)), *stack, topics]))


def randomized(model):
    """Give a model random weights, biases too."""
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=weight.shape) * 0.5 for weight in model.get_weights()])
    return model


def copy_with_cores(model, batch_size=None):
    """Return the copy, with all variables of ``model``, and what is told."""
    told = set()
    copy = with_cores(model, told.add, batch_size)
    for ours, theirs in zip(copy.variables, model.variables, strict=True):
        ours.assign(theirs)
    return copy, told


def assert_same(copy, model, x, training=False):
    np.testing.assert_allclose(copy(x, training=training), model(x, training=training), atol=1e-6)


def assert_same_gradients(copy, model, x):
    ours, theirs = gradients_of(copy, x), gradients_of(model, x)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, atol=1e-6)


def gradients_of(model, x):
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        first_topic = tf.reduce_sum(model(x)[:, 0])
    return tape.gradient(first_topic, weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("features", [1, 6])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}], ids=["forwards", "backwards"])
def test_a_copy_with_the_same_weights_predicts_the_same(kind, features, options):
    model = sequential(KINDS[kind](4, **options), features=features)

    copy, told = copy_with_cores(model)

    assert_same(copy, model, batch(features))
    assert_same(copy, model, batch(features)[:1])
    assert not told


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_for_batches_of_one_size_does_the_same_batch_after_batch(kind):
    model = sequential(KINDS[kind](4, return_sequences=True), KINDS[kind](3))

    copy, told = copy_with_cores(model, batch_size=4)

    for seed in range(3):
        assert_same(copy, model, batch(seed=seed))
        assert_same_gradients(copy, model, batch(seed=seed))
    assert len(copy.variables) == len(model.variables)
    assert not told


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_copy_for_batches_of_one_size_takes_batches_of_other_sizes_too(kind, size):
    model = sequential(KINDS[kind](4, return_sequences=True), KINDS[kind](3))
    x = np.concatenate([batch(), batch(seed=1)])

    copy, told = copy_with_cores(model, batch_size=4)

    for part in (x[:4], x[:size], x[:4]):
        assert_same(copy, model, part)
        assert_same_gradients(copy, model, part)
    assert not told


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_of_layers_is_covered_as_is_a_layer_of_one_unit(kind):
    model = sequential(
        KINDS[kind](4, return_sequences=True),
        KINDS[kind](3, return_sequences=True, go_backwards=True),
        layers.Dense(2, activation="relu"),
        KINDS[kind](1),
    )

    copy, told = copy_with_cores(model)

    assert_same(copy, model, batch())
    assert not told


@pytest.mark.parametrize("kind", KINDS)
def test_the_copy_of_a_layer_is_one_with_a_core_and_keeps_name_and_parameters(kind):
    model = sequential(KINDS[kind](4, name="memory"))

    copy, _ = copy_with_cores(model)

    core_layer = copy.get_layer("memory")
    assert type(core_layer) is getattr(fused, KINDS[kind].__name__)
    assert core_layer.get_config() == model.get_layer("memory").get_config()


def test_the_model_stays_what_it_was_and_shares_nothing_with_the_copy():
    model = sequential(layers.GRU(4))
    before = model.get_weights()

    copy, _ = copy_with_cores(model)
    copy.set_weights([np.zeros_like(weight) for weight in before])

    assert type(model.layers[0]) is layers.GRU
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_what_is_not_recurrent_is_copied_dropout_too():
    model = sequential(layers.GRU(4, return_sequences=True), layers.Dropout(0.5), layers.LSTM(4))

    copy, told = copy_with_cores(model)

    assert_same(copy, model, batch(), training=True)
    assert not told


@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_functional_model_with_branches_and_a_shared_layer_is_copied(batch_size):
    inputs = keras.Input((STEPS, 1))
    sequence = layers.GRU(4, return_sequences=True)(inputs)
    shared = layers.LSTM(3)
    branches = [shared(sequence), shared(layers.Dense(4)(sequence)), layers.SimpleRNN(2)(sequence)]
    outputs = layers.Dense(3, activation="softmax")(layers.Concatenate()(branches))
    model = randomized(keras.Model(inputs, outputs))

    copy, told = copy_with_cores(model, batch_size)

    assert_same(copy, model, batch())
    assert_same_gradients(copy, model, batch())
    assert not told


@pytest.mark.parametrize(
    ("layer", "told_of"),
    [
        (layers.SimpleRNN(3, activation="relu", name="a"), "a: activation"),
        (layers.LSTM(3, activation="sigmoid", name="a"), "a: activation"),
        (layers.LSTM(3, recurrent_activation="hard_sigmoid", name="a"), "a: recurrent_activation"),
        (layers.GRU(3, recurrent_activation="tanh", name="a"), "a: recurrent_activation"),
        (layers.GRU(3, reset_after=False, name="a"), "a: reset_after"),
        (layers.SimpleRNN(3, use_bias=False, name="a"), "a: use_bias"),
        (layers.GRU(3, use_bias=False, name="a"), "a: use_bias"),
        (layers.LSTM(3, use_bias=False, name="a"), "a: use_bias"),
        (layers.SimpleRNN(3, dropout=0.5, name="a"), "a: dropout"),
        (layers.GRU(3, recurrent_dropout=0.5, name="a"), "a: recurrent_dropout"),
        (
            layers.LSTM(3, dropout=0.5, recurrent_dropout=0.5, name="a"),
            "a: dropout, recurrent_dropout",
        ),
        (layers.LSTM(3, dropout=0.5, activation="relu", name="a"), "a: dropout, activation"),
        (layers.Bidirectional(layers.GRU(3), name="a"), "a: Bidirectional"),
        (layers.RNN(layers.GRUCell(3), name="a"), "a: RNN"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_the_cores_do_not_cover_is_left_to_keras_and_told(layer, told_of):
    model = sequential(layers.GRU(2, return_sequences=True), layer)

    copy, told = copy_with_cores(model)

    assert_same(copy, model, batch())
    assert_same(copy, model, batch(), training=True)
    assert told == {told_of}


@pytest.mark.parametrize("kind", KINDS)
def test_steps_that_are_masked_are_left_to_keras_and_told(kind):
    model = sequential(layers.Masking(), KINDS[kind](3, name="a"))
    unmasked = keras.Sequential([keras.Input((STEPS, 1)), *model.layers[1:]])

    copy, told = copy_with_cores(model)

    assert_same(copy, model, batch())
    assert told == {"a: masking"}
    assert not np.allclose(model(batch())[0], unmasked(batch())[0]), "two steps of it are masked"


def test_a_state_given_or_asked_for_is_left_to_keras_and_told():
    inputs = keras.Input((STEPS, 1))
    _, state = layers.GRU(3, return_state=True, name="gives")(inputs)
    outputs = layers.GRU(3, name="takes")(inputs, initial_state=state)
    model = randomized(keras.Model(inputs, outputs))

    copy, told = copy_with_cores(model)

    assert_same(copy, model, batch())
    assert told == {"gives: return_state", "takes: initial_state"}


def test_a_state_that_is_kept_between_batches_is_left_to_keras_and_told():
    inputs = keras.Input(batch_shape=(4, STEPS, 1))
    model = randomized(keras.Sequential([inputs, layers.LSTM(3, stateful=True, name="a")]))

    copy, told = copy_with_cores(model)

    for seed in range(3):
        assert_same(copy, model, batch(seed=seed))
    assert told == {"a: initial_state"}


def test_half_precision_is_left_to_keras_and_told():
    model = randomized(
        keras.Sequential([keras.Input((STEPS, 1)), layers.GRU(3, dtype="mixed_float16", name="a")])
    )

    copy, told = copy_with_cores(model)

    assert copy(batch()).dtype == "float16"
    assert_same(copy, model, batch())
    assert told == {"a: dtype"}
