"""The suggestions that the shell shows when TAB is pressed.

They have to come at once, so files are read but not validated. The line may be half typed and
wrong, so a completer that fails suggests nothing and prints nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from rnnbench.config import shipped
from rnnbench.config.merge import tree_of
from rnnbench.storage import MAX_DOCUMENT, read_file

Completer = Callable[[typer.Context, str], list[str]]

SCHEMA = Path(__file__).parents[1] / "config" / "config.schema.json"


def _completer(
    suggest: Callable[[typer.Context], Iterable[str]], *, is_list: bool = False
) -> Completer:
    """Return the function that Typer calls: it keeps the suggestions that fit, and never raises.

    In a comma-separated list (``is_list``), nothing is suggested twice.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",") if is_list else ("", "", incomplete)
        given = before.split(",")
        try:
            fitting = [text for text in suggest(ctx) if text.startswith(last) and text not in given]
        except Exception:
            return []
        return [before + comma + text for text in fitting]

    return complete


def _files(*patterns: str) -> list[str]:
    files = (file for pattern in patterns for file in sorted(Path().glob(pattern)))
    return [str(file) for file in files if file.is_file()]


def _run_folders(_: typer.Context) -> Iterable[str]:
    files = _files("results/*/results.json", "results/*/*/results.json", "*/results.json")
    return dict.fromkeys(str(Path(file).parent) for file in files)


def _first(ctx: typer.Context, name: str) -> Path:
    """Return the first argument of a command, which is called ``name`` there."""
    # While the value of an option is typed, arguments are not parsed yet, and are in args.
    return Path(ctx.params.get(name) or ctx.args[0])


def _config_of(ctx: typer.Context) -> Any:
    return tree_of(_first(ctx, "config"), []).root.plain


def _models_of_config(ctx: typer.Context) -> list[str]:
    return list(_config_of(ctx)["models"].keys())


def _settings(ctx: typer.Context) -> Iterator[str]:
    """Yield the keys of ``data`` and ``training``, and those that the models of the config have."""
    sections = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    for name in ("data", "training"):
        yield from (f"{name}.{key}=" for key in sections[name.capitalize()]["properties"])
    with suppress(Exception):  # there may be no config on the line yet
        yield from (f"{path}=" for path in _paths(_config_of(ctx)["models"], "models"))


def _paths(tree: Any, path: str) -> Iterator[str]:
    """Yield the path of each single value in a tree, and of each list of single values."""
    is_list = isinstance(tree, list) and any(isinstance(item, dict) for item in tree)
    branches = enumerate(tree) if is_list else tree.items() if isinstance(tree, dict) else None
    if branches is None:
        yield path
        return
    for key, branch in branches:
        yield from _paths(branch, f"{path}.{key}")


def _models_of_run(ctx: typer.Context) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = json.loads(
        read_file(_first(ctx, "run") / "results.json", MAX_DOCUMENT)
    )["models"]
    return models


def _gates(_: typer.Context) -> Iterator[str]:
    """Yield gates on what would be worse; metrics of other packages would have to be loaded."""
    from rnnbench.metrics import COSTS, METRICS

    yield "accuracy drops significantly"
    built_in = {name: METRICS[name] for name in METRICS if METRICS.plugin(name) is None}
    for name, quantity in (built_in | COSTS).items():
        yield f"{name} {'drops' if quantity.higher_is_better else 'rises'} 5%"


def _metrics(_: typer.Context) -> Iterable[str]:
    from rnnbench.metrics import quantity_names

    return quantity_names()


def _sources(_: typer.Context) -> Iterable[str]:
    from rnnbench.data.sources import SOURCES  # imports NumPy and pydantic

    return ["auto", *SOURCES]


def _layers(_: typer.Context) -> Iterable[str]:
    from rnnbench.explain.kinds import KINDS  # imports NumPy

    return KINDS


def _executors(_: typer.Context) -> Iterable[str]:
    from rnnbench.runner.executors import EXECUTORS  # imports NumPy and pydantic

    return EXECUTORS


def _trackers(_: typer.Context) -> Iterable[str]:
    from rnnbench.tracking import TRACKERS

    return TRACKERS


def among(*names: str, is_list: bool = False) -> Completer:
    """Return a completer that suggests ``names``; with ``is_list``, in a comma-separated list."""
    return _completer(lambda _: names, is_list=is_list)


config_files = _completer(lambda _: [*_files("*.y*ml", "configs/*.y*ml"), *shipped.names()])
"""YAML files in the working folder and in ``configs/``, and the configs of the package."""
config_names = _completer(lambda _: shipped.names())
"""The configs of the package."""
run_folders = _completer(_run_folders)
"""Folders of finished runs, in ``results/`` and in the working folder."""
model_of_config = _completer(_models_of_config)
"""Models of the argument or option ``config``, and of the files that it extends."""
models_of_config = _completer(_models_of_config, is_list=True)
"""The same, for a comma-separated list."""
settings = _completer(_settings)
"""Keys for ``--set``, with the ``=`` that follows them."""
model_of_run = _completer(lambda ctx: [each["name"] for each in _models_of_run(ctx)])
"""Models of the argument ``run``."""
network_of_run = _completer(
    lambda ctx: [each["name"] for each in _models_of_run(ctx) if not each.get("is_baseline")]
)
"""Networks of the argument ``run``."""
gates = _completer(_gates)
"""Gates, each with an amount to be changed."""
metrics = _completer(_metrics)
"""Everything that models can be ranked and compared by."""
sources = _completer(_sources)
"""Sources of documents, of this package and of others."""
layers = _completer(_layers)
"""Recurrent layers that can be explained."""
executors = _completer(_executors)
"""Executors of this package and of others."""
trackers = _completer(_trackers, is_list=True)
"""Trackers of this package and of others, for a comma-separated list."""
