"""Embedding: the vectors of words, with the dropout of words, and spatial dropout above it.

Two ideas save work if a recurrent layer follows, which are exact up to the order of sums. A word
that occurs again in a document has the same vector, so it has one row, which is projected once; and
spatial dropout sets some features of a document to 0, so its rows have only the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.feedforward import Embedding, SpatialDropout
from rnnbench.models.layers.recurrent import Bidirectional, Recurrent
from rnnbench.training.engines.native.adam import Table
from rnnbench.training.engines.native.assembler import F32, Assembler, Index, Value, View
from rnnbench.training.engines.native.group import SLACK, Activations
from rnnbench.training.engines.native.memory import SHARED, Array, Floats, Part
from rnnbench.training.engines.native.products import product
from rnnbench.training.engines.native.random import make_mask, quarter, random_uniform
from rnnbench.training.engines.native.stage import Site, Stage
from rnnbench.training.outcome import Weights

TILE = 32
"""At least as many as the rows of a tile."""


@dataclass(frozen=True)
class WordVectors(Activations):
    """Vectors of words, one for each word of a document, however often it occurs there.

    Attributes:
        rows: the number of them.
        of_step: the row of each step in time, in both directions.
        firsts, counts: of each document, its first row and their number.
        drops: whether the rows of a document lack some features.
        kept, n_kept: of each document the features that its rows have, then that of the ones, and
            how many there are.
    """

    rows: Array
    of_step: Array
    firsts: Array
    counts: Array
    drops: bool
    kept: Array
    n_kept: Array

    @property
    def places(self) -> Array:
        return self.of_step

    @property
    def weight_rows(self) -> int:
        return self.features + 1 + self.drops  # the last is read past the end of ``kept``

    def count(self, asm: Assembler) -> Index:
        return asm.get(self.rows)

    def project(self, asm: Assembler, out: Array, weights: Array) -> None:
        if not self.drops:
            first = asm.get(self.firsts, 0)  # rows before it, if any, have their products already
            count = asm.get(self.rows) - first
            result, x = (asm.at(own).rows(first, count) for own in (out, self.value))
            inputs = x.columns(0, self.features + 1)
            product(asm, result.columns(0, weights.shape[1]), inputs, asm.at(weights))
            return
        for x, first, kept in self._documents(asm):
            product(asm, asm.at(out).rows(first, x.shape[0]), x, asm.at(weights), inner=kept)

    def back(self, asm: Assembler, d_out: Array, gradient: Array, transposed: Array) -> None:
        if not self.drops:
            super().back(asm, d_out, gradient, transposed)
            return
        for x, first, kept in self._documents(asm):
            given = asm.at(d_out).rows(first, x.shape[0])
            product(asm, asm.at(gradient), x.T, given, adds=True, outer=kept)
        given, out = (asm.at(a).rows(0, self.count(asm)) for a in (d_out, self.gradient))
        product(asm, out, given, asm.at(transposed))

    def _documents(self, asm: Assembler) -> Iterator[tuple[View, Value, View]]:
        """Have the body of a loop run with the rows of each document, and their features."""
        for row in asm.loop(self.group.rows):
            first, count = asm.get(self.firsts, row), asm.get(self.counts, row)
            x = asm.at(self.value).rows(first, count).columns(0, asm.get(self.n_kept, row) + 1)
            yield x, first, asm.at(self.kept, row)


class EmbeddingStage(Stage):
    """``x = E[word] mask``: the mask of spatial dropout above it, times that of the word."""

    table: Table
    key: Array

    def __init__(self, site: Site):
        super().__init__(site)
        (self.layer, *others), group, memory = site.layers, self.group, site.memory
        self.n, ids = self.layer.dim, group.sizes.n_ids
        self.rate = sum(other.rate for other in others if isinstance(other, SpatialDropout))
        self.table = Table(memory, group, self.number, self.n)
        self.parts = (Part((ids, self.n), ((self.table.trained, np.s_[:]),)),)
        self.above = site.activations(self.n, is_sequence=True)
        self.row_words = memory.place(group.capacity)  # the word of each row
        self.key = memory.place(2, block=SHARED)
        self.mask = memory.place(group.rows, 4 * quarter(self.n))
        self.word_mask = memory.place(4 * quarter(ids), block=SHARED)
        # The gradients of the rows of all groups of a batch, their words, and their number.
        place, rows = partial(memory.place, block=SHARED), group.per_batch * group.capacity
        self.d_rows, self.d_words = place(rows, self.n), place(rows)
        self.d_count = place(group.per_batch)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        if type(layers[0]) is not Embedding or not layers[0].trainable:
            return 0
        return 1 + (len(layers) > 1 and type(layers[1]) is SpatialDropout)

    def initial_weights(self, seed_of: SeedOf) -> Weights:
        return [random_uniform(self.parts[0].shape, seed_of("embeddings"))]

    def helpers(self, asm: Assembler) -> None:
        self.table.make(asm)

    def prepare(self, asm: Assembler) -> None:
        """Choose the words to drop in a batch."""
        place = asm.get(self.group.clock), 0, 1
        self._make_mask(asm, place, self.layer.dropout, self.word_mask, self.group.sizes.n_ids)

    def _make_mask(
        self, asm: Assembler, place: Sequence[Index], rate: float, mask: Array, features: int,
        *row: Index,
    ) -> None:  # fmt: skip
        """Write a mask, which is 1 in all places unless this is training."""
        is_training = asm.get(self.group.is_training)
        with asm.when(is_training.equals(1)) if rate else nullcontext():
            if rate:
                make_mask(asm, asm.at(self.key), place, rate, asm.at(mask, *row), features)
        with asm.when(is_training.equals(0)) if rate else nullcontext():
            for column, _ in asm.tiles(features, asm.lanes):
                asm.at(mask, *row, column).store(asm.vector_of(1.0))

    def forward(self, asm: Assembler) -> None:
        group = self.group
        for row in asm.loop(group.rows):
            words, _ = group.words(asm, row)
            first = asm.get(group.firsts, row)
            self._mask_document(asm, row)
            for t in asm.loop(asm.get(group.lengths, row)):
                word = words[t].load_index()
                asm.set(self.row_words, first + t, word)
                scale = asm.spread(asm.at(self.word_mask, word).load(F32))
                for column, size in asm.tiles(self.n, asm.lanes):
                    x = asm.at(self.table.trained.value, word, column).load()
                    x *= asm.at(self.mask, row, column).load() * scale
                    asm.at(self.above.value, first + t, column).store(x, size)

    def _mask_document(self, asm: Assembler, row: Value) -> None:
        place = asm.get(self.group.clock), asm.get(self.group.documents, row), 0
        self._make_mask(asm, place, self.rate, self.mask, self.n, row)

    def backward(self, asm: Assembler) -> None:
        number = asm.get(self.group.number)
        start = number * self.group.capacity
        end = [start]
        for row in asm.loop(self.group.rows, end):
            first, count = self.rows(asm, row)
            for i in asm.loop(count):
                word = asm.get(self.row_words, first + i)
                scale = asm.spread(asm.at(self.word_mask, word).load(F32))
                asm.set(self.d_words, end[0] + i, word)
                for column, _ in asm.tiles(self.n, asm.lanes):
                    d_x = asm.at(self.above.gradient, first + i, column).load()
                    d_x *= asm.at(self.mask, row, column).load() * scale
                    asm.at(self.d_rows, end[0] + i, column).store(d_x)
            end[0] += count
        asm.set(self.d_count, number, end[0] - start)

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:  # noqa: ARG002
        group = self.group
        for number in asm.loop((size + (group.rows - 1)) // group.rows):
            for i in asm.loop(asm.get(self.d_count, number)):
                row = number * group.capacity + i
                slot = asm.get(self.table.slots, asm.get(self.d_words, row))
                for column, _ in self.table.own_columns(asm, asm.lanes):
                    self.table.add(asm, slot, column, asm.at(self.d_rows, row, column).load())

    def rows(self, asm: Assembler, row: Value) -> tuple[Value, Value]:
        """Return the first row of a document, and their number."""
        return asm.get(self.group.firsts, row), asm.get(self.group.lengths, row)


class SharedEmbeddingStage(EmbeddingStage):
    """The same below a recurrent layer: a word that occurs again in a document has the same row.

    Attributes:
        stays: whether a word keeps its row for all documents, as it may if nothing is trained; then
            a document's own rows are those of the words that no document before it had.
    """

    above: WordVectors

    def __init__(self, site: Site):
        super().__init__(site)
        place, group, width = site.memory.place, self.group, self.n + TILE + 1
        ids = group.sizes.n_ids
        self.stays = group.sizes.only_scores
        rows = max(group.capacity, ids + SLACK) if self.stays else group.capacity
        self.above = WordVectors(
            group, self.n, True, place(rows, width), self.above.gradient, True,
            rows=place(1), of_step=place(*group.places.shape),
            firsts=place(group.rows), counts=place(group.rows),
            drops=self.rate > 0 and not self.stays,
            kept=place(group.rows, width), n_kept=place(group.rows),
        )  # fmt: skip
        self.row_words = place(rows)
        self.seen, self.row_of = place(ids), place(ids)  # of each word: when, and its row
        self.step_rows = place(group.capacity)  # the row of each step of the documents

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        count = super().takes(layers)
        has_reader = 0 < count < len(layers)
        return count if has_reader and isinstance(layers[count], Recurrent | Bidirectional) else 0

    def begin(self, arena: Floats, seed_of: SeedOf) -> None:
        super().begin(arena, seed_of)
        self.above.value.of(arena)[..., self.n :] = 0
        self.above.value.of(arena)[..., self.n] = 1
        self.step_rows.of(arena).view(np.int32)[self.group.dummy] = self.group.dummy

    def rows(self, asm: Assembler, row: Value) -> tuple[Value, Value]:
        return asm.get(self.above.firsts, row), asm.get(self.above.counts, row)

    def forward(self, asm: Assembler) -> None:
        self._find_rows(asm)
        for row in asm.loop(self.group.rows):
            first, count = self.rows(asm, row)
            self._mask_document(asm, row)
            if self.above.drops:
                self._list_kept(asm, row)
            for i in asm.loop(count):
                self._write(asm, row, asm.get(self.row_words, first + i), first + i)

    def _find_rows(self, asm: Assembler) -> None:
        """Give each word of a document a row, where it occurs first."""
        group, above, stays = self.group, self.above, self.stays
        found = [asm.get(above.rows) if stays else asm.number(0)]
        for row in asm.loop(group.rows, found):
            words, _ = group.words(asm, row)
            # A number that no other document of this or an earlier group had.
            stamp = asm.number(1) if stays else asm.get(group.count) * group.rows + row
            first, begin = asm.get(group.firsts, row), found[0]
            for t in asm.loop(asm.get(group.lengths, row), found):
                word = words[t].load_index()
                is_new = asm.get(self.seen, word).differs(stamp)
                with asm.when(is_new):
                    asm.set(self.seen, word, stamp)
                    asm.set(self.row_of, word, found[0])
                    asm.set(self.row_words, found[0], word)
                found[0] += is_new.to_index()
                asm.set(self.step_rows, first + t, asm.get(self.row_of, word))
            asm.set(above.firsts, row, begin)
            asm.set(above.counts, row, found[0] - begin)
        asm.set(above.rows, found[0])
        group.find_places(asm, above.of_step, self.step_rows)

    def _list_kept(self, asm: Assembler, row: Value) -> None:
        """List the features that the mask of a document leaves."""
        kept = self.above.kept
        count = [asm.number(0)]
        for feature in asm.loop(self.n, count):
            asm.set(kept, row, count[0], feature)
            count[0] += (asm.at(self.mask, row, feature).load(F32) > 0).to_index()
        asm.set(self.above.n_kept, row, count[0])
        for i in range(TILE):  # the ones, and rows that a tile may read past them
            asm.set(kept, row, count[0] + i, self.n + min(i, 1))

    def _write(self, asm: Assembler, row: Value, word: Value, out: Value) -> None:
        """Write the features of a word's vector that its document keeps, then 1 and zeros."""
        vectors, value = self.table.trained.value, self.above.value
        scale = asm.at(self.word_mask, word).load(F32)
        if not self.above.drops:
            for column, size in asm.tiles(self.n, asm.lanes):
                x = asm.at(vectors, word, column).load() * asm.spread(scale)
                asm.at(value, out, column).store(x, size)
            return
        count = asm.get(self.above.n_kept, row)
        for i in asm.loop(count):
            feature = asm.get(self.above.kept, row, i)
            x = asm.at(vectors, word, feature).load(F32)
            asm.at(value, out, i).store(x * asm.at(self.mask, row, feature).load(F32) * scale)
        asm.at(value, out, count).store(asm.one)
        for past in range(1, TILE):
            asm.at(value, out, count + past).store(asm.zero)
