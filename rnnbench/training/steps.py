"""The order of the optimizer steps, the same in every engine."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def batches(n: int, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.intp]]:
    """Return the positions of the documents in each step of an epoch; epochs count from 1.

    Only the arguments decide the order: it is the permutation of ``n`` documents by
    ``numpy.random.default_rng([seed, epoch])``, cut after every ``batch_size`` documents. The last
    step may have fewer.
    """
    order = np.random.default_rng([seed, epoch]).permutation(n)
    return np.split(order, range(batch_size, n, batch_size))


def count_batches(n: int, batch_size: int) -> int:
    """Return the number of batches in ``n`` documents, including a smaller last one."""
    return -(-n // batch_size)


def ms_per_step(epoch_seconds: Sequence[float], steps: int) -> float:
    """Return the milliseconds per step in the median epoch, from the wall time of each.

    The first epoch includes compilation, so it counts only if there is no other.
    """
    return float(np.median(epoch_seconds[1:] or epoch_seconds)) / steps * 1000
