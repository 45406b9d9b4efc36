"""The inputs of networks without an embedding: ids as numbers, and counts of words."""

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.padding import START, Inputs, blocks_of

Floats = NDArray[np.floating]
Ids = NDArray[np.integer]
TINY = 1e-9  # stands for the length of a vector of zeros


def as_numbers(inputs: str, n_ids: int, ids: Ids) -> NDArray[np.float32]:
    """Return word ids as the numbers that a first layer gets which takes no ids."""
    scale = 1.0
    if inputs == "scaled_ids":
        scale = 1 / n_ids
    return ids.astype(np.float32) * np.float32(scale)


def word_weights(x: Inputs, n_ids: int, values: str) -> NDArray[np.float32]:
    """Return the weight of each id, ``(n_ids,)``, learned from documents.

    Documents are ``(n, timesteps)``. For ``tfidf`` it is the inverse document frequency
    of scikit-learn's ``TfidfTransformer``; for ``shares`` it is 1. A word in none of
    the documents has the weight 0.
    """
    frequency = np.zeros(n_ids, np.int64)
    for block in blocks_of(x):
        documents = np.arange(len(block))[:, np.newaxis]
        once = np.unique(documents * n_ids + block) % n_ids  # for each document
        frequency += np.bincount(once, minlength=n_ids)
    frequency[: START + 1] = 0
    weights = np.ones(n_ids)
    if values == "tfidf":
        weights = np.log((1 + len(x)) / (1 + frequency)) + 1
    return np.where(frequency > 0, weights, 0).astype(np.float32)


def weighted_words(
    x: Ids, weights: Floats, values: str
) -> tuple[Ids, Ids, NDArray[np.float32]]:
    """Return the words of documents, ``(n, timesteps)``, with their weighted counts.

    Each word of a document stands once: document numbers, ids and counts, sorted by the
    first two; words without weight are left out.
    """
    rows, columns = np.nonzero(x > START)
    keys, counts = np.unique(rows * len(weights) + x[rows, columns], return_counts=True)
    documents, words = np.divmod(keys, len(weights))
    weighted = counts * weights[words]
    power = 1
    if values == "tfidf":
        power = 2
    sizes = np.bincount(documents, np.abs(weighted) ** power, len(x)) ** (1 / power)
    shares = np.asarray(weighted / np.maximum(sizes, TINY)[documents], np.float32)
    has_weight = shares != 0
    return documents[has_weight], words[has_weight], shares[has_weight]
