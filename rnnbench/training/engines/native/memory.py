"""Arrays of floats and whole numbers, all in one block of memory, the arena.

There are two arenas, one for each half of a batch, so that two threads can work on it. What both
halves share, such as the weights, lies in the first.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.models.layers import derive_seed

LINE = 16
"""Floats in a cache line; every array begins at one."""
BLOCKS = SHARED, OF_HALF = "arena", "half"
"""The arenas that a function is given: the first one, and that of its half."""
OTHER = "other"
"""The arena of the other half."""
LARGEST_ARENA = 2**31
"""Floats, 8.6 GB in each arena: much more than networks have needed so far."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Array:
    """An array of floats, or of whole numbers of the same size, in the arena.

    The strides can be longer than the shape needs, because vectors are read and written whole. All
    numbers are in floats.

    Attributes:
        block: the arena that the array lies in, by its name in ``BLOCKS``.
    """

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int
    block: str

    def of(self, arena: Floats) -> Floats:
        """Return the array as a part of the arena."""
        strides = [stride * arena.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(arena[self.offset :], self.shape, strides)

    @property
    def flat(self) -> "Array":
        """The same floats in a row, with those between its rows."""
        return replace(self, shape=(self.size,), strides=(1,))


@dataclass(frozen=True)
class Trained:
    """An array of trained weights, and what the optimizer knows of it."""

    value: Array
    gradient: Array
    mean: Array
    square: Array
    """Adam's averages of the gradient and of its square."""
    average: Array
    """The average of the weights, or they themselves, if none is kept."""
    is_weight: Array
    """1 where weights are, and 0 beside them; the weights themselves, if nothing reads it."""

    @property
    def state(self) -> list[Array]:
        """The arrays that a step of the optimizer changes."""
        has_average = self.average is not self.value
        return [self.value, self.mean, self.square, self.average][: 3 + has_average]


@dataclass(frozen=True)
class KerasArray:
    """One of Keras's arrays of weights: where its numbers lie among ours, and the first of them.

    Attributes:
        shape: that of Keras.
        index: the NumPy index of its numbers in ``trained``, in their order.
        start: a number, an array, or a function that makes one of the shape and a seed.
        number, role: that of its layer, and its role there; both make its seed.
    """

    shape: tuple[int, ...]
    trained: Trained
    index: Any
    start: Callable[..., Floats] | ArrayLike = 0
    number: int = 0
    role: str = "kernel"

    def initial(self, seed: int) -> Floats:
        if callable(self.start):
            return self.start(self.shape, derive_seed(seed, self.number, self.role))
        return np.full(self.shape, self.start, np.float32)

    def write(self, arena: Floats, weights: Floats) -> None:
        """Put Keras's weights into the arena."""
        self.trained.is_weight.of(arena)[self.index] = 1
        ours = self.trained.value.of(arena)
        ours[self.index] = weights.reshape(ours[self.index].shape)

    def read(self, arena: Floats, of: Callable[[Trained], Array]) -> Floats:
        """Return a copy of the numbers in one of the arrays of ``Trained``, as Keras has them."""
        ours: Floats = of(self.trained).of(arena)[self.index]
        return ours.flatten().reshape(self.shape)


class Memory:
    """Gives arrays their places in the arena, one after the other; the options are for weights."""

    def __init__(self, *, averages: bool = False, clips: bool = False):
        self.averages, self.clips, self.size = averages, clips, 0
        self._ones: list[tuple[Array, int]] = []

    def place(self, *shape: int, slack: int = 0, ones: int = 0, block: str = OF_HALF) -> Array:
        """Return an array whose rows have ``slack`` more floats at the end, at least.

        The last ``ones`` columns are 1 at first, and the others 0.

        Raises:
            RnnbenchError: the network needs too much memory.
        """
        width = -(-(shape[-1] + slack) // LINE) * LINE
        if width % 256 == 0:  # rows that are 1 KiB apart would compete for the same cache lines
            width += LINE
        padded = (*shape[:-1], width)
        strides = tuple(math.prod(padded[n + 1 :]) for n in range(len(shape)))
        array = Array(self.size, shape, strides, math.prod(padded), block)
        self.size += array.size
        if self.size > LARGEST_ARENA:
            raise RnnbenchError(
                "native: such a network, with such batches and documents, needs more than "
                f"{LARGEST_ARENA * 4 / 1e9:.1f} GB; use training.engine: keras"
            )
        if ones:
            self._ones.append((array, shape[-1] - ones))
        return array

    def trained(self, *shape: int, touched: int = 0) -> Trained:
        """Return weights; each half of a batch has a gradient, or both share ``touched`` rows."""
        place = partial(self.place, block=SHARED)
        value, mean, square = (place(*shape) for _ in range(3))
        average = place(*shape) if self.averages else value
        gradient = place(touched, *shape[1:]) if touched else self.place(*shape)
        is_weight = place(*shape) if self.clips and not touched else value
        return Trained(value, gradient, mean, square, average, is_weight)

    def new_arenas(self, count: int) -> list[Floats]:
        """Return ``count`` arenas, each with all arrays; each begins at a cache line."""
        raw = np.zeros(count * self.size + LINE, np.float32)
        start = -raw.ctypes.data // raw.itemsize % LINE
        arenas = list(raw[start : start + count * self.size].reshape(count, self.size))
        for arena in arenas:
            for array, first in self._ones:
                array.of(arena)[..., first:] = 1
        return arenas
