"""From the description of a network to a Keras model.

Importing this module imports TensorFlow.
"""

from collections.abc import Iterator
from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError
from rnnbench.models.code import is_from_outside
from rnnbench.models.descriptions import LayeredNetwork, Network, PythonNetwork
from rnnbench.models.plugins import add_from_outside, call_function
from rnnbench.models.seeds import derive_seed
from rnnbench.models.shape import Shape

EVALUATION_BATCH = 1024
"""Documents that are predicted at once."""


def build(network: Network, shape: Shape, seed: int) -> keras.Model:
    """Return an uncompiled Keras model with fresh weights.

    The same seed gives the same weights, and the same dropout in training.

    Returns:
        A model from int32 ``(batch, timesteps)``, word ids, to float32 ``(batch, n_topics)``, a
        probability for each topic.

    Raises:
        PluginError: a function or a layer from outside failed; the message names it.
        UserError: a convolution is longer than the sequences.
    """
    if isinstance(network, PythonNetwork):
        return call_function(network.python, network.arguments, shape, seed)
    assert isinstance(network, LayeredNetwork)  # noqa: S101 - there is no third kind
    ids = keras.Input((shape.timesteps,), dtype="int32")
    model = keras.Sequential([ids, *_ids_as_numbers(network, shape)])
    for position, layer in enumerate(network.layers):
        seed_of = partial(derive_seed, seed, position)
        if is_from_outside(layer):
            add_from_outside(model, layer, shape, seed_of)
            continue
        try:
            model.add(layer.keras_layer(shape, seed_of))
        except ValueError as error:  # a window that is longer than the sequences
            reason = str(error).partition("\n")[0]
            raise UserError(f"the layers do not fit {shape.timesteps} steps: {reason}") from error
    return model


def _ids_as_numbers(network: LayeredNetwork, shape: Shape) -> Iterator[keras.Layer]:
    """Yield layers that make one feature of each id, unless the first layer takes ids itself."""
    if network.layers[0].takes != "ids":
        yield keras.layers.Reshape((shape.timesteps, 1))
        yield keras.layers.Rescaling(1 / shape.n_ids if network.inputs == "scaled_ids" else 1.0)


def predict(model: keras.Model, x: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the probabilities ``(n, n_topics)`` of word ids ``(n, timesteps)``.

    For a single call this is faster than ``model.predict``, which compiles first.
    """
    starts = range(0, len(x), EVALUATION_BATCH)
    batches = [x[start : start + EVALUATION_BATCH] for start in starts]
    return np.concatenate([model(batch, training=False) for batch in batches])
