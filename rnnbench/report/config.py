"""Configs for people and for machines: checked, resolved, highlighted."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.syntax import Syntax
from rich.text import Text

from rnnbench.config.load import load
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.config.schema import Benchmark


@dataclass(frozen=True)
class Check:
    """What came out of checking a config file.

    Attributes:
        file: as the user wrote it.
        benchmark: what it describes, where nothing is wrong.
        problems: all that is wrong.
    """

    file: Path
    benchmark: Benchmark | None
    problems: tuple[Problem, ...] = ()


def check(file: Path) -> Check:
    """Return whether ``file`` is a valid config, and all that is wrong with it."""
    try:
        return Check(file, load(file))
    except ConfigError as error:
        return Check(file, None, error.problems)


def check_text(benchmark: Benchmark, file: Path) -> str:
    """Return the line about a ``file`` that is fine."""
    models, trials = len(benchmark.models), count_trials(benchmark)
    return f"{file}: fine, {_counted(models, 'model')}, {_counted(trials, 'trial')}"


def check_json(checked: Check) -> dict[str, Any]:
    """Return what ``--json`` prints of a file."""
    benchmark = checked.benchmark
    return {
        "file": str(checked.file),
        "is_fine": benchmark is not None,
        "name": benchmark and benchmark.name,
        "models": benchmark and len(benchmark.models),
        "trials": benchmark and count_trials(benchmark),
        "problems": [asdict(problem) for problem in checked.problems],
    }


def count_trials(benchmark: Benchmark) -> int:
    """Return how many trainings it takes: one a model and seed, where a seed changes anything."""
    return sum(len(benchmark.seeds_of(model)) for model in benchmark.models)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def highlighted(text: str) -> Text:
    """Return YAML in the colours of the terminal."""
    return Syntax("", "yaml", theme="ansi_dark", background_color="default").highlight(text)
