"""The layers a model can be made of, and which stacks of them fit together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rnnbench.config.layers import (
    GRU,
    LAYERS,
    LSTM,
    Dense,
    Dropout,
    SimpleRNN,
    parse_layer,
    parse_layers,
)

SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}
VECTOR = {"gru": {"units": 2}}
SEQUENCE = {"gru": {"units": 2, "return_sequences": True}}
DENSE = {"dense": {"units": 3}}
DROPOUT = {"dropout": {"rate": 0.5}}


def fits(*layers):
    kinds = [kind for layer in layers for kind in layer]
    return [layer.kind for layer in parse_layers(layers)] == kinds


def misfits(*layers):
    """Return (position, first words of the message) of everything that is wrong."""
    with pytest.raises(ValidationError) as caught:
        parse_layers(layers)
    return [(item["loc"][0], " ".join(item["msg"].split()[:3])) for item in caught.value.errors()]


@pytest.mark.parametrize(
    ("described", "layer"),
    [
        ({"simple_rnn": {"units": 5}}, SimpleRNN(units=5)),
        ({"gru": {"units": 5, "reset_after": False}}, GRU(units=5, reset_after=False)),
        ({"lstm": {"units": 5, "activation": "relu"}}, LSTM(units=5, activation="relu")),
        (SOFTMAX, Dense(units="topics", activation="softmax")),
        (DROPOUT, Dropout(rate=0.5)),
    ],
)
def test_a_layer_is_its_kind_and_its_parameters_and_is_dumped_so(described, layer):
    assert parse_layer(described) == layer
    assert parse_layer(layer.model_dump()) == layer


def test_the_kinds_are_named_as_in_keras():
    assert {kind: layer.keras_name for kind, layer in LAYERS.items()} == {
        "simple_rnn": "SimpleRNN",
        "gru": "GRU",
        "lstm": "LSTM",
        "dense": "Dense",
        "dropout": "Dropout",
    }


def test_the_defaults_are_those_of_keras():
    recurrent = {
        "units": 5,
        "activation": "tanh",
        "return_sequences": False,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
    }
    gates = {"recurrent_activation": "sigmoid"}
    assert SimpleRNN(units=5).model_dump() == {"simple_rnn": recurrent}
    assert GRU(units=5).model_dump() == {"gru": recurrent | gates | {"reset_after": True}}
    assert LSTM(units=5).model_dump() == {"lstm": recurrent | gates | {"unit_forget_bias": True}}
    assert Dense(units=5).model_dump() == {"dense": {"units": 5, "activation": "linear"}}


def test_a_layer_that_is_one_already_stays():
    layer = LSTM(units=5)
    assert parse_layer(layer) is layer


@pytest.mark.parametrize("described", ["lstm", {}, VECTOR | SOFTMAX])
def test_nothing_else_is_a_layer(described):
    with pytest.raises(PydanticCustomError, match=r"a layer is written as `- lstm: \{units: 50\}`"):
        parse_layer(described)


@pytest.mark.parametrize("rate", [-0.1, 1, float("nan"), True])
def test_a_rate_is_a_share_below_one(rate):
    with pytest.raises(ValidationError):
        Dropout(rate=rate)


@pytest.mark.parametrize("units", [0, 1.0, "5", True])
def test_units_are_counted(units):
    with pytest.raises(ValidationError):
        Dense(units=units)
    with pytest.raises(ValidationError):
        LSTM(units=units)


def test_dense_and_dropout_keep_what_they_are_given():
    assert fits(SEQUENCE, DENSE, DROPOUT, VECTOR, DENSE, DROPOUT, SOFTMAX)


def test_words_may_be_changed_one_by_one_before_the_first_recurrent_layer():
    assert fits(DENSE, DROPOUT, VECTOR, SOFTMAX)


@given(returned=st.lists(st.booleans(), max_size=5))
def test_recurrent_layers_fit_where_all_but_the_last_hand_their_sequence_on(returned):
    stack = [{"lstm": {"units": 2, "return_sequences": flag}} for flag in returned]
    *between, last = returned or [True]
    if all(between) and not last:
        assert fits(*stack, SOFTMAX)
    else:
        assert misfits(*stack, SOFTMAX)


def test_a_recurrent_layer_needs_a_sequence():
    assert misfits(VECTOR, DENSE, SEQUENCE, VECTOR, SOFTMAX) == [(2, "needs a sequence,")]


def test_every_misfit_is_told():
    assert misfits(VECTOR, VECTOR, VECTOR) == [
        (1, "needs a sequence,"),
        (2, "needs a sequence,"),
        (2, "the last layer"),
    ]


def test_the_layer_after_a_wrong_one_is_not_blamed():
    assert misfits(VECTOR, {"lstn": {}}, VECTOR, SOFTMAX) == [(1, "unknown layer 'lstn'")]
    assert misfits(VECTOR, {"lstn": {}}, SOFTMAX) == [(1, "unknown layer 'lstn'")]


def test_a_wrong_last_layer_is_told_once():
    assert misfits(VECTOR, {"dense": {"units": "topic"}}) == [(1, "got 'topic' (allowed:")]


@pytest.mark.parametrize(
    "last",
    [
        VECTOR,
        DENSE,
        DROPOUT,
        {"dense": {"units": "topics"}},
        {"dense": SOFTMAX["dense"] | {"units": 46}},
    ],
)
def test_the_last_layer_gives_a_probability_a_topic(last):
    assert (1, "the last layer") in misfits(SEQUENCE, last)


def test_there_is_one_answer_a_wire():
    assert misfits(SEQUENCE, SOFTMAX) == [(1, "gives an answer")]


@pytest.mark.parametrize("layers", [[], VECTOR])
def test_a_model_has_layers(layers):
    with pytest.raises(PydanticCustomError, match="no list of layers"):
        parse_layers(layers)
