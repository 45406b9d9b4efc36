"""A network layer by layer, as in its Keras model; TensorFlow is imported when it is
described.
"""

import math
from dataclasses import dataclass

from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Layer, Shape
from rnnbench.models.quiet import quiet_tensorflow


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a Keras model, or an operation between layers."""

    name: str
    keras_class: str
    described_by: Layer | None
    outputs: tuple[
        tuple[int | None, ...], ...
    ]  # shapes; ``None`` is any number of documents
    trainable_params: int = 0
    other_params: int = 0


@dataclass(frozen=True)
class Description:
    """A network, from word ids to probabilities; without layers, if Keras does not
    build it.
    """

    layers: tuple[LayerFacts, ...]
    trainable_params: int
    other_params: int


@quiet_tensorflow()
def describe(network: Network, shape: Shape) -> Description:
    """Return the layers of a network for a shape; ``PluginError`` names code from
    outside.
    """
    if network.engine:
        return Description(
            (), trainable_params=network.count_params(shape), other_params=0
        )
    import keras

    from rnnbench.models.build import build

    keras.utils.clear_session()  # or the names continue those of the model before
    model = build(network, shape, seed=0)
    described = network.layers if isinstance(network, LayeredNetwork) else ()
    operations = (
        model.layers if isinstance(model, keras.Sequential) else model.operations
    )
    after_input = [
        own for own in operations if not isinstance(own, keras.layers.InputLayer)
    ]
    origins = [*[None] * (len(after_input) - len(described)), *described]
    layers = [
        LayerFacts(one.name, "InputLayer", None, (tuple(one.shape),))
        for one in model.inputs
    ]
    for own, origin in zip(after_input, origins, strict=True):
        outputs = tuple(tuple(out.shape) for out in keras.tree.flatten(own.output))
        layers.append(
            LayerFacts(own.name, type(own).__name__, origin, outputs, *_params(own))
        )
    return Description(tuple(layers), *_params(model))


def _params(layer: object) -> list[int]:
    """Return the trainable parameters of a layer, a model or an operation, and the
    others.
    """
    kinds = ("trainable_weights", "non_trainable_weights")
    return [
        sum(math.prod(own.shape) for own in getattr(layer, kind, ())) for kind in kinds
    ]
