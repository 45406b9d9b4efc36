"""Word vectors from texts alone, for an embedding to begin with: no topic is looked at."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from rnnbench.data.dataset import UNKNOWN, Dataset
from rnnbench.training.validation import hold_out

WINDOW = 5
"""Words before and behind a word that are its context."""
SMOOTHING = 0.75
"""Of the distribution of contexts: a power, so that rare ones do not look too telling."""
ROOT_MEAN_SQUARE = 0.5
"""Of all numbers in the vectors, up to the rank of the matrix."""
ROUNDING = 1e-6
"""Smaller singular values are what is left of zeros."""


@lru_cache(maxsize=1)  # one process trains all seeds of a model
def pretrained_vectors(dataset: Dataset, dim: int, validation_split: float) -> NDArray[np.float32]:
    """Return word vectors ``(n_ids, dim)`` that know nothing of what they will be judged by.

    They are learned from all wires of the corpus, uncut, those among them that the dataset left
    out for their length, but for the test wires and those held out to validate on.
    """
    _, held_out = hold_out(len(dataset.y_train), validation_split)
    judging = np.concatenate([dataset.test_documents, dataset.train_documents[held_out]])
    texts = np.setdiff1d(np.arange(len(dataset.documents)), judging)
    return ppmi_svd_vectors([dataset.documents[wire] for wire in texts], dataset.n_ids, dim)


def ppmi_svd_vectors(
    wires: Sequence[NDArray[np.int32]], n_ids: int, dim: int
) -> NDArray[np.float32]:
    """Return a vector for each word, near to those of words with the same neighbours.

    ``U sqrt(S)`` of a singular value decomposition ``U S V'``, truncated and randomized, of the
    words' positive pointwise mutual information with the words around them: O. Levy, Y. Goldberg,
    I. Dagan: Improving Distributional Similarity with Lessons Learned from Word Embeddings (TACL
    2015).

    Args:
        wires: the ids of each, without padding and start mark.
        n_ids: all ids are below this.
        dim: length of a vector.

    Returns:
        ``(n_ids, dim)``. A word that no wire has, and what stands for no word, has zeros; so have
        all words in features beyond the rank of the matrix.
    """
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    information = _ppmi(_count_neighbours(wires, n_ids))
    with threadpool_limits(1):  # so that no number depends on the cores
        u, s, _ = randomized_svd(information, dim, random_state=0)
    rank = np.count_nonzero(s > ROUNDING)  # 0 where texts tell nothing: one word, over and over
    vectors = np.zeros((n_ids, dim))
    vectors[:, :rank] = u[:, :rank] * np.sqrt(s[:rank])
    scale = np.sqrt(np.mean(vectors[:, :rank] ** 2)) if rank else 1.0
    return (vectors * (ROOT_MEAN_SQUARE / scale)).astype(np.float32)


def _count_neighbours(wires: Sequence[NDArray[np.int32]], n_ids: int) -> csr_array:
    """Return how often each word stands within ``WINDOW`` words of each other, symmetric."""
    gap = np.zeros(WINDOW, np.int32)  # no word sees past the end of its wire
    ids = np.concatenate([part for wire in wires for part in (wire, gap)])
    pairs = np.hstack([(ids[:-distance], ids[distance:]) for distance in range(1, WINDOW + 1)])
    pairs = pairs[:, (pairs > UNKNOWN).all(axis=0)]
    counts = coo_array((np.ones(pairs.shape[1]), pairs), shape=(n_ids, n_ids)).tocsr()
    return counts + counts.T


def _ppmi(counts: csr_array) -> csr_array:
    """Return ``max(0, log(P(word, context) / (P(word) P(context))))``, where a pair was seen.

    ``P(context)`` is smoothed: of counts to the power of ``SMOOTHING``.
    """
    words = counts.sum(axis=1)
    contexts = words**SMOOTHING
    pairs = counts.tocoo()
    row, column = pairs.coords
    information = np.log(pairs.data * contexts.sum() / (words[row] * contexts[column]))
    positive = coo_array((np.maximum(information, 0), (row, column)), shape=counts.shape)
    return positive.tocsr()
