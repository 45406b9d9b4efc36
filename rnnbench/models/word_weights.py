"""Words of a document as numbers, whatever their order, in NumPy."""

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import START

TINY = 1e-9
"""Stands for the length of a vector of zeros."""


def word_weights(x: NDArray[np.int32], n_ids: int, values: str) -> NDArray[np.float32]:
    """Return the weight of each id, ``(n_ids,)``, learned from the documents ``(n, timesteps)``.

    For ``tfidf`` it is the inverse document frequency of scikit-learn's ``TfidfTransformer``,
    ``log((1 + n) / (1 + documents with the word)) + 1``; for ``shares`` it is 1. A word in none of
    the documents has the weight 0: nothing can be learned about it.
    """
    row = np.arange(len(x))[:, np.newaxis]
    once = np.unique(row * n_ids + x) % n_ids
    frequency = np.bincount(once, minlength=n_ids)
    frequency[: START + 1] = 0
    weights = np.ones(n_ids) if values == "shares" else np.log((1 + len(x)) / (1 + frequency)) + 1
    return np.where(frequency > 0, weights, 0).astype(np.float32)


def weighted_counts(
    ids: NDArray[np.int32], weights: NDArray[np.float32], values: str
) -> NDArray[np.float32]:
    """Return the number of each id in a document ``(timesteps,)``, as ``bag_of_words`` does.

    ``weights`` are those of ``word_weights``.
    """
    weighted = np.bincount(ids[ids > START], minlength=len(weights)) * weights
    size = np.sqrt(np.sum(weighted**2)) if values == "tfidf" else np.sum(np.abs(weighted))
    numbers: NDArray[np.float32] = (weighted / max(size, TINY)).astype(np.float32)
    return numbers
