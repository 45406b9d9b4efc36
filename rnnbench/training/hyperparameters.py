"""The hyperparameters of a training, which are the same in every engine.

>>> settings = TrainingSettings(batch_size=2)
>>> [positions.tolist() for positions in settings.batches(3, seed=0, epoch=1)]
[[2, 0], [1]]
"""

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from rnnbench.labels import Labels, Positions, form_of
from rnnbench.section import ConfigModel, problem, spell
from rnnbench.training.decision import DecisionRule
from rnnbench.training.outcome import Floats

OptimizerName = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MOST_TIMES = 10
"""The most epochs on a small part of the documents for each epoch on all of them.

On 1, 5 and 20 % of R8, ``bigru_max`` was right on .588, .718 and .887 of the last fifth
with one epoch for each, on .733, .865 and .934 with up to ten, and on .754, .866 and
.934 with up to sixty.
"""


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
        {
            "max_steps",
            "steps_per_epoch",
            "ema",
            "early_stopping",
            "class_weights",
            "gradient_clip",
            "decision",
        }
    )

    epochs: Annotated[int, Field(gt=0, le=1_000_000)] = 10
    """Passes through the training documents."""
    max_steps: PositiveInt | None = None
    """The most steps of the optimizer: many documents have fewer epochs, at least
    one."""
    steps_per_epoch: PositiveInt | None = None
    """Steps of the optimizer in each epoch, so that ``epochs`` times as many are taken
    whatever the number of documents; by default, an epoch is a pass through them."""
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

    @model_validator(mode="after")
    def _has_room_for_an_epoch(self) -> Self:
        if self.max_steps and (self.steps_per_epoch or 0) > self.max_steps:
            raise problem(
                f"steps_per_epoch: got {self.steps_per_epoch}",
                f"allowed: up to max_steps, {self.max_steps}",
            )
        return self

    @property
    def schedule(self) -> Schedule | None:
        """How the learning rate falls; ``None`` if it does not."""
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        return None

    def within_steps(self, documents: int) -> Self:
        """Return the settings for so many training documents, with fewer epochs."""
        if self.max_steps is None:
            return self
        learned = documents - int(documents * self.validation_split)
        most = max(1, self.max_steps // self.count_batches(learned))
        changes = {"epochs": min(self.epochs, most), "max_steps": None}
        return self.model_copy(update=changes)

    def with_steps_on(self, documents: int, whole: int) -> Self:
        """Return the settings for a subset of the training documents.

        It has as many steps as on the ``whole``, but at most ten times the epochs. All
        that counts in epochs, such as patience, grows with them.
        """
        in_epoch = self.count_batches(documents)
        as_long = self.epochs * self.count_batches(whole) // in_epoch
        epochs = min(max(self.epochs, as_long), MOST_TIMES * self.epochs)
        times = epochs / self.epochs
        changes: dict[str, object] = {"epochs": epochs}
        if self.early_stopping:
            patience = round(times * self.early_stopping.patience)
            later = self.early_stopping.model_copy(update={"patience": patience})
            changes["early_stopping"] = later
        if self.schedule:
            every = {"every": round(times * self.schedule.every)}
            changes["learning_rate"] = self.schedule.model_copy(update=every)
        return self.model_copy(update=changes)

    def batches(self, n: int, seed: int, epoch: int) -> list[Positions]:
        """Return the positions of ``n`` documents in each step of an epoch.

        Epochs count from 1. The positions of the first pass are
        ``numpy.random.default_rng([seed, 1]).permutation(n)``, and so on. An epoch is a
        pass, cut by ``batch_size``; or the next ``steps_per_epoch`` whole batches of
        all passes, one after another.
        """
        size = self.documents_in_epoch(n)
        n_whole, start = divmod((epoch - 1) * size, n)
        n_passes = -(-(start + size) // n)
        passes = []
        for number in range(n_whole + 1, n_whole + n_passes + 1):
            passes.append(np.random.default_rng([seed, number]).permutation(n))
        order = np.concatenate(passes)[start : start + size]
        batch = min(self.batch_size, n)
        return np.split(order, range(batch, size, batch))

    def documents_in_epoch(self, n: int) -> int:
        """Return how many of ``n`` documents an epoch has; some may come repeatedly."""
        if self.steps_per_epoch is None:
            return n
        return self.steps_per_epoch * min(self.batch_size, n)

    def count_batches(self, n: int) -> int:
        """Return the number of batches in an epoch; the last may be smaller."""
        return self.steps_per_epoch or -(-n // self.batch_size)

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
