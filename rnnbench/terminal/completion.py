"""The names that the shell suggests when TAB is pressed, at once: no config and no run is read."""

from collections.abc import Callable
from pathlib import Path

from rnnbench.config import shipped


def among(*names: str, is_list: bool = False) -> Callable[[str], list[str]]:
    """Return a completer of ``names``; in a comma-separated list, nothing is suggested twice."""

    def complete(incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",") if is_list else ("", "", "")
        return [before + comma + name for name in names if name not in before.split(",")]

    return complete


def config_files() -> list[str]:
    """Suggest YAML files here and in ``configs/``, and the configs of the package."""
    return [*_files("*.y*ml", "configs/*.y*ml"), *shipped.listed()]


def run_folders() -> list[str]:
    """Suggest folders of finished runs, in ``results/`` and here."""
    files = _files("results/*/results.json", "results/*/*/results.json", "*/results.json")
    return [*dict.fromkeys(str(Path(file).parent) for file in files)]


def _files(*patterns: str) -> list[str]:
    files = (file for pattern in patterns for file in sorted(Path().glob(pattern)))
    return [str(file) for file in files if file.is_file()]


def executors() -> list[str]:
    """Suggest the executors of this package and of others."""
    from rnnbench.runner.executors import EXECUTORS  # imports NumPy and pydantic

    return [*EXECUTORS]
