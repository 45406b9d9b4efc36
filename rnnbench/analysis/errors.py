"""The errors of models: the documents that they get wrong, their words, and topic by topic."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.intervals import N_BLOCKS, estimate_mean
from rnnbench.data import cache
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.dataset import make_dataset, split_fingerprint
from rnnbench.errors import RnnbenchError
from rnnbench.metrics import count_topics
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Interval
from rnnbench.training.outcome import TrialResult

FEW, MANY = 10, 100
"""Errors are counted on topics with fewer training documents than ``FEW``, on those with at least
``MANY``, and on those between."""


N_BINS = 15
"""The number of bins, all equally wide, for the probabilities of answers."""


class Answer(NamedTuple):
    """A model's most frequent answer to a document, and how many of its trials gave it."""

    topic: int
    trials: int
    of: int


class HardDocument(NamedTuple):
    """A test document that was often misclassified."""

    position: int
    """In the test set, from 0."""
    topic: int
    mistaken: float
    """Share of the answers that were wrong; each model has the same weight."""
    answers: dict[str, Answer]


class ErrorCount(NamedTuple):
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
    by_all = np.all([share > 0.5 for share in mistaken.values()], axis=0)
    n_train = np.array([topic.train for topic in dataset.topics])[labels]
    contradicted, noun = dataset.duplicates.other_topics, dataset.noun
    kinds = {
        "all documents": n_train >= 0,
        f"{noun}s with fewer than {FEW} training documents": n_train < FEW,
        f"{noun}s with {FEW} to {MANY - 1}": (n_train >= FEW) & (n_train < MANY),
        f"{noun}s with {MANY} or more": n_train >= MANY,
        f"documents in training with other {noun}s only": np.isin(
            np.arange(len(labels)), contradicted
        ),
    }
    return [
        ErrorCount(
            kind,
            int(chosen.sum()),
            {model: float(share[chosen].sum()) for model, share in mistaken.items()},
            int(by_all[chosen].sum()),
        )
        for kind, chosen in kinds.items()
        if chosen.any()
    ]


def calibration_error(trials: Sequence[TrialResult], *, in_order: bool) -> tuple[float, Interval]:
    """Return an estimate of the expected calibration error of a model with log-probabilities.

    C. Guo et al. define it (On calibration of modern neural networks. ICML 2017). Once the sign of
    each bin is known, it is a mean over documents, with the interval of a mean. But chance moves
    bins away from 0, so it is too high on average, and a bootstrap makes that worse. If each half
    of the documents decides the signs for the other half, it is too low on average, and 0 for a
    calibrated model. The first estimate gives the upper end, the second one the lower end:
    ``results/reference/calibration.md`` says how often such intervals contain the true value.
    """
    logs = np.stack([trial.scores.max(axis=1) for trial in trials])
    confidence = np.exp(logs, dtype=float).clip(0, 1)
    excess = confidence - np.stack([trial.right for trial in trials])
    half = np.arange(excess.shape[1]) * N_BLOCKS // excess.shape[1] % 2  # whole blocks of time
    plain, crossed = np.empty_like(excess), np.empty_like(excess)
    for row, (values, shares) in enumerate(zip(excess, confidence, strict=True)):
        bins = np.ceil(shares * N_BINS).clip(1).astype(int) - 1
        sums = np.array([np.bincount(bins, values * (half == part), N_BINS) for part in (0, 1)])
        plain[row] = values * np.sign(sums.sum(axis=0))[bins]
        crossed[row] = values * np.sign(sums[1 - half, bins])
    upper, lower = (estimate_mean(found, in_order=in_order) for found in (plain, crossed))
    return upper.value, Interval(low=max(0.0, lower.interval.low), high=upper.interval.high)


def hardest_documents(
    trials: Mapping[str, Sequence[TrialResult]], n: int, per_topic: int = 3
) -> list[HardDocument]:
    """Return the ``n`` most misclassified test documents, at most ``per_topic`` of a topic.

    Ties are in the order of the test set.
    """
    answers = {model: np.stack([t.answers for t in of_model]) for model, of_model in trials.items()}
    labels = next(iter(trials.values()))[0].labels
    mistaken = np.mean([(given != labels).mean(axis=0) for given in answers.values()], axis=0)
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
            {
                model: Answer(*Counter(given[:, position].tolist()).most_common(1)[0], len(given))
                for model, given in answers.items()
            },
        )
        for position in chosen
    ]


def words_of_test_documents(run: StoredRun) -> list[list[str]] | None:
    """Return the words of each test document, or ``None`` if they are not in the cache.

    The run may come from somebody else: no path in its config is followed, and its documents
    are known by their fingerprint.
    """
    dataset = run.results.dataset
    file = cache.find(dataset.corpus_fingerprint)
    if file is None:
        return None
    try:
        corpus = cache.read(file)
        rebuilt = make_dataset(corpus, run.benchmark.data)
    except (RnnbenchError, FileNotFoundError):
        return None
    if split_fingerprint(corpus.fingerprint, rebuilt) != dataset.split_fingerprint:
        return None
    return [corpus.words(number) for number in rebuilt.test_documents]


def frequent_topics(labels: NDArray[np.integer], n: int) -> list[int]:
    """Return the ``n`` topics with the most documents in ``labels``, the most frequent first."""
    counts = Counter(sorted(labels.tolist()))  # of equals, the first topic comes first
    return [topic for topic, _ in counts.most_common(n)]


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
    own, n = list(topics), 1 + max(topics)
    return {
        model: np.mean(
            [count_topics(trial.labels, trial.answers, n).f1[own] for trial in of_model], axis=0
        )
        for model, of_model in trials.items()
    }
