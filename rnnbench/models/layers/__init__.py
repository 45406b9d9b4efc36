"""The layers of networks: all kinds, and the check that a stack fits together.

``parse_layers`` makes a stack of what YAML describes, and ``LAYERS`` has the kinds.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Annotated

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnnbench.registry import Registry
from rnnbench.section import (
    Loc,
    at,
    computed,
    located,
    parse_variant,
    problem,
    problems,
)

from . import feedforward, recurrent
from .base import LARGEST, Batch, Layer, Product, SeedOf, Shape

__all__ = ["LAYERS", "Batch", "Layer", "Product", "SeedOf", "Shape"]


def parse_layer(value: object) -> Layer:
    """Return the layer that YAML describes as ``{kind: {parameter: value}}``."""
    return parse_variant(value, LAYERS, "layer", "- lstm: {units: 50}")


def _stack(
    value: object, hint: str = "a branch is written as `[gru: {units: 8}]`"
) -> tuple[object, ...]:
    match value:
        case [_, *_]:
            return tuple(value)
    raise problem("should be a list of layers", hint)


def parse_layers(value: object) -> tuple[Layer, ...]:
    """Return a stack that ends in a probability for each topic.

    If several things are wrong, all are raised.
    """
    hint = (
        "the last layer of a model is `- dense: {units: topics, activation: softmax}`"
    )
    stack = _stack(value, hint)
    errors: list[InitErrorDetails] = []
    layers: list[Layer | None] = [None] * len(stack)
    for position, description in enumerate(stack):
        try:
            layers[position] = parse_layer(description)
        except PydanticCustomError as error:
            errors.append(at((position,), error))
        except ValidationError as error:
            errors += located(error, (position,))
    errors += _misfits_of_model(layers)
    if errors:
        raise problems(errors)
    return tuple(layer for layer in layers if layer)


Layers = Annotated[tuple[SerializeAsAny[Layer], ...], BeforeValidator(parse_layers)]
_AnyLayer = Annotated[SerializeAsAny[Layer], BeforeValidator(parse_layer)]
Branch = Annotated[tuple[_AnyLayer, ...], BeforeValidator(_stack)]


class Parallel(Layer):
    """Stacks of layers side by side: all get the same input, and their features are
    joined.
    """

    kind = "parallel"
    keras_name = "SideBySide"
    branches: Annotated[list[Branch], Field(min_length=1)]
    """Lists of layers. All end in a vector for each document, or all in sequences of
    one length."""

    @computed
    def parts(self) -> Sequence[Layer]:
        parts: list[Layer] = [self]
        for layer in chain(*self.branches):
            parts += layer.parts
        return parts

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        import keras

        def made(layer: Layer, *place: int) -> keras.layers.Layer:
            return layer.keras_layer(
                shape, lambda role: seed_of(f"branch {place} {role}")
            )

        stacks = []  # stacks inside come first in the names that Keras numbers
        for number, branch in enumerate(self.branches):
            stacks.append([made(layer, number, i) for i, layer in enumerate(branch)])
        return {"branches": list(map(keras.Sequential, stacks))}

    def __hash__(self) -> int:
        return hash(tuple(self.branches))

    def ends(self, batch: Batch) -> list[Batch]:
        """Return the shape that each branch ends in."""
        ends = []
        for branch in self.branches:
            end = batch
            for layer in branch:
                end = layer.gives(end)
            ends.append(end)
        return ends

    def gives_sequence(self, *, from_sequence: bool) -> bool:
        steps = None
        if from_sequence:
            steps = LARGEST
        return self.ends(replace(_LONG, steps=steps))[0].steps is not None

    @computed
    def is_trained(self) -> bool:
        return any(end.passes_back for end in self.ends(_LONG))

    def steps_of(self, batch: Batch) -> int | None:
        return self.ends(batch)[0].steps

    def features_of(self, batch: Batch) -> int:
        return sum(end.features for end in self.ends(batch))

    def products(self, batch: Batch) -> Iterable[Product]:
        for layer, inputs in chain(
            *(with_inputs(branch, batch) for branch in self.branches)
        ):
            yield from layer.products(inputs)

    def in_short(self) -> str:
        """Return its branches: ``parallel (conv1d 8 → pooling max | gru 8)``."""
        stacks = (
            " → ".join(layer.in_short() for layer in branch) for branch in self.branches
        )
        return f"parallel ({' | '.join(stacks)})"


_LONG = Batch(size=1, steps=LARGEST, features=1, n_topics=1, n_ids=1)
_BUILT_IN: list[type[Layer]] = [*feedforward.KINDS, *recurrent.KINDS, Parallel]
LAYERS: Registry[type[Layer]] = Registry(
    "layer", Layer, _BUILT_IN, key="kind", holds_classes=True
)


def with_inputs(layers: Iterable[Layer], batch: Batch) -> Iterator[tuple[Layer, Batch]]:
    """Yield each layer with the shape of its input; the first is given ``batch``."""
    for layer in layers:
        yield layer, batch
        batch = layer.gives(batch)


def _misfits_of_model(layers: Sequence[Layer | None]) -> Iterator[InitErrorDetails]:
    is_sequence = yield from _misfits(layers)
    last = layers[-1]
    place_of_last = (len(layers) - 1,)
    if last and not last.gives_topics:
        fault = "the last layer must give a probability for each topic"
        last_layer = "dense: {units: topics, activation: softmax}"
        hint = (
            f"allowed: {last_layer}, or sigmoid if documents have any number of topics"
        )
        yield at(place_of_last, problem(fault, hint))
    elif last and is_sequence:
        fault = "gives an answer at each step, but a document has one topic"
        hint = (
            "set return_sequences: false on the last recurrent layer, or add a pooling "
            "layer"
        )
        yield at(place_of_last, problem(fault, hint))


def _misfits(
    layers: Sequence[Layer | None], below: Loc = (), is_sequence: bool | None = True
) -> Generator[InitErrorDetails, None, bool | None]:
    """Yield the errors of a stack, and return whether it gives a sequence.

    After a fault, that is not known: ``None``.
    """
    for position, layer in enumerate(layers):
        if layer is None:
            is_sequence = None
            continue
        place = (*below, position, layer.kind)
        if layer.takes == "ids" and (below or position > 0):
            fault = "takes word ids, which only the first layer is given"
            yield at(place, problem(fault, "put it first"))
        elif layer.takes == "sequence" and is_sequence is False:
            fault = (
                "needs a sequence, but the layers before it give one vector for each "
                "document"
            )
            hint = (
                "set return_sequences: true on a recurrent layer before it, or leave "
                "out the layer that makes one vector, such as pooling or bag_of_words"
            )
            yield at(place, problem(fault, hint))
        if isinstance(layer, Parallel):
            errors = _misfits_below(layer, (*place, "branches"), is_sequence)
            yield from errors
            if errors:
                is_sequence = None  # so that no layer above is blamed
        if layer.takes == "sequence" or is_sequence is not None:
            is_sequence = layer.gives_sequence(from_sequence=bool(is_sequence))
    return is_sequence


def _misfits_below(
    layer: Parallel, place: Loc, is_sequence: bool | None
) -> list[InitErrorDetails]:
    errors: list[InitErrorDetails] = []
    for number, branch in enumerate(layer.branches):
        errors += _misfits(branch, (*place, number), is_sequence)
    if not errors and len({end.steps for end in layer.ends(_LONG)}) > 1:
        fault = "give outputs of different lengths, which cannot be joined"
        hint = (
            "end each branch in one vector, as pooling does, or keep the length in all "
            "of them"
        )
        return [at(place, problem(fault, hint))]
    return errors
