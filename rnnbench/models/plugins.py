"""Models and layers from other packages or from the user's own modules.

Importing this module imports TensorFlow.
"""

from typing import Any

import keras
import numpy as np

from rnnbench.models.code import find_function
from rnnbench.models.layers import LAYERS, Layer, SeedOf
from rnnbench.models.shape import Shape
from rnnbench.registry import PluginError, blame


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


def add_from_outside(model: keras.Sequential, layer: Layer, shape: Shape, seed_of: SeedOf) -> None:
    """Add the Keras layer of a kind that another package brings.

    Raises:
        PluginError: it failed, or returned no layer.
    """
    # Its initializers may ignore ``seed_of`` and draw from the global generators.
    keras.utils.set_random_seed(seed_of("global"))
    with LAYERS.blamed(layer.kind):
        model.add(layer.keras_layer(shape, seed_of))
