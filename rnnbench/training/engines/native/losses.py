"""The loss of a network, by the form of its labels.

``loss_of(form).judge(logits, y)`` is the mean loss and the score of documents.
"""

import numpy as np
from numpy.typing import NDArray

from rnnbench.labels import ONE_LABEL, LabelForm, Labels
from rnnbench.tasks import MULTI_LABEL
from rnnbench.training.outcome import Judged

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Crossentropy:
    """The cross-entropy of the one topic of each document, times its weight.

    Machine code notes about a document the logit of the topic less the largest, and the
    sum of the exponentials of all logits less the largest.
    """

    def targets(self, y: Labels, weights: Floats, width: int) -> Floats:  # noqa: ARG002
        """Return what machine code reads about documents; it notes as many numbers.

        ``width`` is that of the logits, with those that fill a register.
        """
        return np.stack([y, weights], axis=1).astype(np.float32)

    def judge_notes(self, notes: Doubles, y: Labels, weights: Floats) -> Judged:  # noqa: ARG002
        """Return the mean loss and the score from what machine code noted."""
        of_topic, total = notes.T
        losses = weights * (np.log(total) - of_topic)
        return float(np.mean(losses)), float(np.mean(of_topic == 0))

    def judge(self, logits: Doubles, y: Labels) -> Judged:
        """Return the mean loss and the score from logits ``(n, n_topics)``."""
        logs = ONE_LABEL.log_probabilities(logits)
        loss = -logs[np.arange(len(y)), y].mean()
        return float(loss), float((logs.argmax(axis=1) == y).mean())


class BinaryCrossentropy:
    """The mean binary cross-entropy of all topics, times the weight of the document.

    Machine code reads the weight after the topics, and notes the logits.

    Its methods are those of ``Crossentropy``.
    """

    def targets(self, y: Labels, weights: Floats, width: int) -> Floats:
        missing = width - y.shape[1]
        labels = np.pad(y.astype(np.float32), ((0, 0), (0, missing)))
        return np.column_stack([labels, weights])

    def judge_notes(self, notes: Doubles, y: Labels, weights: Floats) -> Judged:
        logits = notes[:, : y.shape[1]]
        losses = _binary_losses(logits, y) * weights[:, np.newaxis]
        return float(losses.mean()), self.judge(logits, y)[1]

    def judge(self, logits: Doubles, y: Labels) -> Judged:
        """Return the mean loss, and the micro-F1 at a logit of 0."""
        loss = _binary_losses(logits, y).mean()
        return float(loss), MULTI_LABEL.score(y, (logits >= 0).astype(np.uint8))


def _binary_losses(logits: Doubles, y: Labels) -> Doubles:
    return np.asarray(np.logaddexp(0.0, logits) - y * logits)


def loss_of(form: LabelForm) -> Crossentropy | BinaryCrossentropy:
    """Return the loss of networks for labels of a form."""
    if form.has_one_label:
        return Crossentropy()
    return BinaryCrossentropy()


def may_diverge() -> np.errstate:
    """Let a training diverge without a warning in this block: it is found later."""
    return np.errstate(divide="ignore", invalid="ignore", over="ignore")
