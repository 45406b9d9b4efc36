"""From the description of a network to a Keras model, for every kind of layer that there is."""

from pathlib import Path

import keras
import numpy as np
import pytest
from factories import SOFTMAX
from hypothesis import given, settings
from hypothesis import strategies as st
from stacks import (
    EMBEDDING,
    MASKED,
    MEAN,
    MERGE_MODES,
    PADDINGS,
    STACKS,
    bidirectional,
    conv1d,
    network,
    randomized,
)

from rnnbench.config.load import load
from rnnbench.errors import UserError
from rnnbench.models import build as module
from rnnbench.models.build import build, predict
from rnnbench.models.layers import LAYERS, RECURRENT
from rnnbench.models.shape import Shape

ALL = load(Path(__file__).parents[2] / "configs" / "all.yaml")
SHAPE = Shape(timesteps=6, n_topics=7, n_ids=12)
IDS = np.random.default_rng(0).integers(0, SHAPE.n_ids, (5, SHAPE.timesteps), dtype=np.int32)

stacks = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)


def test_every_kind_of_layer_stands_in_a_stack_that_is_tested():
    tried = {name.partition(",")[0] for name in STACKS}

    assert tried == set(LAYERS)
    for name, stack in STACKS.items():
        assert name.partition(",")[0] in {kind for layer in stack for kind in layer}


@stacks
def test_a_model_maps_word_ids_to_a_probability_a_topic(stack):
    model = build(network(stack), SHAPE)

    probabilities = predict(model, IDS)

    (inputs,) = model.inputs
    assert (inputs.shape, inputs.dtype) == ((None, 6), "int32")
    assert model.output_shape == (None, 7)
    assert probabilities.shape == (5, 7)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@stacks
def test_words_have_an_influence_on_what_is_answered(stack):
    probabilities = predict(randomized(build(network(stack), SHAPE)), IDS)

    assert np.ptp(probabilities, axis=0).max() > 0.001


@stacks
def test_a_seed_gives_the_same_weights_and_another_seed_gives_others(stack):
    weights = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        weights.append(build(network(stack), SHAPE).get_weights())

    first, again, other = weights
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any(not np.array_equal(*pair) for pair in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("vanilla_rnn", 4_946),
        ("stacked_vanilla_rnn", 9_996),
        ("lstm", 12_746),
        ("stacked_lstm", 32_946),
    ],
)
def test_the_notebooks_models_have_the_notebooks_parameters(name, params):
    shape = Shape(timesteps=49, n_topics=46, n_ids=30_000)

    assert build(ALL.models[name], shape).count_params() == params


@pytest.mark.parametrize(
    ("stack", "params"),
    [
        ([EMBEDDING, MEAN], 12 * 4),
        ([EMBEDDING, bidirectional("simple_rnn")], 12 * 4 + 2 * 3 * (4 + 3 + 1)),
        ([EMBEDDING, bidirectional("lstm")], 12 * 4 + 2 * 4 * 3 * (4 + 3 + 1)),
        ([EMBEDDING, conv1d("same"), MEAN], 12 * 4 + 3 * (4 * 4 + 1)),
        ([EMBEDDING, {"pooling": {"by": "attention"}}], 12 * 4 + 4 * 4 + 4 + 4),
        ([EMBEDDING, {"layer_norm": {}}, MEAN], 12 * 4 + 2 * 4),
    ],
    ids=["embedding", "bidirectional", "bidirectional lstm", "conv1d", "attention", "layer_norm"],
)
def test_a_stack_has_the_parameters_that_are_worked_out_by_hand(stack, params):
    model = build(network(stack), SHAPE)

    features = model.layers[-2].output.shape[-1]
    assert model.count_params() == params + 7 * (features + 1)


def test_an_embedding_that_is_not_trained_has_no_trained_parameters():
    model = build(network(STACKS["embedding, not trained"]), SHAPE)

    assert [tuple(weight.shape) for weight in model.non_trainable_weights] == [(12, 4)]
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == 7 * (4 + 1)


def output_shapes(*stack):
    """Return the shape of what each layer gives, without the batch, the last one left out."""
    return [layer.output.shape[1:] for layer in build(network([*stack]), SHAPE).layers[:-1]]


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("mode", MERGE_MODES)
def test_a_bidirectional_layer_gives_what_its_merge_mode_makes_of_both_directions(kind, mode):
    units = 6 if mode == "concat" else 3

    shapes = output_shapes(
        EMBEDDING, bidirectional(kind, mode, return_sequences=True), bidirectional(kind, mode)
    )

    assert shapes == [(6, 4), (6, units), (units,)]


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_convolution_gives_a_vector_a_step_or_a_window_where_nothing_is_padded(padding):
    shapes = output_shapes(EMBEDDING, conv1d(padding), MEAN)

    assert shapes == [(6, 4), (3 if padding == "valid" else 6, 3), (3,)]


@pytest.mark.parametrize("between", [[], [{"dropout": {"rate": 0.1}}, {"layer_norm": {}}]])
def test_masking_leaves_padding_without_influence(between):
    stack = [MASKED, *between, {"lstm": {"units": 3, "return_sequences": True}}, MEAN]
    model = build(network(stack), SHAPE)
    short = np.array([[1, 5, 6, 7, 0, 0]], np.int32)
    model.layers[0].set_weights([np.random.default_rng(1).normal(size=(12, 4))])

    masked, as_if_short = predict(model, short), predict(model, np.roll(short, 2, axis=1))

    np.testing.assert_allclose(masked, as_if_short, atol=1e-6)


def test_parameters_of_a_layer_reach_keras():
    parameters = {
        "units": 3,
        "activation": "relu",
        "recurrent_activation": "hard_sigmoid",
        "reset_after": False,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
    }

    config = build(network([{"gru": parameters}]), SHAPE).layers[-2].get_config()

    assert {name: config[name] for name in parameters} == parameters


def test_parameters_of_the_layer_within_a_bidirectional_one_reach_both_directions():
    stack = [EMBEDDING, bidirectional("lstm", dropout=0.3, unit_forget_bias=False)]

    layer = build(network(stack), SHAPE).layers[1]

    for inner in (layer.forward_layer, layer.backward_layer):
        assert (inner.dropout, inner.cell.unit_forget_bias) == (0.3, False)
    assert (layer.forward_layer.go_backwards, layer.backward_layer.go_backwards) == (False, True)


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"spatial_dropout": {"rate": 0.25}}, {"rate": 0.25}),
        ({"layer_norm": {"epsilon": 0.5}}, {"epsilon": 0.5}),
        (
            {"conv1d": {"filters": 2, "kernel_size": 3, "padding": "causal"}},
            {"filters": 2, "kernel_size": (3,), "padding": "causal", "activation": "linear"},
        ),
    ],
    ids=["spatial_dropout", "layer_norm", "conv1d"],
)
def test_parameters_of_what_is_not_recurrent_reach_keras_too(described, expected):
    config = build(network([EMBEDDING, described, MEAN]), SHAPE).layers[1].get_config()

    assert {name: config[name] for name in expected} == expected


def given_to_the_first_layer(inputs, ids, shape):
    """Return the numbers that the first layer of a network is given."""
    model = build(network([{"simple_rnn": {"units": 2}}], inputs=inputs), shape)
    (recurrent,) = (layer for layer in model.layers if isinstance(layer, keras.layers.RNN))
    return np.array(keras.Model(model.inputs[0], recurrent.input)(ids))


@pytest.mark.parametrize("inputs", ["ids", "scaled_ids"])
@settings(max_examples=25)
@given(
    n_ids=st.integers(4, 50_000),
    ids=st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=4),
)
def test_a_word_is_one_number_its_id_or_its_id_by_the_number_of_ids(inputs, n_ids, ids):
    ids = (np.array(ids) * (n_ids - 1)).astype(np.int32)

    found = given_to_the_first_layer(inputs, ids, Shape(3, 2, n_ids))

    expected = ids if inputs == "ids" else ids / n_ids
    assert found.shape == (*ids.shape, 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-6)


def test_scaled_ids_stay_below_one():
    ids = np.array([[0, 5, 11]], np.int32)

    found = given_to_the_first_layer("scaled_ids", ids, Shape(3, 2, 12))

    assert found.ravel().tolist() == pytest.approx([0, 5 / 12, 11 / 12])


def test_without_an_embedding_ids_are_the_inputs_unless_it_is_said_otherwise():
    assert network([{"simple_rnn": {"units": 2}}]).inputs == "ids"


@pytest.mark.parametrize("wires", [1, 4, 5, 9])
def test_wires_are_predicted_alike_however_many_there_are(wires, monkeypatch):
    monkeypatch.setattr(module, "EVALUATION_BATCH", 4)
    model = build(network(STACKS["embedding"]), SHAPE)
    ids = np.concatenate([IDS, IDS[:4]])[:wires]

    np.testing.assert_allclose(predict(model, ids), model(ids), atol=1e-6)


def test_a_window_that_is_longer_than_the_wires_is_the_users_error():
    def windows(size):
        return {"conv1d": {"filters": 3, "kernel_size": size, "padding": "valid"}}

    assert output_shapes(EMBEDDING, windows(6), MEAN)[1] == (1, 3)
    with pytest.raises(UserError, match=r"^the layers do not fit 6 steps: .*\(7, 4, 3\)"):
        build(network([EMBEDDING, windows(7), MEAN]), SHAPE)


def test_nothing_is_dropped_while_predicting():
    model = build(network(STACKS["dropout"]), SHAPE)

    np.testing.assert_array_equal(predict(model, IDS), predict(model, IDS))


def test_a_dense_layer_of_topics_has_as_many_units_as_there_are_topics():
    stack = [EMBEDDING, {"dense": {"units": "topics"}}, MEAN]

    assert output_shapes(*stack)[1] == (6, 7)
    assert build(network([*stack, SOFTMAX]), SHAPE).output_shape == (None, 7)
