"""The seeds of the random parts of a network.

``derive_seed(seed, position, "kernel")`` gives each part of each layer its own.
"""

import numpy as np


def derive_seed(seed: int, position: int, role: str) -> int:
    """Return a seed below 2**31 for a role, such as ``kernel``, of a layer."""
    sequence = np.random.SeedSequence(seed, spawn_key=(position, *role.encode()))
    return int(sequence.generate_state(1)[0] >> 1)
