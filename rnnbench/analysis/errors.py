"""The errors of models: the documents that they get wrong, their words, and topic by
topic.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.data import cache
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.corpus import Excerpt
from rnnbench.data.dataset import make_dataset
from rnnbench.errors import RnnbenchError
from rnnbench.labels import Key, Labels, documents_by_topic, form_of, keys_of
from rnnbench.metrics import by_topic
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Interval
from rnnbench.stats.correctness import N_BLOCKS, Correctness, Floats
from rnnbench.stats.intervals import estimate_mean
from rnnbench.training.outcome import TrialResult, Trials

FEW, MANY = (
    10,
    100,
)  # the training documents that divide topics into rare, middle and frequent ones
N_BINS = 15  # the number of bins, all equally wide, for the probabilities of answers


class Answer(NamedTuple):
    """A model's most frequent answer to a document, and how many of its trials gave
    it.
    """

    topics: Key
    trials: int
    of: int


class HardDocument(NamedTuple):
    """A test document that was often misclassified."""

    position: int  # in the test set, from 0
    topics: Key
    mistaken: (
        float  # how wrong the answers were, from 0 to 1; each model has the same weight
    )
    answers: dict[str, Answer]


def kinds_of_documents(
    labels: Labels, dataset: DatasetSummary
) -> dict[str, NDArray[np.bool_]]:
    """Return which test documents are of each kind that has any, ``(n_test,)``."""
    noun, kinds = dataset.noun, {"all documents": np.ones(len(labels), bool)}
    if dataset.train_size:
        train = np.array([topic.train for topic in dataset.topics])
        n_train = form_of(labels).lowest(train, labels)  # the rarest topic counts
        is_contradicted = np.isin(
            np.arange(len(labels)), dataset.duplicates.other_topics
        )
        kinds |= {
            f"{noun}s with fewer than {FEW} training documents": n_train < FEW,
            f"{noun}s with {FEW} to {MANY - 1}": (n_train >= FEW) & (n_train < MANY),
            f"{noun}s with {MANY} or more": n_train >= MANY,
            f"documents in training with other {noun}s only": is_contradicted,
        }
    return {kind: chosen for kind, chosen in kinds.items() if chosen.any()}


def mistaken_shares(trials: Sequence[TrialResult]) -> Floats:
    """Return in which share of trials each document was misclassified,
    ``(n_test,)``.
    """
    wrong = [np.atleast_2d((one.answers != one.labels).T).any(axis=0) for one in trials]
    return np.asarray(np.mean(wrong, axis=0))


def calibration_error(
    trials: Sequence[TrialResult],
    *,
    in_order: bool = False,
    clusters: Sequence[int] | None = None,
) -> tuple[float, Interval]:
    """Return an estimate of the expected calibration error of a model with
    log-probabilities.

    C. Guo et al. define it (On calibration of modern neural networks. ICML 2017). Given
    the sign of each bin, it is a mean over documents, which chance makes too high. If
    each half of the documents decides the signs for the other half, it is too low. The
    interval reaches from the lower end of the second to the upper end of the first: see
    ``results/reference/calibration.md``.
    """
    logs = np.stack([trial.scores.max(axis=1) for trial in trials])
    confidence = np.exp(logs, dtype=float).clip(0, 1)
    excess = confidence - np.stack([trial.values for trial in trials])
    half = (
        np.arange(excess.shape[1]) * N_BLOCKS // excess.shape[1] % 2
    )  # whole blocks of time
    plain, crossed = np.empty_like(excess), np.empty_like(excess)
    for row, (values, shares) in enumerate(zip(excess, confidence, strict=True)):
        bins = np.ceil(shares * N_BINS).clip(1).astype(int) - 1
        sums = np.array(
            [np.bincount(bins, values * (half == part), N_BINS) for part in (0, 1)]
        )
        plain[row] = values * np.sign(sums.sum(axis=0))[bins]
        crossed[row] = values * np.sign(sums[1 - half, bins])
    upper = estimate_mean(Correctness(plain, in_order, clusters=clusters))
    lower = estimate_mean(Correctness(crossed, in_order, clusters=clusters))
    return upper.value, Interval(
        low=max(0.0, lower.interval.low), high=upper.interval.high
    )


def hardest_documents(trials: Trials, n: int, per_topic: int = 3) -> list[HardDocument]:
    """Return the ``n`` most misclassified documents, the first of equals, few of a
    topic.
    """
    of_models = [
        np.mean([_error(trial.parts) for trial in of], axis=0) for of in trials.values()
    ]
    mistaken, labels = np.mean(of_models, axis=0), next(iter(trials.values()))[0].labels
    keys, of_topic, hardest = keys_of(labels), Counter[Key](), list[HardDocument]()
    for position in np.argsort(-mistaken, kind="stable").tolist():
        topic = keys[position]
        if mistaken[position] > 0 and of_topic[topic] < per_topic and len(hardest) < n:
            of_topic[topic] += 1
            most = dict[str, Answer]()
            for model, of_model in trials.items():
                found = Counter(
                    keys_of(trial.answers[[position]])[0] for trial in of_model
                )
                most[model] = Answer(*found.most_common(1)[0], found.total())
            hardest.append(
                HardDocument(position, topic, float(mistaken[position]), most)
            )
    return hardest


def _error(parts: Floats) -> Floats:
    """Return how far the main metric of each document alone is from 1, ``(n,)``."""
    top, bottom = (
        parts if parts.ndim == 2 else (parts.astype(float), np.ones(len(parts)))
    )
    return np.asarray(
        1 - np.divide(top, bottom, out=np.ones(len(top)), where=bottom > 0)
    )


class DocumentText(NamedTuple):
    """The words of a document and, if it is the user's own, how it begins."""

    words: Sequence[str]
    excerpt: Excerpt | None = None


def texts_of_test_documents(run: StoredRun) -> list[DocumentText] | None:
    """Return the texts of the test documents, if they are in the cache; no path is
    followed.
    """
    dataset = run.results.dataset
    if file := cache.find(fingerprint=dataset.corpus_fingerprint):
        with suppress(RnnbenchError, FileNotFoundError):
            corpus = cache.read(file)
            rebuilt = make_dataset(corpus, run.benchmark.data)
            if (
                rebuilt.split_fingerprint(corpus.fingerprint)
                == dataset.split_fingerprint
            ):
                return [
                    DocumentText(corpus.words(number), corpus.excerpt(number))
                    for number in rebuilt.test_documents.tolist()
                ]
    return None


def frequent_topics(labels: Labels, n: int) -> list[int]:
    """Return the ``n`` topics with the most documents in ``labels``, the most frequent
    first.
    """
    counts = documents_by_topic(labels, 0)
    order = np.argsort(-counts, kind="stable")  # of equals, the first topic comes first
    return [topic for topic in order[:n].tolist() if counts[topic]]


def confusion(trials: Sequence[TrialResult], topics: Sequence[int]) -> Floats:
    """Return the share of the documents of the row's topic that were given the column's
    topic.

    In ``(len(topics) + 1, len(topics) + 1)``, the last topic is all others. Shares are
    means over the trials; a row without documents is 0.
    """
    size = len(topics) + 1
    place = np.full(trials[0].scores.shape[1], size - 1)
    place[list(topics)] = range(len(topics))
    counts = np.zeros((size, size))
    for trial in trials:
        np.add.at(counts, (place[trial.labels], place[trial.answers]), 1)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def mistakes_by_topic(
    trials: Sequence[TrialResult], topics: list[int]
) -> tuple[Floats, Floats]:
    """Return how many documents miss each of ``topics``, and how many were given it
    wrongly.

    Both are diagonals of arrays, ``(len(topics), len(topics))``. The rest of a row
    counts the same documents by a topic wrongly given or, in the second, by a true one.
    All are means over trials.
    """
    missed, added = np.zeros((2, len(topics), len(topics)))
    for trial in trials:
        own, given = (
            of[:, topics].astype(float) for of in (trial.labels, trial.answers)
        )
        lacking, extra = own * (1 - given), given * (1 - own)
        missed += lacking.T @ extra + np.diag(lacking.sum(axis=0))
        added += extra.T @ own + np.diag(extra.sum(axis=0))
    return missed / len(trials), added / len(trials)


def f1_by_topic(trials: Trials, topics: Sequence[int]) -> dict[str, Floats]:
    """Return the F1 of each of ``topics`` by model: means over the model's trials."""
    own, n = list(topics), 1 + max(topics)
    return {
        model: np.mean(
            [by_topic(t.labels, t.answers, n)[2][own] for t in of_model], axis=0
        )
        for model, of_model in trials.items()
    }
