"""From the description of a network to a Keras model, its predictions, and its files.

Importing this module imports TensorFlow.
"""

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.data.padding import Inputs
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.code import find_function, is_from_outside
from rnnbench.models.descriptions import LayeredNetwork, Network, PythonNetwork
from rnnbench.models.layers import LAYERS, Shape
from rnnbench.models.seeds import derive_seed
from rnnbench.registry import PluginError, blame
from rnnbench.storage import UnwritableError, temporary_folder

EVALUATION_BATCH = 1024  # documents that are predicted at once


def build(network: Network, shape: Shape, seed: int) -> keras.Model:
    """Return an uncompiled Keras model with fresh weights, which follow the seed.

    It goes from word ids, int32 ``(batch, timesteps)``, to probabilities, float32
    ``(batch, n_topics)``. Code from outside that fails is a ``PluginError``, and a
    convolution that is longer than the sequences a ``UserError``.
    """
    match network:
        case PythonNetwork():
            return _build_by_function(network, shape, seed)
        case LayeredNetwork():
            return _build_stack(network, shape, seed)
    raise TypeError(f"Keras does not build a {network.kind}")


def _build_by_function(network: PythonNetwork, shape: Shape, seed: int) -> keras.Model:
    """Return the model that a function of the user's makes."""
    function = find_function(network.python)
    keras.utils.set_random_seed(seed)  # the function takes none
    with blame(f"python: {network.python}"):
        model = function(shape, **network.arguments)
    misfit = _misfit(model, shape)
    if misfit:
        raise PluginError(f"python: {network.python} returned {misfit}")
    return model


def _build_stack(network: LayeredNetwork, shape: Shape, seed: int) -> keras.Model:
    """Return a stack of layers."""
    model = keras.Sequential([keras.Input((shape.timesteps,), dtype="int32")])
    if network.layers[0].takes != "ids":  # each id becomes the only feature of its step
        model.add(keras.layers.Reshape((shape.timesteps, 1)), rebuild=False)
        scale = 1 / shape.n_ids if network.inputs == "scaled_ids" else 1.0
        model.add(keras.layers.Rescaling(scale), rebuild=False)
    # To rebuild calls all layers; those from outside are built while their seed is the
    # global one.
    one_by_one = any(map(is_from_outside, network.parts))
    for position, layer in enumerate(network.layers):
        seed_of = partial(derive_seed, seed, position)
        outside = next(filter(is_from_outside, layer.parts), None)
        # Its initializers may ignore ``seed_of`` and draw from the global generators.
        if outside:
            keras.utils.set_random_seed(seed_of("global"))
        is_last = position == len(network.layers) - 1
        try:
            with LAYERS.blamed((outside or layer).kind):
                keras_layer = layer.keras_layer(shape, seed_of)
                model.add(keras_layer, rebuild=one_by_one or is_last)
        except ValueError as error:  # a window that is longer than the sequences
            reason = str(error).partition("\n")[0]
            raise UserError(
                f"the layers do not fit {shape.timesteps} steps: {reason}"
            ) from error
    return model


def _misfit(model: object, shape: Shape) -> str:
    """Return the fault of a model from outside; empty if it has none."""
    if not isinstance(model, keras.Model):
        return f"{type(model).__name__}, not a keras.Model"
    if not getattr(model, "inputs", None):  # a subclass of keras.Model has none
        return "a model without known inputs (should be sequential or functional)"
    if model.compiled:
        return (
            "a compiled model (should be uncompiled: the config says how it is trained)"
        )
    inputs = (None, shape.timesteps)
    outputs = (None, shape.n_topics)
    if model.input_shape != inputs or model.output_shape != outputs:
        needed = f"{outputs}, a probability for each topic"
        hint = f"should be from {inputs}, word ids, to {needed}"
        return f"a model from {model.input_shape} to {model.output_shape} ({hint})"
    answers = predict(model, np.ones((2, shape.timesteps), np.int32))  # all start marks
    are_shares = np.all((answers >= 0) & (answers <= 1.001))
    if not are_shares or not shape.form.add_up(answers):
        end = shape.form.last_activation
        return f"a model that gives no probabilities (should end in a {end})"
    return ""


def predict(model: keras.Model, x: Inputs) -> NDArray[np.float32]:
    """Return the probabilities ``(n, n_topics)`` of ids ``(n, timesteps)``.

    The model need not be compiled.
    """
    answers = []
    for first in range(0, max(len(x), 1), EVALUATION_BATCH):
        answers.append(model(x[first : first + EVALUATION_BATCH], training=False))
    return np.concatenate(answers)


def weights_of(model: keras.Model) -> list[NDArray[np.generic]]:
    """Return the weights of a model; types that NumPy lacks become float32."""
    arrays: list[NDArray[np.generic]] = model.get_weights()
    for number, array in enumerate(arrays):
        if array.dtype.kind == "V":
            arrays[number] = array.astype(np.float32)
    return arrays


def load(
    network: Network, shape: Shape, weights: Sequence[NDArray[np.generic]]
) -> keras.Model:
    """Return a Keras model with trained weights, in the order of ``weights_of``.

    ``ValueError`` is raised if they are those of another network.
    """
    model = build(network, shape, seed=0)
    expected = weights_of(model)
    if len(weights) != len(expected):
        count = f"{len(weights)} arrays"
        raise ValueError(f"{count}, but the network has {len(expected)} weights")
    for number, (array, fresh) in enumerate(zip(weights, expected, strict=True)):
        if (array.shape, array.dtype) != (fresh.shape, fresh.dtype):
            wrong = f"arr_{number} is {array.dtype} {array.shape}"
            needed = f"the network in config.yaml has {fresh.dtype} {fresh.shape}"
            raise ValueError(f"{wrong}, but {needed}")
    model.set_weights(weights)
    return model


def to_bytes(model: keras.Model) -> bytes:
    """Return the ``.keras`` file of an uncompiled model, or raise ``RnnbenchError``."""
    with temporary_folder() as folder:
        file = folder / "model.keras"
        try:
            model.save(file)
        except OSError as error:
            raise UnwritableError(file, error) from error
        except Exception as error:  # the layers of others may fail in any way
            reason = str(error).partition("\n")[0]  # Keras adds the whole config
            raise RnnbenchError(f"Keras cannot save the network: {reason}") from error
        return file.read_bytes()
