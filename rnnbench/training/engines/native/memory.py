"""The arena, a block of memory for all arrays; and the documents whose vectors lie in
it.

Each half of a batch has an arena, so that two threads can work on it. What both share,
such as the weights, lies in the first. Between two layers, the vectors of all steps of
a group's documents lie one below the other, without padding; a recurrent layer finds
its own by ``Group.places``.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.errors import RnnbenchError
from rnnbench.models.seeds import derive_seed

from .assembler import LINE, Array, Assembler, Floats, Index, Value, View

BLOCKS = SHARED, OF_HALF = (
    "arena",
    "half",
)  # the first arena, and that of a function's half
OTHER = "other"  # the arena of the other half
LARGEST_ARENA = 2**31  # floats, much more than networks have needed so far
SLACK = (
    32  # rows after those in use, because the last tile of a product may go past them
)
DOCUMENTS = [*BLOCKS, "order", "starts", "words", "values"]
"""The arrays that a function is given: the blocks of memory, the order of documents,
the start of each, the words of all, and a number beside each word."""


@dataclass(frozen=True)
class Trained:
    """An array of trained weights, and what the optimizer knows of it."""

    value: Array
    gradient: Array
    mean: Array  # of the gradient, and of its square, by Adam
    square: Array
    average: Array  # of the weights; if no average is kept, the same array as ``value``
    is_weight: (
        Array  # 1 for weights, 0 for numbers beside them; ``value`` if nothing reads it
    )

    @property
    def state(self) -> list[Array]:
        """The arrays that a step of the optimizer changes."""
        has_average = self.average is not self.value
        return [self.value, self.mean, self.square, self.average][: 3 + has_average]


@dataclass(frozen=True)
class KerasArray:
    """One of Keras's arrays of weights: where its numbers lie among ours, and the first
    of them.
    """

    shape: tuple[int, ...]
    trained: Trained
    index: Any  # of its numbers in ``trained``, in their order
    start: Callable[..., Floats] | ArrayLike = (
        0  # or makes them of the shape and a seed
    )
    number: int = 0  # of its layer; with its role there, it makes the seed
    role: str = "kernel"

    def initial(self, seed: int) -> Floats:
        if callable(self.start):
            return self.start(self.shape, derive_seed(seed, self.number, self.role))
        return np.full(self.shape, self.start, np.float32)

    def write(self, arena: Floats, weights: Floats) -> None:
        self.trained.is_weight.of(arena)[self.index] = 1
        ours = self.trained.value.of(arena)
        ours[self.index] = weights.reshape(ours[self.index].shape)

    def read(self, arena: Floats, of: str = "average") -> Floats:
        """Return a copy of the numbers in one of the arrays of ``Trained``, as Keras
        has them.
        """
        ours: Floats = getattr(self.trained, of).of(arena)[self.index]
        return ours.flatten().reshape(self.shape)


class Memory:
    """Gives arrays their places in the arena, one after the other; the options are for
    weights.
    """

    asm: Any = None  # the ``Assembler``, while code is made

    def __init__(self, *, averages: bool = False, clips: bool = False):
        self.averages, self.clips, self.size = averages, clips, 0
        self._ones: list[tuple[Array, int]] = []

    def place(
        self, *shape: int, slack: int = 0, ones: int = 0, block: str = OF_HALF
    ) -> Array:
        """Return an array whose rows have ``slack`` more floats at the end, at least.

        The last ``ones`` columns are 1 at first. ``RnnbenchError`` is raised if it is
        too much.
        """
        width = -(-(shape[-1] + slack) // LINE) * LINE
        if (
            width % 256 == 0
        ):  # rows that are 1 KiB apart would compete for the same cache lines
            width += LINE
        padded = (*shape[:-1], width)
        strides = tuple(math.prod(padded[n + 1 :]) for n in range(len(shape)))
        array = Array(self.size, shape, strides, math.prod(padded), block, self)
        self.size += array.size
        if self.size > LARGEST_ARENA:
            need = f"needs more than {LARGEST_ARENA * 4 / 1e9:.1f} GB; use training.engine: keras"
            raise RnnbenchError(
                f"native: such a network, with such batches and documents, {need}"
            )
        if ones:
            self._ones.append((array, shape[-1] - ones))
        return array

    def trained(self, *shape: int, touched: int = 0) -> Trained:
        """Return weights; each half of a batch has a gradient, or both share
        ``touched`` rows.
        """
        place = partial(self.place, block=SHARED)
        value, mean, square = (place(*shape) for _ in range(3))
        average = place(*shape) if self.averages else value
        gradient = place(touched, *shape[1:]) if touched else self.place(*shape)
        is_weight = place(*shape) if self.clips and not touched else value
        return Trained(value, gradient, mean, square, average, is_weight)

    def new_arenas(self, count: int) -> list[Floats]:
        """Return ``count`` arenas, each with all arrays; each begins at a cache
        line.
        """
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
    """Up to ``rows`` documents, the longest first, with ``gap`` rows of zeros around
    each.
    """

    def __init__(self, sizes: Sizes, gap: int):
        super().__init__(averages=sizes.averages, clips=sizes.clip is not None)
        self.sizes, self.rows, self.gap, place = sizes, sizes.rows, gap, self.place
        # The row of all steps after the end of a document; its gradient stays 0.
        self.dummy = self.rows * (sizes.timesteps + gap) + gap + SLACK
        self.capacity = self.dummy + 1
        self.per_batch = -(-sizes.batch // self.rows)
        # Its place among the groups of a batch, and the rows in use, with the gaps.
        self.number, self.total = place(1), place(1)
        # The half of the batch that it is in, and the optimizer steps so far.
        self.half, self.clock, self.is_training = (place(1) for _ in range(3))
        # The number, the steps and the first row of each document.
        self.documents, self.lengths, self.firsts = (place(self.rows) for _ in range(3))
        self.places = place(
            2, sizes.timesteps, self.rows
        )  # of steps, in both directions
        # To clip gradients: the sums of squares of this half, and the factor of all.
        self.squares, self.factor = (place(sizes.lanes) for _ in range(2))

    def gather(self, asm: Assembler, first: Value, left: Value, number: Value) -> None:
        """Find the places of the next documents, of which ``left`` are in the batch."""
        self.number.set(number)
        total = [asm.number(self.gap)]
        for row in asm.loop(self.rows, total):
            document = asm.given["order"][first + row].load_index()
            length = (row < left).select(words_of(asm, document)[2], 0)
            self.documents.set(row, document)
            self.lengths.set(row, length)
            self.firsts.set(row, total[0])
            total[0] += length + self.gap
        self.total.set(total[0])
        self.find_places(self.places)

    def find_places(self, places: Array, rows: Array | None = None) -> None:
        """Write the row of each step, or the number that ``rows`` has for it."""
        for document, first, length in spans(self.firsts, self.lengths):
            for t in self.asm.loop(self.lengths.get()):  # of the first one, the longest
                for direction, at in enumerate((first + t, first + length - 1 - t)):
                    row = (t < length).select(at, self.dummy)
                    places.set(direction, t, document, rows.get(row) if rows else row)

    def clear_gaps(self, array: Array) -> None:
        """Write zeros into the gaps between documents."""
        for i in range(self.gap):
            self.asm.clear(array, i)
            for _, first, length in spans(self.firsts, self.lengths):
                self.asm.clear(array, first + length + i)


def spans(firsts: Array, lengths: Array) -> Iterator[tuple[Value, Value, Value]]:
    """Have the body of a loop run with each document, its first row, and its number of
    rows.
    """
    for document in firsts.memory.asm.loop(firsts.shape[0]):
        yield document, firsts.get(document), lengths.get(document)


def words_of(asm: Assembler, document: Value) -> tuple[View, View, Value]:
    """Return the words of a document, the numbers beside them, and how many there
    are.
    """
    starts = asm.given["starts"][document]
    start, end = starts.load_index(), starts.moved(1).load_index()
    return (
        asm.given["words"].moved(start),
        asm.given["values"].moved(start),
        end - start,
    )


class Activations:
    """The vectors that a layer hands on, one for each step or document.

    The last column of ``value``, ``(rows, features + 1)``, is 1, so a bias is a row of
    weights. The ``gradient``, ``(rows, features)``, is needed if a layer so far
    ``is_trained``.
    """

    def __init__(self, group: Group, features: int, *, is_sequence: bool):
        # One row more, because a vector that begins inside the last one may end after
        # it.
        rows, place = group.capacity if is_sequence else group.rows + 1, group.place
        self.group, self.features, self.weight_rows = group, features, features + 1
        self.is_sequence, self.is_trained = is_sequence, True
        self.value, self.gradient = (
            place(rows, features + 1, ones=1),
            place(rows, features),
        )
        self.firsts, self.lengths = group.firsts, group.lengths
        self.total, self.places = group.total, group.places

    def count(self) -> Index:
        return self.total.get() if self.is_sequence else self.group.rows

    def vectors(self) -> Iterator[tuple[Value, Value, int]]:
        """Have the body of a loop run with each row, and the starts and sizes of its
        vectors.
        """
        for row in self.group.asm.loop(self.count()):
            for column, size in self.group.asm.tiles(
                self.features, self.group.sizes.lanes
            ):
                yield row, column, size

    def apply(self, function: Callable[..., Value], out: Any, *arrays: Any) -> None:
        """Write a function of the vectors of arrays, each at the same place."""
        for row, column, size in self.vectors():
            values = [array[row, column].load() for array in arrays]
            out[row, column].store(function(*values), size)

    def steps(self) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with each document, each of its steps, and the
        row of it.
        """
        if not self.is_sequence:
            for row in self.group.asm.loop(self.group.rows):
                yield row, self.group.asm.number(0), row
            return
        for document, first, length in spans(self.firsts, self.lengths):
            for t in self.group.asm.loop(length):
                yield document, t, first + t

    def set_ones(self) -> None:
        """Write the column of ones, where something else was written past the
        features.
        """
        for row in self.group.asm.loop(self.count()):
            self.value[row, self.features].store(self.group.asm.vector_of(1.0), 1)

    def project(self, out: View, weights: View) -> None:
        """Write ``x W + b`` of all vectors, where ``b`` is the last row of the
        weights.
        """
        for x, first, kept in self.factors():
            out.rows(first, x.shape[0]).write_product(x, weights, inner=kept)

    def project_back(
        self, d_out: View, gradient: View, transposed: View, *, adds: bool = False
    ) -> None:
        """Add up the gradient of such weights; write that of the vectors, or add it."""
        for x, first, kept in self.factors():
            given = d_out.rows(first, x.shape[0])
            gradient.write_product(x.T, given, adds=True, outer=kept)
        if self.is_trained:
            given = d_out.rows(0, self.count())
            self.gradient.view.write_product(given, transposed, adds=adds)

    def factors(self) -> Iterator[tuple[View, Index, View | None]]:
        """Have the body of a loop run with all vectors, the row of the first, and their
        features.

        The last is a list of features, where those of a document lack some.
        """
        yield (
            self.value.view.rows(0, self.count()).columns(0, self.features + 1),
            0,
            None,
        )
