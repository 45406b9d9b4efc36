"""Words counted by their ids, just as scikit-learn counts them in texts of these ids.

``count_ids(pipeline, n_ids)`` lets a pipeline read ids in one ragged array in place of
texts; its features, their order and their values stay the same, bit for bit. Importing
this module imports scikit-learn.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.pipeline import Pipeline

from rnnbench.data.corpus import Positions, Tokens, blocks_of_documents
from rnnbench.data.padding import START, Ragged

MAY_CHANGE = {
    *("ngram_range", "min_df", "binary", "lowercase", "token_pattern"),
    *("sublinear_tf", "norm"),
}
"""Options of vectorizers that may have other values than usual."""
MOST_KEYS = 2**63
Keys: TypeAlias = NDArray[np.int64]
"""Numbers of sequences of words, in the order of their texts."""


class Distinct(NamedTuple):
    """The distinct keys, ascending, where each comes first, and the place of every key
    among them.
    """

    keys: Keys
    firsts: Positions
    places: Positions


def count_ids(pipeline: Pipeline, n_ids: int) -> bool:
    """Let an unfitted pipeline read ids below ``n_ids``, and return whether it can."""
    name, vectorizer = pipeline.steps[0]
    if type(vectorizer) not in (CountVectorizer, TfidfVectorizer):
        return False
    options = vectorizer.get_params()
    usual = type(vectorizer)().get_params() | {"tokenizer": str.split}
    for key, value in options.items():
        if key not in MAY_CHANGE and value != usual[key]:
            return False
    if type(vectorizer.min_df) is not int:
        return False
    if (n_ids + 1) ** vectorizer.ngram_range[1] >= MOST_KEYS:
        return False
    pipeline.steps[0] = (name, IdCounter(vectorizer))
    return True


class IdCounter(TransformerMixin, BaseEstimator):
    """Counts sequences of words in documents of ids, as a vectorizer in their texts."""

    def __init__(self, vectorizer: CountVectorizer):
        self.vectorizer = vectorizer

    def fit(self, x: Ragged, y: object = None) -> "IdCounter":
        self.fit_transform(x, y)
        return self

    def fit_transform(self, x: Ragged, y: object = None) -> csr_matrix:  # noqa: ARG002
        """Learn what occurs in documents, and return how often, ``(n, n_terms)``."""
        self._learn_ids(x)
        counts, terms = self._as_read(x)
        return self._by_name(counts, terms)

    def _as_read(self, x: Ragged) -> tuple[csr_matrix, Keys]:
        """Return how often terms occur in documents, and the terms, as they come."""
        terms = []
        firsts = []
        blocks = []
        n_before = 0
        for lengths, keys in self._blocks(x):
            distinct = _distinct(keys, self.base_**self.longest_)
            terms.append(distinct.keys)
            firsts.append(distinct.firsts + n_before)
            blocks.append((lengths, distinct.places.astype(np.int32)))
            n_before += len(keys)
        if not n_before:
            raise ValueError("empty vocabulary")
        ends = np.cumsum(list(map(len, terms)))
        columns, all_terms = self._numbered(
            np.concatenate(terms), np.concatenate(firsts)
        )
        del terms, firsts  # they take much memory
        counted = []
        for block_columns, (lengths, places) in zip(
            np.split(columns, ends[:-1]), blocks, strict=True
        ):
            counted.append(_rows(lengths, block_columns[places], len(all_terms)))
        return vstack(counted, "csr"), all_terms

    def _numbered(self, terms: Keys, firsts: Positions) -> tuple[Tokens, Keys]:
        """Return the number of each term, and the distinct terms in this order.

        scikit-learn numbers terms as they come, and sorts each row by these numbers.
        """
        distinct = _distinct(terms, self.base_**self.longest_)
        order = np.argsort(firsts[distinct.firsts])
        numbers = np.argsort(order).astype(np.int32)
        return numbers[distinct.places], distinct.keys[order]

    def _learn_ids(self, x: Ragged) -> None:
        """Rank the ids that occur by their texts, from 1 on."""
        occurring: set[int] = set()
        for _, ids in _words(x):
            occurring.update(np.unique(ids).tolist())
        in_order = sorted(occurring, key=str)
        self.ids_ = np.array([0, *in_order])
        self.ranks_ = np.zeros(self.ids_.max() + 2, np.int64)
        self.ranks_[in_order] = np.arange(1, len(in_order) + 1)
        self.base_ = len(self.ids_)
        self.longest_ = self.vectorizer.ngram_range[1]

    def _by_name(self, counts: csr_matrix, terms: Keys) -> csr_matrix:
        """Leave out rare terms, and number the others by their names."""
        least = self.vectorizer.min_df
        if least > counts.shape[0]:
            raise ValueError("max_df corresponds to < documents than min_df")
        if least > 1:
            n_documents = np.bincount(counts.indices, minlength=len(terms))
            is_kept = n_documents >= least
            if not is_kept.any():
                raise ValueError("no terms remain")
            counts = counts[:, np.flatnonzero(is_kept)]
            terms = terms[is_kept]
        order = np.argsort(terms)
        self.terms_ = terms[order]
        columns = np.argsort(order).astype(counts.indices.dtype)
        counts.indices = columns[counts.indices]
        if isinstance(self.vectorizer, TfidfVectorizer):
            self.weighting_ = TfidfTransformer(
                norm=self.vectorizer.norm, sublinear_tf=self.vectorizer.sublinear_tf
            )
            self.weighting_.fit(counts)
            self.idf_ = self.weighting_.idf_
        return self._weighted(counts)

    def transform(self, x: Ragged) -> csr_matrix:
        """Return how often terms occur in documents, ``(n, n_terms)``."""
        n_terms = len(self.terms_)
        counted = [csr_matrix((0, n_terms), dtype=np.int32)]
        for lengths, keys in self._blocks(x):
            distinct = _distinct(keys, self.base_**self.longest_)
            columns = np.searchsorted(self.terms_, distinct.keys)
            columns[columns == n_terms] = 0
            columns[self.terms_[columns] != distinct.keys] = n_terms  # not a term
            rows = _rows(
                lengths, columns.astype(np.int32)[distinct.places], n_terms + 1
            )
            counted.append(rows[:, :n_terms])
        return self._weighted(vstack(counted, "csr"))

    def _weighted(self, counts: csr_matrix) -> csr_matrix:
        """Return the values of terms, from how often they occur."""
        if self.vectorizer.binary:
            counts.data = np.ones_like(counts.data)
        # Not ``counts.astype``, which would sort them.
        counts.data = counts.data.astype(self.vectorizer.dtype)
        if hasattr(self, "weighting_"):
            return self.weighting_.transform(counts, copy=False)
        return counts

    def _blocks(self, x: Ragged) -> Iterator[tuple[Positions, Keys]]:
        """Yield the number of sequences in each of some documents, and all their keys.

        The keys are in the order of scikit-learn's analyzer. Those with words that have
        no rank are below 0.
        """
        for n_words, ids in _words(x):
            # The last one has no rank.
            ranks = self.ranks_[np.minimum(ids, len(self.ranks_) - 1)]
            yield self._sequences(ranks, n_words)

    def _sequences(self, ranks: Keys, n_words: Positions) -> tuple[Positions, Keys]:
        shortest, longest = self.vectorizer.ngram_range
        sizes = np.arange(shortest, longest + 1)
        by_size = np.maximum(n_words - sizes[:, np.newaxis] + 1, 0)
        n_sequences = by_size.sum(axis=0)
        keys = np.empty(n_sequences.sum(), np.int64)
        starts = np.cumsum(n_words) - n_words
        starts_of_keys = np.cumsum(n_sequences) - n_sequences
        for size, counts in zip(sizes.tolist(), by_size, strict=True):
            words = _ranges(starts, counts)
            of_size = ranks[words]
            of_size[of_size == 0] = -1
            for step in range(1, size):
                of_size = of_size * self.base_ + ranks[words + step]
                of_size[ranks[words + step] == 0] = -1
            keys[_ranges(starts_of_keys, counts)] = of_size * self.base_ ** (
                longest - size
            )
            starts_of_keys = starts_of_keys + counts
        return n_sequences, keys

    def get_feature_names_out(self) -> NDArray[np.object_]:
        """Return the terms: ids separated by spaces."""
        names = [""] * len(self.terms_)
        left = self.terms_
        for _ in range(self.longest_):
            left, ranks = np.divmod(left, self.base_)
            for place, number in enumerate(self.ids_[ranks].tolist()):
                if number:
                    names[place] = f"{number} {names[place]}".rstrip()
        return np.array(names, object)


def _words(x: Ragged) -> Iterator[tuple[Positions, Tokens]]:
    """Yield the number of words of each of some documents, and the ids of all."""
    offsets = np.append(0, np.cumsum(x.lengths))
    for first, last in blocks_of_documents(offsets):
        ids = x.at(slice(first, last)).joined()
        is_word = ids != START
        n_before = np.append(0, np.cumsum(is_word))
        ends = offsets[first : last + 1] - offsets[first]
        yield np.diff(n_before[ends]), ids[is_word]


def _ranges(starts: Positions, lengths: Positions) -> Positions:
    """Return the numbers from each start on, as many as its length, joined."""
    shifts = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(shifts, lengths) + np.arange(lengths.sum())


def _distinct(keys: Keys, limit: int) -> Distinct:
    """Return the distinct ones of keys below a limit."""
    if limit > len(keys):
        return Distinct(*np.unique(keys, return_index=True, return_inverse=True))
    # The same with a table, without sorting; keys below 0 count as one.
    keys = np.maximum(keys, -1)
    firsts = np.full(limit + 1, -1)
    firsts[keys[::-1]] = np.arange(len(keys))[::-1]  # the last one stays
    firsts = np.roll(firsts, 1)
    is_used = firsts >= 0
    places = np.cumsum(is_used) - 1
    return Distinct(np.flatnonzero(is_used) - 1, firsts[is_used], places[keys + 1])


def _rows(lengths: Positions, columns: Tokens, n_columns: int) -> csr_matrix:
    """Return how often each document has each column."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    ones = np.ones(len(columns), np.int32)
    counts = csr_matrix((ones, columns, ends), (len(lengths), n_columns))
    counts.sum_duplicates()
    return counts
