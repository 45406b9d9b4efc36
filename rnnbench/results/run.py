"""A finished run, read back from its folder, every file checked by its checksum."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.config.load import load
from rnnbench.config.problems import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.environment import SCHEMA_VERSION as ENVIRONMENT_VERSION
from rnnbench.errors import UserError
from rnnbench.results.files import (
    DamagedResultError,
    OtherVersionError,
    check_file,
    read_document,
    validate,
    version_of,
    write_document,
)
from rnnbench.results.schema import Results
from rnnbench.results.store import Store
from rnnbench.storage import sha256_file
from rnnbench.training.outcome import TrialResult

log = logging.getLogger(__name__)

RESULTS = "results.json"
"""The file that makes a folder a finished run."""


@dataclass(frozen=True)
class Run:
    """What one ``rnnbench run`` left.

    Attributes:
        folder: where it lies.
        results: the summary.
        trials: the trials of each model, by seed as the run asked for them.
        benchmark: the resolved config.
        environment: on what it was trained.
    """

    folder: Path
    results: Results
    trials: dict[str, list[TrialResult]]
    benchmark: Benchmark
    environment: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config as plain data."""
        return self.benchmark.model_dump(mode="json", exclude_none=True)


def load_run(folder: Path) -> Run:
    """Return the finished run in ``folder``.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not what was written; it names the file.
    """
    results = load_results(folder)
    try:
        trials = _trials(folder, results)
        benchmark = load(folder / "config.yaml")
        environment = _environment(folder)
    except FileNotFoundError as error:
        raise DamagedResultError(f"unusable result: {error.filename}: it is missing") from error
    except ConfigError as error:  # it names the file
        raise DamagedResultError(f"unusable result: {error}") from error
    if strange := {model.name for model in results.models} - set(benchmark.models):
        named = ", ".join(sorted(strange))
        raise DamagedResultError(f"unusable result: {folder}: config.yaml has no model {named}")
    return Run(folder, results, trials, benchmark, environment)


def load_runs(paths: Sequence[Path]) -> list[Run]:
    """Return the finished runs among ``paths``, which may be all that a shell found in a folder.

    What else lies there is left out with a warning, as long as there is a run.

    Raises:
        UserError: a path does not exist, or there is no finished run.
        DamagedResultError: a file of a run is not what was written; it names the file.
    """
    others = [path for path in paths if path.exists() and not (path / RESULTS).is_file()]
    if len(others) == len(paths):
        others = []
    for path in others:
        log.warning("%s: no finished run, left out", path)
    return [load_run(path) for path in paths if path not in others]


def save_results(folder: Path, results: Results) -> None:
    """Write the summary of a run, and with it the checksum of the ``config.yaml`` beside it."""
    write_document(folder / RESULTS, results, config_sha256=sha256_file(folder / "config.yaml"))


def load_results(folder: Path) -> Results:
    """Return the summary of the finished run in ``folder``.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: it, or the config beside it, is not what was written.
    """
    file = folder / RESULTS
    if not file.is_file():
        hint = "a folder that `rnnbench run` finished, as results/all"
        raise UserError(f"{folder}: no {RESULTS} in it (should be {hint})")
    document = read_document(file, version_of(Results))
    config_sha256 = document.pop("config_sha256", None)
    if config_sha256 is None:
        raise OtherVersionError(
            f"unusable result: {file}: it has no checksum of config.yaml; run the benchmark again "
            "with --fresh"
        )
    results = validate(file, Results, document)
    check_file(folder / "config.yaml", config_sha256, file)
    return results


def _environment(folder: Path) -> dict[str, Any]:
    try:
        return read_document(folder / "environment.json", ENVIRONMENT_VERSION)
    except DamagedResultError as error:  # nobody knows any more on what the trials were trained
        raise type(error)(f"{error}; run the benchmark again with --fresh") from error


def _trials(folder: Path, results: Results) -> dict[str, list[TrialResult]]:
    store = Store(folder)
    return {
        model.name: [store.load(model.name, each.seed, each.fingerprint) for each in model.trials]
        for model in results.models
    }
