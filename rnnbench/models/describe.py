"""A network layer by layer, as in its Keras model: ``describe(network, shape)``.

TensorFlow is imported when a network is described.
"""

import gc
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Layer, Shape
from rnnbench.models.quiet import quiet_tensorflow

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a Keras model, or an operation between layers."""

    name: str
    keras_class: str
    described_by: Layer | None
    outputs: tuple[tuple[int | None, ...], ...]
    """Their shapes; ``None`` is any number of documents."""
    trainable_params: int = 0
    other_params: int = 0


@dataclass(frozen=True)
class Description:
    """A network, from word ids to probabilities."""

    layers: tuple[LayerFacts, ...]
    """None if Keras does not build it."""
    trainable_params: int
    other_params: int


@quiet_tensorflow()
def describe(network: Network, shape: Shape) -> Description:
    """Return the layers of a network for a shape.

    Code from outside that fails is a ``PluginError``.
    """
    if network.engine:
        return Description(
            (), trainable_params=network.count_params(shape), other_params=0
        )
    import keras

    from rnnbench.models.build import build

    if not gc.get_freeze_count():
        gc.freeze()  # Keras collects garbage, each time in all imported modules
    keras.utils.clear_session()  # or the names continue those of the model before
    model = build(network, shape, seed=0)
    described: Sequence[Layer] = ()
    if isinstance(network, LayeredNetwork):
        described = network.layers
    operations = model.layers
    if not isinstance(model, keras.Sequential):
        operations = model.operations
    inputs = keras.layers.InputLayer
    after_input = [step for step in operations if not isinstance(step, inputs)]
    added = [None] * (len(after_input) - len(described))
    layers = []
    for tensor in model.inputs:
        shape_of_input = tuple(tensor.shape)
        layers.append(LayerFacts(tensor.name, "InputLayer", None, (shape_of_input,)))
    for step, origin in zip(after_input, [*added, *described], strict=True):
        outputs = tuple(tuple(out.shape) for out in keras.tree.flatten(step.output))
        trainable, other = _params(step)
        keras_class = type(step).__name__
        layers.append(
            LayerFacts(step.name, keras_class, origin, outputs, trainable, other)
        )
    return Description(tuple(layers), *_params(model))


def _params(layer: object) -> tuple[int, int]:
    """Return how many trainable parameters a part of a model has, and how many others.

    It is a layer, an operation between layers, or the model itself.
    """
    trainable = getattr(layer, "trainable_weights", ())
    others = getattr(layer, "non_trainable_weights", ())
    return _count(trainable), _count(others)


def _count(weights: "Iterable[keras.Variable]") -> int:
    """Return the number of parameters in weights."""
    return sum(math.prod(weight.shape) for weight in weights)
