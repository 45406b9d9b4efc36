"""The code from outside that a model is made by: what tells one version of it from another."""

import importlib.util
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from rnnbench.errors import UserError
from rnnbench.models.descriptions import LayeredNetwork, Model, PythonNetwork
from rnnbench.models.layers import PLUGINS, PluginLayer
from rnnbench.storage import sha256_file, sha256_json


def code_of(model: Model) -> dict[str, str]:
    """Return what tells one version of a model's code from another, by name.

    That is the sha256 of a module's file, or of all Python files of the package that it is in;
    for a package that brings a kind of layer its version, too. It is empty for models of our own
    layers. Other packages that the code imports are not looked at.

    Raises:
        UserError: there is no such module, or it is not in a file.
    """
    if isinstance(model, PythonNetwork):
        module = model.python.partition(":")[0]
        return {model.python: _sha256(module, f"python: {model.python}")}
    if isinstance(model, LayeredNetwork):
        kinds = {layer.kind for layer in model.layers if isinstance(layer, PluginLayer)}
        return {
            each.name: _version(each) for each in entry_points(group=PLUGINS) if each.name in kinds
        }
    return {}


def find_working_folder() -> None:
    """Let modules in the working folder be imported, after all that are installed."""
    if "" not in sys.path:
        sys.path.append("")


def _version(plugin: EntryPoint) -> str:
    version = f"{plugin.dist.name} {plugin.dist.version}" if plugin.dist else ""
    return f"{version} {_sha256(plugin.module, f'layer {plugin.name}')}"


def _sha256(module: str, what: str) -> str:
    """Return the sha256 of the package around ``module``, or of its file where there is none."""
    file = _module_file(module, what)
    depth = module.count(".") - (file.name != "__init__.py")
    if depth < 0:
        return sha256_file(file)
    package = file.parents[depth]
    files = sorted(package.rglob("*.py"))
    return sha256_json({str(each.relative_to(package)): sha256_file(each) for each in files})


def _module_file(module: str, what: str) -> Path:
    find_working_folder()
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        spec = None
    except Exception as error:  # of a package that it is in
        raise UserError(f"{what} cannot be imported: {type(error).__name__}: {error}") from error
    if spec is None or spec.origin is None or not spec.has_location:
        raise UserError(
            f"{what}: no module {module} (should be installed, or in the working folder)"
        )
    return Path(spec.origin)
