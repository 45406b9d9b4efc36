"""Arrays of floats and whole numbers, all in one block of memory, the arena."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LINE = 16
"""Floats in a cache line; every array begins at one."""


@dataclass(frozen=True)
class Array:
    """An array of floats, or of whole numbers of the same size, in the arena.

    The strides can be longer than the shape needs, because vectors are read and written whole. All
    numbers are in floats.
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


@dataclass(frozen=True)
class Trained:
    """An array of trained weights, and what the optimizer knows of it."""

    value: Array
    gradient: Array
    mean: Array
    """Adam's average of the gradient."""
    square: Array
    """Adam's average of its square."""
    average: Array | None
    """The average of the weights themselves, if it is kept."""


class Memory:
    """Gives each array its place in the arena, one after the other.

    Attributes:
        lanes: floats in a vector register.
        rows: documents that go through the network together.
        averages: whether averages of the weights are kept.
    """

    def __init__(self, lanes: int, rows: int, *, averages: bool = False):
        self.lanes, self.rows, self.averages, self.size = lanes, rows, averages, 0

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

    def trained(self, rows: int, columns: int, *, touched: int | None = None) -> Trained:
        """Return an array of weights; only so many rows get a gradient at once, by default all."""
        of_gradient = rows if touched is None else touched
        average = self.place(rows, columns) if self.averages else None
        sizes = rows, of_gradient, rows, rows
        return Trained(*(self.place(some, columns) for some in sizes), average)
