"""The test documents that models get wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.audit import DatasetSummary
from rnnbench.training.outcome import TrialResult

FEW, MANY = 10, 100
"""Errors are counted on topics with fewer training documents than ``FEW``, on those with at least
``MANY``, and on those between."""


@dataclass(frozen=True)
class Answer:
    """A model's most frequent answer to a document, and how many of its trials gave it."""

    topic: int
    trials: int
    of: int


@dataclass(frozen=True)
class HardDocument:
    """A test document that was often misclassified."""

    position: int
    """In the test set, from 0."""
    topic: int
    mistaken: float
    """Share of the answers that were wrong; each model has the same weight."""
    answers: dict[str, Answer]


@dataclass(frozen=True)
class ErrorCount:
    """How many test documents of a kind were misclassified."""

    kind: str
    n: int
    """Test documents of the kind."""
    by_model: dict[str, float]
    """Errors of each model: means over its trials."""
    by_all: int
    """Documents that every model misclassified in more than half of its trials."""


def count_errors(
    trials: Mapping[str, Sequence[TrialResult]], dataset: DatasetSummary
) -> list[ErrorCount]:
    """Return the errors on all test documents, and on each kind that has any documents.

    The kinds are topics with few, some and many training documents, and documents that are in the
    training set with other topics only.
    """
    labels = next(iter(trials.values()))[0].labels
    mistaken = {
        model: np.mean([trial.answers != labels for trial in of_model], axis=0)
        for model, of_model in trials.items()
    }
    by_all = np.all([each > 0.5 for each in mistaken.values()], axis=0)
    return [
        ErrorCount(
            kind,
            int(chosen.sum()),
            {model: float(each[chosen].sum()) for model, each in mistaken.items()},
            int(by_all[chosen].sum()),
        )
        for kind, chosen in _kinds(labels, dataset)
        if chosen.any()
    ]


def _kinds(
    labels: NDArray[np.integer], dataset: DatasetSummary
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name of each kind of test document, and which documents are of it."""
    n_train = np.array([topic.train for topic in dataset.topics])[labels]
    contradicted = np.zeros(len(labels), bool)
    if dataset.duplicates:
        contradicted[dataset.duplicates.other_topics] = True
    yield "all documents", np.ones(len(labels), bool)
    yield f"topics with fewer than {FEW} training documents", n_train < FEW
    yield f"topics with {FEW} to {MANY - 1}", (n_train >= FEW) & (n_train < MANY)
    yield f"topics with {MANY} or more", n_train >= MANY
    yield "documents in training with other topics only", contradicted


def hardest_documents(
    trials: Mapping[str, Sequence[TrialResult]], n: int, per_topic: int = 3
) -> list[HardDocument]:
    """Return the ``n`` most misclassified test documents, at most ``per_topic`` of a topic.

    Ties are in the order of the test set.
    """
    answers = {model: np.stack([t.answers for t in of_model]) for model, of_model in trials.items()}
    labels = next(iter(trials.values()))[0].labels
    mistaken = np.mean([(each != labels).mean(axis=0) for each in answers.values()], axis=0)
    chosen: list[int] = []
    of_topic: Counter[int] = Counter()
    for position in np.argsort(-mistaken, kind="stable").tolist():
        topic = int(labels[position])
        if mistaken[position] > 0 and of_topic[topic] < per_topic and len(chosen) < n:
            of_topic[topic] += 1
            chosen.append(position)
    return [
        HardDocument(
            position,
            int(labels[position]),
            float(mistaken[position]),
            {model: _most_frequent(each[:, position]) for model, each in answers.items()},
        )
        for position in chosen
    ]


def _most_frequent(answers: NDArray[np.intp]) -> Answer:
    ((topic, trials),) = Counter(answers.tolist()).most_common(1)
    return Answer(topic, trials, len(answers))
