"""A seed of its own for each random part of a network."""

import numpy as np


def derive_seed(seed: int, position: int, role: str) -> int:
    """Return a seed from 0 to 2**31 - 1 that depends on nothing but the arguments.

    So no layer changes the weights of another, and the order in which they are made does not
    matter.

    Args:
        seed: of the trial.
        position: of the layer in the network, from 0.
        role: the use of the seed, such as ``kernel`` or ``dropout``.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(position, *role.encode()))
    return int(sequence.generate_state(1)[0] >> 1)
