"""The documents that go through a network together, and what its layers hand on to each other.

Between two layers, the vectors of all steps of a group's documents lie one below the other,
without padding. A recurrent layer finds its steps by the table ``Group.places``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rnnbench.training.engines.native.assembler import Assembler, Index, Value, View
from rnnbench.training.engines.native.memory import BLOCKS, Array, Memory

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
        clip: the largest norm of a step's gradients, if they are clipped.
    """

    timesteps: int
    topics: int
    n_ids: int
    batch: int
    rows: int
    lanes: int
    averages: bool = False
    only_scores: bool = False
    clip: float | None = None


class Group:
    """Up to ``rows`` documents, the longest first: where their steps are.

    Attributes:
        gap: rows of zeros before, between and after documents, for convolutions.
        dummy: the row of a step after the end of a document. It is read and written like others,
            but nothing depends on it; its gradient stays 0.
        number: its place among the groups of a batch, of which there are ``per_batch``.
        half: of the batch that it is in, 0 or 1.
        clock: the optimizer steps so far.
        is_training: 1 if units are dropped, otherwise 0.
        documents, lengths, firsts: the number, the steps and the first row of each document.
        total: the rows in use, with the gaps.
        places: the row of each step in time, ``(2, timesteps, rows)``, in both directions.
        squares, factor: vectors, if gradients are clipped: sums of the squares of those that this
            half counts, and what all are multiplied by.
    """

    def __init__(self, memory: Memory, sizes: Sizes, gap: int):
        self.memory, self.sizes, self.rows, self.gap = memory, sizes, sizes.rows, gap
        self.dummy = self.rows * (sizes.timesteps + gap) + gap + SLACK
        self.capacity = self.dummy + 1
        self.per_batch = -(-sizes.batch // self.rows)
        self.number, self.total = memory.place(1), memory.place(1)
        self.half, self.clock, self.is_training = (memory.place(1) for _ in range(3))
        self.documents, self.lengths, self.firsts = (memory.place(self.rows) for _ in range(3))
        self.places = memory.place(2, sizes.timesteps, self.rows)
        self.squares, self.factor = (memory.place(sizes.lanes) for _ in range(2))

    def gather(self, asm: Assembler, first: Value, left: Value, number: Value) -> None:
        """Find the places of the next documents, of which ``left`` are in the batch."""
        asm.set(self.number, number)
        total = [asm.number(self.gap)]
        for row in asm.loop(self.rows, total):
            document = asm.given["order"][first + row].load_index()
            length = (row < left).select(words_of(asm, document)[2], 0)
            asm.set(self.documents, row, document)
            asm.set(self.lengths, row, length)
            asm.set(self.firsts, row, total[0])
            total[0] += length + self.gap
        asm.set(self.total, total[0])
        self.find_places(asm, self.places)

    def longest(self, asm: Assembler) -> Value:
        return asm.get(self.lengths)

    def find_places(self, asm: Assembler, places: Array, rows: Array | None = None) -> None:
        """Write the row of each step, or the number that ``rows`` has for it."""
        for document, first, length in spans(asm, self.firsts, self.lengths):
            for t in asm.loop(self.longest(asm)):
                for direction, at in enumerate((first + t, first + length - 1 - t)):
                    row = (t < length).select(at, self.dummy)
                    asm.set(places, direction, t, document, asm.get(rows, row) if rows else row)

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


def words_of(asm: Assembler, document: Value) -> tuple[View, View, Value]:
    """Return the words of a document, the numbers beside them, and how many there are."""
    starts = asm.given["starts"][document]
    start, end = starts.load_index(), starts.moved(1).load_index()
    return asm.given["words"].moved(start), asm.given["values"].moved(start), end - start


class Activations:
    """The vectors that a layer hands on, and the gradient of the loss with respect to them.

    Attributes:
        is_sequence: whether there is a vector for each step, and not one for each document.
        is_trained: whether a layer so far is trained, so that the gradient is needed.
        value: ``(rows, features + 1)``; the last column is 1, so a bias is a row of weights.
        gradient: ``(rows, features)``.
        weight_rows: the rows of weights that the vectors are multiplied by.
        firsts, lengths, total, places: of a sequence, see ``Group``.
    """

    def __init__(self, group: Group, features: int, *, is_sequence: bool):
        # One row more, because a vector that begins inside the last one may end after it.
        rows, place = group.capacity if is_sequence else group.rows + 1, group.memory.place
        self.group, self.features, self.weight_rows = group, features, features + 1
        self.is_sequence, self.is_trained = is_sequence, True
        self.value, self.gradient = place(rows, features + 1, ones=1), place(rows, features)
        self.firsts, self.lengths = group.firsts, group.lengths
        self.total, self.places = group.total, group.places

    def count(self, asm: Assembler) -> Index:
        return asm.get(self.total) if self.is_sequence else self.group.rows

    def vectors(self, asm: Assembler) -> Iterator[tuple[Value, Value, int]]:
        """Have the body of a loop run with each row, and the starts and sizes of its vectors."""
        for row in asm.loop(self.count(asm)):
            for column, size in asm.tiles(self.features, asm.lanes):
                yield row, column, size

    def steps(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with each document, each of its steps, and the row of it."""
        if not self.is_sequence:
            for row in asm.loop(self.group.rows):
                yield row, asm.number(0), row
            return
        for document, first, length in spans(asm, self.firsts, self.lengths):
            for t in asm.loop(length):
                yield document, t, first + t

    def set_ones(self, asm: Assembler) -> None:
        """Write the column of ones, where something else was written past the features."""
        for row in asm.loop(self.count(asm)):
            asm.at(self.value, row, self.features).store(asm.single(1.0))

    def project(self, asm: Assembler, out: View, weights: View) -> None:
        """Write ``x W + b`` of all vectors, where ``b`` is the last row of the weights."""
        for x, first, kept in self.factors(asm):
            out.rows(first, x.shape[0]).write_product(x, weights, inner=kept)

    def project_back(
        self, asm: Assembler, d_out: View, gradient: View, transposed: View, *, adds: bool = False
    ) -> None:
        """Add up the gradient of such weights; write that of the vectors, or add to it."""
        for x, first, kept in self.factors(asm):
            given = d_out.rows(first, x.shape[0])
            gradient.write_product(x.T, given, adds=True, outer=kept)
        if self.is_trained:
            given = d_out.rows(0, self.count(asm))
            asm.at(self.gradient).write_product(given, transposed, adds=adds)

    def factors(self, asm: Assembler) -> Iterator[tuple[View, Index, View | None]]:
        """Have the body of a loop run with all vectors, and the row of the first.

        Those of a document may lack some features; the last view then lists those that they have.
        """
        x = asm.at(self.value).rows(0, self.count(asm))
        yield x.columns(0, self.features + 1), 0, None
