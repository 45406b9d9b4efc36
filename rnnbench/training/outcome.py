"""The result of one trial: a record, and the scores that all metrics are computed from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.metrics import accuracy
from rnnbench.records import Record

TRIAL_VERSION: Literal[4] = 4
"""The version of the schema of ``TrialRecord``."""

Weights = list[NDArray[np.float32]]
"""The weights of a network, in the order of Keras's ``model.get_weights()``."""


class History(Record):
    """Loss and accuracy by epoch; empty where there are no epochs.

    A loss is the mean cross-entropy in nats; one that was not a number is ``None``.
    """

    loss: list[float | None] = []
    """On the training documents."""
    accuracy: list[float | None] = []
    """On the training documents."""
    val_loss: list[float | None] = []
    """On the validation documents, where some are held out."""
    val_accuracy: list[float | None] = []
    """On the validation documents."""


class Outcome(Record):
    """The facts of one training, as an engine reports them."""

    engine: str
    """Name of the engine that trained the model."""
    params: int
    """Number of trained parameters."""
    score_kind: Literal["log_probabilities", "margins"]
    """The kind of score that the model gives for each document and topic: natural logarithms of
    probabilities, or margins, which may be any numbers."""
    epochs: int = 0
    """Epochs of training; 0 for a model without epochs."""
    best_epoch: int | None = None
    """The epoch, from 1, whose weights were kept because it did best on the validation documents;
    ``None`` where none are held out and the last epoch was kept."""
    steps: int = 0
    """Optimizer steps in all epochs together."""
    fit_seconds: float
    """Wall time of the training, preparation and compilation included."""
    ms_per_step: float | None = None
    """Milliseconds per optimizer step; the median over the epochs after the first."""
    history: History = History()
    stock_layers: list[str] = []
    """Recurrent layers that the engine ``compiled`` left to Keras's own code, and why:
    ``gru_1: dropout``."""


class Machine(Record):
    """The worker of a cluster that trained a model."""

    worker: str
    """Its name in the cluster."""
    host: str
    """The name of its machine."""
    python: str
    """Its version."""
    platform: str


class TrialRecord(Outcome):
    """One training, with everything that identifies it."""

    schema_version: Literal[4] = TRIAL_VERSION
    fingerprint: str
    """Of everything that can change the outcome: model, data, training, seed and versions."""
    source: str
    """The source of the documents."""
    dataset_fingerprint: str
    model: str
    """Name of the model."""
    seed: int
    cpu: str
    """Name of the processor."""
    threads: int
    """Threads of the process that trained the model."""
    machine: Machine | None = None
    """Where that was; ``None`` for the machine of ``environment.json``."""
    compact: bool = False
    """Whether only what tables need was stored; see ``results.compact``."""


@dataclass(frozen=True, eq=False)
class Trained:
    """The return value of an engine."""

    outcome: Outcome
    scores: NDArray[np.float32]
    """``(n_test, n_topics)``; the largest in a row is the model's answer. They are finite, even
    where a probability is 0."""
    weights: Weights | None = None
    """The weights of the trained network, if it is kept."""


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The result of one trial; scores and weights are as in ``Trained``."""

    record: TrialRecord
    labels: NDArray[np.int32]
    """The true topics of the test documents, ``(n_test,)``."""
    scores: NDArray[np.float32]
    weights: Weights | None = None

    @property
    def answers(self) -> NDArray[np.intp]:
        """The answers as labels, ``(n_test,)``."""
        answers: NDArray[np.intp] = self.scores.argmax(axis=1)
        return answers

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return accuracy(self.labels, self.scores)

    def without(self, positions: Sequence[int]) -> "TrialResult":
        """Return the result without some test documents, and without the network."""
        rest = np.delete(self.scores, positions, axis=0)
        return TrialResult(self.record, np.delete(self.labels, positions), rest)


class LightResult(TrialResult):
    """A result whose scores are read again whenever they are needed, for there are too many.

    Args:
        result: the result, with its scores, which are not kept.
        labels: its labels, which results can share.
        read: returns the scores.
    """

    def __init__(
        self,
        result: TrialResult,
        labels: NDArray[np.int32],
        read: Callable[[], NDArray[np.float32]],
    ):
        answers = result.answers.astype(np.min_scalar_type(result.scores.shape[1]))
        facts = {"record": result.record, "labels": labels, "weights": None}
        for name, value in {**facts, "_read": read, "_answers": answers}.items():
            object.__setattr__(self, name, value)  # a frozen dataclass takes no other way

    @property
    def scores(self) -> NDArray[np.float32]:
        """As in ``TrialResult``."""
        scores: NDArray[np.float32] = self._read()  # type: ignore[attr-defined]
        return scores

    @property
    def answers(self) -> NDArray[np.intp]:
        """The answers as labels, ``(n_test,)``."""
        answers: NDArray[np.intp] = self._answers.astype(np.intp)  # type: ignore[attr-defined]
        return answers

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float((self.answers == self.labels).mean())

    def without(self, positions: Sequence[int]) -> TrialResult:
        """Return the result without some test documents."""
        rest = super().without(positions)
        return LightResult(rest, rest.labels, lambda: np.delete(self.scores, positions, axis=0))
