"""Copies of models whose recurrent layers use the cores."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers
from rnnbench.models.fused import FAST, FastConv1D, with_cores
from stacks import MERGE_MODES, PADDINGS, randomized

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
    copy = with_cores(model, stock, batch_size)
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
def test_a_copy_with_the_same_weights_gives_the_same_whatever_the_size_of_a_batch(kind):
    model = sequential(
        KINDS[kind](6, return_sequences=True),
        KINDS[kind](3, return_sequences=True, go_backwards=True),
        layers.Dense(2, activation="relu"),
        KINDS[kind](1),
    )

    copy, stock = copy_with_cores(model, batch_size=4)

    for x in (batch(), batch()[:3]):
        assert_same(copy, model, x)
    assert type(copy.layers[0]) is FAST[KINDS[kind]]
    assert copy.layers[0].scratch
    assert not copy_with_cores(model)[0].layers[0].scratch, "the size is not known"
    assert [one.get_config() for one in copy.layers] == [own.get_config() for own in model.layers]
    assert len(copy.variables) == len(model.variables)
    assert not stock


def dropped(layer, shape=(40, 30, 20)):
    """Return the outputs for ones in two steps of training, in a compiled program.

    Their gradient by the ones is the same, because it passes where nothing is dropped.
    """
    copy, stock = copy_with_cores(keras.Sequential([keras.Input(shape[1:]), layer]))

    @tf.function(jit_compile=True, autograph=False)
    def outputs_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = copy(x, training=True)
            loss = tf.reduce_sum(out)
        return out, tape.gradient(loss, x)

    x, found = tf.ones(shape), []
    for _ in range(2):
        out, gradient = outputs_and_gradient(x)
        np.testing.assert_array_equal(out, gradient)
        found.append(np.array(out))
    np.testing.assert_array_equal(copy(x), x, err_msg="nothing is dropped while predicting")
    assert not stock
    return found


@pytest.mark.parametrize("kind", [layers.Dropout, layers.SpatialDropout1D])
def test_dropout_drops_a_share_other_ones_in_each_step_and_the_same_from_the_same_seed(kind):
    first, second = dropped(kind(0.9, seed=1))

    for found in (first, second):
        np.testing.assert_allclose(np.unique(found), [0, 10], rtol=1e-6)  # so the mean stays
        assert np.mean(found == 0) == pytest.approx(0.9, abs=0.05)
    np.testing.assert_array_equal(dropped(kind(0.9, seed=1))[0], first)
    assert np.mean(first == second) == pytest.approx(0.82, abs=0.1), "as often as by chance"
    np.testing.assert_array_equal(dropped(kind(0.0))[0], 1)


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


@pytest.mark.parametrize("kind", KINDS)
def test_both_directions_of_a_bidirectional_layer_use_the_cores(kind):
    both_ways = [
        layers.Bidirectional(
            KINDS[kind](2, return_sequences=mode != MERGE_MODES[-1]), merge_mode=mode
        )
        for mode in MERGE_MODES
    ]
    model = sequential(*both_ways, features=2)

    copy, stock = copy_with_cores(model, batch_size=4)

    for x in (batch(2), batch(2)[:3]):
        assert_same(copy, model, x)
    assert not stock
    for layer in copy.layers[:-1]:
        for direction in (layer.forward_layer, layer.backward_layer):
            assert type(direction) is FAST[KINDS[kind]]
            assert direction.scratch


def test_the_two_directions_may_be_layers_of_different_kinds_and_stay_untrained():
    backward = layers.LSTM(3, go_backwards=True)
    model = sequential(layers.Bidirectional(layers.GRU(3), backward_layer=backward), features=2)

    for is_trained in (True, False):
        model.layers[0].trainable = is_trained
        copy, stock = copy_with_cores(model)
        assert_same(copy, model, batch(2))
        assert not stock


NOT_COVERED = [
    ([layers.SimpleRNN(3, activation="relu", name="a")], {"a: activation"}),
    ([layers.LSTM(3, recurrent_activation="hard_sigmoid", name="a")], {"a: recurrent_activation"}),
    ([layers.GRU(3, reset_after=False, name="a")], {"a: reset_after"}),
    ([layers.SimpleRNN(3, use_bias=False, name="a")], {"a: use_bias"}),
    ([layers.GRU(3, recurrent_dropout=0.5, name="a")], {"a: recurrent_dropout"}),
    ([layers.LSTM(3, dropout=0.5, activation="relu", name="a")], {"a: dropout, activation"}),
    ([layers.GRU(3, dtype="mixed_float16", name="a")], {"a: dtype"}),
    ([layers.RNN(layers.GRUCell(3), name="a")], {"a: RNN"}),
    (
        [layers.Masking()]
        + [kind(3, name=name, return_sequences=name != "lstm") for name, kind in KINDS.items()],
        {"simple_rnn: masking", "gru: masking", "lstm: masking"},
    ),
    (
        [layers.Bidirectional(layers.GRU(3, name="a", dropout=0.5))],
        {"forward_a: dropout", "backward_a: dropout"},
    ),
]


@pytest.mark.parametrize(
    ("stack", "keras_layers"), NOT_COVERED, ids=["+".join(sorted(left)) for _, left in NOT_COVERED]
)
def test_a_layer_that_the_cores_do_not_cover_is_left_to_keras(stack, keras_layers):
    model = sequential(*stack)

    copy, stock = copy_with_cores(model)

    assert_same(copy, model, batch())
    if not any("dropout" in reason for reason in keras_layers):
        assert_same(copy, model, batch(), training=True)
    assert stock == keras_layers


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


@pytest.mark.parametrize("padding", PADDINGS)
@settings(max_examples=6)
@given(
    steps=st.integers(1, 7),
    size=st.integers(1, 7),
    features=st.integers(1, 4),
    filters=st.integers(1, 4),
    activation=st.sampled_from(["linear", "relu", "tanh"]),
)
def test_a_convolution_and_its_gradients_are_those_of_keras(
    padding, steps, size, features, filters, activation
):
    assume(padding != "valid" or size <= steps)
    conv = layers.Conv1D(filters, size, padding=padding, activation=activation)
    model = randomized(keras.Sequential([keras.Input((steps, features)), conv]))
    x = np.random.default_rng(0).normal(size=(3, steps, features)).astype(np.float32)

    copy, _ = copy_with_cores(model)

    assert type(copy.layers[0]) is FastConv1D
    assert_same(copy, model, x)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"use_bias": False},
        {"data_format": "channels_first", "padding": "valid"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_convolution_with_other_parameters_is_that_of_keras(options):
    conv = layers.Conv1D(2, 3, **{"padding": "same"} | options)
    model = randomized(keras.Sequential([keras.Input((6, 4)), conv]))
    x = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)

    assert_same(copy_with_cores(model)[0], model, x)
