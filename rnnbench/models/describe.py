"""A network layer by layer, as its Keras model has it.

TensorFlow is imported when a network is described, not before.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Layer
from rnnbench.models.shape import Shape

if TYPE_CHECKING:
    import keras

Dimensions = tuple[int | None, ...]
"""Of an array; ``None`` is the batch, which has any number of wires."""


@dataclass(frozen=True)
class State:
    """What a recurrent layer hands on from step to step.

    Attributes:
        name: ``hidden`` or ``cell``; ``state 1`` and so on in cells that are not Keras's.
        shape: ``(None, units)``.
        direction: ``forwards`` or ``backwards`` in a bidirectional layer.
    """

    name: str
    shape: Dimensions
    direction: str | None = None


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a Keras model, or an operation between layers.

    Attributes:
        name: Keras's, of which a model has each once.
        keras_class: the name of its class.
        described_by: what it was made from; ``None`` where no config names it.
        inputs: names of the layers whose outputs it is given; masks are left out.
        outputs: shapes of what it gives, mostly one.
        trainable_params, other_params: how many numbers its weights hold.
        states: in a recurrent layer.
    """

    name: str
    keras_class: str
    described_by: Layer | None
    inputs: tuple[str, ...]
    outputs: tuple[Dimensions, ...]
    trainable_params: int
    other_params: int
    states: tuple[State, ...]


@dataclass(frozen=True)
class Description:
    """A Keras model.

    Attributes:
        layers: from the word ids to the probabilities.
        trainable_params, other_params: of all of them; a layer that is used twice counts once.
    """

    layers: tuple[LayerFacts, ...]
    trainable_params: int
    other_params: int


def describe(network: Network, shape: Shape) -> Description:
    """Return what becomes of a network on a dataset of this shape.

    Raises:
        PluginError: a function or a layer from outside failed; it names it.
    """
    import keras

    from rnnbench.models.build import build

    keras.utils.clear_session()  # else names go on from those of the model before
    described = network.layers if isinstance(network, LayeredNetwork) else ()
    return describe_model(build(network, shape), described)


def describe_model(model: "keras.Model", described: Sequence[Layer] = ()) -> Description:
    """Return what a sequential or functional model consists of.

    Args:
        model: it knows the shape of its inputs.
        described: what its last layers were made from.
    """
    operations = _operations(model)
    origins = [*[None] * (len(operations) - len(described)), *described]
    return Description(
        layers=tuple(map(_facts, operations, origins)),
        trainable_params=_count(model.trainable_weights),
        other_params=_count(model.non_trainable_weights),
    )


def _operations(model: "keras.Model") -> "list[keras.Operation]":
    """Return the input of a model, its layers, and what a function of the user's does between."""
    import keras

    if isinstance(model, keras.Sequential):
        return [model.inputs[0]._keras_history.operation, *model.layers]
    return list(model.operations)


def _facts(operation: "keras.Operation", origin: Layer | None) -> LayerFacts:
    import keras

    return LayerFacts(
        name=operation.name,
        keras_class=type(operation).__name__,
        described_by=origin,
        inputs=_inputs(operation),
        outputs=tuple(tuple(tensor.shape) for tensor in keras.tree.flatten(operation.output)),
        trainable_params=_count(getattr(operation, "trainable_weights", ())),
        other_params=_count(getattr(operation, "non_trainable_weights", ())),
        states=_states(operation),
    )


def _inputs(operation: "keras.Operation") -> tuple[str, ...]:
    import keras

    # Keras draws its summaries from the same attributes; there are no public ones.
    arguments = operation._inbound_nodes[0].arguments
    others = [value for name, value in arguments.kwargs.items() if name != "mask"]
    return tuple(
        value._keras_history.operation.name
        for value in keras.tree.flatten([arguments.args, others])
        if isinstance(value, keras.KerasTensor)
    )


def _states(layer: "keras.Operation") -> tuple[State, ...]:
    import keras

    if isinstance(layer, keras.layers.Bidirectional):
        both = {"forwards": layer.forward_layer, "backwards": layer.backward_layer}
        return tuple(
            replace(state, direction=direction)
            for direction, inner in both.items()
            for state in _states(inner)
        )
    if not isinstance(layer, keras.layers.RNN):
        return ()
    sizes = keras.tree.flatten(layer.cell.state_size)
    names = {
        keras.layers.SimpleRNNCell: ["hidden"],
        keras.layers.GRUCell: ["hidden"],
        keras.layers.LSTMCell: ["hidden", "cell"],
    }.get(type(layer.cell), [f"state {number}" for number, _ in enumerate(sizes, start=1)])
    return tuple(State(name, (None, size)) for name, size in zip(names, sizes, strict=True))


def _count(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
