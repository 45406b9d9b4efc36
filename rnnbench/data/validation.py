"""Holding out training documents, on which the best epoch is chosen."""

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError


def hold_out(n: int, share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the training documents to train on, and those to hold out.

    All models and seeds of a benchmark hold out the same documents.

    Args:
        n: the number of training documents.
        share: the part of them to hold out, from 0 to 1; rounded down to whole documents.

    Returns:
        Two ascending arrays of positions, ``(n - int(n * share),)`` and ``(int(n * share),)``.

    Raises:
        UserError: one of the two would be empty, although ``share`` is not 0.
    """
    held_out = int(n * share)
    if share and not 0 < held_out < n:
        raise UserError(
            f"training.validation_split: {share} of {n} training documents leaves {held_out} to "
            f"validate on and {n - held_out} to train on"
        )
    order = np.random.RandomState(0).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])
