"""Kinds of task: what a right answer is, and everything that follows from it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rnnbench.registry import Registry
from rnnbench.section import StoredRecord

Labels = NDArray[np.integer[Any]]
Scores = NDArray[np.floating[Any]]
Key = int | tuple[int, ...]  # the topic of a document, or its topics, by position
ALWAYS: Final = float(np.finfo(np.float32).min)  # every score is at least as high


class Decision(StoredRecord):
    """The rule that turns the scores of a document into any number of topics."""

    threshold: float | list[float]
    """A topic with at least this score is given; of all topics, or by topic."""
    best_above: float | None = None
    """The least score at which the best topic is given if no other is; ``None`` for
    never."""


class TaskKind(ABC):
    """A kind of task. Labels and answers are integers, ``(n,)`` or ``(n,
    n_topics)``.
    """

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

    def is_among(self, names: Sequence[str]) -> bool:
        """Return whether it is one of some kinds, or a special case of one; of none, it
        is.
        """
        own = {vars(cls).get("name") for cls in type(self).__mro__}
        return not names or bool(own & {*names})

    @abstractmethod
    def answers(self, scores: Scores, decision: Decision | None = None) -> Labels:
        """Return the answers that scores ``(n, n_topics)`` give."""

    @abstractmethod
    def parts(self, labels: Labels, answers: Labels) -> NDArray[Any]:
        """Return the numerator and the denominator of the main metric, ``(2, n)``, by
        document.

        If all denominators are the same, the numerators over it, ``(n,)``, are enough.
        """

    def values(self, labels: Labels, answers: Labels) -> NDArray[Any]:
        """Return a number for each document, ``(n,)``, whose mean is the main
        metric.
        """
        parts = self.parts(labels, answers)
        return parts if parts.ndim == 1 else linearised(parts)

    def score(self, labels: Labels, answers: Labels) -> float:
        """Return the main metric; 0 if it is a ratio of 0 to 0."""
        parts = self.parts(labels, answers)
        return float(
            parts.mean() if parts.ndim == 1 else parts[0].sum() / (parts[1].sum() or 1)
        )

    def always(self, topic: int, labels: Labels) -> Labels:
        """Return the answers that give one topic to each of the documents with these
        labels.
        """
        if labels.ndim == 1:
            return np.full_like(labels, topic)
        answers = np.zeros_like(labels)
        answers[:, topic] = 1
        return answers

    def fault(self, labels: NDArray[Any], n_topics: int) -> str:
        """Return why these cannot be labels of documents; empty if they can."""
        shape, highest = ((), n_topics - 1) if self.has_one_label else ((n_topics,), 1)
        if (
            labels.dtype.kind not in "iu"
            or not labels.ndim
            or labels.shape[1:] != shape
        ):
            return "labels have the wrong shape or type"
        return (
            ""
            if ((labels >= 0) & (labels <= highest)).all()
            else "labels are out of range"
        )


class SingleLabel(TaskKind):
    """Each document has one topic: the answer is the one with the highest score."""

    name = "single_label"
    main = score_name = "accuracy"
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
    main, score_name = "micro_f1", "micro-F1"
    second = "macro_f1"
    has_one_label = False

    def answers(self, scores: Scores, decision: Decision | None = None) -> Labels:
        """Return the topics of each document by its decision; without one, those above
        0.
        """
        decision = decision or Decision(threshold=float(np.finfo(scores.dtype).tiny))
        given = scores >= np.asarray(decision.threshold, scores.dtype)
        if decision.best_above is not None:
            is_enough = scores.max(axis=1) >= scores.dtype.type(decision.best_above)
            alone = np.flatnonzero(~given.any(axis=1) & is_enough)
            given[alone, scores[alone].argmax(axis=1)] = True
        return given.astype(np.uint8)

    def parts(self, labels: Labels, answers: Labels) -> NDArray[np.float64]:
        """Return twice the right topics of each document, over its true and its given
        ones.
        """
        both = (labels & answers).sum(axis=1, dtype=float)
        return np.stack([2 * both, labels.sum(axis=1) + answers.sum(axis=1)])


class ScoredAnswers(TaskKind):
    """Answers that others scored from 0 to 1; the only topic, ``0``, stands for a
    failure.
    """

    name = main = score_name = "score"
    has_topics = False

    def answers(self, scores: Scores, decision: Decision | None = None) -> Any:  # noqa: ARG002
        """Return the score of each answer, ``(n,)``."""
        return scores[:, 0]

    def parts(self, labels: Labels, answers: Any) -> NDArray[Any]:  # noqa: ARG002
        """Return the same; whether each answer is right, if none has another score than
        0 or 1.
        """
        return np.asarray(answers, bool if np.isin(answers, (0, 1)).all() else float)


SINGLE_LABEL, MULTI_LABEL, SCORED = SingleLabel(), MultiLabel(), ScoredAnswers()
TASKS: Registry[TaskKind] = Registry(
    "task", TaskKind, [SINGLE_LABEL, MULTI_LABEL, SCORED]
)


def linearised(parts: NDArray[Any]) -> NDArray[np.float64]:
    """Return a number for each document, ``(..., n)``, whose mean is a ratio of two
    sums; 0/0 is 0.

    Of ``parts``, ``(2, ..., n)``: F + (numerator - F * denominator) / mean denominator,
    where F is the ratio (R. S. Woodruff: A simple method for approximating the variance
    of a complicated estimate. Journal of the American Statistical Association 66,
    1971).
    """
    top, bottom = parts
    mean = bottom.mean(axis=-1, keepdims=True)
    mean = np.where(mean, mean, 1)
    ratio = top.mean(axis=-1, keepdims=True) / mean
    return np.asarray(ratio + (top - ratio * bottom) / mean)


def documents_by_topic(labels: Labels, n_topics: int) -> NDArray[np.int64]:
    """Return how many documents have each topic, ``(n_topics,)`` or more if there are
    more.
    """
    if labels.ndim == 2:
        return np.asarray(labels.sum(axis=0, dtype=np.int64))
    return np.bincount(labels, minlength=n_topics)


def without_unused(labels: Labels) -> NDArray[np.integer[Any]]:
    """Return labels as an array that topics after the last one of any document do not
    change.
    """
    return labels if labels.ndim == 1 else np.argwhere(labels)


def keys_of(labels: Labels) -> list[Key]:
    """Return the topic of each document, or its topics, by position."""
    if labels.ndim == 1:
        return list(labels.tolist())
    return [tuple(np.flatnonzero(row).tolist()) for row in labels]


def topics_of(key: Key) -> tuple[int, ...]:
    """Return the topics of a document, however many it may have."""
    return (key,) if isinstance(key, int) else key


def in_words(key: Key, topics: Sequence[str]) -> str:
    """Return the names of the topics of a document, or "none"; see ``keys_of``."""
    return ", ".join(topics[number] for number in topics_of(key)) or "none"
