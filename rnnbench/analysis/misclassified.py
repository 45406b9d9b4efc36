"""The test documents that models get wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.outcome import TrialResult


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
