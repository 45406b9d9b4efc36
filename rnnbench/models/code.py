"""Code from outside that makes models: running it, and telling one version from another."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.models.baselines import BASELINES, Baseline
from rnnbench.models.descriptions import LayeredNetwork, Model, PythonNetwork
from rnnbench.models.layers import LAYERS, Layer
from rnnbench.registry import PluginError
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
    with from_outside(f"python: {name}", "cannot be imported"):
        found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


@contextmanager
def from_outside(name: str, failure: str = "failed") -> Iterator[None]:
    """Run code from outside, which may raise anything: a script may end in ``sys.exit()``.

    Raises:
        PluginError: it raised something; the message begins with ``name`` and ``failure``.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{name} {failure}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return what went wrong, and in which line of the code from outside, if it got that far."""
    reason = f"{type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_outside(frame)]
    if not frames:
        return reason
    return f"{reason} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _is_outside(frame: traceback.FrameSummary) -> bool:
    is_of_import = frame.filename == importlib.__file__ or frame.filename.startswith("<frozen")
    is_ours = Path(frame.filename).is_relative_to(Path(__file__).parents[1])
    return not is_of_import and not is_ours


def code_of(model: Model) -> dict[str, str]:
    """Return what distinguishes one version of a model's code from outside from another, by name.

    That is the sha256 of a module's file, or of all Python files of the package around it; for a
    package that brings a layer or a baseline its version, too. It is empty for models of built-in
    parts. Other packages that the code imports are not looked at.

    Raises:
        UserError: there is no such module, or it is not in a file.
    """
    if isinstance(model, PythonNetwork):
        module = model.python.partition(":")[0]
        return {model.python: _sha256(module, f"python: {model.python}")}
    parts = model.layers if isinstance(model, LayeredNetwork) else (model.baseline,)
    return {part.kind: _version(part) for part in parts if is_from_outside(part)}


def find_working_folder() -> None:
    """Let modules in the working folder be imported, after all installed ones."""
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
