"""Code from outside that makes models: finding it, and telling its versions apart."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.models.baselines import BASELINES, Baseline
from rnnbench.models.descriptions import Model, PythonNetwork
from rnnbench.models.layers import LAYERS, Layer
from rnnbench.registry import blame
from rnnbench.storage import sha256_file, sha256_json


def is_from_outside(part: Layer | Baseline) -> bool:
    """Return whether the class of a layer or baseline is not one of this package."""
    return not type(part).__module__.startswith("rnnbench.")


def find_function(name: str) -> Callable[..., Any]:
    """Return the function ``package.module:function``, from the working folder too.

    Raises:
        PluginError: it cannot be imported.
    """
    module, _, function = name.partition(":")
    find_working_folder()
    with blame(f"python: {name}", "cannot be imported"):
        found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def code_of(model: Model) -> dict[str, str]:
    """Return the versions of a model's code from outside, by name; empty if all is built in.

    A version is the sha256 of a module's file, or of all Python files of the package around it. For
    a plug-in it also has the name and version of its package. Other packages that the code imports
    are not looked at.

    Raises:
        UserError: there is no such module, or it is not in a file.
    """
    if isinstance(model, PythonNetwork):
        module = model.python.partition(":")[0]
        return {model.python: _sha256(module, f"python: {model.python}")}
    return {part.kind: _version(part) for part in model.parts if is_from_outside(part)}


def find_working_folder() -> None:
    """Make modules in the working folder importable, after all installed ones."""
    if "" not in sys.path:
        sys.path.append("")


def _version(part: Layer | Baseline) -> str:
    registry = LAYERS if isinstance(part, Layer) else BASELINES
    plugin = registry.plugin(part.kind)
    sha256 = _sha256(type(part).__module__, registry.label(part.kind))
    return (
        f"{plugin.dist.name} {plugin.dist.version} {sha256}" if plugin and plugin.dist else sha256
    )


def _sha256(module: str, name: str) -> str:
    """Return the sha256 of the package around ``module``, or of its file if there is none."""
    file = _module_file(module, name)
    depth = module.count(".") - (file.name != "__init__.py")
    if depth < 0:
        return sha256_file(file)
    package = file.parents[depth]
    files = sorted(package.rglob("*.py"))
    return sha256_json({str(each.relative_to(package)): sha256_file(each) for each in files})


def _module_file(module: str, name: str) -> Path:
    find_working_folder()
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        spec = None
    except Exception as error:  # of a package around it
        raise UserError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    if spec is None or spec.origin is None or not spec.has_location:
        raise UserError(
            f"{name}: no module {module} (should be installed, or in the working folder)"
        )
    return Path(spec.origin)
