"""Copies of models whose recurrent layers use the cores."""

from itertools import cycle

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers
from stacks import MERGE_MODES, PADDINGS, randomized

from rnnbench.models.fused import FAST, FastConv1D, with_cores

KINDS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
STEPS = 5


def batch(features=1, seed=0):
    """Return made-up sequences; the last two steps of the first are zeros."""
    x = np.random.default_rng(seed).normal(size=(4, STEPS, features)).astype(np.float32)
    x[0, -2:] = 0
    return x


def sequential(*stack, features=1):
    """Return a model from sequences to three topics, none of whose weights is zero."""
    topics = layers.Dense(3, activation="softmax")
    return randomized(keras.Sequential([keras.Input((STEPS, features)), *stack, topics]))


def copy_with_cores(model, batch_size=None):
    """Return the copy, with all variables of ``model``, and the layers left to Keras."""
    stock = set()
    copy = with_cores(model, stock.add, batch_size)
    for ours, theirs in zip(copy.variables, model.variables, strict=True):
        ours.assign(theirs)
    return copy, stock


def assert_same(copy, model, x, training=False):
    """Compare the outputs, and the gradients of their squares by inputs and weights."""
    ours, theirs = (outputs_and_gradients(net, x, training) for net in (copy, model))
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, atol=1e-5)


def outputs_and_gradients(model, x, training):
    x = tf.constant(x)
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x, training=training)
        loss = tf.reduce_sum(outputs**2)
    return [outputs, *tape.gradient(loss, [x, *weights])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("features", "go_backwards"), [(1, True), (6, False)])
def test_a_copy_with_the_same_weights_predicts_the_same(kind, features, go_backwards):
    model = sequential(KINDS[kind](4, go_backwards=go_backwards), features=features)

    copy, stock = copy_with_cores(model)

    assert_same(copy, model, batch(features))
    assert_same(copy, model, batch(features)[:1])
    assert type(copy.layers[0]) is FAST[KINDS[kind]]
    assert copy.layers[0].get_config() == model.layers[0].get_config()
    assert not stock


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_for_batches_of_one_size_does_the_same_and_takes_other_sizes_too(kind):
    model = sequential(
        KINDS[kind](4, return_sequences=True),
        KINDS[kind](3, return_sequences=True, go_backwards=True),
        layers.Dense(2, activation="relu"),
        KINDS[kind](1),
    )
    x = np.concatenate([batch(), batch(seed=1)])

    copy, stock = copy_with_cores(model, batch_size=4)

    for part in (x[:4], x[4:], x[:7], x[:4]):
        assert_same(copy, model, part)
    assert len(copy.variables) == len(model.variables)
    assert not stock


def test_the_model_stays_as_it_was_and_shares_nothing_with_the_copy():
    model = sequential(layers.GRU(4, return_sequences=True), layers.Dropout(0.5), layers.LSTM(4))
    before = model.get_weights()

    copy, stock = copy_with_cores(model)
    assert_same(copy, model, batch())
    copy.set_weights([np.zeros_like(weight) for weight in before])

    assert type(model.layers[0]) is layers.GRU
    assert copy.layers[1].get_config() == model.layers[1].get_config()
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert not stock


def dropped(layer, shape=(40, 30, 20)):
    """Return the outputs for ones in two steps of training, in a compiled program."""
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    copy, stock = copy_with_cores(model)
    step = tf.function(lambda x: copy(x, training=True), jit_compile=True, autograph=False)
    x = np.ones(shape, np.float32)
    first, second = (np.array(step(x)) for _ in range(2))
    np.testing.assert_array_equal(copy(x), x, err_msg="nothing is dropped while predicting")
    assert not stock
    return first, second


both_kinds_of_dropout = pytest.mark.parametrize("kind", [layers.Dropout, layers.SpatialDropout1D])


@both_kinds_of_dropout
def test_dropout_drops_a_share_and_scales_the_rest_so_that_the_mean_stays(kind):
    for found in dropped(kind(0.9, seed=0)):
        np.testing.assert_allclose(np.unique(found), [0, 10], rtol=1e-6)
        assert np.mean(found == 0) == pytest.approx(0.9, abs=0.05)
    np.testing.assert_array_equal(dropped(kind(0.0))[0], 1)


@both_kinds_of_dropout
def test_dropout_drops_others_in_each_step_and_the_same_from_the_same_seed(kind):
    first, second = dropped(kind(0.5, seed=1))
    again, _ = dropped(kind(0.5, seed=1))

    np.testing.assert_array_equal(first, again)
    assert np.mean(first == second) == pytest.approx(0.5, abs=0.1), "as often as by chance"


def test_dropout_drops_numbers_one_by_one_and_spatial_dropout_a_feature_on_all_steps():
    one_by_one, _ = dropped(layers.Dropout(0.5, seed=0))
    for axis in range(3):
        assert np.ptp(one_by_one, axis=axis).all()
    for per_feature in (
        layers.SpatialDropout1D(0.5, seed=0),
        layers.Dropout(0.5, noise_shape=(None, 1, None), seed=0),
    ):
        features, _ = dropped(per_feature)
        assert (np.ptp(features, axis=1) == 0).all()
        assert np.ptp(features, axis=0).any(), "it is not the same in all sequences"
        assert np.ptp(features, axis=2).any(), "nor for all features"


@both_kinds_of_dropout
def test_gradients_pass_where_nothing_is_dropped(kind):
    copy, _ = copy_with_cores(keras.Sequential([keras.Input((30, 20)), kind(0.5)]))

    @tf.function(jit_compile=True, autograph=False)
    def outputs_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = copy(x, training=True)
            loss = tf.reduce_sum(out)
        return out, tape.gradient(loss, x)

    out, gradient = outputs_and_gradient(tf.ones((4, 30, 20)))

    np.testing.assert_array_equal(out, gradient)


def test_a_functional_model_with_branches_and_a_shared_layer_is_copied():
    inputs = keras.Input((STEPS, 1))
    sequence = layers.GRU(4, return_sequences=True)(inputs)
    shared = layers.LSTM(3)
    forwards, backwards = layers.Bidirectional(layers.GRU(3), merge_mode=None)(sequence)
    branches = [shared(sequence), shared(layers.Dense(4)(sequence)), layers.SimpleRNN(2)(sequence)]
    joined = layers.Concatenate()([*branches, forwards, backwards])
    model = randomized(keras.Model(inputs, layers.Dense(3, activation="softmax")(joined)))

    copy, stock = copy_with_cores(model, batch_size=4)

    assert_same(copy, model, batch())
    assert not stock


@pytest.mark.parametrize(
    ("layer", "keras_layer"),
    [
        (layers.SimpleRNN(3, activation="relu", name="a"), "a: activation"),
        (layers.LSTM(3, recurrent_activation="hard_sigmoid", name="a"), "a: recurrent_activation"),
        (layers.GRU(3, reset_after=False, name="a"), "a: reset_after"),
        (layers.SimpleRNN(3, use_bias=False, name="a"), "a: use_bias"),
        (layers.GRU(3, recurrent_dropout=0.5, name="a"), "a: recurrent_dropout"),
        (layers.LSTM(3, dropout=0.5, activation="relu", name="a"), "a: dropout, activation"),
        (layers.GRU(3, dtype="mixed_float16", name="a"), "a: dtype"),
        (layers.RNN(layers.GRUCell(3), name="a"), "a: RNN"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_layer_that_the_cores_do_not_cover_is_left_to_keras(layer, keras_layer):
    model = sequential(layers.GRU(2, return_sequences=True), layer)

    copy, stock = copy_with_cores(model)

    assert_same(copy, model, batch())
    assert_same(copy, model, batch(), training=True)
    assert stock == {keras_layer}


PAIRS = list(zip(cycle(KINDS), MERGE_MODES * 3, strict=False))[:12]
"""Each kind with each mode."""


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("number", range(0, 12, 4))
def test_both_directions_of_a_bidirectional_layer_use_the_cores(number, batch_size):
    pairs = PAIRS[number : number + 4]
    both_ways = [
        layers.Bidirectional(KINDS[kind](2, return_sequences=place < 3), merge_mode=mode)
        for place, (kind, mode) in enumerate(pairs)
    ]
    model = sequential(*both_ways, features=2)

    copy, stock = copy_with_cores(model, batch_size)

    for x in (batch(2), batch(2)[:3]):
        assert_same(copy, model, x)
    assert not stock
    for layer, (kind, _) in zip(copy.layers, pairs, strict=False):
        for direction in (layer.forward_layer, layer.backward_layer):
            assert type(direction) is FAST[KINDS[kind]]
            assert bool(direction.scratch) == bool(batch_size)


def test_the_two_directions_may_be_layers_of_different_kinds_and_stay_untrained():
    backward = layers.LSTM(3, go_backwards=True)
    model = sequential(layers.Bidirectional(layers.GRU(3), backward_layer=backward), features=2)

    for is_trained in (True, False):
        model.layers[0].trainable = is_trained
        copy, stock = copy_with_cores(model)
        assert_same(copy, model, batch(2))
        assert not stock


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"activation": "relu"}, {}], ids=str)
def test_each_direction_that_the_cores_do_not_cover_is_left_to_keras(options):
    below = [] if options else [layers.Masking()]
    model = sequential(*below, layers.Bidirectional(layers.GRU(3, name="a", **options)))

    copy, stock = copy_with_cores(model)

    assert_same(copy, model, batch())
    reason = next(iter(options), "masking")
    assert stock == {f"forward_a: {reason}", f"backward_a: {reason}"}


@pytest.mark.parametrize("padding", PADDINGS)
@settings(max_examples=6)
@given(
    steps=st.integers(1, 7),
    size=st.integers(1, 7),
    features=st.integers(1, 4),
    filters=st.integers(1, 4),
    activation=st.sampled_from(["linear", "relu", "tanh"]),
    seed=st.integers(0, 99),
)
def test_a_convolution_and_its_gradients_are_those_of_keras(
    padding, steps, size, features, filters, activation, seed
):
    assume(padding != "valid" or size <= steps)
    conv = layers.Conv1D(filters, size, padding=padding, activation=activation)
    model = randomized(keras.Sequential([keras.Input((steps, features)), conv]))
    x = np.random.default_rng(seed).normal(size=(3, steps, features)).astype(np.float32)

    copy, stock = copy_with_cores(model)

    assert type(copy.layers[0]) is FastConv1D
    assert copy(x).shape == model(x).shape
    assert_same(copy, model, x)
    assert not stock


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"use_bias": False},
        {"data_format": "channels_first"},
        {"activation": None},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_convolution_with_other_parameters_is_that_of_keras(options):
    padding = "valid" if "data_format" in options else "same"
    conv = layers.Conv1D(2, 3, padding=padding, **options)
    model = randomized(keras.Sequential([keras.Input((6, 4)), conv]))
    x = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)

    copy, stock = copy_with_cores(model)

    assert_same(copy, model, x)
    assert not stock


@pytest.mark.parametrize("kind", KINDS)
def test_steps_that_are_masked_are_left_to_keras(kind):
    model = sequential(layers.Masking(), KINDS[kind](3, name="a"))
    unmasked = keras.Sequential([keras.Input((STEPS, 1)), *model.layers[1:]])

    copy, stock = copy_with_cores(model)

    assert_same(copy, model, batch())
    assert stock == {"a: masking"}
    assert not np.allclose(model(batch())[0], unmasked(batch())[0]), "two steps of it are masked"


def test_a_state_that_is_given_asked_for_or_kept_is_left_to_keras():
    inputs = keras.Input(batch_shape=(4, STEPS, 1))
    _, state = layers.GRU(3, return_state=True, name="gives")(inputs)
    taken = layers.GRU(3, name="takes")(inputs, initial_state=state)
    kept = layers.LSTM(3, stateful=True, name="keeps")(inputs)
    model = randomized(keras.Model(inputs, layers.Concatenate()([taken, kept])))

    copy, stock = copy_with_cores(model)

    for seed in range(3):
        assert_same(copy, model, batch(seed=seed))
    assert stock == {"gives: return_state", "takes: initial_state", "keeps: initial_state"}
