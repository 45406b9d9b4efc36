"""A network layer by layer, as in its Keras model.

TensorFlow is imported only when a network is described.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Layer, Shape

Dimensions = tuple[int | None, ...]
"""The shape of an array; ``None`` is the batch, which has any number of documents."""


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a Keras model, or an operation between layers."""

    name: str
    """Keras's, unique in a model."""
    keras_class: str
    described_by: Layer | None
    """Its description in the config, or ``None``."""
    outputs: tuple[Dimensions, ...]
    """Shapes of its outputs, mostly one."""
    trainable_params: int = 0
    """The count of numbers in its weights."""
    other_params: int = 0


@dataclass(frozen=True)
class Description:
    """A network, from the word ids to the probabilities; a shared layer is counted once.

    A network that Keras does not build has no layers here.
    """

    layers: tuple[LayerFacts, ...]
    trainable_params: int
    other_params: int


def describe(network: Network, shape: Shape) -> Description:
    """Return the layers of a network on a dataset of this shape.

    Raises:
        PluginError: a function or a layer from outside failed; the message names it.
    """
    if network.engine:
        return Description((), trainable_params=network.count_params(shape), other_params=0)
    import keras

    from rnnbench.models.build import build

    keras.utils.clear_session()  # or the names continue those of the model before
    model = build(network, shape, seed=0)
    described = network.layers if isinstance(network, LayeredNetwork) else ()
    is_sequential = isinstance(model, keras.Sequential)
    operations = model.layers if is_sequential else model.operations
    after_input = [own for own in operations if not isinstance(own, keras.layers.InputLayer)]
    origins = [*[None] * (len(after_input) - len(described)), *described]
    layers = [
        LayerFacts(tensor.name, "InputLayer", None, (tuple(tensor.shape),))
        for tensor in model.inputs
    ]
    for operation, origin in zip(after_input, origins, strict=True):
        layers.append(
            LayerFacts(
                name=operation.name,
                keras_class=type(operation).__name__,
                described_by=origin,
                outputs=tuple(tuple(out.shape) for out in keras.tree.flatten(operation.output)),
                trainable_params=_count(getattr(operation, "trainable_weights", ())),
                other_params=_count(getattr(operation, "non_trainable_weights", ())),
            )
        )
    trainable, other = map(_count, (model.trainable_weights, model.non_trainable_weights))
    return Description(tuple(layers), trainable_params=trainable, other_params=other)


def _count(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
