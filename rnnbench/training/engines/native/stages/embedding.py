"""Embedding: the vectors of words, with the dropout of words, and spatial dropout above it.

If a recurrent layer follows, two ideas save work, and change only the order of sums. A word
that occurs again in a document has the same vector, so it has one row, which is projected once; and
spatial dropout sets some features of a document to 0, so its rows have only the others.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.feedforward import Embedding, SpatialDropout
from rnnbench.models.layers.recurrent import Bidirectional, Recurrent
from rnnbench.training.engines.native.adam import WordTable
from rnnbench.training.engines.native.assembler import F32, Assembler, Index, Value, View
from rnnbench.training.engines.native.group import SLACK, Activations, Group, spans
from rnnbench.training.engines.native.memory import SHARED, Array, Floats, Memory
from rnnbench.training.engines.native.products import product
from rnnbench.training.engines.native.random import quarter, random_uniform
from rnnbench.training.engines.native.stage import Stage


class WordVectors(Activations):
    """Vectors of words, one for each word of a document, however often it occurs there.

    Attributes:
        drops: whether the rows of a document lack some features.
        kept, n_kept: of each document the features that its rows have, then that of the ones, and
            how many there are.
    """

    def __init__(self, memory: Memory, group: Group, features: int, *, rows: int, drops: bool):
        super().__init__(memory, group, features, is_sequence=True)
        place, documents = memory.place, group.rows
        self.value = place(rows, features + 1, slack=SLACK)
        self.total, self.places = place(1), place(*group.places.shape)
        self.firsts, self.lengths = place(documents), place(documents)
        self.kept, self.n_kept = place(documents, features + 1, slack=SLACK), place(documents)
        self.drops = drops
        self.weight_rows += drops  # the last is read past the end of ``kept``

    def project(self, asm: Assembler, out: Array, weights: Array, first: Index = 0) -> None:
        if not self.drops:  # rows before the first, if any, have their products already
            super().project(asm, out, weights, asm.get(self.firsts, 0) + first)
            return
        for x, row, kept in self._documents(asm):
            product(asm, asm.at(out).rows(row, x.shape[0]), x, asm.at(weights), inner=kept)

    def add_gradient(self, asm: Assembler, d_out: Array, gradient: Array) -> None:
        if not self.drops:
            super().add_gradient(asm, d_out, gradient)
            return
        for x, row, kept in self._documents(asm):
            given = asm.at(d_out).rows(row, x.shape[0])
            product(asm, asm.at(gradient), x.T, given, adds=True, outer=kept)

    def _documents(self, asm: Assembler) -> Iterator[tuple[View, Value, View]]:
        """Have the body of a loop run with the rows of each document, and their features."""
        for document, first, count in self.spans(asm):
            x = asm.at(self.value).rows(first, count)
            x = x.columns(0, asm.get(self.n_kept, document) + 1)
            yield x, first, asm.at(self.kept, document)


class EmbeddingStage(Stage):
    """``x = E[word] mask``: the mask of spatial dropout above it, times that of the word."""

    table: WordTable

    def build(self) -> None:
        n, group, ids = self.layer.dim, self.group, self.group.sizes.n_ids
        self.rate = sum(other.rate for other in self.layers[1:])
        self.table = WordTable(self.memory, group, self.number, n)
        self.add_part(
            (ids, n), (self.table.trained, np.s_[:]), start=random_uniform, role="embeddings"
        )
        self.above = self.vectors()
        self.row_words = self.place(self.above.value.shape[0])  # the word of each row
        self.mask = self.place(group.rows, 4 * quarter(n))
        self.word_mask = self.place(4 * quarter(ids), block=SHARED)
        # The gradients of the rows of all groups of a batch, their words, and their number.
        place, rows = partial(self.place, block=SHARED), group.per_batch * group.capacity
        self.d_rows, self.d_words = place(rows, n), place(rows)
        self.d_count = place(group.per_batch)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        if type(layers[0]) is not Embedding or not layers[0].trainable:
            return 0
        return 1 + (type(layers[1]) is SpatialDropout)

    def vectors(self) -> Activations:
        """Return the vectors to hand on."""
        return self.activations(self.layer.dim, is_sequence=True)

    def prepare(self, asm: Assembler) -> None:
        """Choose the words to drop in a batch."""
        words = self.group.sizes.n_ids
        self.draw(asm, asm.at(self.word_mask), self.layer.dropout, words, 0, 1)

    def forward(self, asm: Assembler) -> None:
        self.find_rows(asm)
        for document, first, count in self.above.spans(asm):
            mask, number = asm.at(self.mask, document), asm.get(self.group.documents, document)
            self.draw(asm, mask, self.rate, self.above.features, number, 0)
            self.write(asm, document, first, count)

    def find_rows(self, asm: Assembler) -> None:
        """Note the word of each row."""
        for document, t, row in self.above.steps(asm):
            words, _ = self.group.words(asm, document)
            asm.set(self.row_words, row, words[t].load_index())

    def write(self, asm: Assembler, document: Value, first: Value, count: Value) -> None:
        """Write the rows of a document."""
        for row, word, scale in self.words(asm, first, count):
            for column, size in asm.tiles(self.above.features, asm.lanes):
                x = asm.at(self.table.trained.value, word, column).load()
                x *= asm.at(self.mask, document, column).load() * asm.spread(scale)
                asm.at(self.above.value, row, column).store(x, size)

    def words(
        self, asm: Assembler, first: Value, count: Value
    ) -> Iterator[tuple[Value, Value, Value]]:
        """Have the body of a loop run with some rows, and the word and its mask of each."""
        for i in asm.loop(count):
            word = asm.get(self.row_words, first + i)
            yield first + i, word, asm.at(self.word_mask, word).load(F32)

    def backward(self, asm: Assembler) -> None:
        number = asm.get(self.group.number)
        asm.set(self.d_count, number, 0)
        for document, first, count in self.above.spans(asm):
            for row, word, scale in self.words(asm, first, count):
                done = asm.get(self.d_count, number)
                out = number * self.group.capacity + done
                asm.set(self.d_words, out, word)
                for column, _ in asm.tiles(self.above.features, asm.lanes):
                    d_x = asm.at(self.above.gradient, row, column).load()
                    d_x *= asm.at(self.mask, document, column).load() * asm.spread(scale)
                    asm.at(self.d_rows, out, column).store(d_x)
                asm.set(self.d_count, number, done + 1)

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:  # noqa: ARG002
        group = self.group
        for number in asm.loop((size + (group.rows - 1)) // group.rows):
            for i in asm.loop(asm.get(self.d_count, number)):
                row = number * group.capacity + i
                slot = asm.get(self.table.slots, asm.get(self.d_words, row))
                for column, _ in self.table.own_columns(asm, asm.lanes):
                    self.table.add(asm, slot, column, asm.at(self.d_rows, row, column).load())


class SharedEmbeddingStage(EmbeddingStage):
    """The same below a recurrent layer: a word that occurs again in a document has the same row.

    Attributes:
        stays: whether a word keeps its row for all documents, as it may if nothing is trained; then
            a document's own rows are those of the words that no document before it had.
    """

    above: WordVectors

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        count = super().takes(layers)
        return count if isinstance(layers[count], Recurrent | Bidirectional) else 0

    def build(self) -> None:
        super().build()
        group, ids = self.group, self.group.sizes.n_ids
        self.seen, self.row_of = self.place(ids), self.place(ids)  # of each word: when, and its row
        self.step_rows = self.place(group.capacity)  # the row of each step of the documents

    def vectors(self) -> WordVectors:
        group, sizes = self.group, self.group.sizes
        self.stays = sizes.only_scores
        rows = max(group.capacity, sizes.n_ids + SLACK) if self.stays else group.capacity
        drops = self.rate > 0 and not self.stays
        return WordVectors(self.memory, group, self.layer.dim, rows=rows, drops=drops)

    def begin(self, arena: Floats, seed_of: SeedOf) -> None:
        super().begin(arena, seed_of)
        self.step_rows.of(arena).view(np.int32)[self.group.dummy] = self.group.dummy

    def find_rows(self, asm: Assembler) -> None:
        """Give each word of a document a row, where it occurs first."""
        group, above = self.group, self.above
        if not self.stays:
            asm.set(above.total, 0)
        for document, first, length in spans(asm, group.firsts, group.lengths):
            words, _ = group.words(asm, document)
            # A number that no other document of this or an earlier group had.
            stamp = asm.number(1) if self.stays else asm.get(group.count) * group.rows + document
            begin = asm.get(above.total)
            asm.set(above.firsts, document, begin)
            for t in asm.loop(length):
                word = words[t].load_index()
                with asm.when(asm.get(self.seen, word).differs(stamp)):
                    row = asm.get(above.total)
                    asm.set(self.seen, word, stamp)
                    asm.set(self.row_of, word, row)
                    asm.set(self.row_words, row, word)
                    asm.set(above.total, row + 1)
                asm.set(self.step_rows, first + t, asm.get(self.row_of, word))
            asm.set(above.lengths, document, asm.get(above.total) - begin)
        group.find_places(asm, above.places, self.step_rows)

    def write(self, asm: Assembler, document: Value, first: Value, count: Value) -> None:
        if not self.above.drops:
            super().write(asm, document, first, count)
            return
        kept, mask = asm.at(self.above.kept, document), asm.at(self.mask, document)
        n_kept = self._list_kept(asm, kept, mask)
        asm.set(self.above.n_kept, document, n_kept)
        for row, word, scale in self.words(asm, first, count):
            out = asm.at(self.above.value, row)
            for i in asm.loop(n_kept):
                feature = kept[i].load_index()
                x = asm.at(self.table.trained.value, word, feature).load(F32)
                out[i].store(x * mask[feature].load(F32) * scale)
            for past in range(SLACK):  # the ones, and zeros
                out[n_kept + past].store(asm.single(float(past == 0)))

    def _list_kept(self, asm: Assembler, kept: View, mask: View) -> Value:
        """List the features that the mask of a document leaves, and return their number."""
        count, n = [asm.number(0)], self.above.features
        for feature in asm.loop(n, count):
            kept[count[0]].store_index(feature)
            count[0] += (mask[feature].load(F32) > 0).to_index()
        for i in range(SLACK):  # the ones, and rows that a tile may read past them
            kept[count[0] + i].store_index(n + min(i, 1))
        return count[0]
