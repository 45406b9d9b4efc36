"""Ids of words, and sequences of them that are all equally long.

``pad(sequences, 50, "pre", "pre")`` is an array ``(len(sequences), 50)`` for a network.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from rnnbench.data.corpus import Tokens

PAD = 0
START = 1
UNKNOWN = 2
INDEX_FROM = 3
"""Special ids; the id of a word is its rank + ``INDEX_FROM``."""
Side = Literal["pre", "post"]  # an end of a sequence


def ids_of(ranks: Tokens, n_ids: int) -> Tokens:
    """Return the ids of words; too high ones become that of unknown words."""
    ids = ranks + np.int32(INDEX_FROM)
    return np.where(ids < n_ids, ids, np.int32(UNKNOWN))


def pad(
    sequences: Sequence[Tokens], timesteps: int, padding: Side, truncating: Side
) -> Tokens:
    """Return the ids of each document after a start mark, padded with zeros.

    The result is int32 ``(len(sequences), timesteps)``. ``padding`` is the end that is
    filled, and ``truncating`` the end that is cut off.
    """
    padded = np.full((len(sequences), timesteps), PAD, np.int32)
    for row, ids in zip(padded, sequences, strict=True):
        kept = ids[: timesteps - 1]
        if truncating == "pre":
            kept = ids[-timesteps:]
        n_marks = min(1, timesteps - len(kept))
        start = n_marks
        if padding == "pre":
            start = timesteps - len(kept)
        row[start - n_marks : start] = START
        row[start : start + len(kept)] = kept
    return padded
