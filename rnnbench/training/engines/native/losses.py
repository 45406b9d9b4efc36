"""The loss of a network, by the form of its labels.

``loss_of(form).judge(logits, y)`` is the mean loss and the score of documents.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from rnnbench.labels import ONE_LABEL, LabelForm, Labels
from rnnbench.tasks import MULTI_LABEL
from rnnbench.training.outcome import Judged

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Loss(ABC):
    """The loss, and what machine code reads and notes about each document."""

    @abstractmethod
    def columns(self, width: int) -> int:
        """Return how many numbers are read, and noted, about each document.

        ``width`` is that of the logits, with those that fill a register.
        """

    @abstractmethod
    def targets(self, y: Labels, weights: Floats) -> Floats:
        """Return what machine code reads about documents; it may have fewer columns."""

    @abstractmethod
    def judge_notes(self, notes: Doubles, y: Labels, weights: Floats) -> Judged:
        """Return the mean loss and the score from what machine code noted."""

    @abstractmethod
    def judge(self, logits: Doubles, y: Labels) -> Judged:
        """Return the mean loss and the score from logits ``(n, n_topics)``."""


class Crossentropy(Loss):
    """The cross-entropy of the one topic of each document, times its weight.

    Noted are the logit of the topic less the largest, and the sum of the exponentials
    of all logits less the largest.
    """

    def columns(self, width: int) -> int:  # noqa: ARG002
        return 2

    def targets(self, y: Labels, weights: Floats) -> Floats:
        return np.stack([y, weights], axis=1).astype(np.float32)

    def judge_notes(self, notes: Doubles, y: Labels, weights: Floats) -> Judged:  # noqa: ARG002
        of_topic, total = notes.T
        losses = weights * (np.log(total) - of_topic)
        return float(np.mean(losses)), float(np.mean(of_topic == 0))

    def judge(self, logits: Doubles, y: Labels) -> Judged:
        with np.errstate(invalid="ignore"):  # see ``Scorer.score``
            logs = ONE_LABEL.log_probabilities(logits)
        loss = -logs[np.arange(len(y)), y].mean()
        return float(loss), float((logs.argmax(axis=1) == y).mean())


class BinaryCrossentropy(Loss):
    """The mean binary cross-entropy of all topics. Noted are the logits."""

    def columns(self, width: int) -> int:
        return width

    def targets(self, y: Labels, weights: Floats) -> Floats:  # noqa: ARG002
        return y.astype(np.float32)

    def judge_notes(self, notes: Doubles, y: Labels, weights: Floats) -> Judged:  # noqa: ARG002
        return self.judge(notes[:, : y.shape[1]], y)

    def judge(self, logits: Doubles, y: Labels) -> Judged:
        """Return the mean loss, and the micro-F1 at a logit of 0."""
        loss = (np.logaddexp(0.0, logits) - y * logits).mean()
        return float(loss), MULTI_LABEL.score(y, (logits >= 0).astype(np.uint8))


def loss_of(form: LabelForm) -> Loss:
    """Return the loss of networks for labels of a form."""
    if form.has_one_label:
        return Crossentropy()
    return BinaryCrossentropy()
