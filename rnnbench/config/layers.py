"""The kinds of layers a model can be made of, and whether a stack of them fits together."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PositiveInt, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnnbench.config.section import Variant, at, located, parse_variant, problem, problems, spell

Activation = Literal[
    "tanh", "sigmoid", "hard_sigmoid", "relu", "leaky_relu", "elu", "selu", "gelu", "silu",
    "softplus", "softsign", "softmax", "linear",
]  # fmt: skip
Rate = Annotated[float, Field(ge=0, lt=1)]
"""A share of units to drop."""


def _units_or_topics(value: Any) -> Any:
    if value == "topics" or (type(value) is int and value > 0):
        return value
    raise problem(f"got {spell(value)}", "allowed: a positive integer, or topics: one unit a topic")


class Layer(Variant):
    """A layer with its parameters, named as in Keras."""

    keras_name: ClassVar[str]


class Recurrent(Layer):
    """What the recurrent layers share."""

    units: PositiveInt
    activation: Activation = "tanh"
    return_sequences: bool = False
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0


class SimpleRNN(Recurrent):
    """The vanilla recurrent layer."""

    kind = "simple_rnn"
    keras_name = "SimpleRNN"


class GRU(Recurrent):
    """The gated recurrent unit."""

    kind = "gru"
    keras_name = "GRU"
    recurrent_activation: Activation = "sigmoid"
    reset_after: bool = True


class LSTM(Recurrent):
    """Long short-term memory."""

    kind = "lstm"
    keras_name = "LSTM"
    recurrent_activation: Activation = "sigmoid"
    unit_forget_bias: bool = True


class Dense(Layer):
    """A fully connected layer, on each step where it is given a sequence."""

    kind = "dense"
    keras_name = "Dense"
    units: Annotated[int | Literal["topics"], BeforeValidator(_units_or_topics)]
    activation: Activation = "linear"


class Dropout(Layer):
    """Sets a share of its inputs to zero while training."""

    kind = "dropout"
    keras_name = "Dropout"
    rate: Rate


LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (SimpleRNN, GRU, LSTM, Dense, Dropout)
}


def parse_layer(value: Any) -> Layer:
    """Return the layer that YAML describes as ``{kind: {parameter: value}}``."""
    return parse_variant(value, LAYERS, "layer", "- lstm: {units: 50}")


def parse_layers(value: Any) -> tuple[Layer, ...]:
    """Return a stack of layers that maps a sequence of features to a probability a topic.

    Raises:
        ValidationError: with every layer that is wrong in itself, and every place where a
            layer does not fit what stands before it.
    """
    if not isinstance(value, list | tuple) or not value:
        raise problem(
            "no list of layers",
            "the last layer of a model is `- dense: {units: topics, activation: softmax}`",
        )
    layers: list[Layer | None] = []
    found: list[InitErrorDetails] = []
    for position, description in enumerate(value):
        try:
            layers.append(parse_layer(description))
        except PydanticCustomError as error:
            layers.append(None)
            found.append(at((position,), error))
        except ValidationError as error:
            layers.append(None)
            found += located(error, (position,))
    found += _misfits(layers)
    if found:
        raise problems(found)
    return tuple(layer for layer in layers if layer)


Layers = Annotated[tuple[SerializeAsAny[Layer], ...], BeforeValidator(parse_layers)]


def _misfits(layers: Sequence[Layer | None]) -> Iterator[InitErrorDetails]:
    """Yield where a layer does not fit those before it; ``None`` is a layer in error."""
    is_sequence: bool | None = True
    for position, layer in enumerate(layers):
        if isinstance(layer, Recurrent):
            if is_sequence is False:
                yield at(
                    (position, layer.kind),
                    problem(
                        "needs a sequence, but the layers before it give one vector a wire",
                        "set return_sequences: true on the recurrent layer before it",
                    ),
                )
            is_sequence = layer.return_sequences
        elif layer is None:
            is_sequence = None
    last, at_end = layers[-1], (len(layers) - 1,)
    if last is None:
        return
    if not isinstance(last, Dense) or last.units != "topics" or last.activation != "softmax":
        yield at(
            at_end,
            problem(
                "the last layer must give a probability a topic",
                "allowed: dense: {units: topics, activation: softmax}",
            ),
        )
    elif is_sequence:
        yield at(
            at_end,
            problem(
                "gives an answer a time step, but a wire has one topic",
                "set return_sequences: false on the last recurrent layer, or add one",
            ),
        )
