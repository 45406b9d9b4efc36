"""Whether a config file can be used, and all that is wrong with it."""

from dataclasses import dataclass
from pathlib import Path

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
