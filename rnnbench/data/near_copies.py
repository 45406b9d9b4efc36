"""Groups of texts that are nearly copies of each other.

``near_copies(corpus.tokens, corpus.offsets)`` is a group for each text.
"""

import numpy as np
from numpy.typing import NDArray

N_HASHES = 36
ROWS_OF_BAND = 6
"""Texts are compared if this many smallest hashes of their shingles agree in a row."""
SHINGLE = 3
"""Neighbouring words that are hashed together."""
TEXTS_AT_ONCE = 1_000
"""The texts whose shingles are in memory together."""
ALIKE = 0.8
"""The smallest share of equal hashes in near-copies; it estimates the share of equal
shingles."""


def near_copies(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a group for each text, int64 ``(n,)``, which near-copies share.

    Text ``i`` is ``tokens[offsets[i]:offsets[i + 1]]``; one without words is no copy.
    The time is linear in the number of words (A. Z. Broder: On the resemblance and
    containment of documents, 1997).
    """
    has_words = np.diff(offsets) > 0
    if not has_words.all():
        groups = np.arange(len(has_words))
        kept = groups[has_words]
        if len(kept):
            groups[kept] = kept[
                near_copies(tokens, np.append(offsets[kept], offsets[-1]))
            ]
        return groups
    signatures = _signatures(tokens, offsets)
    groups = np.arange(len(offsets) - 1)
    for first in range(0, N_HASHES, ROWS_OF_BAND):
        model_text = _first_equal(signatures[:, first : first + ROWS_OF_BAND])
        candidates = np.flatnonzero(model_text < groups)
        models = model_text[candidates]
        agreeing = (signatures[candidates] == signatures[models]).mean(axis=1)
        is_copy = agreeing >= ALIKE
        groups[candidates[is_copy]] = groups[models[is_copy]]
    return groups


def _first_equal(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the position of the first row that is equal to each row, ``(n,)``."""
    order = np.lexsort(rows.T)  # equal rows stay in their order
    is_new = np.ones(len(rows), bool)
    is_new[1:] = False
    for column in rows.T:
        values = column[order]
        is_new[1:] |= values[1:] != values[:-1]
    first = np.empty(len(rows), np.int64)
    first[order] = order[is_new][np.cumsum(is_new) - 1]
    return first


def _signatures(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return the smallest hashes of the shingles of each text, ``(n, N_HASHES)``."""
    hashes = np.random.default_rng(0).integers(
        2**63, size=(N_HASHES, 2), dtype=np.uint64
    )
    signatures = np.empty((len(offsets) - 1, N_HASHES), np.uint64)
    for first in range(0, len(signatures), TEXTS_AT_ONCE):
        places = offsets[first : first + TEXTS_AT_ONCE + 1]
        shingles = _shingles(tokens[places[0] : places[-1]], places - places[0])
        for number, (factor, summand) in enumerate(hashes):
            hashed = shingles * (2 * factor + np.uint64(1)) + summand
            smallest = np.minimum.reduceat(hashed, places[:-1] - places[0])
            signatures[first : first + TEXTS_AT_ONCE, number] = smallest
    return signatures


def _shingles(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return a hash of the shingle at each word; the last ones end in zeros."""
    ends = np.repeat(offsets[1:], np.diff(offsets))
    places = np.arange(len(tokens))
    hashed = np.zeros(len(tokens), np.uint64)
    for step in range(SHINGLE):
        is_inside = places + step < ends
        word = np.zeros(len(tokens), np.uint64)
        word[is_inside] = tokens[places[is_inside] + step]
        hashed = _mixed(hashed * np.uint64(3) + word)
    return hashed


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers mixed so that each bit depends on all: SplitMix64's finalizer."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
