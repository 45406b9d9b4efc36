"""The weights of a network: as Keras has them, at first and later, and as they lie in the arena.

Keras's order is a kernel, a recurrent kernel and a bias for each recurrent layer, then the kernel
and the bias of the softmax. Its initial weights are made in NumPy, so a process needs no TensorFlow
to begin with them. TensorFlow's stateless numbers come from Philox, a function of a key and a
counter: J. Salmon et al.: Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.layers.base import derive_seed
from rnnbench.training.engines.native.cells import CELLS
from rnnbench.training.engines.native.network import LINE, NetworkArrays, NetworkSizes
from rnnbench.training.outcome import Weights

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


def initial_weights(sizes: NetworkSizes, seed: int) -> Weights:
    """Return the weights with which Keras begins, for the seed of a trial."""
    weights: Weights = []
    features = 1
    for position, (kind, units) in enumerate(sizes.layers):
        cell = CELLS[kind]
        columns = cell.gates * units
        bias = np.zeros((2, columns) if cell.state_biases else columns, np.float32)
        if cell.open_gate is not None:
            bias[cell.open_gate * units : (cell.open_gate + 1) * units] = 1
        weights += [
            glorot_uniform((features, columns), derive_seed(seed, position, "kernel")),
            orthogonal((units, columns), derive_seed(seed, position, "recurrent")),
            bias,
        ]
        features = units
    kernel_seed = derive_seed(seed, len(sizes.layers), "kernel")
    kernel = glorot_uniform((features, sizes.topics), kernel_seed)
    return [*weights, kernel, np.zeros(sizes.topics, np.float32)]


def new_arena(arrays: NetworkArrays, weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return an arena with weights in it, before the first optimizer step."""
    raw = np.zeros(arrays.size + LINE, np.float32)
    start = -raw.ctypes.data // raw.itemsize % LINE  # of a cache line
    arena = raw[start : start + arrays.size]
    for number, layer in enumerate(arrays.layers):
        inputs, state_biases = layer.inputs.of(arena), slice(layer.units, layer.state_rows)
        inputs[..., -1] = inputs[..., state_biases] = 1
        kernel, recurrent_kernel, bias = weights[3 * number : 3 * number + 3]
        bias = np.atleast_2d(bias)
        rows = np.concatenate([recurrent_kernel, bias[1:], kernel, bias[:1]])
        layer.weights.of(arena)[:] = rows[:, layer.column_order]
    arrays.top.of(arena)[..., -1] = 1
    arrays.head.of(arena)[:] = np.concatenate([weights[-2], weights[-1][np.newaxis]])
    return arena


def read_weights(arrays: NetworkArrays, arena: NDArray[np.float32]) -> Weights:
    """Return a copy of the weights in the arena, as Keras has them."""
    weights: Weights = []
    for layer in arrays.layers:
        rows = np.empty(layer.weights.shape, np.float32)
        rows[:, layer.column_order] = layer.weights.of(arena)
        biases = [-1, layer.units] if layer.cell.state_biases else -1
        weights += [rows[layer.state_rows : -1], rows[: layer.units], rows[biases]]
    head = arrays.head.of(arena).copy()
    return [*weights, head[:-1], head[-1]]


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
    """Return the numbers of ``tf.random.stateless_normal`` up to rounding, by Box and Muller."""
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
