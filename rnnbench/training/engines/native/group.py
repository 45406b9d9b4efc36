"""The documents that go through a network together, and what its layers hand on to each other.

A batch is sorted by length and goes through the network in groups. Between two layers, the vectors
of all steps of a group's documents lie one below the other, document by document, without padding:
a layer that works on each vector by itself sees one matrix. A recurrent layer finds its steps by
the table ``Group.places``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rnnbench.training.engines.native.assembler import Assembler, Index, Value, View, where
from rnnbench.training.engines.native.memory import BLOCKS, OF_HALF, Array, Memory
from rnnbench.training.engines.native.products import product

SLACK = 32
"""Rows after those in use, because the last tile of a product may go past them."""
DOCUMENTS = [*BLOCKS, "order", "starts", "words", "values"]
"""The arrays that a function is given: the blocks of memory, the order of documents, the start of
each, the words of all in a row, and a number beside each word."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that the machine code is made for.

    Attributes:
        timesteps: of the longest document.
        batch: documents in an optimizer step.
        rows: documents that go through the network together, a part of a batch.
        only_scores: whether it is not trained.
    """

    timesteps: int
    topics: int
    n_ids: int
    batch: int
    rows: int
    lanes: int
    averages: bool = False
    only_scores: bool = False


class Group:
    """Up to ``rows`` documents: where their steps are.

    Attributes:
        gap: rows of zeros before, between and after documents, for convolutions.
        dummy: the row of a step after the end of a document. It is read and written like others,
            but nothing depends on it; its gradient stays 0.
        total: the rows in use, with the gaps.
        longest: the steps of the longest document.
        number: its place among the groups of a batch, of which there are ``per_batch``.
        count: the groups so far.
        half: 0 or 1, of the batch that it belongs to.
        clock: the optimizer steps so far.
        is_training: 1 if units are dropped, otherwise 0.
        documents, lengths, firsts: of each document its number, its steps, and its first row.
        places: the row of each step in time, ``(2, timesteps, rows)``, in both directions.
    """

    def __init__(self, memory: Memory, sizes: Sizes, gap: int):
        self.sizes, self.rows, self.gap = sizes, sizes.rows, gap
        self.dummy = self.rows * (sizes.timesteps + gap) + gap + SLACK
        self.capacity = self.dummy + 1
        self.per_batch = -(-sizes.batch // self.rows)
        self.total, self.longest, self.number, self.count = (memory.place(1) for _ in range(4))
        self.half, self.clock, self.is_training = (memory.place(1, block=OF_HALF) for _ in range(3))
        self.documents, self.lengths, self.firsts = (memory.place(self.rows) for _ in range(3))
        self.places = memory.place(2, sizes.timesteps, self.rows)

    def make(self, asm: Assembler) -> None:
        """Make the function ``gather``, which finds the places of some documents."""
        with asm.function("gather", DOCUMENTS, 3) as (first, left, number):
            asm.set(self.count, asm.get(self.count) + 1)
            asm.set(self.number, number)
            total, longest = sums = [asm.number(self.gap), asm.number(0)]
            for row in asm.loop(self.rows, sums):
                total, longest = sums
                document = asm.given["order"][first + row].load_index()
                length = where(row < left, length_of(asm, document), 0)
                asm.set(self.documents, row, document)
                asm.set(self.lengths, row, length)
                asm.set(self.firsts, row, total)
                sums[:] = total + length + self.gap, where(length > longest, length, longest)
            asm.set(self.total, sums[0])
            asm.set(self.longest, sums[1])
            self.find_places(asm, self.places)

    def find_places(self, asm: Assembler, places: Array, rows: Array | None = None) -> None:
        """Write the row of each step, or the number that an array has for this row."""
        for row in asm.loop(self.rows):
            length, start = asm.get(self.lengths, row), asm.get(self.firsts, row)
            for t in asm.loop(asm.get(self.longest)):
                for direction, at in enumerate((start + t, start + length - 1 - t)):
                    found = where(t < length, at, self.dummy)
                    asm.set(places, direction, t, row, asm.get(rows, found) if rows else found)

    def steps(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with each document, each of its steps, and the row of it."""
        for row in asm.loop(self.rows):
            first = asm.get(self.firsts, row)
            for t in asm.loop(asm.get(self.lengths, row)):
                yield row, t, first + t

    def words(self, asm: Assembler, row: Index) -> tuple[View, View]:
        """Return the words of a document of the group, and the numbers beside them."""
        return words_of(asm, asm.get(self.documents, row))

    def clear_gaps(self, asm: Assembler, array: Array) -> None:
        """Write zeros into the gaps between documents."""
        for row in asm.loop(self.rows) if self.gap else ():
            after = asm.get(self.firsts, row) + asm.get(self.lengths, row)
            for i in asm.loop(self.gap):
                asm.clear(array, after + i)
        for before in range(self.gap):
            asm.clear(array, asm.number(before))


def words_of(asm: Assembler, document: Value) -> tuple[View, View]:
    """Return the words of a document, and the numbers beside them."""
    start = asm.given["starts"][document].load_index()
    return asm.given["words"].moved(start), asm.given["values"].moved(start)


def length_of(asm: Assembler, document: Value) -> Value:
    """Return the number of words of a document."""
    starts = asm.given["starts"][document]
    return starts.moved(1).load_index() - starts.load_index()


@dataclass(frozen=True)
class Activations:
    """The vectors that a layer hands on, and the gradient of the loss with respect to them."""

    group: Group
    features: int
    is_sequence: bool
    """Whether there is a vector for each step, and not one for each document."""
    value: Array
    """``(rows, features + 1)``; the last column is 1, so a bias is a row of weights."""
    gradient: Array
    """``(rows, features)``."""
    is_trained: bool
    """Whether a layer so far is trained, so that the gradient is needed."""

    @property
    def places(self) -> Array:
        """The row of each step in time, in both directions."""
        return self.group.places

    @property
    def weight_rows(self) -> int:
        """The rows of weights that the vectors are multiplied by."""
        return self.features + 1

    def count(self, asm: Assembler) -> Index:
        """Return the number of rows in use."""
        return asm.get(self.group.total) if self.is_sequence else self.group.rows

    def inputs(self, asm: Assembler) -> View:
        """Return the rows in use, each with its 1."""
        return asm.at(self.value).rows(0, self.count(asm)).columns(0, self.features + 1)

    def vectors(self, asm: Assembler) -> Iterator[tuple[Value, Value, int]]:
        """Have the body of a loop run with each row, and the starts and sizes of its vectors."""
        for row in asm.loop(self.count(asm)):
            for column, size in asm.tiles(self.features, asm.lanes):
                yield row, column, size

    def set_ones(self, asm: Assembler) -> None:
        """Write the column of ones, where something else was written past the features."""
        for row in asm.loop(self.count(asm)):
            asm.at(self.value, row, self.features).store(asm.one)

    def project(self, asm: Assembler, out: Array, weights: Array) -> None:
        """Write the products of all vectors with weights ``(weight_rows, n)``."""
        count, n = self.count(asm), weights.shape[1]
        result = asm.at(out).rows(0, count).columns(0, n)
        product(asm, result, self.inputs(asm), asm.at(weights))

    def back(self, asm: Assembler, d_out: Array, gradient: Array, transposed: Array) -> None:
        """Add to the gradient of the weights, and write that of the vectors."""
        count = self.count(asm)
        given = asm.at(d_out).rows(0, count)
        product(asm, asm.at(gradient), self.inputs(asm).T, given, adds=True)
        if self.is_trained:
            product(asm, asm.at(self.gradient).rows(0, count), given, asm.at(transposed))
