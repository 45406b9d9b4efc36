"""A network in memory: every array with its shape and its strides, and the weights in them.

All arrays lie in one block of floats, the arena; ``docs/native.md`` draws it. Elsewhere, weights
are in Keras's order: a kernel, a recurrent kernel and a bias for each recurrent layer, then the
kernel and the bias of the softmax. The initial ones are made in NumPy, so a process needs no
TensorFlow to begin with them. TensorFlow's stateless numbers come from Philox, a function of a key
and a counter: J. Salmon et al.: Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.models.layers.base import derive_seed
from rnnbench.training.engines.native.cells import CELLS
from rnnbench.training.outcome import Weights

LINE = 16
"""Floats in a cache line; every array begins at one."""
ROWS_AT_ONCE = 10
"""Sequences that go through the network together, at most: so few that everything that the
backward pass needs of them stays in the second-level cache."""
ROWS_OF_LARGE = 25
"""The same, where a layer's weights alone fill that cache, and every part of a batch reads them."""
SECOND_CACHE = 2**19
"""Floats in it, or about so many."""
ROWS_OF_OUTER = 50
"""Rows, of several steps in time, that are collected for a product that gives the gradient of
weights: so many that reading and writing that gradient takes little of the time."""
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""Of Adam, as in Keras."""
LARGEST_ARENA = 2**33
"""Floats, 34 GB in all: much more than such networks have needed so far."""

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


@dataclass(frozen=True)
class NetworkSizes:
    """The sizes that the machine code is made for."""

    layers: tuple[tuple[str, int], ...]
    """The kind of cell and the units of each recurrent layer."""
    topics: int
    timesteps: int
    batch: int
    """Documents in an optimizer step."""
    lanes: int
    """Floats in a vector register."""

    def __post_init__(self) -> None:
        numbers = [self.topics, self.timesteps, self.batch, *(units for _, units in self.layers)]
        if not self.layers or min(numbers) < 1 or self.lanes not in (4, 8, 16):
            raise RnnbenchError(f"no machine code can be made for {self}")

    @property
    def rows(self) -> int:
        """Sequences that go through the network together: a part of a batch."""
        largest = max(CELLS[kind].gates * units * units for kind, units in self.layers)
        most = ROWS_AT_ONCE if largest < SECOND_CACHE else ROWS_OF_LARGE
        return -(-self.batch // -(-self.batch // most))

    @property
    def collected(self) -> int:
        """Steps in time whose gradients are collected before they go to the weights."""
        return min(-(-ROWS_OF_OUTER // self.rows), self.timesteps)


@dataclass(frozen=True)
class Array:
    """An array of floats in the arena.

    The strides can be longer than the shape needs, because vectors are read and written whole; and
    0, where an array holds only the last of several things. All numbers are in floats.
    """

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int

    def of(self, arena: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the array as a part of the arena."""
        strides = [stride * arena.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(arena[self.offset :], self.shape, strides)

    @property
    def flat(self) -> "Array":
        """The same floats in a row."""
        return Array(self.offset, (self.size,), (1,), self.size)


class Arena:
    """Gives each array its place, one after the other."""

    def __init__(self) -> None:
        self.size = 0

    def place(self, *shape: int, slack: int = 0) -> Array:
        """Return an array whose rows have ``slack`` more floats at the end, at least."""
        width = -(-(shape[-1] + slack) // LINE) * LINE
        if width % 256 == 0:  # rows that are 1 KiB apart would compete for the same cache lines
            width += LINE
        padded = (*shape[:-1], width)
        strides = tuple(math.prod(padded[n + 1 :]) for n in range(len(shape)))
        array = Array(self.size, shape, strides, math.prod(padded))
        self.size += array.size
        return array


class LayerArrays:
    """The arrays of a recurrent layer with ``n`` units; strides are those of ``Arena.place``.

    An input of the layer is one row: ``[h of the step before (n), 1 (GRU only), x, 1]``. So biases,
    states and inputs are one product with the weights, whose rows are ``[U; d (GRU); W; b]``. A GRU
    has a second bias ``d``, because its reset gate scales ``h U + d``; see ``Cell.split``. The
    weights, ``(width, gates * n)``, are in the order of ``column_order``, and so is their gradient.
    """

    def __init__(
        self, arena: Arena, sizes: NetworkSizes, number: int, weights: Array, gradient: Array
    ):
        kind, self.units = sizes.layers[number]
        self.cell = CELLS[kind]
        self.features = sizes.layers[number - 1][1] if number else 1
        self.width, columns = weights.shape
        self.state_rows = self.units + self.cell.state_biases  # rows of the weights for h and d
        self.column_order = column_order(self.units, self.cell.gates, sizes.lanes)
        n, rows, lanes, place = self.units, sizes.rows, sizes.lanes, arena.place

        self.weights, self.gradient = weights, gradient
        # The gradients of the gates, before their activations, of the steps that are collected.
        self.d_sums = place(sizes.collected, rows, columns, slack=lanes)
        self.inputs = place(sizes.timesteps + 1, rows, self.width)  # rows as above
        self.back_to_state = place(columns, n)  # the transposed U
        self.back_to_input = place(columns, self.features) if number else None  # the transposed W
        # Kept for the way back: values of all lanes, for each step, vector of units and row.
        self.kept = place(sizes.timesteps, -(-n // lanes), rows, self.cell.kept * lanes)
        # d_sums as W and b see them: in a GRU, the reset gate is between U and the candidate.
        self.d_input_sums = self.d_sums
        if self.cell.split is not None:
            self.d_input_sums = place(*self.d_sums.shape, slack=lanes)
        self.d_hidden = place(rows, n)  # the gradient of the hidden state
        # The cell state of an LSTM, and its gradient.
        self.cell_state, self.d_cell = place(rows, n), place(rows, n)


class NetworkArrays:
    """All arrays of a network; strides are those of ``Arena.place``, unless they are stated.

    Raises:
        RnnbenchError: they need too much memory.
    """

    def __init__(self, sizes: NetworkSizes):
        self.sizes, arena, weights, n = sizes, Arena(), list[Array](), 1
        for kind, units in sizes.layers:
            cell = CELLS[kind]
            weights.append(arena.place(units + cell.state_biases + n + 1, cell.gates * units))
            n = units
        self.head = arena.place(n + 1, sizes.topics)  # of the softmax: [W; b]
        count = arena.size
        self.weights = Array(0, (count,), (1,), count)  # all of the above in a row
        # Of the same shape: their gradient, and Adam's averages of it and of its square.
        self.gradient, self.mean, self.square = (moved(self.weights, i * count) for i in (1, 2, 3))
        self.d_head = moved(self.head, count)
        arena.size += 3 * count
        self.layers = [
            LayerArrays(arena, sizes, number, array, moved(array, count))
            for number, array in enumerate(weights)
        ]
        # [h, 1], the input of the softmax. All steps share memory, so only the last one remains.
        top = arena.place(sizes.rows, n + 1)
        self.top = replace(top, shape=(sizes.timesteps, *top.shape), strides=(0, *top.strides))
        self.back_to_top = arena.place(sizes.topics, n)  # the transposed W of the softmax
        self.logits = arena.place(sizes.rows, sizes.topics)  # and then their gradient
        self.size = arena.size
        if self.size > LARGEST_ARENA:
            raise RnnbenchError(
                f"native: a network of this size needs {self.size * 4 / 1e9:.1f} GB "
                f"(allowed: {LARGEST_ARENA * 4 / 1e9:.1f}); use training.engine: compiled"
            )


def moved(array: Array, floats: int) -> Array:
    """Return an array of the same shape, some floats further."""
    return replace(array, offset=array.offset + floats)


def column_order(units: int, gates: int, lanes: int) -> NDArray[np.intp]:
    """Return Keras's column of each of ours: all gates of a vector of units stand together.

    >>> column_order(units=3, gates=2, lanes=2).tolist()  # Keras: gate by gate
    [0, 1, 3, 4, 2, 5]
    """
    columns = np.arange(gates * units).reshape(gates, units)
    starts = range(0, units, lanes)
    return np.concatenate([columns[:, start : start + lanes].ravel() for start in starts])


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
