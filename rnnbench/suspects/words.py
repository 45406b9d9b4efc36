"""The words that speak for other labels: ``Evidence(...).words_for(3, suggested)``."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus, Positions

N_WORDS = 6


class Evidence:
    """Counts of words by topic, as naive Bayes learns them."""

    def __init__(self, corpus: Corpus, documents: Positions):
        """Count in some documents of a corpus, whose labels are rows of 0 and 1."""
        self._corpus = corpus
        self._documents = documents
        self._counts = lru_cache(maxsize=100)(self._count)

    def words_for(self, document: int, suggested: Corpus) -> dict[str, float]:
        """Return the words of a document that speak most for its suggested topics.

        They have their log-odds against the topics that it has; the document itself is
        not counted.
        """
        has_topic = self._corpus.labels[document].astype(bool)
        is_suggested = suggested.labels[document].astype(bool)
        new = tuple(np.flatnonzero(is_suggested & ~has_topic).tolist())
        old = tuple(np.flatnonzero(has_topic & ~is_suggested).tolist())
        ranks, counts = np.unique(self._corpus.ranks(document), return_counts=True)
        words = ranks - 1
        against = self._counts(old, new).copy()
        against[words] -= counts  # its label is on this side
        weights = counts * (_logs(self._counts(new, old)) - _logs(against))[words]
        strongest = np.argsort(-weights, kind="stable")[:N_WORDS]
        log_odds = {}
        for place in strongest[weights[strongest] > 0]:
            word = self._corpus.vocabulary[words[place]]
            log_odds[word] = float(weights[place])
        return log_odds

    def _count(
        self, topics: tuple[int, ...], others: tuple[int, ...]
    ) -> NDArray[np.int64]:
        """Return the words of documents with some topics or, without any, no others."""
        labels = self._corpus.labels[self._documents]
        is_chosen = ~labels[:, others].any(axis=1)
        if topics:
            is_chosen = labels[:, topics].any(axis=1)
        is_counted = np.zeros(len(self._corpus), bool)
        is_counted[self._documents] = is_chosen
        tokens = self._corpus.tokens[np.repeat(is_counted, self._corpus.lengths)]
        return np.bincount(tokens - 1, minlength=len(self._corpus.vocabulary))


def _logs(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logarithms of the shares of words, with one more of each."""
    return np.asarray(np.log((counts + 1) / (counts.sum() + len(counts))))
