"""How well models do topic by topic."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.metrics import TopicCounts
from rnnbench.training.outcome import TrialResult


def frequent_topics(labels: NDArray[np.integer], n: int) -> list[int]:
    """Return the ``n`` topics with the most documents in ``labels``, the most frequent first."""
    counts = np.bincount(labels)
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda topic: -counts[topic])
    return order[:n]


def confusion(trials: Sequence[TrialResult], topics: Sequence[int]) -> NDArray[np.float64]:
    """Return the share of the documents of the row's topic that were given the column's topic.

    The result is ``(len(topics) + 1, len(topics) + 1)``: all topics that are not in ``topics`` are
    merged into the last one. Shares are means over the trials; a row without documents is 0.
    """
    size = len(topics) + 1
    place = np.full(trials[0].scores.shape[1], size - 1)
    place[list(topics)] = range(len(topics))
    counts = np.zeros((size, size))
    for trial in trials:
        np.add.at(counts, (place[trial.labels], place[trial.answers]), 1)
    shares: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def f1_by_topic(
    trials: Mapping[str, Sequence[TrialResult]], topics: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    """Return the F1 of each of ``topics`` by model: means over the model's trials."""
    return {
        model: np.mean([_f1(each, topics) for each in of_model], axis=0)
        for model, of_model in trials.items()
    }


def _f1(trial: TrialResult, topics: Sequence[int]) -> NDArray[np.float64]:
    counts = TopicCounts.of(trial.labels, trial.answers, 1 + max(topics))
    f1: NDArray[np.float64] = counts.f1[list(topics)]
    return f1
