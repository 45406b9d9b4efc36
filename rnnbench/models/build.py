"""From the description of a model to a Keras model.

Importing this module imports TensorFlow.
"""

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.config.layers import Layer
from rnnbench.config.schema import Network

EVALUATION_BATCH = 1024
"""Wires that are predicted at once."""


def build(model: Network, timesteps: int, n_topics: int) -> keras.Model:
    """Return an uncompiled Keras model with fresh weights.

    Args:
        model: the description.
        timesteps: length of the sequences.
        n_topics: number of topics, the units of the last layer.

    Returns:
        A model from float32 ``(batch, timesteps, 1)``, one word id a step, to float32
        ``(batch, n_topics)``, a probability a topic.
    """
    layers = [_keras_layer(layer, n_topics) for layer in model.layers]
    return keras.Sequential([keras.Input((timesteps, 1)), *layers])


def _keras_layer(layer: Layer, n_topics: int) -> keras.Layer:
    parameters = dict(layer)
    if parameters.get("units") == "topics":
        parameters["units"] = n_topics
    return getattr(keras.layers, layer.keras_name)(**parameters)


def features(ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return word ids ``(n, timesteps)`` as one raw feature a step, ``(n, timesteps, 1)``."""
    return ids[..., np.newaxis].astype(np.float32)


def predict(model: keras.Model, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities ``(n, n_topics)`` of ``x``, ``(n, timesteps, 1)``.

    Called once a model, this is faster than ``model.predict``, which is compiled first.
    """
    starts = range(0, len(x), EVALUATION_BATCH)
    batches = [x[start : start + EVALUATION_BATCH] for start in starts]
    return np.concatenate([model(batch, training=False) for batch in batches])
