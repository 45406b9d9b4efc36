"""Configs for people and for machines: checked, resolved, highlighted."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.syntax import Syntax
from rich.text import Text

from rnnbench.config.check import Check
from rnnbench.config.schema import Benchmark


def check_text(benchmark: Benchmark, file: Path) -> str:
    """Return the line about a ``file`` that is fine."""
    models, trials = len(benchmark.models), benchmark.n_trials
    return f"{file}: fine, {_counted(models, 'model')}, {_counted(trials, 'trial')}"


def check_json(checked: Check) -> dict[str, Any]:
    """Return what ``--json`` prints of a file."""
    benchmark = checked.benchmark
    return {
        "file": str(checked.file),
        "is_fine": benchmark is not None,
        "name": benchmark and benchmark.name,
        "models": benchmark and len(benchmark.models),
        "trials": benchmark and benchmark.n_trials,
        "problems": [asdict(problem) for problem in checked.problems],
    }


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def highlighted(text: str) -> Text:
    """Return YAML in the colours of the terminal."""
    return Syntax("", "yaml", theme="ansi_dark", background_color="default").highlight(text)
