"""How much work the trainings of a run are: their epochs, weighted.

``workload.total`` is that of all; it shrinks when a seed of a model ends early.
"""

from collections.abc import Sequence
from statistics import fmean

from rnnbench.training.trial import Trial


class Workload:
    """The epochs that trials have had, or are expected to have."""

    def __init__(self) -> None:
        self.n_trials = 0
        self.total = 0.0
        self._expected: dict[Trial, float] = {}  # of those that have not ended
        self._lengths: dict[str, list[float]] = {}  # of finished trials, by model

    def plan(self, trials: Sequence[Trial]) -> None:
        """Expect each trial that may end early to do so halfway."""
        self.n_trials = len(trials)
        for trial in trials:
            epochs: float = trial.epochs
            stopping = trial.training.early_stopping
            if stopping and stopping.patience < epochs:
                epochs = (stopping.patience + epochs) / 2
            self._expect(trial, epochs)

    def reach(self, trial: Trial, epoch: float) -> float:
        """Return the epochs expected of a trial that has reached one of them.

        If it is longer than was expected, it will end halfway from there.
        """
        if self._expected.get(trial, trial.epochs) <= epoch < trial.epochs:
            self._expect(trial, (epoch + trial.epochs) / 2)
        return self._expected.get(trial, trial.epochs)

    def end(self, trial: Trial, epochs: float) -> None:
        """Note that a trial has no more epochs than these."""
        self._expect(trial, epochs)
        self._expected.pop(trial)

    def finish(self, trial: Trial, epochs: float) -> None:
        """Note the epochs of a trial; expect as many of others of its model."""
        self.end(trial, epochs)
        lengths = self._lengths.setdefault(trial.name, [])
        lengths.append(epochs)
        for other in self._expected:
            if other.name == trial.name:
                self._expect(other, fmean(lengths))

    def _expect(self, trial: Trial, epochs: float) -> None:
        more = epochs - self._expected.get(trial, 0)
        self._expected[trial] = epochs
        self.total += more * trial.work
