"""Trackers: TensorBoard, MLflow, and Weights & Biases; here, what all of them do and record."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rnnbench
from rnnbench.analysis.compare import plain_values
from rnnbench.metrics import COSTS
from rnnbench.models.descriptions import ABOUT_A_MODEL, Network
from rnnbench.results.store import place_of
from rnnbench.tracking import Tracker
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

Setting = bool | int | float | str
VALIDATION_CURVES = ("val_loss", "val_accuracy")


def stem_of(trial: Trial) -> str:
    """Return the name of a trial's files, without an ending."""
    return place_of(Path(), trial.name, trial.seed, trial.fingerprint).record.stem


def settings_of(trial: Trial) -> dict[str, Setting]:
    """Return the model, the seed, and their settings by key path: ``layers.0.lstm.units``.

    Keys of the model are relative to its place in the config. Only networks have those of
    ``training``, which change nothing in a baseline.
    """
    tree = trial.model.model_dump(mode="json", exclude={*ABOUT_A_MODEL})
    if isinstance(trial.model, Network):
        tree |= {"training": trial.training.model_dump(mode="json", exclude={"seeds"})}
    named: dict[str, Setting] = {"model": trial.name, "seed": trial.seed}
    return named | {key: _setting(value) for key, value in plain_values(tree) if value is not None}


def _setting(value: object) -> Setting:
    return value if isinstance(value, Setting) else json.dumps(value, ensure_ascii=False)


def tags_of(trial: Trial) -> dict[str, str]:
    """Return what identifies a trial and its data, and the version of this package."""
    return {
        "rnnbench.version": rnnbench.__version__,
        "rnnbench.fingerprint": trial.fingerprint,
        "rnnbench.dataset_fingerprint": trial.dataset_fingerprint,
        "rnnbench.source": trial.source,
    }


class TrialTracker(Tracker):
    """A tracker that keeps a run of its tool for each trial; subclasses begin, write and end it."""

    def __init__(self) -> None:
        self.runs: dict[Trial, Any] = {}

    def begin(self, trial: Trial) -> Any:
        """Return a new run with the settings of a trial."""
        raise NotImplementedError

    def write(self, run: Any, epoch: int, values: Mapping[str, float]) -> None:
        """Write numbers of an epoch, counted from 1."""
        raise NotImplementedError

    def write_final(self, run: Any, epoch: int, values: Mapping[str, float]) -> None:
        """Write the numbers that are known at the end, after that many epochs."""
        self.write(run, epoch, values)

    def end(self, run: Any, trial: Trial, status: str, reason: str = "") -> None:
        """End a run that is ``FINISHED``, ``FAILED`` for a reason, or ``KILLED``."""
        raise NotImplementedError

    def trial_started(self, trial: Trial) -> None:
        """Begin a run; an earlier attempt at the trial was interrupted."""
        if trial in self.runs:
            self.end(self.runs.pop(trial), trial, "KILLED")
        self.runs[trial] = self.begin(trial)

    def epoch_ended(self, trial: Trial, epoch: int, loss: float, accuracy: float) -> None:
        """Write the numbers of an epoch in training."""
        self.write(self.runs[trial], epoch, {"loss": loss, "accuracy": accuracy})

    def trial_finished(
        self, trial: Trial, result: TrialResult, metrics: Mapping[str, float]
    ) -> None:
        """Write the scores on the validation documents and the final numbers, and end the run."""
        run, history = self.runs.pop(trial), result.record.history
        rows = zip(history.val_loss, history.val_accuracy, strict=True)  # none where none held out
        for epoch, values in enumerate(rows, start=1):
            numbers = [math.nan if value is None else value for value in values]
            self.write(run, epoch, dict(zip(VALIDATION_CURVES, numbers, strict=True)))
        facts = result.record.model_dump(include={*COSTS, "params", "best_epoch"})
        costs = {key: float(value) for key, value in facts.items() if value is not None}
        scores = {f"test/{name}": value for name, value in metrics.items()}
        self.write_final(run, result.record.epochs, scores | costs)
        self.end(run, trial, "FINISHED")

    def trial_failed(self, trial: Trial, reason: str) -> None:
        """End the run of a trial that failed."""
        self.end(self.runs.pop(trial), trial, "FAILED", reason)

    def close(self) -> None:
        """End the runs of trials that were interrupted."""
        for trial in list(self.runs):
            self.end(self.runs.pop(trial), trial, "KILLED")
