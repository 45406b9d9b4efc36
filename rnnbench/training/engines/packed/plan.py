"""The documents that go through a network together, and what layers hand on to each other.

A batch is sorted by length and goes through the network in groups. Between two layers, the vectors
of all steps of a group's documents lie one below the other, document by document, without padding:
a layer that works on each vector by itself sees one matrix. A recurrent layer reads and writes its
steps at the places in ``Group.places``.
"""

from dataclasses import dataclass

from rnnbench.training.engines.packed.assembler import Assembler, Index, Value, View, where
from rnnbench.training.engines.packed.memory import Array, Memory
from rnnbench.training.engines.packed.products import product

SLACK = 32
"""Rows after those in use, because the last tile of a product may go past them."""
DOCUMENTS = ["arena", "order", "starts", "words", "values"]
"""What a function is given that reads documents: their order, the start of each, their words, and the
weight of each word."""


class Group:
    """Up to ``rows`` documents: where their steps are.

    Attributes:
        dummy: the row of a step after the end of a document. It is read and written like others, but
            nothing depends on it; its gradient stays 0.
        numbers: of the group: its rows, the steps of its longest document; the optimizer steps so
            far; whether this is training; and the groups so far.
        documents, lengths, firsts: of each document: its number, its steps, the first of its rows.
        places: the row of each step in time, in each direction.
    """

    def __init__(self, memory: Memory, steps: int, batch: int, n_ids: int, gap: int = 0):
        self.rows, self.steps, self.batch, self.n_ids = memory.rows, steps, batch, n_ids
        self.gap = gap
        self.dummy = self.rows * (steps + gap) + gap + SLACK
        self.capacity = self.dummy + 1
        self.numbers = memory.place(5)
        self.documents, self.lengths, self.firsts = (memory.place(self.rows) for _ in range(3))
        self.places = memory.place(2, steps, self.rows)

    def total(self, asm: Assembler) -> Value:
        """Return the number of rows in use."""
        return asm.at(self.numbers, 0).load_index()

    def longest(self, asm: Assembler) -> Value:
        """Return the steps of the longest document."""
        return asm.at(self.numbers, 1).load_index()

    def clock(self, asm: Assembler) -> Value:
        """Return the number of optimizer steps so far."""
        return asm.at(self.numbers, 2).load_index()

    def is_training(self, asm: Assembler) -> Value:
        """Return whether units are dropped: 0 or 1."""
        return asm.at(self.numbers, 3).load_index()

    def document(self, asm: Assembler, row: Index) -> Value:
        """Return the number of a document of the group."""
        return asm.at(self.documents, row).load_index()

    def stamp(self, asm: Assembler, row: Index) -> Value:
        """Return a number that no document had before; a group gets new ones each time."""
        return asm.at(self.numbers, 4).load_index() * self.rows + row + 1

    def length(self, asm: Assembler, row: Index) -> Value:
        return asm.at(self.lengths, row).load_index()

    def first(self, asm: Assembler, row: Index) -> Value:
        return asm.at(self.firsts, row).load_index()

    def words(self, asm: Assembler, document: Value) -> tuple[View, View]:
        """Return the words of a document, and their weights."""
        start = asm.given["starts"][document].load_index()
        return asm.given["words"].moved(start), asm.given["values"].moved(start)

    def count_words(self, asm: Assembler, document: Value) -> Value:
        """Return the length of a document."""
        starts = asm.given["starts"][document]
        return starts.moved(1).load_index() - starts.load_index()

    def make(self, asm: Assembler) -> None:
        """Make the function ``gather``, which finds the places of some documents."""
        with asm.function("gather", DOCUMENTS, 2) as (first, left):
            numbers = [asm.number(self.gap), asm.number(0)]
            for row in asm.loop(self.rows, numbers):
                document = asm.given["order"][first + row].load_index()
                asm.at(self.documents, row).store_index(document)
                length = where(row < left, self.count_words(asm, document), 0)
                asm.at(self.lengths, row).store_index(length)
                asm.at(self.firsts, row).store_index(numbers[0])
                numbers[0] += length + self.gap
                numbers[1] = where(length > numbers[1], length, numbers[1])
            for n, number in enumerate(numbers):
                asm.at(self.numbers, n).store_index(number)
            times = asm.at(self.numbers, 4)
            times.store_index(times.load_index() + 1)
            self.find_places(asm, self.places, self.firsts)

    def clear_gaps(self, asm: Assembler, array: Array) -> None:
        """Write zeros before, between and after the rows of documents."""
        for i in asm.loop(self.gap * (self.rows + 1)) if self.gap else ():
            row, place = i // self.gap, i - i // self.gap * self.gap
            after = self.first(asm, where(row < self.rows, row, self.rows - 1))
            start = where(row < self.rows, after - self.gap, self.total(asm) - self.gap)
            for column in asm.loop(array.strides[0], step=asm.lanes):
                asm.at(array, start + place, column).store(asm.vector_of(0.0))

    def find_places(
        self, asm: Assembler, places: Array, firsts: Array, rows: Array | None = None
    ) -> None:
        """Write the place of each step: its row, or that which ``rows`` has for its row."""
        for row in asm.loop(self.rows):
            length, start = self.length(asm, row), asm.at(firsts, row).load_index()
            for t in asm.loop(self.longest(asm)):
                for direction, place in enumerate((start + t, start + length - 1 - t)):
                    found = where(t < length, place, self.dummy)
                    if rows:
                        found = asm.at(rows, found).load_index()
                    asm.at(places, direction, t, row).store_index(found)


@dataclass(frozen=True)
class Signal:
    """The vectors that a layer hands on, and the gradient of the loss with respect to them."""

    group: Group
    features: int
    is_sequence: bool
    """Whether there is a vector for each step, and not one for each document."""
    value: Array
    """``(rows, features + 1)``; the last column is 1, so a bias is a row of weights."""
    gradient: Array | None
    """``(rows, features)``; none if no layer below is trained."""

    @classmethod
    def new(
        cls, memory: Memory, group: Group, features: int, *, is_sequence: bool, is_trained: bool
    ) -> "Signal":
        rows = group.capacity if is_sequence else group.rows
        value = memory.place(rows, features + 1)
        gradient = memory.place(rows, features) if is_trained else None
        return cls(group, features, is_sequence, value, gradient)

    def count(self, asm: Assembler) -> Index:
        """Return the number of rows in use."""
        return self.group.total(asm) if self.is_sequence else self.group.rows

    def values(self, asm: Assembler) -> View:
        """Return the rows in use, without the column of ones."""
        return asm.at(self.value).rows(0, self.count(asm)).columns(0, self.features)

    def gradients(self, asm: Assembler) -> View:
        assert self.gradient
        return asm.at(self.gradient).rows(0, self.count(asm))

    @property
    def places(self) -> Array:
        """The row of each step in time, in each direction."""
        return self.group.places

    @property
    def weight_rows(self) -> int:
        """The rows of weights that the vectors are multiplied by."""
        return self.features + 1

    def project(self, asm: Assembler, out: Array, weights: Array) -> None:
        """Write the products of all vectors with weights ``(features + 1, n)``."""
        count, n = self.count(asm), weights.shape[1]
        result = asm.at(out).rows(0, count).columns(0, n)
        product(asm, result, asm.at(self.value).rows(0, count), asm.at(weights))

    def back(self, asm: Assembler, d_out: Array, gradient: Array, transposed: Array | None) -> None:
        """Add to the gradient of the weights, and write that of the vectors."""
        count = self.count(asm)
        given = asm.at(d_out).rows(0, count)
        product(asm, asm.at(gradient), asm.at(self.value).rows(0, count).T, given, adds=True)
        if self.gradient:
            assert transposed
            product(asm, asm.at(self.gradient).rows(0, count), given, asm.at(transposed))


class Stage:
    """A layer in machine code, or several that are computed together.

    Attributes:
        above: what it hands on.
        trained: its weights that every batch reads.
        table: those of which a batch reads few rows.
    """

    number: int
    above: Signal
    trained: tuple = ()
    table = None

    def load(self, arena, weights) -> int:
        """Put Keras's weights into the arena; return how many were taken."""
        return 0

    def save(self, arena, of) -> list:
        return []

    def start(self, arena, seeds) -> None:
        self.above.value.of(arena)[..., -1] = 1

    def prepare(self, asm: Assembler) -> None:
        """Add the code for the begin of an optimizer step."""

    def make(self, asm: Assembler) -> None:
        """Make the functions ``forward_N`` and ``backward_N``."""
        raise NotImplementedError
