"""The layers of networks: all kinds, and the check that a stack of them fits together.

Each kind is one class, in the file of its family.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnnbench.models.layers import feedforward, recurrent
from rnnbench.models.layers.base import LARGEST, Batch, Layer, Product, SeedOf, Shape, derive_seed
from rnnbench.registry import Registry
from rnnbench.section import at, located, parse_variant, problem, problems

__all__ = ["LARGEST", "LAYERS", "Batch", "Layer", "Layers", "Product", "SeedOf", "Shape"]
__all__ += ["derive_seed", "parse_layer", "parse_layers"]

_BUILT_IN = [*feedforward.KINDS, *recurrent.KINDS]
LAYERS: Registry[type[Layer]] = Registry("layer", Layer, _BUILT_IN, key="kind", holds_classes=True)
"""All kinds, by name."""


def parse_layer(value: Any) -> Layer:
    """Return the layer that YAML describes as ``{kind: {parameter: value}}``."""
    return parse_variant(value, LAYERS, "layer", "- lstm: {units: 50}")


def parse_layers(value: Any) -> tuple[Layer, ...]:
    """Return a stack of layers that ends in a probability for each topic.

    Raises:
        ValidationError: with every faulty layer, and every layer that does not fit those before.
    """
    if not isinstance(value, list | tuple) or not value:
        raise problem(
            "should be a list of layers",
            "the last layer of a model is `- dense: {units: topics, activation: softmax}`",
        )
    layers: list[Layer | None] = []
    found: list[InitErrorDetails] = []
    for position, description in enumerate(value):
        layers.append(None)
        try:
            layers[-1] = parse_layer(description)
        except PydanticCustomError as error:
            found.append(at((position,), error))
        except ValidationError as error:
            found += located(error, (position,))
    found += _misfits(layers)
    if found:
        raise problems(found)
    return tuple(layer for layer in layers if layer)


Layers = Annotated[tuple[SerializeAsAny[Layer], ...], BeforeValidator(parse_layers)]


def _misfits(layers: Sequence[Layer | None]) -> Iterator[InitErrorDetails]:
    """Yield an error for each layer that does not fit; ``None`` is a faulty layer."""
    is_sequence: bool | None = True  # None: unknown, after a faulty layer
    is_masked = False
    for position, layer in enumerate(layers):
        if layer is None:
            is_sequence, is_masked = None, False
            continue
        place = position, layer.kind
        if layer.takes == "ids" and position > 0:
            fault = "takes word ids, which only the first layer is given"
            yield at(place, problem(fault, "put it first"))
        elif layer.takes == "sequence" and is_sequence is False:
            fault = "needs a sequence, but the layers before it give one vector for each document"
            hint = (
                "set return_sequences: true on a recurrent layer before it, or leave out the layer "
                "that makes one vector, such as pooling or bag_of_words"
            )
            yield at(place, problem(fault, hint))
        elif is_masked and not layer.hands_mask_on:
            fault = "does not know about padding, so masking would end here"
            yield at(place, problem(fault, "set masking: false on the embedding"))
        if layer.takes == "sequence" or is_sequence is not None:
            is_sequence = layer.gives_sequence(from_sequence=bool(is_sequence))
        is_masked = (is_masked or layer.gives_mask) and is_sequence is not False
    last, place_of_last = layers[-1], (len(layers) - 1,)
    if last and not last.gives_topics:
        fault = "the last layer must give a probability for each topic"
        last_layer = "dense: {units: topics, activation: softmax}"
        hint = f"allowed: {last_layer}, or sigmoid if documents have any number of topics"
        yield at(place_of_last, problem(fault, hint))
    elif last and is_sequence:
        fault = "gives an answer at each step, but a document has one topic"
        hint = "set return_sequences: false on the last recurrent layer, or add a pooling layer"
        yield at(place_of_last, problem(fault, hint))
