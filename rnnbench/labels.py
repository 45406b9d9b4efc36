"""The two forms of labels, and all that depends on the form.

``form_of(labels)`` says how an array holds the labels of documents: ``ONE_LABEL`` has
the position of each document's topic, ``(n,)``; ``ANY_NUMBER`` has a row of 0 and 1 for
each document, ``(n, n_topics)``. A kind of task has a ``form``, too. Both forms have
the same methods, which ``OneLabel`` explains.
"""

from collections.abc import Sequence
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Scores = NDArray[np.floating]
Positions = NDArray[np.intp]
Names = NDArray[np.str_]  # of topics
MAX_LABELS = 10_000
LONGEST_LABEL = 100  # characters
TINY = float(np.finfo(np.float32).tiny)
Key = int | tuple[int, ...]  # the topic of a document, or its topics, by position


class OneLabel:
    """Each document has one topic: labels are positions of topics, ``(n,)``."""

    has_one_label = True
    """Whether each document has just one topic."""
    dtype = "<i4"
    """Of stored labels."""
    number = "one"
    """How many topics a document has, in words."""
    topics = "one topic"
    """The same, with the noun."""
    last_activation = "softmax"
    """The activation of the last layer of a network."""
    useless_settings = {
        "decision": "each document has one topic, the best one (leave it out)"
    }
    """Keys of the training section that do not apply, each with the reason."""

    def fault(self, labels: Labels, n_topics: int) -> str:
        """Return why these cannot be labels of documents; empty if they can."""
        return _fault(labels, (), n_topics - 1)

    def indicators(self, labels: Labels, n_topics: int) -> NDArray[np.uint8]:
        """Return labels as 0 and 1, ``(n, n_topics)``."""
        is_topic = labels[:, np.newaxis] == np.arange(n_topics)
        return np.asarray(is_topic, np.uint8)

    def always(self, topic: int, labels: Labels) -> Labels:
        """Return the answers that give one topic to as many documents as labels."""
        return np.full_like(labels, topic)

    def agreeing(self, labels: Labels, answers: Labels) -> Labels:
        """Return the topics that documents have and were given; see ``counts``."""
        return np.asarray(labels[labels == answers])

    def by_class(self, labels: Labels) -> tuple[Labels, NDArray[np.bool_]]:
        """Return the topics that a classifier learns, and which documents have each.

        The latter is ``(n, n_classes)``.
        """
        classes = np.unique(labels)
        return classes, np.asarray(labels[:, np.newaxis] == classes)

    def n_topics(self, labels: Labels) -> int:
        """Return the least number of topics that the labels need."""
        return 1 + int(labels.max())

    def counts(self, labels: Labels, n_topics: int) -> NDArray[np.int64]:
        """Return how many documents have each topic, ``(n_topics,)`` or more."""
        return np.bincount(labels, minlength=n_topics)

    def keys(self, labels: Labels) -> list[Key]:
        """Return the topic of each document, or its topics, by position."""
        return list(labels.tolist())

    def without_unused(self, labels: Labels) -> Labels:
        """Return an array that topics after the last one in use do not change."""
        return labels

    def renumbered(self, labels: Labels, topics: Positions) -> Labels:
        """Return labels by the position of their topic in ``topics``, ascending."""
        n_reached = np.searchsorted(topics, labels, side="right")
        return n_reached.astype(np.int32) - 1

    def names(self, labels: Labels, topics: NDArray[np.object_]) -> list[object]:
        """Return the name of each document's topic, or a list of names."""
        return list(topics[labels].tolist())

    def decoded(self, answers: Labels, topics: Names) -> Names | Labels:
        """Return the name of each document's topic, or rows of 0 and 1."""
        return np.asarray(topics[answers])

    def lowest(self, values: Labels, labels: Labels) -> Labels:
        """Return the lowest value of a topic of each document, ``(n,)``.

        ``values``, ``(n_topics,)``, has one for each topic. A document without a topic
        has the largest of all.
        """
        return np.asarray(values[labels])

    def topics_of_one_document(self, labels: Labels) -> Labels:
        """Return the topics that cannot be split, because one document alone has each.

        Where documents have several topics, that is no fault.
        """
        topics, counts = np.unique(labels, return_counts=True)
        return np.asarray(topics[counts == 1])

    def is_in_test(
        self,
        labels: Labels,
        share: float,
        seed: int,  # noqa: ARG002 - none is drawn
    ) -> NDArray[np.bool_]:
        """Return whether each document is in a stratified test set, ``(n,)``.

        It has the last documents of each topic, but never all or none of a topic.
        """
        is_test = np.zeros(len(labels), bool)
        by_topic = np.argsort(labels, kind="stable")
        _, starts = np.unique(labels[by_topic], return_index=True)
        for documents in np.split(by_topic, starts[1:]):
            n_train = np.rint(len(documents) * (1 - share))
            n_train = int(np.clip(n_train, 1, len(documents) - 1))
            is_test[documents[n_train:]] = True
        return is_test

    def fold(self, labels: Labels, number: int, n_folds: int) -> Positions:
        """Return the positions of a stratified fold; ``number`` counts from 1."""
        order = np.random.default_rng(0).permutation(len(labels))
        by_topic = order[np.argsort(labels[order], kind="stable")]
        return np.sort(by_topic[number - 1 :: n_folds])

    def balancing_weights(self, labels: Labels) -> NDArray[np.float32]:
        """Return the weight of each document with which all topics count the same."""
        counts = np.bincount(labels)
        weights = len(labels) / (np.count_nonzero(counts) * counts[labels])
        return np.asarray(weights, np.float32)

    def log_probabilities(self, logits: Scores) -> Scores:
        """Return the log-probabilities of logits, ``(n, n_topics)``."""
        logs = logits - logits.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        return np.asarray(logs)

    def mean_log_probabilities(self, logs: Sequence[Scores], weights: Scores) -> Scores:
        """Return the weighted mean of the log-probabilities of several models."""
        mean = np.average(logs, axis=0, weights=weights)
        return np.asarray(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))

    def add_up(self, probabilities: Scores) -> bool:
        """Return whether probabilities ``(n, n_topics)`` have the sums they need."""
        return np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)


class AnyNumber:
    """A document has any number of topics: a row of 0 and 1, ``(n, n_topics)``."""

    has_one_label = False
    dtype = "u1"
    number = "any number"
    topics = "any number of topics"
    last_activation = "sigmoid"
    useless_settings = {
        "class_weights": "a document has any number of topics (leave them out)"
    }

    def fault(self, labels: Labels, n_topics: int) -> str:
        return _fault(labels, (n_topics,), 1)

    def indicators(self, labels: Labels, n_topics: int) -> NDArray[np.uint8]:  # noqa: ARG002
        return labels.astype(np.uint8, copy=False)

    def always(self, topic: int, labels: Labels) -> Labels:
        answers = np.zeros_like(labels)
        answers[:, topic] = 1
        return answers

    def agreeing(self, labels: Labels, answers: Labels) -> Labels:
        return labels & answers

    def by_class(self, labels: Labels) -> tuple[Labels, NDArray[np.bool_]]:
        return np.arange(labels.shape[1]), np.asarray(labels == 1)

    def n_topics(self, labels: Labels) -> int:
        return int(labels.shape[1])

    def counts(self, labels: Labels, n_topics: int) -> NDArray[np.int64]:  # noqa: ARG002
        return np.asarray(labels.sum(axis=0, dtype=np.int64))

    def keys(self, labels: Labels) -> list[Key]:
        return [tuple(np.flatnonzero(row).tolist()) for row in labels]

    def without_unused(self, labels: Labels) -> Labels:
        return np.argwhere(labels)

    def renumbered(self, labels: Labels, topics: Positions) -> Labels:
        return labels[:, topics]

    def names(self, labels: Labels, topics: NDArray[np.object_]) -> list[object]:
        return [topics[row.astype(bool)].tolist() for row in labels]

    def decoded(self, answers: Labels, topics: Names) -> Names | Labels:  # noqa: ARG002
        return answers

    def lowest(self, values: Labels, labels: Labels) -> Labels:
        return np.asarray(np.where(labels, values, values.max()).min(axis=1))

    def topics_of_one_document(self, labels: Labels) -> Labels:  # noqa: ARG002
        return np.zeros(0, np.int32)

    def is_in_test(self, labels: Labels, share: float, seed: int) -> NDArray[np.bool_]:
        parts = stratify(labels, (1 - share, share), seed)
        return np.asarray(parts == 1)

    def fold(self, labels: Labels, number: int, n_folds: int) -> Positions:
        parts = stratify(labels, [1 / n_folds] * n_folds, 0)
        return np.flatnonzero(parts == number - 1)

    def balancing_weights(self, labels: Labels) -> NDArray[np.float32]:
        """Return 1 for each document: topics cannot be balanced by documents."""
        return np.ones(len(labels), np.float32)

    def log_probabilities(self, logits: Scores) -> Scores:
        return -np.logaddexp(0.0, -logits)

    def mean_log_probabilities(self, logs: Sequence[Scores], weights: Scores) -> Scores:
        """Return log-probabilities from the weighted mean of the log-odds."""
        odds = [own_logs - _log_of_rest(own_logs) for own_logs in logs]
        return self.log_probabilities(np.average(odds, axis=0, weights=weights))

    def add_up(self, probabilities: Scores) -> bool:  # noqa: ARG002 - to any sum
        return True


LabelForm: TypeAlias = OneLabel | AnyNumber
ONE_LABEL = OneLabel()
ANY_NUMBER = AnyNumber()


def form_of(labels: Labels) -> LabelForm:
    """Return the form of labels or answers of documents."""
    return form_with(has_one_label=labels.ndim == 1)


def form_with(*, has_one_label: bool) -> LabelForm:
    """Return the form in which each document has one topic, or the other form."""
    if has_one_label:
        return ONE_LABEL
    return ANY_NUMBER


def _log_of_rest(logs: Scores) -> Scores:
    """Return the logarithm of 1 less each probability; 0 counts as the least float."""
    return np.asarray(np.log(-np.expm1(np.minimum(logs, -TINY))))


def _fault(labels: Labels, row: tuple[int, ...], highest: int) -> str:
    """Return why labels cannot be those of documents, each of which has a ``row``."""
    is_integer = labels.dtype.kind in "iu"
    if not is_integer or not labels.ndim or labels.shape[1:] != row:
        return "labels have the wrong shape or type"
    if not ((labels >= 0) & (labels <= highest)).all():
        return "labels are out of range"
    return ""


def stratify(labels: Labels, shares: Sequence[float], seed: int) -> Positions:
    """Return the part of each document, ``(n,)``, with its share of each topic.

    ``labels`` are 0 and 1, ``(n, n_topics)``. The documents of the rarest topic go
    first, to the part that lacks most of it (K. Sechidis, G. Tsoumakas, I. Vlahavas: On
    the stratification of multi-label data. ECML PKDD 2011); those without a topic come
    last.
    """
    from scipy.sparse import csr_array

    order = np.random.RandomState(seed).permutation(len(labels))
    in_order = csr_array(labels[order])
    topics_of_documents = np.split(in_order.indices, in_order.indptr[1:-1])
    by_topic = in_order.tocsc()
    documents_of_topics = np.split(by_topic.indices, by_topic.indptr[1:-1])
    part = np.full(len(labels), -1)
    counts = np.diff(by_topic.indptr)  # documents of each topic without a part
    wanted = np.multiply.outer(shares, counts.astype(float))
    lacking = np.multiply(shares, float(len(labels)))
    while counts.any():
        rarest = int(np.where(counts, counts, len(labels) + 1).argmin())
        for document in documents_of_topics[rarest]:
            if part[document] >= 0:
                continue
            most = np.flatnonzero(wanted[:, rarest] == wanted[:, rarest].max())
            chosen = most[lacking[most].argmax()]
            part[document] = chosen
            topics = topics_of_documents[document]
            wanted[chosen, topics] -= 1
            lacking[chosen] -= 1
            counts[topics] -= 1
    for document in np.flatnonzero(part < 0):
        chosen = lacking.argmax()
        part[document] = chosen
        lacking[chosen] -= 1
    return part[np.argsort(order)]


def spelled(value: object) -> object:
    """Return a label as a text if it can be one.

    1.0 is 1, which tables with gaps store so.
    """
    match value:
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case float() if isfinite(value):
            return str(value)
        case str() | int():
            return " ".join(str(value).split())
    return value


def documents_by_topic(labels: Labels, n_topics: int) -> NDArray[np.int64]:
    """Return how many documents have each topic, ``(n_topics,)`` or more."""
    return form_of(labels).counts(labels, n_topics)


def keys_of(labels: Labels) -> list[Key]:
    """Return the topic of each document, or its topics, by position."""
    return form_of(labels).keys(labels)


def topics_of(key: Key) -> tuple[int, ...]:
    """Return the topics of a document, however many it may have."""
    if isinstance(key, int):
        return (key,)
    return key


def name_of_always(topic: str) -> str:
    """Return the name of the baseline that always answers a topic."""
    return f"always '{topic}'"


def in_words(key: Key, topics: Sequence[str]) -> str:
    """Return the names of the topics of a document, or "none"; see ``keys_of``."""
    return ", ".join(topics[number] for number in topics_of(key)) or "none"
