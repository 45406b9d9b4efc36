"""The words of a document that speak for a label: ``Evidence(...).words_for(...)``."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus, Positions

N_WORDS = 6


class Evidence:
    """Counts of words by topic, as naive Bayes learns them."""

    def __init__(
        self, corpus: Corpus, documents: Positions, has_topic: NDArray[np.uint8]
    ):
        """Count in some documents, whose topics are rows of 0 and 1."""
        self._corpus = corpus
        with_topics = np.zeros((len(corpus), has_topic.shape[1]), bool)
        with_topics[documents] = has_topic
        self._has_topic = with_topics
        self._document_of = np.repeat(np.arange(len(corpus)), corpus.lengths)
        self._counts = lru_cache(maxsize=100)(self._count)
        self._all = self._count_where(np.isin(np.arange(len(corpus)), documents))

    def words_for(
        self, document: int, topic: int | None, rather_than: int | None
    ) -> dict[str, float]:
        """Return the words of a document that speak most for a topic.

        They have their log-odds against another topic; ``None`` stands for all
        documents without the other one. The document itself is not counted.
        """
        ranks, counts = np.unique(self._corpus.ranks(document), return_counts=True)
        words = ranks - 1
        for_topic = self._counts(topic, rather_than)
        against = self._counts(rather_than, topic).copy()
        against[words] -= counts  # its label is on this side
        weights = counts * (_logs(for_topic)[words] - _logs(against)[words])
        strongest = np.argsort(-weights, kind="stable")[:N_WORDS]
        log_odds = {}
        for place in strongest[weights[strongest] > 0]:
            word = self._corpus.vocabulary[words[place]]
            log_odds[word] = float(weights[place])
        return log_odds

    def _count(self, topic: int | None, other: int | None) -> NDArray[np.int64]:
        if topic is None:
            return self._all - self._count_where(self._has_topic[:, other])
        return self._count_where(self._has_topic[:, topic])

    def _count_where(self, is_counted: NDArray[np.bool_]) -> NDArray[np.int64]:
        tokens = self._corpus.tokens[is_counted[self._document_of]]
        return np.bincount(tokens - 1, minlength=len(self._corpus.vocabulary))


def _logs(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logarithms of the shares of words, with one more of each."""
    return np.asarray(np.log((counts + 1) / (counts.sum() + len(counts))))
