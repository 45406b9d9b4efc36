"""Embedding: the vectors of words, with spatial dropout and the dropout of words."""

import numpy as np

from rnnbench.training.engines.packed.adam import Table
from rnnbench.training.engines.packed.assembler import F32, Assembler, Value, where
from rnnbench.training.engines.packed.memory import Array, Memory
from rnnbench.training.engines.packed.plan import DOCUMENTS, Group, Signal, Stage
from rnnbench.training.engines.packed.products import product
from rnnbench.training.engines.packed.dropout import make_masks
from rnnbench.training.engines.packed.random import quarter


class WordSignal(Signal):
    """Vectors of which each is that of a word, handed on once for each document that has the word.

    If spatial dropout drops features of a document, its vectors have only the others, of which
    ``kept`` has the numbers, then that of the ones.
    """

    places: Array = None  # its own, set by the stage
    firsts: Array = None
    counts: Array = None
    total: Array = None
    kept: Array = None
    n_kept: Array = None

    def count(self, asm):
        return asm.at(self.total, 0).load_index()

    @property
    def weight_rows(self):
        return self.features + (2 if self.kept else 1)

    def _documents(self, asm):
        for row in asm.loop(self.group.rows):
            first, count, n_kept = (
                asm.at(array, row).load_index() for array in (self.firsts, self.counts, self.n_kept)
            )
            yield first, count, n_kept + 1, asm.at(self.kept, row)

    def project(self, asm, out, weights):
        if not self.kept:
            super().project(asm, out, weights)
            return
        for first, count, n, kept in self._documents(asm):
            x = asm.at(self.value).rows(first, count).columns(0, n)
            product(asm, asm.at(out).rows(first, count), x, asm.at(weights), inner=kept)

    def back(self, asm, d_out, gradient, transposed):
        if not self.kept:
            super().back(asm, d_out, gradient, transposed)
            return
        for first, count, n, kept in self._documents(asm):
            x = asm.at(self.value).rows(first, count).columns(0, n)
            given = asm.at(d_out).rows(first, count)
            product(asm, asm.at(gradient), x.T, given, adds=True, outer=kept)
        count = self.count(asm)
        given = asm.at(d_out).rows(0, count)
        product(asm, asm.at(self.gradient).rows(0, count), given, asm.at(transposed))


TILE = 30
"""At least as many as the rows of a tile."""


class EmbeddingStage(Stage):
    """An embedding, and the spatial dropout above it if there is any.

    If a recurrent layer follows (``is_shared``), a word that occurs again in a document has one row:
    its projection is computed once.
    """

    def __init__(
        self, memory: Memory, number: int, group: Group, dim: int, rate: float, *, is_shared: bool
    ):
        self.number, self.group, self.dim, self.rate = number, group, dim, rate
        self.is_shared = is_shared
        self.table = Table(memory, group, number, dim)
        signal = Signal.new(memory, group, dim, is_sequence=True, is_trained=True)
        self.row_words = memory.place(group.capacity)  # the word of each row
        if is_shared:
            own = WordSignal(group, dim, True, signal.value, signal.gradient)
            fields = {
                "places": memory.place(2, group.steps, group.rows),
                "firsts": memory.place(group.rows),
                "counts": memory.place(group.rows),
                "total": memory.place(1),
            }
            for name, array in fields.items():
                object.__setattr__(own, name, array)
            if rate:
                object.__setattr__(own, "kept", memory.place(group.rows, dim + TILE + 1))
                object.__setattr__(own, "n_kept", memory.place(group.rows))
                object.__setattr__(own, "value", memory.place(group.capacity, dim + TILE + 1))
            signal = own
            self.seen, self.rows = memory.place(group.n_ids), memory.place(group.n_ids)
            self.step_rows = memory.place(group.capacity)  # of each step of the documents, its row
        self.above = signal
        self.mask = memory.place(group.rows, 4 * quarter(dim)) if rate else None
        self.key = memory.place(2)

    def load(self, arena, weights):
        self.table.trained.value.of(arena)[:] = weights[0]
        return 1

    def save(self, arena, of):
        return [of(self.table.trained).of(arena).copy()]

    def start(self, arena, seed_of):
        super().start(arena, seed_of)
        self.key.of(arena).view(np.uint32)[:] = seed_of(self.number, "dropout"), 0
        if self.is_shared:
            self.step_rows.of(arena).view(np.int32)[self.group.dummy] = self.group.dummy

    def make(self, asm: Assembler) -> None:
        group, n, table = self.group, self.number, self.table
        table.make(asm)
        if self.is_shared:
            self._make_find(asm)
        with asm.function(f"forward_{n}", DOCUMENTS):
            if self.is_shared:
                asm.call(f"find_{n}")
            if self.rate:
                make_masks(asm, group, self.key, self.rate, self.mask, self.dim)
            for row in asm.loop(group.rows):
                words, _ = group.words(asm, group.document(asm, row))
                base, count = self._rows(asm, row)
                if self.is_shared and self.rate:
                    self._list_kept(asm, row)
                    self._compress(asm, row, base, count)
                    continue
                for i in asm.loop(count):
                    if self.is_shared:
                        word = asm.at(self.row_words, base + i).load_index()
                    else:
                        word = words.moved(i).load_index()
                        asm.at(self.row_words, base + i).store_index(word)
                    for column, size in asm.tiles(self.dim, asm.lanes):
                        x = asm.at(table.trained.value, word, column).load()
                        if self.rate:
                            x *= asm.at(self.mask, row, column).load()
                        asm.at(self.above.value, base + i, column).store(x, size)
        with asm.function(f"backward_{n}", ["arena"]):
            for row in asm.loop(group.rows):
                base, count = self._rows(asm, row)
                for i in asm.loop(count):
                    slot = table.slot(asm, asm.at(self.row_words, base + i).load_index())
                    for column, size in asm.tiles(self.dim, asm.lanes):
                        d_x = asm.at(self.above.gradient, base + i, column).load()
                        if self.rate:
                            d_x *= asm.at(self.mask, row, column).load()
                        out = asm.at(table.trained.gradient, slot, column)
                        out.store(out.load() + d_x, size)

    def _list_kept(self, asm, row):
        above, count = self.above, [asm.number(0)]
        for feature in asm.loop(self.dim, count):
            asm.at(above.kept, row, count[0]).store_index(feature)
            count[0] += (asm.at(self.mask, row, feature).load(F32) > 0).to_index()
        asm.at(above.n_kept, row).store_index(count[0])
        for i in range(TILE):
            asm.at(above.kept, row, count[0] + i).store_index(self.dim + min(i, 1))

    def _compress(self, asm, row, base, count):
        above = self.above
        n = asm.at(above.n_kept, row).load_index()
        for i in asm.loop(count):
            word = asm.at(self.row_words, base + i).load_index()
            for j in asm.loop(n):
                feature = asm.at(above.kept, row, j).load_index()
                x = asm.at(self.table.trained.value, word, feature).load(F32)
                x *= asm.at(self.mask, row, feature).load(F32)
                asm.at(above.value, base + i, j).store(x)
            asm.at(above.value, base + i, n).store(asm.one)
            for j in range(1, TILE):
                asm.at(above.value, base + i, n + j).store(asm.one - asm.one)

    def _rows(self, asm: Assembler, row: Value) -> tuple[Value, Value]:
        """Return the first row of a document, and their number."""
        if self.is_shared:
            return (asm.at(array, row).load_index() for array in (self.above.firsts, self.above.counts))
        return self.group.first(asm, row), self.group.length(asm, row)

    def _make_find(self, asm: Assembler) -> None:
        """Make the function that finds the rows of the words of some documents."""
        group, above = self.group, self.above
        with asm.function(f"find_{self.number}", DOCUMENTS):
            found = [asm.number(0)]
            for row in asm.loop(group.rows, found):
                # A number that no other document of this or an earlier step had.
                stamp = group.stamp(asm, row)
                words, _ = group.words(asm, group.document(asm, row))
                place, begin = group.first(asm, row), found[0]
                asm.at(above.firsts, row).store_index(begin)
                for t in asm.loop(group.length(asm, row), found):
                    word = words.moved(t).load_index()
                    seen, own_row = asm.at(self.seen, word), asm.at(self.rows, word)
                    is_new = seen.load_index().differs(stamp)
                    with asm.when(is_new):
                        seen.store_index(stamp)
                        own_row.store_index(found[0])
                        asm.at(self.row_words, found[0]).store_index(word)
                    found[0] += is_new.to_index()
                    asm.at(self.step_rows, place + t).store_index(own_row.load_index())
                asm.at(above.counts, row).store_index(found[0] - begin)
            asm.at(above.total, 0).store_index(found[0])
            group.find_places(asm, above.places, group.firsts, self.step_rows)
