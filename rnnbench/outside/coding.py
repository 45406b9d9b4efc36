"""How the labels and the answers of others become arrays.

``coding_of(labels).array(topics, values)`` numbers topics in the order of ``topics``.
All codings have the same methods, which ``OneTopic`` explains.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError
from rnnbench.labels import spelled
from rnnbench.section import spell
from rnnbench.tasks import MULTI_LABEL, SCORED, SINGLE_LABEL

Array: TypeAlias = NDArray[Any]
Values = Collection[object]
"""Labels of documents, or answers to them, as somebody gave them."""
Mask = NDArray[np.bool_]  # of documents
LACKING = 2  # in a row of 0 and 1: the whole answer is missing
NO_ANSWER = "(no answer)"  # the topic of a missing answer
NOTHING = ("", "nan", "<NA>", "NaT")  # missing values as texts, those of pandas too
ALIKE = (("true", "True", "1"), ("false", "False", "0"))
"""Values that stand for the one of them that labels have."""


class Topics(dict[object, int]):
    """The position of each name by all values that stand for it.

    The values ``1``, ``1.0`` and ``"1"`` stand for the name ``1``.
    """

    def __init__(self, names: Iterable[str] = (), where: str = "verdict"):
        self.names = list(names)
        self.where = where
        super().__init__((name, place) for place, name in enumerate(self.names))

    def __missing__(self, value: object) -> int:
        if isinstance(value, np.generic):
            value = value.item()
        name = spelled(value)
        if name is None or str(name) in NOTHING:
            return -1
        if not isinstance(name, str):
            hint = "should be a text or a whole number"
            raise UserError(f"{self.where}: got {spell(value)} ({hint})")
        name = self._name_alike(name)
        if name not in self:
            self[name] = len(self.names)
            self.names.append(name)
        self[value] = self[name]
        return self[value]

    def _name_alike(self, name: str) -> str:
        """Return the name that is known already, if this one stands for it."""
        if name in self:
            return name
        for alike in ALIKE:
            if name in alike:
                for other in alike:
                    if other in self:
                        return other
        return name

    def places(self, values: Values) -> NDArray[np.int32]:
        """Return the position of each name, ``(n,)``, -1 for none; add new names."""
        if not isinstance(values, list):
            values = np.asarray(values).tolist()
        try:
            return np.fromiter(map(self.__getitem__, values), np.int32, len(values))
        except TypeError:
            wrong = next(filter(is_list, values), values)
            hint = "a text or a whole number; if any is a list, all must be"
            fault = f"got {spell(wrong)} (should be {hint})"
            raise UserError(f"{self.where}: {fault}") from None


def is_list(value: object) -> bool:
    """Return whether a value is a collection, and no text."""
    return isinstance(value, Collection) and value != str(value)


class OneTopic:
    """Positions of topics, ``(n,)``; -1 if a label or an answer is missing."""

    task = SINGLE_LABEL

    def array(self, topics: Topics, values: Values) -> Array:
        """Return labels or answers as an array; new topics are added."""
        return topics.places(values)

    def is_missing(self, answers: Array) -> Mask:
        """Return which answers are missing, ``(n,)``."""
        return np.asarray(answers < 0)

    def needs_no_answer(self, right: Array) -> Mask:
        """Return where a missing answer needs a topic of its own to be wrong."""
        return np.asarray(right >= 0)

    def has_right_one(self, answers: Array, right: Array) -> bool:
        """Return whether any answer is right."""
        return bool((answers[answers == right] >= 0).any())

    def with_wrong(self, answers: Array, right: Array, n_topics: int) -> Array:  # noqa: ARG002
        """Return answers with wrong ones in place of missing ones."""
        completed = answers.copy()
        completed[self.is_missing(answers)] = n_topics - 1
        return completed

    def scores(self, answers: Array, n_topics: int) -> Array:
        """Return answers as scores, ``(n, n_topics)``: 1 for each topic, else 0."""
        is_answer = answers[:, np.newaxis] == np.arange(n_topics)
        return np.asarray(is_answer, np.float32)

    def widened(self, answers: Array, n_topics: int) -> Array:  # noqa: ARG002
        """Return answers with room for all topics, also those of later answers."""
        return answers


class AnyTopics:
    """Rows of 0 and 1, ``(n, n_topics)``; ``LACKING`` if an answer is missing."""

    task = MULTI_LABEL

    def array(self, topics: Topics, values: Values) -> Array:
        if isinstance(values, np.ndarray) and values.ndim == 2:
            rows, places = _places_of_ones(topics, values)
            is_list_of_topics = np.ones(len(values), bool)
        else:
            rows, places, is_list_of_topics = _places_in_lists(topics, values)
        array = np.zeros((len(values), len(topics.names)), np.uint8)
        is_topic = places >= 0
        array[rows[is_topic], places[is_topic]] = 1
        # Nothing beside topics is left out. Alone, it is a missing answer.
        without = rows[~is_topic]
        array[without[~is_list_of_topics[without]]] = LACKING
        return array

    def is_missing(self, answers: Array) -> Mask:
        return np.asarray((answers == LACKING).any(axis=1))

    def needs_no_answer(self, right: Array) -> Mask:
        return np.asarray(~right.any(axis=1))

    def has_right_one(self, answers: Array, right: Array) -> bool:
        return bool((answers[answers == right] > 0).any())

    def with_wrong(self, answers: Array, right: Array, n_topics: int) -> Array:  # noqa: ARG002
        is_missing = self.is_missing(answers)
        completed = answers.copy()
        completed[is_missing] = 0
        completed[is_missing & ~right.any(axis=1), -1] = 1
        return completed

    def scores(self, answers: Array, n_topics: int) -> Array:  # noqa: ARG002
        return answers.astype(np.float32)

    def widened(self, answers: Array, n_topics: int) -> Array:
        return np.pad(answers, ((0, 0), (0, n_topics - answers.shape[1])))


def _places_of_ones(topics: Topics, values: Array) -> tuple[Array, Array]:
    """Return the documents and the topics of all 1 in an array of 0 and 1."""
    if values.shape[1] < 2 or not np.isin(values, (0, 1)).all():
        hint = "should have only 0 and 1, in two columns or more"
        raise UserError(f"verdict: an array of topics {hint}")
    rows, columns = np.nonzero(values)
    return rows, topics.places(list(range(values.shape[1])))[columns]


def _places_in_lists(
    topics: Topics, values: Collection[Any]
) -> tuple[Array, Array, Mask]:
    """Return the documents and the topics in lists, and which documents have a list.

    A document without a list has one topic.
    """
    is_list_of_topics = np.array([depth(value) > 0 for value in values], bool)
    names: list[object] = []
    lengths: list[int] = []
    for value, is_several in zip(values, is_list_of_topics, strict=True):
        topics_of_document = [value]
        if is_several:
            topics_of_document = list(value)
        names += topics_of_document
        lengths.append(len(topics_of_document))
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, topics.places(names), is_list_of_topics


class ScoresOfOthers:
    """Scores from 0 to 1, ``(n,)``; NaN if one is missing."""

    task = SCORED

    def array(self, topics: Topics, values: Values) -> Array:  # noqa: ARG002
        try:
            scores = np.asarray(values, float)
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"verdict: scores should be numbers: {error}") from None
        wrong = scores[(scores < 0) | (scores > 1)]
        if wrong.size:
            raise UserError(f"verdict: got the score {wrong[0]:.9g} (allowed: 0 to 1)")
        return scores

    def is_missing(self, answers: Array) -> Mask:
        return np.asarray(np.isnan(answers))

    def needs_no_answer(self, right: Array) -> Mask:
        return np.zeros(len(right), bool)

    def has_right_one(self, answers: Array, right: Array) -> bool:  # noqa: ARG002
        return True

    def with_wrong(self, answers: Array, right: Array, n_topics: int) -> Array:  # noqa: ARG002
        completed = answers.copy()
        completed[self.is_missing(answers)] = 0
        return completed

    def scores(self, answers: Array, n_topics: int) -> Array:  # noqa: ARG002
        return answers[:, np.newaxis]

    def widened(self, answers: Array, n_topics: int) -> Array:  # noqa: ARG002
        return answers


Coding: TypeAlias = OneTopic | AnyTopics | ScoresOfOthers
"""How the labels and answers of one kind of task are held in arrays."""
ONE_TOPIC = OneTopic()
ANY_TOPICS = AnyTopics()
SCORES = ScoresOfOthers()


def coding_of(labels: Values | None) -> Coding:
    """Return the coding of labels; without labels, answers are scores."""
    if labels is None:
        return SCORES
    if depth(labels) > 1:
        return ANY_TOPICS
    return ONE_TOPIC


def depth(values: object) -> int:
    """Return how many dimensions values have; a collection of topics is one."""
    match values:
        case np.ndarray() if values.dtype != object:
            return values.ndim
        case str() | bytes() | Mapping():
            return 0
        case Collection():
            first = next((value for value in values if value is not None), None)
            return 1 + depth(first)
    return 0
