"""Trackers: TensorBoard, MLflow, and Weights & Biases. Each imports its library when it
starts.
"""

import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rnnbench
from rnnbench.analysis.compare import plain_values
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.errors import shortened
from rnnbench.metrics import COSTS
from rnnbench.models.descriptions import ABOUT_A_MODEL, Network
from rnnbench.results.store import place_of
from rnnbench.storage import sha256_json
from rnnbench.tasks import TASKS
from rnnbench.tracking import Tracker
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

Setting = bool | int | float | str
# the start of the names by which TensorBoard finds event files
EVENTS = "events.out.tfevents"
STATUSES = {
    "FAILED": "FAILURE",
    "KILLED": "UNKNOWN",
    "FINISHED": "SUCCESS",
}  # the worst first
MLFLOW_DEFAULTS = {  # settings while it is called, unless the user has others
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # else a server that is gone is tried for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
MAX_KEY, MAX_VALUE = (
    250,
    6000,
)  # the most characters that MLflow takes in a name, and as a value
WANDB_DEFAULTS = {  # settings of a run, by variable, unless the user has set that
    "WANDB_MODE": ("mode", "offline"),
    "WANDB_PROJECT": ("project", "rnnbench"),
    "WANDB_SILENT": ("silent", True),
    "WANDB_FINISH_TIMEOUT": (
        "finish_timeout",
        40,
    ),  # else a server that is gone holds up the end
}


def settings_of(trial: Trial) -> dict[str, Setting]:
    """Return the model, the seed, and the model's settings by key path:
    ``layers.0.lstm.units``.
    """
    tree = trial.model.model_dump(mode="json", exclude={*ABOUT_A_MODEL})
    if isinstance(
        trial.model, Network
    ):  # those of training change nothing in a baseline
        tree |= {"training": trial.training.model_dump(mode="json", exclude={"seeds"})}
    settings: dict[str, Setting] = {"model": trial.name, "seed": trial.seed}
    for key, value in plain_values(tree):
        if value is not None:
            is_plain = isinstance(value, Setting)
            settings[key] = value if is_plain else json.dumps(value, ensure_ascii=False)
    return settings


def tags_of(trial: Trial) -> dict[str, str]:
    """Return what identifies a trial and its data, and the version of this package."""
    return {
        "rnnbench.version": rnnbench.__version__,
        "rnnbench.fingerprint": trial.fingerprint,
        "rnnbench.dataset_fingerprint": trial.dataset_fingerprint,
        "rnnbench.source": trial.source,
    }


class TrialTracker(Tracker):
    """A tracker that keeps a run of its tool for each trial; subclasses begin, write
    and end it.

    A run gets the settings of its trial, the numbers of each epoch, from 1, and at last
    the numbers known only at the end. It ends ``FINISHED``, ``FAILED`` for a reason, or
    ``KILLED``.
    """

    def __init__(self) -> None:
        self.runs: dict[Trial, Any] = {}

    def _begin(self, trial: Trial) -> Any: ...
    def _write(self, run: Any, epoch: int, values: Mapping[str, float]) -> None: ...
    def _end(self, run: Any, trial: Trial, status: str, reason: str = "") -> None: ...

    def trial_started(self, trial: Trial) -> None:
        if trial in self.runs:  # an earlier attempt was interrupted
            self._end(self.runs.pop(trial), trial, "KILLED")
        self.runs[trial] = self._begin(trial)

    def epoch_ended(self, trial: Trial, epoch: int, loss: float, score: float) -> None:
        self._write(
            self.runs[trial], epoch, {"loss": loss, TASKS[trial.task].main: score}
        )

    def trial_finished(
        self, trial: Trial, result: TrialResult, metrics: dict[str, float]
    ) -> None:
        run, history = self.runs.pop(trial), result.record.history
        rows = zip(
            history.val_loss, history.val_score, strict=True
        )  # none where none held out
        for epoch, values in enumerate(rows, start=1):
            loss, score = (math.nan if value is None else value for value in values)
            self._write(
                run, epoch, {"val_loss": loss, f"val_{TASKS[trial.task].main}": score}
            )
        final = {"params", "best_epoch", *COSTS}
        facts = result.record.model_dump(include=final, exclude_none=True)
        costs = {key: float(value) for key, value in facts.items()}
        scores = {f"test/{name}": value for name, value in metrics.items()}
        self._write(run, result.record.epochs, scores | costs)
        self._end(run, trial, "FINISHED")

    def trial_failed(self, trial: Trial, reason: str) -> None:
        self._end(self.runs.pop(trial), trial, "FAILED", reason)

    def close(self) -> None:
        for trial in list(self.runs):
            self._end(self.runs.pop(trial), trial, "KILLED")


class TensorBoardTracker(TrialTracker):
    """Scalars and hyperparameters; TensorBoard's own writers would import
    TensorFlow.
    """

    name = "tensorboard"
    modules = ("tensorboard",)
    install = "pip install tensorboard"

    def start(
        self,
        folder: Path,
        benchmark: Benchmark,  # noqa: ARG002
        trials: Sequence[Trial],  # noqa: ARG002
    ) -> None:
        self._folder = folder / "tensorboard"

    def _begin(self, trial: Trial) -> Any:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.record_writer import RecordWriter

        place = place_of(Path(), (trial.name, trial.seed, trial.fingerprint))
        folder = self._folder / place.record.stem
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob(f"{EVENTS}.*"):  # of an earlier attempt
            earlier.unlink()
        path = folder / f"{EVENTS}.{int(time.time())}.rnnbench"
        events = RecordWriter(
            path.open("wb", buffering=0)
        )  # each event is written at once
        _add_event(events, file_version="brain.Event:2")  # the first one of every file
        _add_event(
            events, step=0, summary=hparams_pb(settings_of(trial), trial_id=folder.name)
        )
        return events

    def _write(self, run: Any, epoch: int, values: Mapping[str, float]) -> None:
        scalars = [{"tag": tag, "simple_value": value} for tag, value in values.items()]
        _add_event(run, step=epoch, summary={"value": scalars})

    def _end(self, run: Any, trial: Trial, status: str, reason: str = "") -> None:  # noqa: ARG002
        """End the row of the tab HPARAMS, as ``hparams_pb`` begins it."""
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        end = {"status": f"STATUS_{STATUSES[status]}", "end_time_secs": time.time()}
        described = metadata.create_summary_metadata(
            HParamsPluginData(session_end_info=end)
        )
        value = {"tag": metadata.SESSION_END_INFO_TAG, "tensor": metadata.NULL_TENSOR}
        _add_event(
            run, step=trial.epochs, summary={"value": [value | {"metadata": described}]}
        )
        run.close()


def _add_event(events: Any, **facts: Any) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    events.write(Event(wall_time=time.time(), **facts).SerializeToString())


@contextmanager
def _with_defaults() -> Iterator[None]:
    added = {
        key: MLFLOW_DEFAULTS[key] for key in MLFLOW_DEFAULTS.keys() - os.environ.keys()
    }
    os.environ |= added
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)


class MlflowTracker(TrialTracker):
    """Keeps a store in the folder of the run, unless ``MLFLOW_TRACKING_URI`` names
    another.
    """

    name = "mlflow"
    modules = ("mlflow", "sqlalchemy", "alembic")
    install = "pip install 'rnnbench[mlflow]'"

    @_with_defaults()
    def start(
        self,
        folder: Path,
        benchmark: Benchmark,
        trials: Sequence[Trial],
    ) -> None:
        """Begin the run of the benchmark, or go on with one that was interrupted."""
        from mlflow import MlflowClient
        from sqlalchemy import URL

        given = os.environ.get("MLFLOW_TRACKING_URI")
        local = URL.create("sqlite", database=str((folder / "mlflow.db").resolve()))
        self._client = client = MlflowClient(given or local.render_as_string())
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or benchmark.name
        found = client.get_experiment_by_name(name)
        place = None if given else (folder / "mlflow-artifacts").resolve().as_uri()
        self._experiment = (
            found.experiment_id if found else client.create_experiment(name, place)
        )
        untracked = benchmark.model_copy(update={"tracking": ()})
        mark = sha256_json([str(folder.resolve()), dump(untracked)])
        same = f"tags.`rnnbench.run` = '{mark}' and attributes.status != 'FINISHED'"
        if runs := client.search_runs([self._experiment], same):
            self._parent = str(runs[0].info.run_id)
            client.update_run(self._parent, status="RUNNING")
        else:
            tags = {"rnnbench.version": rnnbench.__version__, "rnnbench.run": mark}
            shared = {"data", "training"}
            sections = benchmark.model_dump(
                mode="json", exclude_none=True, include=shared
            )
            self._parent = self._create(
                benchmark.name, tags, dict(plain_values(sections))
            )
        self._unsent: dict[str, list[Any]] = {}
        self._last_sent = 0.0
        self._endings = dict.fromkeys(
            trials, "KILLED"
        )  # unless they end in another way

    @_with_defaults()
    def _begin(self, trial: Trial) -> str:
        tags = tags_of(trial) | {"mlflow.parentRunId": self._parent}
        return self._create(str(trial), tags, settings_of(trial))

    @_with_defaults()
    def _write(self, run: str, epoch: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(_key(name), value, now, epoch) for name, value in values.items()
        ]
        self._unsent.setdefault(run, []).extend(metrics)
        if (
            time.monotonic() - self._last_sent >= 2.0
        ):  # sending takes about as long as one epoch
            self._send()

    @_with_defaults()
    def _end(self, run: str, trial: Trial, status: str, reason: str = "") -> None:
        self._endings[trial] = status
        if status == "FAILED":
            self._client.set_tag(run, "rnnbench.error", shortened(reason, MAX_VALUE))
        self._send()
        self._client.set_terminated(run, status)

    @_with_defaults()
    def close(self) -> None:
        super().close()
        worst = min(self._endings.values(), key=[*STATUSES].index, default="FINISHED")
        self._client.set_terminated(self._parent, worst)

    def _create(
        self, name: str, tags: Mapping[str, str], settings: Mapping[str, Any]
    ) -> str:
        from mlflow.entities import Param

        created = self._client.create_run(
            self._experiment, tags=dict(tags), run_name=name
        )
        run, pairs = str(created.info.run_id), settings.items()
        params = [
            Param(_key(key), shortened(str(value), MAX_VALUE)) for key, value in pairs
        ]
        self._client.log_batch(run, params=params)
        return run

    def _send(self) -> None:
        for run, metrics in self._unsent.items():
            self._client.log_batch(run, metrics=metrics)
        self._unsent, self._last_sent = {}, time.monotonic()


def _key(name: str) -> str:
    """Return a name with the characters that MLflow allows in one."""
    return re.sub(r"[^\w./ :-]", "_", name)[:MAX_KEY]


class WandbTracker(TrialTracker):
    """Keeps its files in the folder of the run, unless ``WANDB_DIR`` names another.

    Nothing is sent unless ``WANDB_MODE=online`` asks for it; ``wandb sync`` sends it
    later.
    """

    name = "wandb"
    modules = ("wandb",)
    install = "pip install 'rnnbench[wandb]'"

    def start(
        self,
        folder: Path,
        benchmark: Benchmark,
        trials: Sequence[Trial],  # noqa: ARG002
    ) -> None:
        self._is_alone = "wandb" not in sys.modules  # else a program uses it, too
        os.environ.setdefault(
            "WANDB_ERROR_REPORTING", "false"
        )  # read when wandb is imported
        import wandb

        defaults = WANDB_DEFAULTS | {"WANDB_DIR": ("root_dir", str(folder))}
        known = wandb.Settings.model_fields  # older versions have fewer
        self._settings = {
            key: os.environ.get(
                variable, default
            )  # wandb itself may have read them long ago
            for variable, (key, default) in defaults.items()
            if key in known
        }
        self._group = benchmark.name

    def _begin(self, trial: Trial) -> Any:
        import wandb

        run = wandb.init(
            group=self._group,
            name=str(trial),
            config={**settings_of(trial), **tags_of(trial)},
            reinit="create_new",  # several trials may run at a time
            settings=wandb.Settings(
                console="off", x_disable_stats=True, **self._settings
            ),
        )
        # Scores on the validation documents come after those of later epochs in
        # training.
        run.define_metric("*", step_metric="epoch")
        return run

    def _write(self, run: Any, epoch: int, values: Mapping[str, float]) -> None:
        run.log({"epoch": epoch, **values})

    def _end(self, run: Any, trial: Trial, status: str, reason: str = "") -> None:  # noqa: ARG002
        if reason:
            run.summary.update({"error": reason})
        run.finish(exit_code=int(status != "FINISHED"))

    def close(self) -> None:
        import wandb

        super().close()
        if self._is_alone:
            wandb.teardown()
