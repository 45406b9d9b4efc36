"""From the description of a network to a Keras model.

Importing this module imports TensorFlow.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError
from rnnbench.models.descriptions import Network, PythonNetwork
from rnnbench.models.layers import Bidirectional, Embedding, Layer, PluginLayer, Pooling
from rnnbench.models.plugins import call_function, make_layer
from rnnbench.models.pooling import POOLING
from rnnbench.models.shape import Shape

EVALUATION_BATCH = 1024
"""Wires that are predicted at once."""


def build(network: Network, shape: Shape) -> keras.Model:
    """Return an uncompiled Keras model with fresh weights.

    Args:
        network: the description.
        shape: of the dataset.

    Returns:
        A model from int32 ``(batch, timesteps)``, word ids, to float32 ``(batch, n_topics)``, a
        probability a topic.

    Raises:
        PluginError: a function or a layer from outside failed; it names it.
    """
    if isinstance(network, PythonNetwork):
        return call_function(network.python, network.arguments, shape)
    layers = [_keras_layer(layer, shape) for layer in network.layers]
    if network.layers[0].takes != "ids":
        scale = 1 / shape.n_ids if network.inputs == "scaled_ids" else 1.0
        layers = [
            keras.layers.Reshape((shape.timesteps, 1)),
            keras.layers.Rescaling(scale),
            *layers,
        ]
    try:
        return keras.Sequential([keras.Input((shape.timesteps,), dtype="int32"), *layers])
    except ValueError as error:  # a window that is longer than the sequences
        reason = str(error).partition("\n")[0]
        raise UserError(f"the layers do not fit {shape.timesteps} steps: {reason}") from error


def _keras_layer(layer: Layer, shape: Shape) -> keras.Layer:
    match layer:
        case Embedding(dim=dim, trainable=trainable, masking=masking):
            return keras.layers.Embedding(shape.n_ids, dim, mask_zero=masking, trainable=trainable)
        case Bidirectional(layer=inner, merge_mode=merge_mode):
            return keras.layers.Bidirectional(_keras_layer(inner, shape), merge_mode=merge_mode)
        case Pooling(by=by):
            return POOLING[by]()
        case PluginLayer():
            return make_layer(layer)
    parameters: dict[str, Any] = dict(layer)
    if parameters.get("units") == "topics":
        parameters["units"] = shape.n_topics
    return getattr(keras.layers, layer.keras_name)(**parameters)


def predict(model: keras.Model, x: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the probabilities ``(n, n_topics)`` of word ids ``(n, timesteps)``.

    Called once a model, this is faster than ``model.predict``, which is compiled first.
    """
    starts = range(0, len(x), EVALUATION_BATCH)
    batches = [x[start : start + EVALUATION_BATCH] for start in starts]
    return np.concatenate([model(batch, training=False) for batch in batches])
