"""The wall around plug-ins, in both directions, and that around the command line."""

import ast
import re
import sys
from itertools import chain
from pathlib import Path

import pytest

import rnnbench
from rnnbench import plugin

ROOT = Path(rnnbench.__file__).parents[1]
PLUGINS = "rnnbench/plugins"
FACES = {"rnnbench/__init__.pyi", "rnnbench/plugin.pyi"}
"""Programs and plug-ins may import all that these name, also of plug-ins."""
PUBLIC = {"rnnbench": rnnbench.__all__, "rnnbench.plugin": plugin.__all__}


def imports(file, source):
    """Every name that a file imports, with its module; relative modules are
    resolved.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = Path(file).parts[: -node.level] if node.level else ()
            module = ".".join([*around, *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)


def breaches(file, source):
    """What a file imports beyond its wall."""
    folder = Path(file).parts[2] if file.startswith(f"{PLUGINS}/") else ""
    for module, name in imports(file, source):
        whole = f"{module}.{name}"
        if f"{whole}.".startswith("rnnbench.cli.") and not file.startswith(
            "rnnbench/cli/"
        ):
            if file != "rnnbench/__main__.py":
                yield whole
        elif not folder:
            if f"{whole}.".startswith("rnnbench.plugins.") and file not in FACES:
                yield whole
        elif f"{whole}.".startswith(f"rnnbench.plugins.{folder}."):
            continue
        elif whole.startswith("rnnbench") and not _is_public(module, name):
            yield whole


def _is_public(module, name):
    """Return whether a plug-in may import this, as another package may."""
    if module == "rnnbench" and name in {"", "__version__"}:
        return True
    return name in PUBLIC.get(module, ())


def test_no_import_breaks_through_a_wall():
    files = chain.from_iterable(
        ROOT.glob(f"rnnbench/**/*.{ending}") for ending in ("py", "pyi")
    )
    sources = {file.relative_to(ROOT).as_posix(): file.read_text() for file in files}

    assert {
        file: found for file in sources if (found := [*breaches(file, sources[file])])
    } == {}


def test_the_example_imports_public_names_alone():
    private = set()
    for file in ROOT.glob("examples/plugin/my_package/*.py"):
        for module, name in imports("my_package", file.read_text()):
            if f"{module}.".startswith("rnnbench.") and not _is_public(module, name):
                private.add((file.name, module, name))

    assert private == set()


def test_each_name_for_plugins_is_used_or_documented():
    documents = (ROOT / "docs/api.md").read_text()
    used = set(re.findall(r"rnnbench\.plugin\.(\w+)", documents))
    for file in ROOT.glob(f"{PLUGINS}/**/*.py"):
        names = imports(file.relative_to(ROOT).as_posix(), file.read_text())
        used.update(name for module, name in names if module == "rnnbench.plugin")

    assert set(plugin.__all__) - used == set()


def test_only_entry_points_name_plugins():
    """A place in a string would be a hidden import."""
    ours = [
        file
        for file in ROOT.glob("rnnbench/**/*.py")
        if ROOT / PLUGINS not in file.parents
    ]

    assert [file for file in ours if "rnnbench.plugins" in file.read_text()] == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("rnnbench/runner/run.py", "from rnnbench.plugins.dask import executor"),
        ("rnnbench/runner/run.py", "from rnnbench import plugins"),
        ("rnnbench/runner/run.py", "from ..plugins.dask import executor"),
        ("rnnbench/api.py", "def late():\n    import rnnbench.plugins.site.site"),
        ("rnnbench/api.py", "from rnnbench.cli.app import app"),
        (
            "rnnbench/plugins/dask/executor.py",
            "from rnnbench.plugins.speed import command",
        ),
        ("rnnbench/plugins/dask/executor.py", "from rnnbench.errors import shortened"),
        ("rnnbench/plugins/site/site.py", "from rnnbench.report.table import Table"),
        ("rnnbench/plugins/dask/executor.py", "from rnnbench.runner import signals"),
        ("rnnbench/plugins/dask/executor.py", "from rnnbench.cli.app import COMMANDS"),
        ("rnnbench/plugins/dask/executor.py", "from rnnbench import Executor"),
    ],
)
def test_a_breach_is_found(file, source):
    assert [*breaches(file, source)] != []


@pytest.mark.parametrize("file", sorted(ROOT.glob("rnnbench/stats/*.py")), ids=str)
def test_statistics_need_numpy_and_scipy_alone(file):
    name = file.relative_to(ROOT).as_posix()
    modules = {module for module, _ in imports(name, file.read_text())}
    of_others = {
        module
        for module in modules
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not module.startswith("rnnbench.stats.")
    }

    assert of_others <= {"numpy", "numpy.typing", "scipy", "lazy_loader"}


ABOVE_A_RUN = (
    "rnnbench.api",
    "rnnbench.choice",
    "rnnbench.suspects",
    "rnnbench.cli",
    "rnnbench.job",
    "rnnbench.prediction",
    "rnnbench.report",
    "rnnbench.request",
    "rnnbench.terminal",
    "rich",
    "typer",
)


@pytest.mark.parametrize("file", sorted(ROOT.glob("rnnbench/runner/*.py")), ids=str)
def test_a_run_knows_nothing_of_who_listens(file):
    name = file.relative_to(ROOT).as_posix()
    for module, member in imports(name, file.read_text()):
        assert not f"{module}.{member}.".startswith(
            tuple(f"{above}." for above in ABOVE_A_RUN)
        )
