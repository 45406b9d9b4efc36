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

An engine that can continue a killed training also calls ``epochs.resume()`` before the
first epoch, begins with ``epochs.next_epoch``, and calls ``epochs.keep`` between steps.
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

from rnnbench.training.checkpoints import Checkpoint, State
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
CONTINUING = "continuing"  # the phase of the epochs that a checkpoint has
Setting = TypeVar("Setting")
OF_ENGINE = "engine "  # begins the names of the arrays of an engine in a checkpoint
HISTORIES = ("loss", "score", "val_loss", "val_score")
OF_BEST = "best "  # begins those of the best weights


def ignore(*_: object) -> None:
    """Do nothing after an epoch, or when a phase begins."""


# These are no arguments, so that engines of other packages need not pass them on.
_on_phase: ContextVar[Callable[[str], None]] = ContextVar("on_phase", default=ignore)
_threads: ContextVar[Callable[[], int]] = ContextVar("threads", default=lambda: 1)
_checkpoint: ContextVar[Checkpoint | None] = ContextVar("checkpoint", default=None)


def begin(phase: str = TRAINING) -> None:
    """Announce that a phase of the trial in progress begins."""
    _on_phase.get()(phase)


def threads_now() -> int:
    """Return how many threads a training may use from now on.

    It grows as others end.
    """
    return _threads.get()()


@contextmanager
def _set(variable: ContextVar[Setting], value: Setting) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


report_phases_to = partial(_set, _on_phase)  # in a block, call this when a phase begins
ask_for_threads = partial(_set, _threads)  # in a block, have ``threads_now`` call this
keep_checkpoint = partial(_set, _checkpoint)  # in a block, have ``Epochs`` use this one


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
    checkpoint: Checkpoint = field(
        default_factory=lambda: _checkpoint.get() or Checkpoint()
    )
    _best: tuple[float, float] = (-math.inf, 0.0)

    @property
    def next_epoch(self) -> int:
        """The number of the epoch in progress, from 1."""
        return len(self.history.loss) + 1

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

    def keep(self, read: Callable[[], State]) -> None:
        """Write a checkpoint, if it is time for one.

        ``read`` is called for the state of the engine: the arrays that ``resume``
        returns.
        """
        if not self.checkpoint.is_due:
            return
        state: dict[str, NDArray[np.generic]] = {}
        for name, array in read().items():
            state[OF_ENGINE + name] = array
        for number, weights in enumerate(self.best_weights):
            state[f"{OF_BEST}{number}"] = weights
        for name in HISTORIES:
            state[name] = np.array(getattr(self.history, name), np.float64)
        state["best_rank"] = np.array(self._best)
        state["best_epoch"] = np.array([self.best_epoch or 0])
        state["ages"] = time.perf_counter() - np.array(self.ends)
        self.checkpoint.save(state)

    def resume(self) -> State:
        """Continue from a checkpoint of this training; return the engine's state.

        It is empty if there is no checkpoint. Otherwise, a phase begins, and earlier
        epochs are reported. ``RnnbenchError`` is raised if the checkpoint is damaged.
        """
        state = self.checkpoint.load()
        if not state:
            return state
        with self.checkpoint.blamed():
            for name in HISTORIES:
                getattr(self.history, name).extend(state[name].tolist())
            first, second = state["best_rank"].tolist()
            self._best = first, second
            self.best_epoch = int(state["best_epoch"].item()) or None
            ages = np.asarray(state["ages"], np.float64)
            self.ends = (time.perf_counter() - ages).tolist()
        begin(CONTINUING)
        trained = zip(state["loss"].tolist(), state["score"].tolist(), strict=True)
        for epoch, (loss, score) in enumerate(trained, start=1):
            self.on_epoch(epoch, loss, score)
        self.best_weights = list(_beginning_with(OF_BEST, state).values())
        return _beginning_with(OF_ENGINE, state)

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


def _beginning_with(start: str, state: State) -> dict[str, NDArray[np.generic]]:
    """Return the arrays whose names begin with ``start``, which is cut off."""
    arrays = {}
    for name, array in state.items():
        if name.startswith(start):
            arrays[name.removeprefix(start)] = array
    return arrays
