"""What the shell offers when TAB is pressed.

A completer has to answer at once, so files are read here, but nothing is validated. A line that
is half typed may hold anything: a completer that fails offers nothing, and says nothing.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path

import typer

Completer = Callable[[typer.Context, str], list[str]]


def _completer(offer: Callable[[typer.Context, str], Iterable[str]]) -> Completer:
    """Return what Typer calls: it keeps what goes on from ``incomplete``, and never raises."""

    @wraps(offer)  # Typer looks at the names and types of the parameters
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return [text for text in offer(ctx, incomplete) if text.startswith(incomplete)]
        except Exception:
            return []

    return complete


@_completer
def config_files(ctx: typer.Context, incomplete: str) -> Iterable[str]:  # noqa: ARG001
    """Offer the YAML files in the working folder and in ``configs/``."""
    return _found("*.y*ml", "configs/*.y*ml")


@_completer
def run_folders(ctx: typer.Context, incomplete: str) -> Iterable[str]:  # noqa: ARG001
    """Offer the folders of finished runs, under ``results/`` and in the working folder."""
    files = _found("results/*/results.json", "results/*/*/results.json", "*/results.json")
    return dict.fromkeys(str(Path(file).parent) for file in files)


@_completer
def model_of_config(ctx: typer.Context, incomplete: str) -> Iterable[str]:  # noqa: ARG001
    """Offer the models of the config that stands on the line, ``config``."""
    return _models_of_config(ctx)


@_completer
def models_of_config(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Offer the same for a list that commas divide: those that are not in it yet."""
    before, comma, _ = incomplete.rpartition(",")
    given = before.split(",")
    return [f"{before}{comma}{name}" for name in _models_of_config(ctx) if name not in given]


@_completer
def model_of_run(ctx: typer.Context, incomplete: str) -> Iterable[str]:  # noqa: ARG001
    """Offer the networks of the run that stands on the line, ``run``."""
    import json

    results = json.loads(Path(ctx.params["run"], "results.json").read_text(encoding="utf-8"))
    return [model["name"] for model in results["models"] if not model.get("is_baseline")]


@_completer
def executors(ctx: typer.Context, incomplete: str) -> Iterable[str]:  # noqa: ARG001
    """Offer the executors of this package and of others."""
    from rnnbench.runner.executors import EXECUTORS

    return EXECUTORS


def _found(*patterns: str) -> list[str]:
    """Return the files of the working folder that fit a pattern, pattern by pattern."""
    files = (file for pattern in patterns for file in sorted(Path().glob(pattern)))
    return [str(file) for file in files if file.is_file()]


def _models_of_config(ctx: typer.Context) -> list[str]:
    """Return the names of the models of ``config`` and the files that it extends."""
    from rnnbench.config.merge import read

    # While the value of an option is typed, the arguments before it are not yet told apart.
    config = Path(ctx.params.get("config") or ctx.args[0])
    return list(read(config).root.plain["models"].keys()) if config.is_file() else []
