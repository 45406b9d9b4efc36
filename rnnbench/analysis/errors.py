"""The errors of models: the documents that they get wrong, and the topics.

>>> hardest_documents(run.trials, n=10)[0].topics  # doctest: +SKIP
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.cached import cached_documents
from rnnbench.data.corpus import Corpus, Excerpt
from rnnbench.data.sources import source_of
from rnnbench.data.sources.r52 import as_written
from rnnbench.data.summary import DatasetSummary
from rnnbench.labels import Key, Labels, documents_by_topic, form_of, keys_of
from rnnbench.metrics import by_topic
from rnnbench.results.stored_run import StoredRun
from rnnbench.stats.correctness import N_BLOCKS, Correctness, Floats, Interval
from rnnbench.stats.intervals import estimate_mean
from rnnbench.training.outcome import TrialResult, Trials, labels_of

FEW = 10
MANY = 100
"""The training documents that divide topics into rare, middle and frequent ones."""
N_BINS = 15  # the number of bins, all equally wide, for the probabilities of answers


class Answer(NamedTuple):
    """A model's most frequent answer to a document."""

    topics: Key
    n_trials: int
    """How many of its trials gave it."""
    n_all_trials: int


class HardDocument(NamedTuple):
    """A test document that was often misclassified."""

    position: int
    """In the test set, from 0."""
    topics: Key
    mistaken: float
    """How wrong the answers were, from 0 to 1; each model has the same weight."""
    answers: dict[str, Answer]


def kinds_of_documents(
    labels: Labels, dataset: DatasetSummary
) -> dict[str, NDArray[np.bool_]]:
    """Return which test documents are of each kind that has any, ``(n_test,)``."""
    noun = dataset.noun
    kinds = {"all documents": np.ones(len(labels), bool)}
    if dataset.train_size:
        train = np.array([topic.train for topic in dataset.topics])
        n_train = form_of(labels).lowest(train, labels)  # the rarest topic counts
        rare = f"{noun}s with fewer than {FEW} training documents"
        kinds[rare] = n_train < FEW
        kinds[f"{noun}s with {FEW} to {MANY - 1}"] = (n_train >= FEW) & (n_train < MANY)
        kinds[f"{noun}s with {MANY} or more"] = n_train >= MANY
        contradicted = f"documents in training with other {noun}s only"
        kinds[contradicted] = np.isin(
            np.arange(len(labels)), dataset.duplicates.other_topics
        )
    return {kind: is_of_kind for kind, is_of_kind in kinds.items() if is_of_kind.any()}


def mistaken_shares(trials: Sequence[TrialResult]) -> Floats:
    """Return the share of trials that misclassified each document, ``(n_test,)``."""
    wrong = []
    for trial in trials:
        differs = trial.answers != trial.labels
        wrong.append(np.atleast_2d(differs.T).any(axis=0))
    return np.asarray(np.mean(wrong, axis=0))


def calibration_error(
    trials: Sequence[TrialResult],
    *,
    in_order: bool = False,
    clusters: Sequence[int] | None = None,
) -> tuple[float, Interval]:
    """Return an estimate of the expected calibration error of a model.

    Its scores are log-probabilities. C. Guo et al. define the error (On calibration of
    modern neural networks. ICML 2017). Given the sign of each bin, it is a mean over
    documents, which chance makes too high. If each half of the documents decides the
    signs for the other half, it is too low. The interval reaches from the lower end of
    the second to the upper end of the first: see ``results/reference/calibration.md``.
    """
    logs = np.stack([trial.scores.max(axis=1) for trial in trials])
    confidence = np.exp(logs, dtype=float).clip(0, 1)
    excess = confidence - np.stack([trial.values for trial in trials])
    n_documents = excess.shape[1]
    half = np.arange(n_documents) * N_BLOCKS // n_documents % 2  # whole blocks of time
    plain = np.empty_like(excess)
    crossed = np.empty_like(excess)
    for row, (values, shares) in enumerate(zip(excess, confidence, strict=True)):
        bins = np.ceil(shares * N_BINS).clip(1).astype(int) - 1
        sums = np.array(
            [np.bincount(bins, values * (half == part), N_BINS) for part in (0, 1)]
        )
        plain[row] = values * np.sign(sums.sum(axis=0))[bins]
        crossed[row] = values * np.sign(sums[1 - half, bins])
    upper = estimate_mean(Correctness(plain, in_order, clusters=clusters))
    lower = estimate_mean(Correctness(crossed, in_order, clusters=clusters))
    low = max(0.0, lower.interval.low)
    return upper.value, Interval(low=low, high=upper.interval.high)


def hardest_documents(trials: Trials, n: int, per_topic: int = 3) -> list[HardDocument]:
    """Return the ``n`` most misclassified documents, few of a topic.

    Of equals, the first comes first.
    """
    of_models = []
    for of_model in trials.values():
        errors = [_error(trial.parts) for trial in of_model]
        of_models.append(np.mean(errors, axis=0))
    mistaken = np.mean(of_models, axis=0)
    keys = keys_of(labels_of(trials))
    counts = Counter[Key]()
    hardest: list[HardDocument] = []
    for position in np.argsort(-mistaken, kind="stable").tolist():
        topics = keys[position]
        if mistaken[position] <= 0 or len(hardest) >= n:
            break
        if counts[topics] < per_topic:
            counts[topics] += 1
            answers = _most_frequent_answers(trials, position)
            share = float(mistaken[position])
            hardest.append(HardDocument(position, topics, share, answers))
    return hardest


def _most_frequent_answers(trials: Trials, position: int) -> dict[str, Answer]:
    """Return the most frequent answer of each model to a document."""
    most_frequent = {}
    for model, of_model in trials.items():
        answers = Counter(keys_of(trial.answers[[position]])[0] for trial in of_model)
        ((topics, count),) = answers.most_common(1)
        most_frequent[model] = Answer(topics, count, len(of_model))
    return most_frequent


def _error(parts: Floats) -> Floats:
    """Return how far the main metric of each document alone is from 1, ``(n,)``."""
    if parts.ndim == 1:
        return 1 - parts.astype(float)
    top, bottom = parts
    ratio = np.divide(top, bottom, out=np.ones(len(top)), where=bottom > 0)
    return np.asarray(1 - ratio)


class DocumentText(NamedTuple):
    """The words of a document and, if that is known, how it was written."""

    words: Sequence[str]
    excerpt: Excerpt | None = None


def texts_of_test_documents(run: StoredRun) -> list[DocumentText] | None:
    """Return the texts of the test documents, if they are in the cache.

    No path is followed.
    """
    cached = cached_documents(run.results.dataset, run.benchmark.data)
    if cached is None:
        return None
    corpus, dataset = cached
    return texts_of(corpus, dataset.test_documents.tolist())


def texts_of(corpus: Corpus, documents: Iterable[int]) -> list[DocumentText]:
    """Return the texts of some documents, as they were written if that is known."""
    written: Mapping[str, Excerpt] = {}
    if corpus.excerpts is None:
        written = as_written(source_of(corpus).tokenize)
    texts = []
    for number in documents:
        words = corpus.words(number)
        excerpt = corpus.excerpt(number) or written.get(" ".join(words))
        texts.append(DocumentText(words, excerpt))
    return texts


def frequent_topics(labels: Labels, n: int) -> list[int]:
    """Return the ``n`` topics with the most documents, the most frequent first."""
    counts = documents_by_topic(labels, 0)
    order = np.argsort(-counts, kind="stable")  # of equals, the first topic comes first
    return [topic for topic in order[:n].tolist() if counts[topic]]


def confusion(trials: Sequence[TrialResult], topics: Sequence[int]) -> Floats:
    """Return the share of the documents of each topic that were given each topic.

    Rows of ``(len(topics) + 1, len(topics) + 1)`` are true topics, columns answers; the
    last topic is all others. Shares are means over the trials; a row without documents
    is 0.
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
    """Return how many documents miss each topic, and how many were given it wrongly.

    Both are diagonals of arrays, ``(len(topics), len(topics))``. The rest of a row
    counts the same documents by a topic wrongly given or, in the second, by a true one.
    All are means over trials.
    """
    shape = (len(topics), len(topics))
    missed = np.zeros(shape)
    added = np.zeros(shape)
    for trial in trials:
        true = trial.labels[:, topics].astype(float)
        answered = trial.answers[:, topics].astype(float)
        lacking = true * (1 - answered)
        extra = answered * (1 - true)
        missed += lacking.T @ extra + np.diag(lacking.sum(axis=0))
        added += extra.T @ true + np.diag(extra.sum(axis=0))
    return missed / len(trials), added / len(trials)


def f1_by_topic(trials: Trials, topics: Sequence[int]) -> dict[str, Floats]:
    """Return the F1 of each of ``topics`` by model: means over the model's trials."""
    n_topics = 1 + max(topics)
    means = {}
    for model, of_model in trials.items():
        f1_of_trials = []
        for trial in of_model:
            _, _, f1 = by_topic(trial.labels, trial.answers, n_topics)
            f1_of_trials.append(f1[list(topics)])
        means[model] = np.mean(f1_of_trials, axis=0)
    return means
