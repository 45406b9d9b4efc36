"""The suggestions that the shell shows when TAB is pressed.

They have to come at once, so files are read but not validated. The line may be half typed and
wrong, so a completer that fails suggests nothing and prints nothing.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from rnnbench.config import shipped
from rnnbench.config.merge import tree_of
from rnnbench.storage import MAX_DOCUMENT, read_file

Completer = Callable[[typer.Context, str], list[str]]


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


def _models_of_config(ctx: typer.Context) -> list[str]:
    # While the value of an option is typed, arguments are not parsed yet: the config is in args.
    config = Path(ctx.params.get("config") or ctx.args[0])
    return list(tree_of(config, []).root.plain["models"].keys())


def _models_of_run(ctx: typer.Context) -> list[str]:
    results = json.loads(read_file(Path(ctx.params["run"], "results.json"), MAX_DOCUMENT))
    return [model["name"] for model in results["models"] if not model.get("is_baseline")]


def _executors(_: typer.Context) -> Iterable[str]:
    from rnnbench.runner.executors import EXECUTORS  # imports NumPy and pydantic

    return EXECUTORS


def _trackers(_: typer.Context) -> Iterable[str]:
    from rnnbench.tracking import TRACKERS

    return TRACKERS


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
model_of_run = _completer(_models_of_run)
"""Networks of the argument ``run``."""
executors = _completer(_executors)
"""Executors of this package and of others."""
trackers = _completer(_trackers, is_list=True)
"""Trackers of this package and of others, for a comma-separated list."""
