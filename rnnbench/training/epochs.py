"""The course of a training: its phases, its steps and its epochs.

This is how an engine trains on ``n`` documents::

    epochs = Epochs(request.on_epoch, settings.early_stopping)
    begin()
    for epoch in range(1, settings.epochs + 1):
        for positions in settings.batches(n, request.seed, epoch):
            ...  # a step of the optimizer
        epochs.note((loss, score), validated, read_weights)
        if epochs.is_over:
            break
    record = epochs.record("my_engine", params, settings, n)
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.hyperparameters import EarlyStopping, TrainingSettings
from rnnbench.training.outcome import History, Judged, TrialRecord, Weights

OnEpoch = Callable[[int, float, float], None]
"""Called after each epoch with its number, from 1, and its loss and score in
training."""
Documents = tuple[Any, NDArray[Any]]
"""The inputs ``(n, timesteps)``, or ``Sequences`` of them; and the labels, ``(n,)`` or
``(n, n_topics)``."""
# the phase of the epochs, unless the first one has to compile something
TRAINING = "training"
Listener = TypeVar("Listener", bound=Callable[..., object])


def ignore(*_: object) -> None:
    """Do nothing after an epoch, or when a phase begins."""


# These are no arguments, so that engines of other packages need not pass them on.
_on_phase: ContextVar[Callable[[str], None]] = ContextVar("on_phase", default=ignore)
_threads: ContextVar[Callable[[], int]] = ContextVar("threads", default=lambda: 1)


def begin(phase: str = TRAINING) -> None:
    """Announce that a phase of the trial in progress begins."""
    _on_phase.get()(phase)


def threads_now() -> int:
    """Return how many threads a training may use from now on.

    It grows as others end.
    """
    return _threads.get()()


@contextmanager
def _set(variable: ContextVar[Listener], function: Listener) -> Iterator[None]:
    token = variable.set(function)
    try:
        yield
    finally:
        variable.reset(token)


report_phases_to = partial(_set, _on_phase)  # in a block, call this when a phase begins
ask_for_threads = partial(_set, _threads)  # in a block, have ``threads_now`` call this


@dataclass
class Epochs:
    """The epochs of one training so far.

    The best has the highest validation score, then the lowest loss, or the other way
    round, and is the first of equal ones; one without a finite loss is best only if
    none has one.
    """

    on_epoch: OnEpoch = ignore
    stopping: EarlyStopping | None = None
    history: History = field(default_factory=History)
    best_epoch: int | None = None  # from 1, if documents are held out
    best_weights: Weights = field(default_factory=list)
    ends: list[float] = field(default_factory=lambda: [time.perf_counter()])
    """The time of the start and that of the end of each epoch, in seconds."""
    _best: tuple[float, float] = (-math.inf, 0.0)

    @property
    def is_over(self) -> bool:
        """Whether the training ends early."""
        if self.stopping is None:
            return False
        last = (self.best_epoch or 0) + self.stopping.patience
        return len(self.history.loss) >= last

    def note(
        self,
        trained: Judged,
        validated: Judged | None,
        read: Callable[[], Weights],
    ) -> None:
        """Note the loss and the score of an epoch, on each part of the documents.

        ``read`` is called for the weights if it is the best epoch so far.
        """
        history = self.history
        loss, score = trained
        history.loss.append(loss)
        history.score.append(score)
        epoch = len(history.loss)
        if validated:
            val_loss, val_score = validated
            history.val_loss.append(val_loss)
            history.val_score.append(val_score)
            rank = self._rank(val_loss, val_score)
            if rank > self._best:
                self._best = rank
                self.best_epoch = epoch
                self.best_weights = read()
        self.ends.append(time.perf_counter())
        self.on_epoch(epoch, loss, score)

    def _rank(self, val_loss: float, val_score: float) -> tuple[float, float]:
        """Return what is largest for the best epoch."""
        if not math.isfinite(val_loss):
            return -math.inf, 1.0
        if self.stopping and self.stopping.on == "loss":
            return -val_loss, val_score
        return val_score, -val_loss

    def record(
        self,
        engine: str,
        params: int,
        settings: TrainingSettings,
        documents: int,
        timed: int = 0,
    ) -> TrialRecord:
        """Return the facts of a training on so many ``documents``, whose time ends now.

        A step's time is that in the median epoch of the first ``timed``, or all, after
        the first.
        """
        seconds = np.diff(self.ends)
        if timed > 1:
            seconds = seconds[:timed]
        if len(seconds) > 1:
            seconds = seconds[1:]
        in_epoch = settings.count_batches(documents)
        n_epochs = len(self.history.loss)
        return TrialRecord(
            engine=engine,
            params=params,
            score_kind="log_probabilities",
            epochs=n_epochs,
            best_epoch=self.best_epoch,
            steps=n_epochs * in_epoch,
            fit_seconds=time.perf_counter() - self.ends[0],
            ms_per_step=float(np.median(seconds)) / in_epoch * 1000,
            history=self.history,
        )
