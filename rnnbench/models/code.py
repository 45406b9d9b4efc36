"""The code from outside that a model is made by, without running it."""

import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path

from rnnbench.config.layers import PLUGINS, PluginLayer
from rnnbench.config.schema import LayeredNetwork, Model, PythonNetwork
from rnnbench.errors import UserError
from rnnbench.storage import sha256_file


def code_of(model: Model) -> dict[str, str]:
    """Return what tells one version of a model's code from another, by name.

    That is the sha256 of the file of a function's module, not of what it imports, and the
    version of a package that brings a kind of layer. It is empty for models of our own layers.

    Raises:
        UserError: there is no such module, or it is not in a file.
    """
    if isinstance(model, PythonNetwork):
        return {model.python: sha256_file(_module_file(model.python))}
    if isinstance(model, LayeredNetwork):
        kinds = {layer.kind for layer in model.layers if isinstance(layer, PluginLayer)}
        return {
            each.name: f"{each.dist.name} {each.dist.version}" if each.dist else each.value
            for each in entry_points(group=PLUGINS)
            if each.name in kinds
        }
    return {}


def _module_file(python: str) -> Path:
    module = python.partition(":")[0]
    if "" not in sys.path:  # a script's path does not begin with the working folder
        sys.path.insert(0, "")
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        spec = None
    except Exception as error:  # of a package that it is in
        raise UserError(
            f"python: {python} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if spec is None or spec.origin is None or not spec.has_location:
        raise UserError(
            f"python: {python}: no module {module} (should be installed, or in the working folder)"
        )
    return Path(spec.origin)
