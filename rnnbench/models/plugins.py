"""Models and layers that come from other packages, or from the user's own modules.

Importing this module imports TensorFlow.
"""

import importlib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rnnbench.models.code import find_working_folder
from rnnbench.models.descriptions import LayeredNetwork, Model, PythonNetwork
from rnnbench.models.layers import PluginLayer
from rnnbench.models.shape import Shape
from rnnbench.registry import PluginError


def call_function(name: str, arguments: dict[str, Any], shape: Shape) -> keras.Model:
    """Return the model that a function of the user's makes.

    Args:
        name: ``package.module:function``; modules in the working folder are found too.
        arguments: keyword arguments, after the shape.
        shape: of the dataset.

    Raises:
        PluginError: there is no such function, it failed, or what it returned does not fit.
    """
    function = _find(name)
    with _named(f"python: {name} failed"):
        model = function(shape, **arguments)
    if misfit := _misfit(model, shape):
        raise PluginError(f"python: {name} returned {misfit}")
    return model


def _find(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    find_working_folder()
    with _named(f"python: {name} cannot be imported"):
        return getattr(importlib.import_module(module), function)


@contextmanager
def _named(failure: str) -> Iterator[None]:
    """Run code from outside, which may raise anything: a script ends in ``sys.exit()``."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{failure}: {_told(error)}") from error


def _told(error: BaseException) -> str:
    """Return what went wrong, and in which line of the code from outside, if it got that far."""
    what = f"{type(error).__name__}: {error}"
    files = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_outside(frame)]
    return f"{what} ({Path(files[-1].filename).name}, line {files[-1].lineno})" if files else what


def _is_outside(frame: traceback.FrameSummary) -> bool:
    is_of_import = frame.filename == importlib.__file__ or frame.filename.startswith("<frozen")
    return not is_of_import and frame.filename != __file__


def _misfit(model: Any, shape: Shape) -> str:
    """Return what is wrong with a model from outside; empty if nothing."""
    if not isinstance(model, keras.Model):
        return f"{type(model).__name__}, not a keras.Model"
    if not getattr(model, "inputs", None):  # a subclass of keras.Model has none
        return "a model that is neither sequential nor functional, with known inputs"
    if model.compiled:
        return "a compiled model (should be uncompiled: the config says how it is trained)"
    inputs, outputs = (None, shape.timesteps), (None, shape.n_topics)
    if model.input_shape != inputs or model.output_shape != outputs:
        return (
            f"a model from {model.input_shape} to {model.output_shape} "
            f"(should be from {inputs}, word ids, to {outputs}, a probability a topic)"
        )
    answers = model(np.ones((2, shape.timesteps), np.int32), training=False)  # all start marks
    answers = keras.ops.convert_to_numpy(answers)
    if not (np.all(answers >= 0) and np.allclose(answers.sum(axis=1), 1, atol=1e-3)):
        return "a model that gives no probabilities (should end in a softmax)"
    return ""


def import_code(model: Model) -> None:
    """Import the code from outside that a model is made by, so that Keras knows its layers."""
    if isinstance(model, PythonNetwork):
        _find(model.python)
    if isinstance(model, LayeredNetwork):
        for layer in model.layers:
            if isinstance(layer, PluginLayer):
                make_layer(layer)


def make_layer(layer: PluginLayer) -> keras.Layer:
    """Return the Keras layer of a kind that another package brings.

    Raises:
        PluginError: it failed, or what it returned is not a layer.
    """
    with _named(f"layer {layer.kind} failed"):
        made = layer.make()
    if not isinstance(made, keras.Layer):
        raise PluginError(f"layer {layer.kind} made {type(made).__name__}, not a keras.Layer")
    return made
