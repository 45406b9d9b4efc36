"""The course of a training: its settings, its phases, its steps and its epochs.

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
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from rnnbench.labels import Labels, Positions, form_of
from rnnbench.section import ConfigModel, problem, spell
from rnnbench.training.decision import DecisionRule
from rnnbench.training.outcome import Floats, History, Judged, TrialRecord, Weights

OnEpoch = Callable[[int, float, float], None]
"""Called after each epoch with its number, from 1, and its loss and score in
training."""
Documents = tuple[NDArray[Any], NDArray[Any]]
"""The inputs ``(n, timesteps)``, and the labels, ``(n,)`` or ``(n, n_topics)``."""
# the phase of the epochs, unless the first one has to compile something
TRAINING = "training"
OptimizerName = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
F = TypeVar("F", bound=Callable[..., object])
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Schedule(ConfigModel):
    """A learning rate that falls during a training."""

    start: Positive = 0.001
    """The learning rate of the first step."""
    schedule: Literal["cosine", "step"]
    """``cosine`` falls to 0 at the end of the last epoch (I. Loshchilov, F. Hutter:
    SGDR, ICLR 2017, without restarts); ``step`` falls at intervals."""
    every: PositiveInt = 10
    """Epochs between two falls of ``step``."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """``step`` multiplies the learning rate by this."""


def _measure(value: object) -> object:
    if value == "accuracy":  # its name in configs of earlier runs
        return "score"
    return value


class EarlyStopping(ConfigModel):
    """When a training ends before its last epoch."""

    patience: PositiveInt = 5
    """The number of epochs without a better one after which it ends."""
    on: Annotated[Literal["score", "loss"], BeforeValidator(_measure)] = "score"
    """The measure of the best epoch, on the validation documents. The other one decides
    ties."""


def _rate(value: Any) -> object:
    if isinstance(value, dict | Schedule):
        return Schedule.model_validate(value)
    if type(value) in (int, float) and 0 < value < math.inf:
        return value
    schedule = "a schedule, such as {start: 0.002, schedule: cosine}"
    raise problem(f"got {spell(value)}", f"should be a number above 0, or {schedule}")


class TrainingSettings(ConfigModel):
    """The hyperparameters of a training, which are the same in every engine."""

    later_keys = frozenset(
        {"ema", "early_stopping", "class_weights", "gradient_clip", "decision"}
    )

    epochs: Annotated[int, Field(gt=0, le=1_000_000)] = 10
    """Passes through the training documents."""
    batch_size: PositiveInt = 32
    """Documents in each step of the optimizer."""
    optimizer: OptimizerName = "adam"
    """Keras's optimizer of this name, with its defaults but for the learning rate."""
    learning_rate: Annotated[float | Schedule, BeforeValidator(_rate)] = 0.001
    """The size of the optimizer's steps: a number, or a schedule, by which it falls."""
    gradient_clip: Positive | None = None
    """The largest norm of a step's gradients, all together; larger ones are scaled down
    to it."""
    class_weights: Literal["balanced"] | None = None
    """``balanced`` multiplies the loss of a document by ``n / (topics *
    n_of_its_topic)``, so that rare topics count as much as frequent ones."""
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training documents held out to choose the best epoch; at 0, the last
    is kept."""
    early_stopping: EarlyStopping | None = None
    """Ends a training when later epochs are no better; needs ``validation_split``."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of an exponential moving average of the weights over optimizer steps, such
    as 0.99. The averages are validated, tested and saved instead of the weights."""
    decision: DecisionRule = DecisionRule()
    """How scores become topics, if a document may have any number of them."""

    @model_validator(mode="after")
    def _can_stop_early(self) -> Self:
        if self.early_stopping and not self.validation_split:
            raise problem("early_stopping needs validation_split", "such as 0.1")
        return self

    @property
    def schedule(self) -> Schedule | None:
        """How the learning rate falls; ``None`` if it does not."""
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        return None

    def batches(self, n: int, seed: int, epoch: int) -> list[Positions]:
        """Return the positions of ``n`` documents in each step of an epoch.

        Epochs count from 1. The positions are
        ``numpy.random.default_rng([seed, epoch]).permutation(n)``, cut by
        ``batch_size``.
        """
        order = np.random.default_rng([seed, epoch]).permutation(n)
        return np.split(order, range(self.batch_size, n, self.batch_size))

    def count_batches(self, n: int) -> int:
        """Return the number of batches in ``n`` documents; the last may be smaller."""
        return -(-n // self.batch_size)

    def learning_rates(self, documents: int) -> NDArray[np.float64]:
        """Return the learning rate of each step on so many documents, ``(steps,)``."""
        in_epoch = self.count_batches(documents)
        steps = np.arange(self.epochs * in_epoch)
        rate = self.schedule
        if rate is None:
            return np.full(len(steps), self.learning_rate)
        if rate.schedule == "cosine":
            shares = (1 + np.cos(np.pi * steps / len(steps))) / 2
        else:
            shares = np.power(rate.factor, steps // (in_epoch * rate.every))
        return np.asarray(rate.start * shares)

    def weights_of(self, y: Labels) -> Floats:
        """Return how much the loss of each training document counts, ``(n,)``."""
        if self.class_weights is None:
            return np.ones(len(y), np.float32)
        return form_of(y).balancing_weights(y)


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
def _set(variable: ContextVar[F], function: F) -> Iterator[None]:
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
