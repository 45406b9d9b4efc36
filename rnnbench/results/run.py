"""A finished run, and the ``results.json`` that makes a folder one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.records import Record
from rnnbench.results.document import (
    DamagedResultError,
    OtherVersionError,
    check_file,
    read_document,
    write_document,
)
from rnnbench.results.schema import SUMMARY_VERSION, Results
from rnnbench.storage import sha256_file
from rnnbench.training.outcome import TrialResult

RESULTS = "results.json"
"""The file that makes a folder a finished run."""
READABLE_VERSIONS = (2, SUMMARY_VERSION)
"""Versions of ``results.json`` from which the trials of a run can be found."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it is stored.
        results: the summary.
        trials: the trials of each model, in the order of the seeds in the config.
        benchmark: the resolved config.
        environment: the machine and the package versions.
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


class _TrialOutline(Record, extra="ignore"):
    fingerprint: str
    seed: int


class _ModelOutline(Record, extra="ignore"):
    name: str
    trials: list[_TrialOutline]


class Outline(Record, extra="ignore"):
    """The part of ``results.json`` that all readable versions share: which trials a run has."""

    schema_version: int
    command: str
    dataset: DatasetSummary
    metrics: list[str] = []
    models: list[_ModelOutline]


def save_results(folder: Path, results: Results) -> None:
    """Write the summary of a run, with the checksum of the ``config.yaml`` beside it."""
    write_document(folder / RESULTS, results, config_sha256=sha256_file(folder / "config.yaml"))


def read_results(folder: Path) -> tuple[Outline, Results | None]:
    """Return the outline of a run and its summary, which is ``None`` in an older version.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: ``results.json`` or ``config.yaml`` is not as it was written.
    """
    file = folder / RESULTS
    if not file.is_file():
        hint = "a folder that `rnnbench run` finished, such as results/all"
        raise UserError(f"{folder}: no {RESULTS} in it (should be {hint})")
    document = read_document(file, READABLE_VERSIONS)
    config_sha256 = document.pop("config_sha256", None)
    if config_sha256 is None:
        raise OtherVersionError(
            f"unusable result: {file}: it has no checksum of config.yaml; run the benchmark again "
            "with --fresh"
        )
    try:
        outline = Outline.model_validate(document)
        is_current = outline.schema_version == SUMMARY_VERSION
        results = Results.model_validate(document) if is_current else None
    except ValidationError as error:
        raise DamagedResultError(f"unusable result: {file}: {error}") from error
    check_file(folder / "config.yaml", config_sha256, file)
    return outline, results
