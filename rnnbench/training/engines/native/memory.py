"""The arena, a block of memory for all arrays, and the documents that lie in it.

A stage asks for an array before there is any code, and uses it while code is made::

    sums = group.place(rows, units)  # an ``Array``: a place in the arena
    sums[0, 8].store(vector)  # code that writes into it
    sums.of(arena)  # its numbers in NumPy, when the code has run

Each half of a batch has an arena, so that two threads can work on it. What both share,
such as the weights, lies in the first. Between two layers, the vectors of all steps of
a group's documents lie one below the other, without padding; a recurrent layer finds
its own by ``Group.places``.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.errors import RnnbenchError
from rnnbench.labels import Positions
from rnnbench.models.seeds import derive_seed

from .assembler import LINE, Array, Assembler, Floats, Index, Value, View, ceil_div

SHARED = "arena"  # the first arena
OF_HALF = "half"  # the arena of the half that a function works on
OTHER = "other"  # the arena of the other half
BLOCKS = (SHARED, OF_HALF)
LARGEST_ARENA = 2**31  # floats, much more than networks have needed so far
# Rows after those in use, because the last tile of a product may go past them.
SLACK = 32
DOCUMENTS = [*BLOCKS, "order", "bounds", "words", "values"]
"""The arrays that a function is given: the blocks of memory, the order of documents,
the bounds of each, the words of all, and a number beside each word."""


Initializer = Callable[[tuple[int, ...], int], Floats]
"""Makes numbers of a shape, by a seed."""
Indices: TypeAlias = int | slice | Positions | tuple[int | Positions, ...]
"""Picks numbers of an array of NumPy."""


@dataclass(frozen=True)
class Trained:
    """An array of trained weights, and what the optimizer knows of it."""

    value: Array
    gradient: Array
    mean: Array  # of the gradient, and of its square, by Adam
    square: Array
    average: Array  # of the weights; if no average is kept, the same array as ``value``
    # 1 for weights, 0 for numbers beside them; ``value`` if nothing reads it
    is_weight: Array

    @property
    def state(self) -> list[Array]:
        """The arrays that a step of the optimizer changes."""
        arrays = [self.value, self.mean, self.square]
        if self.average is not self.value:
            arrays.append(self.average)
        return arrays


@dataclass(frozen=True)
class KerasArray:
    """One of Keras's arrays of weights, and where its numbers lie among ours."""

    shape: tuple[int, ...]
    trained: Trained
    index: Indices  # of its numbers in ``trained``, in their order
    # The numbers at first, or a function that makes them of the shape and a seed.
    start: Initializer | ArrayLike = 0
    number: int = 0  # of its layer; with its role there, it makes the seed
    role: str = "kernel"

    def initial(self, seed: int) -> Floats:
        """Return the numbers before any training, ``shape``."""
        if callable(self.start):
            own_seed = derive_seed(seed, self.number, self.role)
            return self.start(self.shape, own_seed)
        return np.full(self.shape, self.start, np.float32)

    def write(self, arena: Floats, weights: Floats) -> None:
        """Write weights of Keras's shape into the arena."""
        self.trained.is_weight.of(arena)[self.index] = 1
        ours = self.trained.value.of(arena)
        ours[self.index] = weights.reshape(ours[self.index].shape)

    def read(self, arena: Floats, field: str = "average") -> Floats:
        """Return a copy of the numbers in a field of ``Trained``, in Keras's shape."""
        ours: Floats = getattr(self.trained, field).of(arena)[self.index]
        return ours.flatten().reshape(self.shape)


class Memory:
    """Gives arrays their places in the arena, one after the other.

    Attributes:
        averages: whether averages of the weights are kept.
        clips: whether gradients are clipped.
        size: the floats that all arrays take.
    """

    asm: Assembler  # which makes the code in progress

    def __init__(self, *, averages: bool = False, clips: bool = False):
        self.averages = averages
        self.clips = clips
        self.size = 0
        self._ones: list[tuple[Array, int]] = []

    def place(
        self, *shape: int, slack: int = 0, ones: int = 0, block: str = OF_HALF
    ) -> Array:
        """Return an array whose rows have at least ``slack`` more floats at the end.

        The last ``ones`` columns are 1 at first.

        Raises:
            RnnbenchError: the arena would become too large.
        """
        width = ceil_div(shape[-1] + slack, LINE) * LINE
        if width % 256 == 0:
            # Rows that are 1 KiB apart would compete for the same cache lines.
            width += LINE
        padded = (*shape[:-1], width)
        strides = tuple(math.prod(padded[n + 1 :]) for n in range(len(shape)))
        array = Array(self.size, shape, strides, math.prod(padded), block, self)
        self.size += array.size
        if self.size > LARGEST_ARENA:
            raise RnnbenchError(
                "native: such a network, with such batches and documents, needs more "
                f"than {LARGEST_ARENA * 4 / 1e9:.1f} GB; use training.engine: keras"
            )
        if ones:
            self._ones.append((array, shape[-1] - ones))
        return array

    def place_shared(self, *shape: int, slack: int = 0) -> Array:
        """Return an array that both halves of a batch use."""
        return self.place(*shape, slack=slack, block=SHARED)

    def trained(self, *shape: int, touched: int = 0) -> Trained:
        """Return weights; each half of a batch has a gradient of their shape.

        If a batch reads at most some rows, the halves share a gradient of ``touched``
        rows.
        """
        value = self.place_shared(*shape)
        mean = self.place_shared(*shape)
        square = self.place_shared(*shape)
        average = value
        if self.averages:
            average = self.place_shared(*shape)
        if touched:
            gradient = self.place_shared(touched, *shape[1:])
        else:
            gradient = self.place(*shape)
        is_weight = value
        if self.clips and not touched:
            is_weight = self.place_shared(*shape)
        return Trained(value, gradient, mean, square, average, is_weight)

    def new_arenas(self, count: int) -> list[Floats]:
        """Return ``count`` arenas with all arrays, each from a cache line on."""
        raw = np.zeros(count * self.size + LINE, np.float32)
        start = -raw.ctypes.data // raw.itemsize % LINE
        arenas = list(raw[start : start + count * self.size].reshape(count, self.size))
        for arena in arenas:
            for array, first in self._ones:
                array.of(arena)[..., first:] = 1
        return arenas


@dataclass(frozen=True)
class Sizes:
    """The sizes that the machine code is made for."""

    timesteps: int  # of the longest document
    topics: int
    n_ids: int
    batch: int  # documents in an optimizer step
    rows: int  # documents that go through the network together
    lanes: int
    averages: bool = False
    only_scores: bool = False
    clip: float | None = None  # the largest norm of a step's gradients, if any


class Group(Memory):
    """Up to ``rows`` documents, which go through the network together.

    The longest comes first, and ``gap`` rows of zeros are around each.

    Attributes:
        dummy: the row of all steps after the end of a document; its gradient stays 0.
        capacity: the rows of an array with a row for each step.
        per_batch: groups of a batch, at most.
        number: its place among the groups of a batch.
        total: the rows in use, with the gaps.
        half: the half of the batch that it is in.
        clock: the optimizer steps so far.
        documents: the number of each document.
        lengths: the steps of each document.
        firsts: the first row of each document.
        places: the row of each step, in both directions.
        squares: the sums of squares of gradients in this half, to clip them.
        factor: of all gradients, to clip them.
    """

    def __init__(self, sizes: Sizes, gap: int):
        super().__init__(averages=sizes.averages, clips=sizes.clip is not None)
        self.sizes = sizes
        self.rows = sizes.rows
        self.gap = gap
        self.dummy = self.rows * (sizes.timesteps + gap) + gap + SLACK
        self.capacity = self.dummy + 1
        self.per_batch = ceil_div(sizes.batch, self.rows)
        self.number = self.place(1)
        self.total = self.place(1)
        self.half = self.place(1)
        self.clock = self.place(1)
        self.is_training = self.place(1)
        self.documents = self.place(self.rows)
        self.lengths = self.place(self.rows)
        self.firsts = self.place(self.rows)
        self.places = self.place(2, sizes.timesteps, self.rows)
        self.squares = self.place(sizes.lanes)
        self.factor = self.place(sizes.lanes)

    def gather(self, asm: Assembler, first: Value, left: Value, number: Value) -> None:
        """Find the places of the next documents; ``left`` of them are in the batch."""
        self.number.set(number)
        total = [asm.number(self.gap)]
        for row in asm.loop(self.rows, total):
            document = asm.given["order"][first + row].load_index()
            length = (row < left).select(words_of(asm, document).length, 0)
            self.documents.set(row, document)
            self.lengths.set(row, length)
            self.firsts.set(row, total[0])
            total[0] += length + self.gap
        self.total.set(total[0])
        self.find_places(self.places)

    def find_places(self, places: Array, rows: Array | None = None) -> None:
        """Write the row of each step, or the number that ``rows`` has for it."""
        for document, first, length in spans(self):
            longest = self.lengths.get()
            for t in self.asm.loop(longest):
                forwards = first + t
                backwards = first + length - 1 - t
                for direction, step in enumerate((forwards, backwards)):
                    row = (t < length).select(step, self.dummy)
                    if rows:
                        row = rows.get(row)
                    places.set(direction, t, document, row)

    def clear_gaps(self, array: Array) -> None:
        """Write zeros into the gaps between documents."""
        for i in range(self.gap):
            self.asm.clear(array, i)
            for _, first, length in spans(self):
                self.asm.clear(array, first + length + i)


def spans(rows: "Group | Activations") -> Iterator[tuple[Value, Value, Value]]:
    """Have the body of a loop run with each document, its first row, and its rows."""
    firsts = rows.firsts
    for document in firsts.memory.asm.loop(firsts.shape[0]):
        yield document, firsts.get(document), rows.lengths.get(document)


class Words(NamedTuple):
    """The words of a document, the number beside each, and how many there are."""

    words: View
    values: View
    length: Value


def words_of(asm: Assembler, document: Value) -> Words:
    """Return the words of a document, by its number."""
    bounds = asm.given["bounds"][document * 2]
    start = bounds.load_index()
    end = bounds.moved(1).load_index()
    words = asm.given["words"].moved(start)
    values = asm.given["values"].moved(start)
    return Words(words, values, end - start)


class Activations:
    """The vectors that a layer hands on, one for each step or document.

    Attributes:
        value: ``(rows, features + 1)``; the last column is 1, so a bias is a row of
            weights.
        gradient: ``(rows, features)``, of the loss with respect to the vectors. A stage
            writes zeros into the gaps between documents.
        is_trained: whether a layer so far learns, so that the gradient is needed.
        weight_rows: the rows of weights that the vectors are multiplied with.
    """

    def __init__(self, group: Group, features: int, *, is_sequence: bool):
        # One more than documents: a vector that begins in the last row may end after.
        rows = group.rows + 1
        if is_sequence:
            rows = group.capacity
        self.group = group
        self.features = features
        self.weight_rows = features + 1
        self.is_sequence = is_sequence
        self.is_trained = True
        self.value = group.place(rows, features + 1, ones=1)
        self.gradient = group.place(rows, features)
        self.firsts = group.firsts
        self.lengths = group.lengths
        self.total = group.total
        self.places = group.places

    def count(self) -> Index:
        """Return the rows in use, with the gaps between documents."""
        if self.is_sequence:
            return self.total.get()
        return self.group.rows

    def vectors(self) -> Iterator[tuple[Value, Value, int]]:
        """Have the body of a loop run with each vector: its row, column and size."""
        asm = self.group.asm
        for row in asm.loop(self.count()):
            for column, size in asm.tiles(self.features, asm.lanes):
                yield row, column, size

    def apply(
        self, function: Callable[..., Value], out: Array | View, *arrays: Array | View
    ) -> None:
        """Write a function of the vectors of arrays, each at the same place."""
        for row, column, size in self.vectors():
            values = [array[row, column].load() for array in arrays]
            out[row, column].store(function(*values), size)

    def steps(self) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with each step: its document, time and row."""
        asm = self.group.asm
        if not self.is_sequence:
            for row in asm.loop(self.group.rows):
                yield row, asm.number(0), row
            return
        for document, first, length in spans(self):
            for t in asm.loop(length):
                yield document, t, first + t

    def set_ones(self) -> None:
        """Write the column of ones again, after a product went past the features."""
        asm = self.group.asm
        for row in asm.loop(self.count()):
            self.value[row, self.features].store(asm.vector_of(1.0), 1)

    def project(self, out: View, weights: View) -> None:
        """Write ``x W + b`` of all vectors; ``b`` is the last row of the weights."""
        for x, first, kept in self.factors():
            out.rows(first, x.shape[0]).write_product(x, weights, inner=kept)

    def project_back(
        self, d_out: View, gradient: View, transposed: View, *, adds: bool = False
    ) -> None:
        """Add up the gradient of such weights, and write that of the vectors.

        The latter is added to what is there already, if it ``adds``.
        """
        for x, first, kept in self.factors():
            d_rows = d_out.rows(first, x.shape[0])
            gradient.write_product(x.T, d_rows, adds=True, outer=kept)
        if self.is_trained:
            d_rows = d_out.rows(0, self.count())
            self.gradient.view.write_product(d_rows, transposed, adds=adds)

    def factors(self) -> Iterator[tuple[View, Index, View | None]]:
        """Have the body of a loop run with vectors, and the row of the first.

        The last is a list of their features, where those of a document lack some.
        """
        x = self.value.view.rows(0, self.count()).columns(0, self.features + 1)
        yield x, 0, None
