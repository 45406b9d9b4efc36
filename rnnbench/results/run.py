"""A finished run, and the ``results.json`` that makes a folder one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.config.schema import Benchmark
from rnnbench.errors import UserError
from rnnbench.results.files import Document, check_file, read_document, validate, write_document
from rnnbench.results.schema import SUMMARY_VERSION, Results
from rnnbench.storage import sha256_file
from rnnbench.training.outcome import TrialResult

RESULTS = "results.json"
"""The file that makes a folder a finished run."""
METRICS_OF_VERSION_2 = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "top3_accuracy",
    "log_loss",
)


@dataclass(frozen=True)
class StoredRun:
    """A finished run."""

    folder: Path
    results: Results
    trials: dict[str, list[TrialResult]]
    """Of each model, in the order of the seeds in the config."""
    benchmark: Benchmark
    """The resolved config."""
    environment: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config as plain data."""
        return self.benchmark.model_dump(mode="json", exclude_none=True)


def save_results(folder: Path, results: Results) -> None:
    """Write the summary of a run, with the checksum of the ``config.yaml`` beside it."""
    write_document(folder / RESULTS, results, config_sha256=sha256_file(folder / "config.yaml"))


def load_results(folder: Path) -> Results:
    """Return the summary of the finished run in ``folder``.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: ``results.json`` or ``config.yaml`` is not as it was written.
    """
    file = folder / RESULTS
    if not file.is_file():
        hint = "a folder that `rnnbench run` finished, such as results/all"
        raise UserError(f"{folder}: no {RESULTS} in it (should be {hint})")
    document = read_document(file, SUMMARY_VERSION, {2: _upgrade_from_2})
    config_sha256 = document.pop("config_sha256", None)
    results = validate(file, Results, document)
    check_file(folder / "config.yaml", config_sha256, file)
    return results


def _upgrade_from_2(document: Document) -> Document:
    """Gather the metrics, which were fields of their own.

    The run's own ``metrics`` stay empty, as a sign that the summary has to be made anew.
    """
    models = []
    for model in document["models"]:
        trials = [
            {"fingerprint": trial["fingerprint"], "seed": trial["seed"]} | _gather(trial)
            for trial in model["trials"]
        ]
        others = {key: value for key, value in model.items() if key not in METRICS_OF_VERSION_2}
        models.append(others | _gather(model) | {"trials": trials})
    return document | {"schema_version": SUMMARY_VERSION, "metrics": [], "models": models}


def _gather(record: Document) -> Document:
    metrics = {name: record[name] for name in METRICS_OF_VERSION_2}
    return {"metrics": {name: value for name, value in metrics.items() if value is not None}}
