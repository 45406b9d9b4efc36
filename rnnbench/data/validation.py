"""Holds out training documents, on which the best epoch is chosen."""

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError


def hold_out(n: int, share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the documents to train on, and of those to hold out, ascending.

    Of ``n`` training documents, ``int(n * share)`` are held out: the same ones for all models and
    seeds of a benchmark.

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
