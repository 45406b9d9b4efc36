"""A tracker that keeps a run of its tool for each trial."""

import json
import math
from abc import abstractmethod
from collections.abc import Mapping
from threading import Lock
from typing import Generic, Literal, TypeVar

import rnnbench
from rnnbench.plugin import (
    ABOUT_A_MODEL,
    COSTS,
    TASKS,
    Network,
    Tracker,
    Trial,
    TrialResult,
    plain_values,
)

Setting = bool | int | float | str
Status = Literal["FAILED", "KILLED", "FINISHED"]
T = TypeVar("T")
IMPORTING = Lock()
"""Held while a library is imported that parses source code, as pydantic does: before
3.11.8 and 3.12.2, CPython may raise ``SystemError`` if two threads do it at once."""


def settings_of(trial: Trial) -> dict[str, Setting]:
    """Return the model, the seed, and the model's settings by key path.

    A key path is ``layers.0.lstm.units``.
    """
    tree = trial.model.model_dump(mode="json", exclude={*ABOUT_A_MODEL})
    # those of training change nothing in a baseline
    if isinstance(trial.model, Network):
        tree["training"] = trial.training.model_dump(mode="json", exclude={"seeds"})
    settings: dict[str, Setting] = {"model": trial.name, "seed": trial.seed}
    for key, value in plain_values(tree):
        if isinstance(value, Setting):
            settings[key] = value
        elif value is not None:
            settings[key] = json.dumps(value, ensure_ascii=False)
    return settings


def tags_of(trial: Trial) -> dict[str, str]:
    """Return what identifies a trial and its data, and the version of this package."""
    return {
        "rnnbench.version": rnnbench.__version__,
        "rnnbench.fingerprint": trial.fingerprint,
        "rnnbench.dataset_fingerprint": trial.dataset_fingerprint,
        "rnnbench.source": trial.source,
    }


class TrialTracker(Tracker, Generic[T]):
    """A tracker that keeps a run of its tool for each trial, such as a file.

    A run gets the settings of its trial, the numbers of each epoch, from 1, and at last
    the numbers known only at the end. It ends ``FINISHED``, ``FAILED`` for a reason, or
    ``KILLED``. Subclasses begin a run, write to it and end it.
    """

    def __init__(self) -> None:
        self.runs: dict[Trial, T] = {}

    @abstractmethod
    def _begin(self, trial: Trial) -> T:
        """Begin the run of a trial, with its settings."""

    @abstractmethod
    def _write(self, run: T, epoch: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""

    @abstractmethod
    def _end(self, run: T, trial: Trial, status: Status, reason: str = "") -> None:
        """End the run of a trial."""

    def trial_started(self, trial: Trial) -> None:
        if trial in self.runs:  # an earlier attempt was interrupted
            self._end(self.runs.pop(trial), trial, "KILLED")
        self.runs[trial] = self._begin(trial)

    def epoch_ended(self, trial: Trial, epoch: int, loss: float, score: float) -> None:
        main = TASKS[trial.task].main
        self._write(self.runs[trial], epoch, {"loss": loss, main: score})

    def trial_finished(
        self, trial: Trial, result: TrialResult, metrics: dict[str, float]
    ) -> None:
        run = self.runs.pop(trial)
        self._write_validation(run, trial, result)
        values = {f"test/{name}": value for name, value in metrics.items()}
        for name in ("params", "best_epoch", *COSTS):
            value = getattr(result.record, name)
            if value is not None:
                values[name] = float(value)
        self._write(run, result.record.epochs, values)
        self._end(run, trial, "FINISHED")

    def _write_validation(self, run: T, trial: Trial, result: TrialResult) -> None:
        """Write the losses and scores on documents held out, if there are any."""
        main = TASKS[trial.task].main
        history = result.record.history
        curves = zip(history.val_loss, history.val_score, strict=True)
        for epoch, (loss, score) in enumerate(curves, start=1):
            values = {"val_loss": _or_nan(loss), f"val_{main}": _or_nan(score)}
            self._write(run, epoch, values)

    def trial_failed(self, trial: Trial, reason: str) -> None:
        self._end(self.runs.pop(trial), trial, "FAILED", reason)

    def close(self) -> None:
        for trial in list(self.runs):
            self._end(self.runs.pop(trial), trial, "KILLED")


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
