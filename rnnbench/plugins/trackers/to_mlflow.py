"""The tracker ``mlflow``: a run for the benchmark, and one below it for each trial."""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rnnbench
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.errors import shortened
from rnnbench.plugins.trackers import TrialTracker, settings_of, tags_of
from rnnbench.storage import sha256_json
from rnnbench.training.trial import Trial

DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # else a server that is gone is tried for minutes
}
"""Settings of MLflow while it is called, unless the user has others."""
SEND_INTERVAL = 2.0
"""Seconds between two batches of epochs: a batch takes about as long as a single epoch."""
MAX_METRICS, MAX_PARAMS = 1000, 100
"""The most that MLflow takes in a batch."""
MAX_KEY, MAX_VALUE = 250, 6000
"""The most characters that it takes in a name, and in a parameter."""


@contextmanager
def _with_defaults() -> Iterator[None]:
    added = {key: DEFAULTS[key] for key in DEFAULTS.keys() - os.environ.keys()}
    os.environ |= added
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)


class MlflowTracker(TrialTracker):
    """Keeps a store in the folder of the run, unless ``MLFLOW_TRACKING_URI`` names another."""

    name = "mlflow"
    modules = ("mlflow", "sqlalchemy", "alembic")
    install = "pip install 'rnnbench[mlflow]'"

    @_with_defaults()
    def start(self, folder: Path, benchmark: Benchmark, trials: Sequence[Trial]) -> None:
        """Begin the run of the benchmark, or go on with one that was interrupted."""
        from mlflow import MlflowClient

        given = os.environ.get("MLFLOW_TRACKING_URI")
        self._client = MlflowClient(given or _local_store(folder))
        artifacts = None if given else (folder / "mlflow-artifacts").resolve().as_uri()
        self._experiment = self._find_experiment(benchmark.name, artifacts)
        self._parent = self._find_parent(benchmark, folder)
        self._unsent: dict[str, list[Any]] = {}
        self._last_sent = 0.0
        self._missing, self._has_failed = set(trials), False

    @_with_defaults()
    def begin(self, trial: Trial) -> str:
        """Begin a run below that of the benchmark."""
        tags = tags_of(trial) | {"mlflow.parentRunId": self._parent}
        return self._create(str(trial), tags, settings_of(trial))

    @_with_defaults()
    def write(self, run: str, epoch: int, values: Mapping[str, float]) -> None:
        """Note the metrics of an epoch, and send them now and then."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_key(name), value, now, epoch) for name, value in values.items()]
        self._unsent.setdefault(run, []).extend(metrics)
        if time.monotonic() - self._last_sent >= SEND_INTERVAL:
            self._send()

    @_with_defaults()
    def end(self, run: str, trial: Trial, status: str, reason: str = "") -> None:
        """Send all metrics, and end the run of a trial."""
        if status == "FINISHED":
            self._missing.discard(trial)
        elif status == "FAILED":
            self._client.set_tag(run, "rnnbench.error", shortened(reason, MAX_VALUE))
            self._has_failed = True
        self._send()
        self._client.set_terminated(run, status)

    @_with_defaults()
    def close(self) -> None:
        """End the runs of trials that were interrupted, and that of the benchmark."""
        super().close()
        ending = "FAILED" if self._has_failed else "KILLED"
        self._client.set_terminated(self._parent, ending if self._missing else "FINISHED")

    def _find_experiment(self, benchmark: str, artifacts: str | None) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or benchmark
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=artifacts))

    def _find_parent(self, benchmark: Benchmark, folder: Path) -> str:
        """Return the run of this benchmark in this folder; a new one if the last is finished."""
        untracked = benchmark.model_copy(update={"tracking": ()})
        mark = sha256_json([str(folder.resolve()), dump(untracked)])
        same = f"tags.`rnnbench.run` = '{mark}' and attributes.status != 'FINISHED'"
        for run in self._client.search_runs([self._experiment], same):
            self._client.update_run(run.info.run_id, status="RUNNING")
            return str(run.info.run_id)
        tags = {"rnnbench.version": rnnbench.__version__, "rnnbench.run": mark}
        data = benchmark.data.model_dump(mode="json", exclude_none=True)
        training = benchmark.training.model_dump(mode="json", exclude_none=True)
        settings = {f"data.{key}": value for key, value in data.items()}
        settings |= {f"training.{key}": value for key, value in training.items()}
        return self._create(benchmark.name, tags, settings)

    def _create(self, name: str, tags: Mapping[str, str], settings: Mapping[str, Any]) -> str:
        from mlflow.entities import Param

        created = self._client.create_run(self._experiment, tags=dict(tags), run_name=name)
        run = str(created.info.run_id)
        params = [
            Param(_key(key), shortened(str(value), MAX_VALUE)) for key, value in settings.items()
        ]
        for batch in _batches(params, MAX_PARAMS):
            self._client.log_batch(run, params=batch)
        return run

    def _send(self) -> None:
        for run, metrics in self._unsent.items():
            for batch in _batches(metrics, MAX_METRICS):
                self._client.log_batch(run, metrics=batch)
        self._unsent = {}
        self._last_sent = time.monotonic()


def _local_store(folder: Path) -> str:
    from sqlalchemy import URL

    database = str((folder / "mlflow.db").resolve())
    return URL.create("sqlite", database=database).render_as_string()


def _key(name: str) -> str:
    """Return a name with the characters that MLflow allows in one."""
    return re.sub(r"[^\w./ :-]", "_", name)[:MAX_KEY]


def _batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
