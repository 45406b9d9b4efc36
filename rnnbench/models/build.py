"""From the description of a network to a Keras model, with layers and models from outside.

Importing this module imports TensorFlow.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError
from rnnbench.models.code import find_function, is_from_outside
from rnnbench.models.descriptions import LayeredNetwork, Network, PythonNetwork
from rnnbench.models.layers import LAYERS, Layer, SeedOf, Shape
from rnnbench.models.layers.base import derive_seed
from rnnbench.registry import PluginError, blame

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
            _add_from_outside(model, layer, shape, seed_of)
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


def call_function(name: str, arguments: dict[str, Any], shape: Shape, seed: int) -> keras.Model:
    """Return the model that a function of the user's makes.

    Args:
        name: ``package.module:function``; modules in the working folder are found too.
        arguments: keyword arguments, after the shape.
        shape: of the dataset.
        seed: for everything that the function draws.

    Raises:
        PluginError: there is no such function, it failed, or its model does not fit.
    """
    function = find_function(name)
    keras.utils.set_random_seed(seed)  # the function takes no seed, so only the global one is left
    with blame(f"python: {name}"):
        model = function(shape, **arguments)
    if misfit := _misfit(model, shape):
        raise PluginError(f"python: {name} returned {misfit}")
    return model


def _misfit(model: Any, shape: Shape) -> str:
    """Return the fault of a model from outside; empty if it has none."""
    if not isinstance(model, keras.Model):
        return f"{type(model).__name__}, not a keras.Model"
    if not getattr(model, "inputs", None):  # a subclass of keras.Model has none
        return "a model without known inputs (should be sequential or functional)"
    if model.compiled:
        return "a compiled model (should be uncompiled: the config says how it is trained)"
    inputs, outputs = (None, shape.timesteps), (None, shape.n_topics)
    if model.input_shape != inputs or model.output_shape != outputs:
        return (
            f"a model from {model.input_shape} to {model.output_shape} "
            f"(should be from {inputs}, word ids, to {outputs}, a probability for each topic)"
        )
    answers = model(np.ones((2, shape.timesteps), np.int32), training=False)  # all start marks
    answers = keras.ops.convert_to_numpy(answers)
    if not (np.all(answers >= 0) and np.allclose(answers.sum(axis=1), 1, atol=1e-3)):
        return "a model that gives no probabilities (should end in a softmax)"
    return ""


def _add_from_outside(model: keras.Sequential, layer: Layer, shape: Shape, seed_of: SeedOf) -> None:
    """Add the Keras layer of a kind that another package brings.

    Raises:
        PluginError: it failed, or returned no layer.
    """
    # Its initializers may ignore ``seed_of`` and draw from the global generators.
    keras.utils.set_random_seed(seed_of("global"))
    with LAYERS.blamed(layer.kind):
        model.add(layer.keras_layer(shape, seed_of))


def predict(model: keras.Model, x: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the probabilities ``(n, n_topics)`` of word ids ``(n, timesteps)``.

    For a single call this is faster than ``model.predict``, which compiles first.
    """
    starts = range(0, len(x), EVALUATION_BATCH)
    batches = [x[start : start + EVALUATION_BATCH] for start in starts]
    return np.concatenate([model(batch, training=False) for batch in batches])
