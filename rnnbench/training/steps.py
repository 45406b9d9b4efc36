"""How an epoch goes through the wires."""

import random

import numpy as np


def order_generator() -> np.random.Generator:
    """Return what draws an order for each epoch; call its ``permutation``.

    It follows ``keras.utils.set_random_seed``, and is the first that an engine draws, so that a
    seed gives all engines the same orders.
    """
    return np.random.default_rng(random.getrandbits(64))


def count_batches(n: int, batch_size: int) -> int:
    """Return the number of batches of ``n`` wires, the last and smaller one counted."""
    return -(-n // batch_size)


def ms_per_step(epoch_seconds: list[float], steps: int) -> float:
    """Return the milliseconds of a step in the median epoch, of ``steps`` steps.

    The first epoch compiles, so it counts only where it is alone.
    """
    return float(np.median(epoch_seconds[1:] or epoch_seconds)) / steps * 1000
