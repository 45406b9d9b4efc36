"""Kinds of task: what a right answer is, and everything that follows from it.

``TASKS["single_label"].score(labels, answers)`` is the score that models are compared
by. Another package adds a kind by a subclass of ``TaskKind``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rnnbench.labels import ONE_LABEL, LabelForm, Labels, Scores, form_of, form_with
from rnnbench.registry import Registry
from rnnbench.section import StoredRecord
from rnnbench.stats.correctness import linearised

Numbers = NDArray[np.float64] | NDArray[np.bool_]
ALWAYS: Final = float(np.finfo(np.float32).min)  # every score is at least as high


class Decision(StoredRecord):
    """The rule that turns the scores of a document into any number of topics."""

    threshold: float | list[float]
    """A topic with at least this score is given; of all topics, or by topic."""
    best_above: float | None = None
    """The least score at which the best topic is given if no other is; ``None`` for
    never."""


class TaskKind(ABC):
    """A kind of task: labels and answers are integers, in the ``form`` of the kind."""

    name: str
    """In configs and files."""
    main: str
    """The name of the metric that models are compared by: a ratio of two sums over
    documents.

    The metric is computed from answers, names the task among its ``tasks``, and lies
    between 0 and 1, where higher is better. Its value is that of ``score``. Tasks with
    another main metric are refused before any training."""
    score_name: str
    """Its name in sentences."""
    second: str | None = None
    """The name of another metric that tables show with its spread over seeds, if there
    is one."""
    has_one_label: bool = True
    """Whether labels are positions of topics, ``(n,)``, and the last layer is a
    softmax; otherwise, labels are 0 and 1, ``(n, n_topics)``, and it is a sigmoid."""
    has_topics: bool = True
    """Whether an answer consists of topics, and is not just a number."""

    @property
    def form(self) -> LabelForm:
        """The form of its labels."""
        return form_with(has_one_label=self.has_one_label)

    def is_among(self, names: Sequence[str]) -> bool:
        """Return whether it, or a kind that it is a special case of, has such a name.

        It is among no names at all, too.
        """
        if not names:
            return True
        return any(vars(kind).get("name") in names for kind in type(self).__mro__)

    @abstractmethod
    def answers(self, scores: Scores, decision: Decision | None = None) -> Labels:
        """Return the answers that scores ``(n, n_topics)`` give."""

    @abstractmethod
    def parts(self, labels: Labels, answers: Labels) -> Numbers:
        """Return the numerators and denominators of the main metric, ``(2, n)``.

        Each document has a column. If all denominators are the same, the numerators
        over it, ``(n,)``, are enough.
        """

    def values(self, labels: Labels, answers: Labels) -> Numbers:
        """Return a number for each document, ``(n,)``, with the main metric as mean."""
        parts = self.parts(labels, answers)
        if parts.ndim == 1:
            return parts
        return linearised(parts)

    def score(self, labels: Labels, answers: Labels) -> float:
        """Return the main metric; 0 if it is a ratio of 0 to 0."""
        parts = self.parts(labels, answers)
        if parts.ndim == 1:
            return float(parts.mean())
        numerators, denominators = parts
        return float(numerators.sum() / (denominators.sum() or 1))

    def always(self, topic: int, labels: Labels) -> Labels:
        """Return the answers that give one topic to as many documents as labels."""
        return form_of(labels).always(topic, labels)

    def fault(self, labels: Labels, n_topics: int) -> str:
        """Return why these cannot be labels of documents; empty if they can."""
        return self.form.fault(labels, n_topics)


class SingleLabel(TaskKind):
    """Each document has one topic: the answer is the one with the highest score."""

    name = "single_label"
    main = "accuracy"
    score_name = "accuracy"
    second = "macro_f1"

    def answers(self, scores: Scores, decision: Decision | None = None) -> Labels:  # noqa: ARG002
        """Return the position of each document's best score."""
        return np.asarray(scores.argmax(axis=1), np.int32)

    def parts(self, labels: Labels, answers: Labels) -> NDArray[np.bool_]:
        """Return whether each answer is right, ``(n,)``."""
        return np.asarray(answers == labels)


class MultiLabel(TaskKind):
    """Each document has any number of topics: those whose scores a rule accepts."""

    name = "multi_label"
    main = "micro_f1"
    score_name = "micro-F1"
    second = "macro_f1"
    has_one_label = False

    def answers(self, scores: Scores, decision: Decision | None = None) -> Labels:
        """Return the topics by a decision; without one, those with a score above 0."""
        if decision is None:
            decision = Decision(threshold=float(np.finfo(scores.dtype).tiny))
        is_given = scores >= np.asarray(decision.threshold, scores.dtype)
        if decision.best_above is not None:
            is_enough = scores.max(axis=1) >= scores.dtype.type(decision.best_above)
            without = np.flatnonzero(~is_given.any(axis=1) & is_enough)
            is_given[without, scores[without].argmax(axis=1)] = True
        return is_given.astype(np.uint8)

    def parts(self, labels: Labels, answers: Labels) -> NDArray[np.float64]:
        """Return twice the right topics of documents, over the true and given ones."""
        n_right = (labels & answers).sum(axis=1, dtype=float)
        return np.stack([2 * n_right, labels.sum(axis=1) + answers.sum(axis=1)])


class ScoredAnswers(TaskKind):
    """Answers that others scored from 0 to 1; the only topic, ``0``, is a failure."""

    name = "score"
    main = "score"
    score_name = "score"
    has_topics = False

    def answers(self, scores: Scores, decision: Decision | None = None) -> Any:  # noqa: ARG002
        """Return the score of each answer, ``(n,)``."""
        return scores[:, 0]

    def parts(self, labels: Labels, answers: Any) -> Numbers:  # noqa: ARG002
        """Return the scores; if all are 0 or 1, whether each answer is right."""
        if np.isin(answers, (0, 1)).all():
            return np.asarray(answers, bool)
        return np.asarray(answers, float)


SINGLE_LABEL = SingleLabel()
MULTI_LABEL = MultiLabel()
SCORED = ScoredAnswers()
TASKS: Registry[TaskKind] = Registry(
    "task", TaskKind, [SINGLE_LABEL, MULTI_LABEL, SCORED]
)


def usual_task(form: LabelForm) -> TaskKind:
    """Return the kind of task of documents whose form of labels alone is known."""
    if form is ONE_LABEL:
        return SINGLE_LABEL
    return MULTI_LABEL
