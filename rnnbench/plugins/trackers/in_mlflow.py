"""The tracker for MLflow."""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rnnbench
from rnnbench import Benchmark
from rnnbench.plugin import Trial, dump, plain_values, sha256_json, shortened
from rnnbench.plugins.trackers.of_trials import (
    IMPORTING,
    Status,
    TrialTracker,
    settings_of,
    tags_of,
)

if TYPE_CHECKING:
    from mlflow.entities import Metric

WORST_FIRST: list[Status] = ["FAILED", "KILLED", "FINISHED"]
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # else a server that is gone is tried for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
"""Variables while it is called, unless the user has set them."""
MAX_KEY = 250
MAX_VALUE = 6000
"""The most characters that MLflow takes in a name, and as a value."""
SECONDS_APART = 2.0
"""Numbers are sent no more often: it takes about as long as one epoch."""


@contextmanager
def _with_defaults() -> Iterator[None]:
    added = {key: DEFAULTS[key] for key in DEFAULTS.keys() - os.environ.keys()}
    os.environ |= added
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)


class MlflowTracker(TrialTracker[str]):
    """Keeps a store in the folder of the run, or where ``MLFLOW_TRACKING_URI`` says."""

    name = "mlflow"
    modules = ("mlflow", "sqlalchemy", "alembic")
    install = "pip install 'rnnbench[mlflow]'"

    @_with_defaults()
    def start(
        self, folder: Path, benchmark: Benchmark, trials: Sequence[Trial]
    ) -> None:
        """Begin the run of the benchmark, or go on with one that was interrupted."""
        self._open_experiment(folder, benchmark)
        self._open_parent(folder, benchmark)
        self._unsent: dict[str, list[Metric]] = {}
        self._last_sent = 0.0
        self._endings: dict[Trial, Status] = {}
        for trial in trials:
            self._endings[trial] = "KILLED"  # unless it ends in another way

    def _open_experiment(self, folder: Path, benchmark: Benchmark) -> None:
        with IMPORTING:
            from mlflow import MlflowClient
            from sqlalchemy import URL

        uri = os.environ.get("MLFLOW_TRACKING_URI")
        artifacts = None
        if not uri:
            file = (folder / "mlflow.db").resolve()
            uri = URL.create("sqlite", database=str(file)).render_as_string()
            artifacts = (folder / "mlflow-artifacts").resolve().as_uri()
        self._client = MlflowClient(uri)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or benchmark.name
        experiment = self._client.get_experiment_by_name(name)
        if experiment:
            self._experiment = experiment.experiment_id
        else:
            self._experiment = self._client.create_experiment(name, artifacts)

    def _open_parent(self, folder: Path, benchmark: Benchmark) -> None:
        """Find the unfinished run of this benchmark in this folder, or create one."""
        untracked = benchmark.model_copy(update={"tracking": ()})
        mark = sha256_json([str(folder.resolve()), dump(untracked)])
        same = f"tags.`rnnbench.run` = '{mark}' and attributes.status != 'FINISHED'"
        runs = self._client.search_runs([self._experiment], same)
        if runs:
            self._parent = str(runs[0].info.run_id)
            self._client.update_run(self._parent, status="RUNNING")
            return
        tags = {"rnnbench.version": rnnbench.__version__, "rnnbench.run": mark}
        shared = benchmark.model_dump(
            mode="json", exclude_none=True, include={"data", "training"}
        )
        self._parent = self._create(benchmark.name, tags, dict(plain_values(shared)))

    @_with_defaults()
    def _begin(self, trial: Trial) -> str:
        tags = tags_of(trial) | {"mlflow.parentRunId": self._parent}
        return self._create(str(trial), tags, settings_of(trial))

    @_with_defaults()
    def _write(self, run: str, epoch: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        unsent = self._unsent.setdefault(run, [])
        for name, value in values.items():
            unsent.append(Metric(_key(name), value, now, epoch))
        if time.monotonic() - self._last_sent >= SECONDS_APART:
            self._send()

    @_with_defaults()
    def _end(self, run: str, trial: Trial, status: Status, reason: str = "") -> None:
        self._endings[trial] = status
        if status == "FAILED":
            self._client.set_tag(run, "rnnbench.error", shortened(reason, MAX_VALUE))
        self._send()
        self._client.set_terminated(run, status)

    @_with_defaults()
    def close(self) -> None:
        super().close()
        endings = self._endings.values()
        worst = min(endings, key=WORST_FIRST.index, default="FINISHED")
        self._client.set_terminated(self._parent, worst)

    def _create(
        self, name: str, tags: Mapping[str, str], settings: Mapping[str, object]
    ) -> str:
        from mlflow.entities import Param

        created = self._client.create_run(
            self._experiment, tags=dict(tags), run_name=name
        )
        run = str(created.info.run_id)
        params = [
            Param(_key(key), shortened(str(value), MAX_VALUE))
            for key, value in settings.items()
        ]
        self._client.log_batch(run, params=params)
        return run

    def _send(self) -> None:
        for run, metrics in self._unsent.items():
            self._client.log_batch(run, metrics=metrics)
        self._unsent = {}
        self._last_sent = time.monotonic()


def _key(name: str) -> str:
    """Return a name with the characters that MLflow allows in one."""
    return re.sub(r"[^\w./ :-]", "_", name)[:MAX_KEY]
