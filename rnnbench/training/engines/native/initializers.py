"""Keras's initial weights in NumPy, so that a process needs no TensorFlow to begin with them.

TensorFlow's stateless numbers come from Philox, a function of a key and a counter: J. Salmon et
al.: Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).
"""

import math

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
"""Added to the key after each round."""
ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
SCRAMBLE = (0x3EC8F720, 0x02461E29)
"""The key with which TensorFlow makes a key and a counter of a seed."""
SEEDS = 2**31 - 2
"""Keras takes seeds modulo this."""
LEAST = np.float32(1e-7)
"""Of a uniform number of which the logarithm is taken."""


def philox(counters: NDArray[np.uint64], key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return four random words of 32 bits for each counter, which has four words, too."""
    x0, x1, x2, x3 = counters.T.copy()
    for _ in range(ROUNDS):
        one, two = x0 * MULTIPLIERS[0], x2 * MULTIPLIERS[1]
        x0, x1 = (two >> np.uint64(32)) ^ x1 ^ key[0], two & LOW
        x2, x3 = (one >> np.uint64(32)) ^ x3 ^ key[1], one & LOW
        key = (key + WEYL) & LOW
    return np.stack([x0, x1, x2, x3], axis=1)


def uniform(count: int, seed: int) -> NDArray[np.float32]:
    """Return uniform numbers from 0 to 1, as ``tf.random.stateless_uniform`` of ``[seed, 0]``."""
    seed %= SEEDS
    scrambled = philox(np.array([[seed, 0, 0, 0]], np.uint64), np.array(SCRAMBLE, np.uint64))[0]
    counters = np.zeros((-(-count // 4), 4), np.uint64)
    counters[:, 0] = np.arange(len(counters))
    counters[:, 2:] = scrambled[2:]
    words = philox(counters, scrambled[:2]).ravel()[:count].astype(np.uint32)
    return ((words & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)).view(np.float32) - np.float32(1)


def normal(count: int, seed: int) -> NDArray[np.float64]:
    """Return normal numbers, by the method of Box and Muller.

    They are those of ``tf.random.stateless_normal`` of ``[seed, 0]`` up to its rounding.
    """
    pairs = uniform(-(-count // 4) * 4, seed).reshape(-1, 2).astype(np.float64)
    radius = np.sqrt(-2 * np.log(np.maximum(pairs[:, 0], LEAST)))
    angle = 2 * math.pi * pairs[:, 1]
    both = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=1)
    return both.ravel()[:count]


def glorot_uniform(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.GlorotUniform`` makes them, bit for bit."""
    limit = math.sqrt(3.0 / max(1.0, sum(shape) / 2))
    low, high = np.float32(-limit), np.float32(limit)
    return (uniform(math.prod(shape), seed) * (high - low) + low).reshape(shape)


def orthogonal(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.Orthogonal`` makes them, up to rounding."""
    rows, columns = max(shape), min(shape)
    q, r = np.linalg.qr(normal(rows * columns, seed).reshape(rows, columns))
    q *= np.sign(np.diag(r))
    return np.ascontiguousarray(q.T if shape[0] < shape[1] else q, np.float32)
