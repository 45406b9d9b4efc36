"""A finished run, and its summary."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.config.schema import Benchmark
from rnnbench.errors import UserError
from rnnbench.results.convert import convert_run
from rnnbench.results.schema import SUMMARY_VERSION, Results
from rnnbench.results.store import RESULTS
from rnnbench.storage import (
    DamagedResultError,
    OtherVersionError,
    check_file,
    read_document,
    validate,
)
from rnnbench.training.outcome import TrialResult


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A finished run."""

    folder: Path
    results: Results
    trials: dict[str, list[TrialResult]]
    """The trials of each model, in the order of the seeds in the config."""
    benchmark: Benchmark
    """The resolved config."""
    environment: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config as plain data."""
        return self.benchmark.model_dump(mode="json", exclude_none=True)


def load_results(folder: Path) -> Results:
    """Return the summary of the finished run in ``folder``; an older run is converted.

    Raises:
        UserError: there is no finished run, or an older one cannot be converted.
        DamagedResultError: ``results.json`` or ``config.yaml`` is not as it was written.
    """
    file = folder / RESULTS
    if not file.is_file():
        hint = "a folder that `rnnbench run` finished, such as results/all"
        raise UserError(f"{folder}: no {RESULTS} in it (should be {hint})")
    try:
        document = read_document(file, SUMMARY_VERSION)
    except OtherVersionError:
        convert_run(file)
        document = read_document(file, SUMMARY_VERSION)
    config_sha256 = document.pop("config_sha256", None)
    results = validate(file, Results, document)
    try:
        check_file(folder / "config.yaml", config_sha256, file)
    except DamagedResultError as error:  # such as when a run was killed between the two files
        raise type(error)(f"{error}; run the benchmark again") from error
    return results
