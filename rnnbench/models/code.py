"""The code that models come from: finding it, and telling its versions apart.

``code_of(model)`` returns the versions of all that comes from outside this package.
"""

import ast
import importlib.util
import site
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.errors import UserError
from rnnbench.models.baselines import BASELINES, Baseline
from rnnbench.models.descriptions import Model
from rnnbench.models.layers import LAYERS, Layer
from rnnbench.registry import Registry, blame
from rnnbench.storage import sha256_file, sha256_json

if TYPE_CHECKING:
    import keras

Plugins = Registry[type[Layer]] | Registry[type[Baseline]]


def is_from_outside(part: Layer | Baseline) -> bool:
    """Return whether the class of a layer or baseline is not one of this package."""
    return not type(part).__module__.startswith("rnnbench.")


def find_function(name: str) -> "Callable[..., keras.Model]":
    """Return ``package.module:function``, or raise ``PluginError``.

    The module may lie in the working folder.
    """
    module, _, function = name.partition(":")
    find_working_folder()
    with blame(f"python: {name}", "cannot be imported"):
        imported = importlib.import_module(module)
        made: Callable[..., keras.Model] = getattr(imported, function)
    return made


def code_of(model: Model) -> dict[str, str]:
    """Return the versions of a model's code from outside, by name.

    ``UserError`` is raised if a module cannot be found. A version is the sha256 of a
    module's file, or of all Python files of the package around it, after the name and
    version of a plug-in's package.
    """
    function = model.python_function
    if function:
        return {function: _sha256(_module_of(function), f"python: {function}")}
    versions = dict(model.loaded)
    for part, registry, plugin in _from_outside(model):
        version = _sha256(type(part).__module__, registry.label(part.kind))
        if plugin and plugin.dist:
            version = f"{plugin.dist.name} {plugin.dist.version} {version}"
        versions[part.kind] = version
    return versions


def plugins_of(model: Model) -> list[str]:
    """Return the distributions that the layers or the baseline of a model come from."""
    plugins = [plugin for *_, plugin in _from_outside(model)]
    return [plugin.dist.name for plugin in plugins if plugin and plugin.dist]


def _from_outside(
    model: Model,
) -> Iterator[tuple[Layer | Baseline, Plugins, EntryPoint | None]]:
    """Yield each part from outside, its registry, and its entry point."""
    for part in filter(is_from_outside, model.parts):
        registry: Plugins = BASELINES
        if isinstance(part, Layer):
            registry = LAYERS
        yield part, registry, registry.plugins.get(part.kind)


def find_working_folder() -> None:
    """Make modules in the working folder importable, after all installed ones."""
    if "" not in sys.path:
        sys.path.append("")


def files_of(module: str) -> dict[str, Path]:
    """Return the Python files of a module, or of its package, by relative path."""
    file, depth = _find(module, f"module {module}")
    files = _python_files(file.parents[depth - 1]).values() if depth else [file]
    folder = file.parents[depth]
    return {path.relative_to(folder).as_posix(): path for path in files}


def files_to_send(model: Model) -> dict[str, Path]:
    """Return the Python files that another machine lacks to make a model.

    They are those of its module if that is not installed, and of what it imports from
    its own folder.
    """
    files: dict[str, Path] = {}
    seen = set()
    waiting = []
    if model.python_function:
        waiting.append(_module_of(model.python_function))
    while waiting:
        module = waiting.pop()
        if module not in seen and not is_installed(module):
            files |= files_of(module)
            waiting += imported_beside(module)
        seen.add(module)
    return files


def imported_beside(module: str) -> Iterator[str]:
    """Yield what a module or its package imports from its folder, unless installed."""
    packages = _packages_elsewhere()
    for name, file in files_of(module).items():
        folder = file.parents[name.count("/")]
        for imported in _imports(file):
            if imported.partition(".")[0] in packages:
                continue
            with suppress(UserError):  # there is no such module
                imported_file, depth = _find(imported, imported)
                if imported_file.parents[depth] == folder and not is_installed(
                    imported
                ):
                    yield imported


@cache  # it reads the lists of files of all installed packages
def _packages_elsewhere() -> frozenset[str]:
    """Return the packages that are installed, or come with Python."""
    return frozenset(packages_distributions()) | sys.stdlib_module_names


def _imports(file: Path) -> Iterator[str]:
    """Yield what a file imports; nothing if it is no Python that can be imported."""
    with warnings.catch_warnings(), suppress(SyntaxError, ValueError, RecursionError):
        warnings.simplefilter("ignore")  # of escapes in its strings
        for node in ast.walk(ast.parse(file.read_bytes())):
            match node:
                case ast.Import(names):
                    yield from (alias.name for alias in names)
                case ast.ImportFrom(str(origin), names, level=0):
                    yield origin
                    yield from (f"{origin}.{alias.name}" for alias in names)


def is_installed(module: str) -> bool:
    """Return whether a module lies where packages are installed."""
    file = _find(module, f"module {module}")[0].resolve()
    installed = [sysconfig.get_path(key) for key in ("purelib", "platlib")]
    folders = [*installed, *site.getsitepackages(), site.getusersitepackages()]
    return any(file.is_relative_to(Path(folder).resolve()) for folder in folders)


def _module_of(function: str) -> str:
    return function.partition(":")[0]


def _sha256(module: str, name: str) -> str:
    file, depth = _find(module, name)
    if depth:
        return sha256_of(file.parents[depth - 1])
    return sha256_file(file)


def sha256_of(package: Path) -> str:
    """Return the sha256 of all Python files of a package."""
    return sha256_json(
        {name: sha256_file(file) for name, file in _python_files(package).items()}
    )


def _python_files(package: Path) -> dict[str, Path]:
    files = {}
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        is_hidden = "/." in f"/{name}"  # by an editor
        if file.is_file() and not is_hidden:
            files[name] = file
    return files


def _find(module: str, name: str) -> tuple[Path, int]:
    """Return the file of a module, and the number of packages that it is in or is."""
    find_working_folder()
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        spec = None
    except Exception as error:  # of a package around it
        raise UserError(
            f"{name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if spec is None or spec.origin is None or not spec.has_location:
        hint = "should be installed, or in the working folder"
        raise UserError(f"{name}: no module {module} ({hint})")
    file = Path(spec.origin)
    return file, module.count(".") + (file.name == "__init__.py")
