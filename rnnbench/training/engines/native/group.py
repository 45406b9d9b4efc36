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
        half: of the batch that it is in, 0 or 1.
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
            sums = [asm.number(self.gap), asm.number(0)]
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
        """Write the row of each step, or the number that ``rows`` has for it."""
        for document, first, length in spans(asm, self.firsts, self.lengths):
            for t in asm.loop(asm.get(self.longest)):
                for direction, at in enumerate((first + t, first + length - 1 - t)):
                    row = where(t < length, at, self.dummy)
                    asm.set(places, direction, t, document, asm.get(rows, row) if rows else row)

    def words(self, asm: Assembler, row: Index) -> tuple[View, View]:
        """Return the words of a document of the group, and the numbers beside them."""
        return words_of(asm, asm.get(self.documents, row))

    def clear_gaps(self, asm: Assembler, array: Array) -> None:
        """Write zeros into the gaps between documents."""
        for i in range(self.gap):
            asm.clear(array, i)
            for _, first, length in spans(asm, self.firsts, self.lengths):
                asm.clear(array, first + length + i)


def spans(asm: Assembler, firsts: Array, lengths: Array) -> Iterator[tuple[Value, Value, Value]]:
    """Have the body of a loop run with each document, its first row, and its number of rows."""
    for document in asm.loop(firsts.shape[0]):
        yield document, asm.get(firsts, document), asm.get(lengths, document)


def words_of(asm: Assembler, document: Value) -> tuple[View, View]:
    """Return the words of a document, and the numbers beside them."""
    start = asm.given["starts"][document].load_index()
    return asm.given["words"].moved(start), asm.given["values"].moved(start)


def length_of(asm: Assembler, document: Value) -> Value:
    """Return the number of words of a document."""
    starts = asm.given["starts"][document]
    return starts.moved(1).load_index() - starts.load_index()


class Activations:
    """The vectors that a layer hands on, and the gradient of the loss with respect to them.

    Attributes:
        is_sequence: whether there is a vector for each step, and not one for each document.
        is_trained: whether a layer so far is trained, so that the gradient is needed.
        value: ``(rows, features + 1)``; the last column is 1, so a bias is a row of weights.
        gradient: ``(rows, features)``.
        weight_rows: the rows of weights that the vectors are multiplied by.
        firsts, lengths: of each document of a sequence, its first row, and its number of rows.
        total: the rows of a sequence in use.
        places: the row of each step in time, in both directions.
    """

    def __init__(self, memory: Memory, group: Group, features: int, *, is_sequence: bool):
        rows = group.capacity if is_sequence else group.rows
        self.group, self.features, self.weight_rows = group, features, features + 1
        self.is_sequence, self.is_trained = is_sequence, True
        self.value, self.gradient = memory.place(rows, features + 1), memory.place(rows, features)
        self.total, self.places = group.total, group.places
        self.firsts, self.lengths = group.firsts, group.lengths

    def count(self, asm: Assembler) -> Index:
        """Return the number of rows in use."""
        return asm.get(self.total) if self.is_sequence else self.group.rows

    def vectors(self, asm: Assembler) -> Iterator[tuple[Value, Value, int]]:
        """Have the body of a loop run with each row, and the starts and sizes of its vectors."""
        for row in asm.loop(self.count(asm)):
            for column, size in asm.tiles(self.features, asm.lanes):
                yield row, column, size

    def spans(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with each document, its first row, and its number of rows."""
        if self.is_sequence:
            yield from spans(asm, self.firsts, self.lengths)
        else:
            for document in asm.loop(self.group.rows):
                yield document, document, asm.number(1)

    def steps(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with each document, each of its steps, and the row of it."""
        for document, first, length in self.spans(asm):
            for t in asm.loop(length):
                yield document, t, first + t

    def set_ones(self, asm: Assembler) -> None:
        """Write the column of ones, where something else was written past the features."""
        for row in asm.loop(self.count(asm)):
            asm.at(self.value, row, self.features).store(asm.single(1.0))

    def project(self, asm: Assembler, out: Array, weights: Array, first: Index = 0) -> None:
        """Write ``x[first:] @ weights``, where the weights are ``(weight_rows, n)``."""
        result, x = (asm.at(own).rows(first, self.count(asm) - first) for own in (out, self.value))
        product(asm, result, x.columns(0, self.features + 1), asm.at(weights))

    def add_gradient(self, asm: Assembler, d_out: Array, gradient: Array) -> None:
        """Add ``x.T @ d_out`` to the gradient of the weights."""
        given, x = (asm.at(own).rows(0, self.count(asm)) for own in (d_out, self.value))
        product(asm, asm.at(gradient), x.columns(0, self.features + 1).T, given, adds=True)
