"""The kinds of layers a model can be made of, and whether a stack of them fits together."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnnbench.section import Variant, at, located, parse_variant, problem, problems, spell

PLUGINS = "rnnbench.layers"
"""The group of entry points in which other packages name their kinds of layers."""

Activation = Literal[
    "tanh", "sigmoid", "hard_sigmoid", "relu", "leaky_relu", "elu", "selu", "gelu", "silu",
    "softplus", "softsign", "softmax", "linear",
]  # fmt: skip
Rate = Annotated[float, Field(ge=0, lt=1)]
"""A share of units to drop."""
LARGEST = 100_000
Size = Annotated[int, Field(gt=0, le=LARGEST)]
"""A number of units, features or steps; larger ones are slips, and end with no memory left."""


def _units_or_topics(value: Any) -> Any:
    if value == "topics" or (type(value) is int and 0 < value <= LARGEST):
        return value
    raise problem(f"got {spell(value)}", f"allowed: 1 to {LARGEST:,}, or topics: one unit a topic")


class Layer(Variant):
    """A layer with its parameters, named as in Keras."""

    keras_name: ClassVar[str]
    takes: ClassVar[Literal["ids", "sequence", "anything"]] = "anything"
    """Word ids, which only the first layer is given; a vector a step; or that or one a wire."""
    hands_mask_on: ClassVar[bool] = True
    """Whether the layers after it still know which steps are padding."""

    def gives_sequence(self, *, from_sequence: bool) -> bool:
        """Return whether it gives a vector a step, and not one a wire."""
        return from_sequence


class Embedding(Layer):
    """A vector for each word."""

    kind = "embedding"
    keras_name = "Embedding"
    takes = "ids"
    dim: Size
    trainable: bool = True
    masking: bool = False
    """Whether the layers after it pass over padding."""
    embeddings_initializer: Literal["uniform", "ppmi_svd"] = "uniform"
    """Random vectors to begin with, or a truncated SVD of positive pointwise mutual information, so
    that words in like contexts begin alike: from all texts that are not tested or validated on."""


class Recurrent(Layer):
    """What the recurrent layers share."""

    takes = "sequence"
    units: Size
    activation: Activation = "tanh"
    return_sequences: bool = False
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0

    def gives_sequence(self, *, from_sequence: bool) -> bool:  # noqa: ARG002
        """Return whether it gives a vector a step, and not one a wire."""
        return self.return_sequences


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


RECURRENT: dict[str, type[Recurrent]] = {layer.kind: layer for layer in (SimpleRNN, GRU, LSTM)}


def _recurrent(value: Any) -> Recurrent:
    return parse_variant(value, RECURRENT, "recurrent layer", "layer: {lstm: {units: 50}}")


class Bidirectional(Layer):
    """A recurrent layer that reads the wire forwards, and another that reads it backwards."""

    kind = "bidirectional"
    keras_name = "Bidirectional"
    takes = "sequence"
    layer: Annotated[SerializeAsAny[Recurrent], BeforeValidator(_recurrent)]
    merge_mode: Literal["concat", "sum", "ave", "mul"] = "concat"

    def gives_sequence(self, *, from_sequence: bool) -> bool:
        """Return whether it gives a vector a step, and not one a wire."""
        return self.layer.gives_sequence(from_sequence=from_sequence)


class Conv1D(Layer):
    """A convolution over the steps."""

    kind = "conv1d"
    keras_name = "Conv1D"
    takes = "sequence"
    hands_mask_on = False
    filters: Size
    kernel_size: Size
    padding: Literal["valid", "same", "causal"] = "same"
    activation: Activation = "linear"


class Pooling(Layer):
    """One vector a wire from one a step."""

    kind = "pooling"
    keras_name = "Pooling"
    takes = "sequence"
    by: Literal["max", "mean", "last", "attention"]
    """The largest of each feature, the mean, the last step, or a mean with learned weights."""

    def gives_sequence(self, *, from_sequence: bool) -> bool:  # noqa: ARG002
        """Return whether it gives a vector a step, and not one a wire."""
        return False


class LayerNorm(Layer):
    """Shifts and scales each vector to mean 0 and variance 1, then by learned amounts."""

    kind = "layer_norm"
    keras_name = "LayerNormalization"
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3


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


class SpatialDropout(Layer):
    """Sets a share of the features to zero while training, each on all steps of a wire."""

    kind = "spatial_dropout"
    keras_name = "SpatialDropout1D"
    takes = "sequence"
    rate: Rate


class PluginLayer(Layer):
    """A kind of layer that another package brings.

    The package names a subclass in the entry-point group ``rnnbench.layers``, by its kind.
    """

    def make(self) -> Any:
        """Return the Keras layer; import Keras in here, not before."""
        raise NotImplementedError


LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        Embedding,
        *RECURRENT.values(),
        Bidirectional,
        Conv1D,
        Pooling,
        Dense,
        Dropout,
        SpatialDropout,
        LayerNorm,
    )
}
"""Those that are built in."""


class _Kinds(Mapping[str, type[Layer]]):
    """All kinds of layers; one of another package is loaded when it is used."""

    def __init__(self) -> None:
        self.plugins = {each.name: each for each in entry_points(group=PLUGINS)}

    def __getitem__(self, kind: str) -> type[Layer]:
        if kind in LAYERS:
            return LAYERS[kind]
        plugin = self.plugins[kind]
        try:
            found = plugin.load()
        except Exception as error:
            what = f"cannot be loaded from {plugin.value}: {type(error).__name__}: {error}"
            raise problem(f"layer '{kind}' {what}") from error
        is_layer = isinstance(found, type) and issubclass(found, PluginLayer)
        if not (is_layer and getattr(found, "kind", None) == kind):
            raise problem(f"layer '{kind}': {plugin.value} is no PluginLayer of this kind")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter([*LAYERS, *(kind for kind in self.plugins if kind not in LAYERS)])

    def __len__(self) -> int:
        return len(list(iter(self)))


@cache
def layer_kinds() -> Mapping[str, type[Layer]]:
    """Return the kinds of layers that can be used, by name."""
    return _Kinds()


def parse_layer(value: Any) -> Layer:
    """Return the layer that YAML describes as ``{kind: {parameter: value}}``."""
    return parse_variant(value, layer_kinds(), "layer", "- lstm: {units: 50}")


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
    is_masked = False
    for position, layer in enumerate(layers):
        if layer is None:
            is_sequence, is_masked = None, False
            continue
        if misfit := _misfit(layer, position, is_sequence=is_sequence, is_masked=is_masked):
            yield at((position, layer.kind), misfit)
        if layer.takes == "sequence" or is_sequence is not None:
            is_sequence = layer.gives_sequence(from_sequence=bool(is_sequence))
        is_masked = (is_masked or getattr(layer, "masking", False)) and is_sequence is not False
    yield from _misfits_at_end(layers, is_sequence=is_sequence)


def _misfit(
    layer: Layer, position: int, *, is_sequence: bool | None, is_masked: bool
) -> PydanticCustomError | None:
    if layer.takes == "ids" and position > 0:
        return problem("takes word ids, which only the first layer is given", "put it first")
    if layer.takes == "sequence" and is_sequence is False:
        return problem(
            "needs a sequence, but the layers before it give one vector a wire",
            "set return_sequences: true on the recurrent layer before it",
        )
    if is_masked and not layer.hands_mask_on:
        return problem(
            "does not know of padding, so masking would end here",
            "set masking: false on the embedding",
        )
    return None


def _misfits_at_end(
    layers: Sequence[Layer | None], *, is_sequence: bool | None
) -> Iterator[InitErrorDetails]:
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
                "set return_sequences: false on the last recurrent layer, or add a pooling layer",
            ),
        )
