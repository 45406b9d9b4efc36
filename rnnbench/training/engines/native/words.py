"""The first layers: word ids as numbers, vectors or counts, and the dropout of words
and features.

Below a recurrent layer, a word that occurs again in a document has one row, which is
projected once, and rows lack the features that spatial dropout sets to 0. Only the
order of sums changes.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Embedding, SpatialDropout

from .adam import WordTable
from .assembler import F32, Assembler, Index, Value, View
from .feedforward import DenseStage, activate, activate_back
from .memory import SHARED, SLACK, Activations, Group, spans, words_of
from .random import glorot_uniform, quarter, random_uniform
from .recurrent import RecurrentStage
from .stage import Planned, Stage, built_in, stack

Words = Iterator[tuple[Value, Value, Value]]  # rows, and the word and its mask of each


class NumbersStage(Stage):
    """``x`` is the number beside each word, the only feature of its step."""

    def build(self) -> None:
        self.above = Activations(self.group, 1, is_sequence=True)
        self.above.is_trained = False

    def forward(self, asm: Assembler) -> None:
        for document, t, row in self.above.steps():
            _, values, _ = words_of(asm, self.group.documents.get(document))
            self.above.value[row, 0].store(values[t].load(F32))


@built_in
class EmbeddingStage(Stage):
    """``x = E[word] mask``: the mask of spatial dropout above it, times that of the
    word.
    """

    table: WordTable

    def build(self) -> None:
        n, group, ids = self.layer.dim, self.group, self.group.sizes.n_ids
        self.rate = sum(other.rate for other in self.layers[1:])
        self.table = WordTable(group, self.number, n)
        self.add_part(
            (ids, n), self.table.trained, np.s_[:], random_uniform, role="embeddings"
        )
        self.above = self.vectors()
        self.row_words = self.place(self.above.value.shape[0])  # the word of each row
        self.mask = self.place(group.rows, 4 * quarter(n))
        self.word_mask = self.place(4 * quarter(ids), block=SHARED)
        # The gradients of the rows of all groups of a batch, their words, and their
        # number.
        place = partial(self.place, group.per_batch, block=SHARED)
        self.d_rows, self.d_words = place(group.capacity, n), place(group.capacity)
        self.d_count = place()

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        if type(layers[0]) is not Embedding or not layers[0].trainable:
            return 0
        return 1 + (type(layers[1]) is SpatialDropout)

    def vectors(self) -> Activations:
        return Activations(self.group, self.layer.dim, is_sequence=True)

    def prepare(self, asm: Assembler) -> None:
        """Choose the words to drop in a batch."""
        self.draw(
            asm, self.word_mask.view, self.layer.dropout, self.group.sizes.n_ids, 0, 1
        )

    def forward(self, asm: Assembler) -> None:
        self.find_rows(asm)
        for document, first, count in spans(self.above.firsts, self.above.lengths):
            mask, number = self.mask[document], self.group.documents.get(document)
            self.draw(asm, mask, self.rate, self.above.features, number, 0)
            self.write(asm, document, self.words(asm, first, count))

    def find_rows(self, asm: Assembler) -> None:
        for document, t, row in self.above.steps():
            words, *_ = words_of(asm, self.group.documents.get(document))
            self.row_words.set(row, words[t].load_index())

    def words(self, asm: Assembler, first: Value, count: Value) -> Words:
        """Have the body of a loop run with some rows, and the word and its mask of
        each.
        """
        for i in asm.loop(count):
            word = self.row_words.get(first + i)
            yield first + i, word, self.word_mask[word].load(F32)

    def write(self, asm: Assembler, document: Value, words: Words) -> None:
        for row, word, scale in words:
            for column, size in asm.tiles(self.above.features, asm.lanes):
                x = self.table.trained.value[word, column].load()
                x *= self.mask[document, column].load() * asm.spread(scale)
                self.above.value[row, column].store(x, size)

    def backward(self, asm: Assembler) -> None:
        number = self.group.number.get()
        self.d_count.set(number, 0)
        for document, first, count in spans(self.above.firsts, self.above.lengths):
            for row, word, scale in self.words(asm, first, count):
                done = self.d_count.get(number)
                self.d_words.set(number, done, word)
                for column, _ in asm.tiles(self.above.features, asm.lanes):
                    d_x = self.above.gradient[row, column].load()
                    d_x *= self.mask[document, column].load() * asm.spread(scale)
                    self.d_rows[number, done, column].store(d_x)
                self.d_count.set(number, done + 1)

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:  # noqa: ARG002
        rows = self.group.rows
        for number in asm.loop((size + (rows - 1)) // rows):
            for i in asm.loop(self.d_count.get(number)):
                slot = self.table.slots.get(self.d_words.get(number, i))
                for column, _ in self.table.own_columns(asm.lanes):
                    d_x = self.d_rows[number, i, column].load()
                    self.table.trained.gradient[slot, column].add(d_x)


@built_in
class SharedEmbeddingStage(EmbeddingStage):
    """The same below a recurrent layer: a word that occurs again in a document has the
    same row.

    In a program that only scores, a word keeps its row for all documents, and a
    document's own rows are those of words that no document before it had.
    """

    above: "WordVectors"

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        count = super().takes(layers)
        return count if RecurrentStage.takes(layers[count:]) else 0

    def vectors(self) -> "WordVectors":
        group, ids = self.group, self.group.sizes.n_ids
        self.stays = group.sizes.only_scores
        self.seen, self.row_of = (
            self.place(ids),
            self.place(ids),
        )  # of each word: when, and its row
        self.step_rows = self.place(
            group.capacity
        )  # the row of each step of the documents
        rows = max(group.capacity, ids + SLACK) if self.stays else group.capacity
        return WordVectors(
            group, self.layer.dim, rows, drops=self.rate > 0 and not self.stays
        )

    def find_rows(self, asm: Assembler) -> None:
        """Give each word of a document a row, where it occurs first."""
        group, above = self.group, self.above
        if not self.stays:
            above.total.set(0)
        # Numbers that no document of an earlier group had.
        stamps = (
            group.clock.get() * group.per_batch + group.number.get()
        ) * group.rows + 1
        for document, first, length in spans(group.firsts, group.lengths):
            words, *_ = words_of(asm, group.documents.get(document))
            stamp = asm.number(1) if self.stays else stamps + document
            begin = above.total.get()
            above.firsts.set(document, begin)
            for t in asm.loop(length):
                word = words[t].load_index()
                with asm.when(self.seen.get(word).differs(stamp)):
                    row = above.total.get()
                    self.seen.set(word, stamp)
                    self.row_of.set(word, row)
                    self.row_words.set(row, word)
                    above.total.set(row + 1)
                self.step_rows.set(first + t, self.row_of.get(word))
            above.lengths.set(document, above.total.get() - begin)
        self.step_rows.set(group.dummy, group.dummy)
        group.find_places(above.places, self.step_rows)

    def write(self, asm: Assembler, document: Value, words: Words) -> None:
        above, mask = self.above, self.mask[document]
        if not above.drops:
            super().write(asm, document, words)
            return
        kept, found = above.kept[document], [asm.number(0)]
        for feature in asm.loop(above.features, found):
            kept[found[0]].store_index(feature)
            found[0] = (mask[feature].load(F32) > 0).select(found[0] + 1, found[0])
        n_kept = found[0]
        above.n_kept.set(document, n_kept)
        for past in range(SLACK):  # the ones, and rows that a tile may read past them
            kept[n_kept + past].store_index(above.features + min(past, 1))
        for row, word, scale in words:
            out = above.value[row]
            for i in asm.loop(n_kept):
                feature = kept[i].load_index()
                x = self.table.trained.value[word, feature].load(F32)
                out[i].store(x * mask[feature].load(F32) * scale)
            for past in range(SLACK):  # the ones, and zeros
                out[n_kept + past].store(asm.vector_of(float(past == 0)), 1)


class WordVectors(Activations):
    """Vectors of words, one for each word of a document, however often it occurs
    there.
    """

    def __init__(self, group: Group, features: int, rows: int, *, drops: bool):
        super().__init__(group, features, is_sequence=True)
        place, documents = group.place, group.rows
        self.value = place(rows, features + 1, slack=SLACK, ones=1)
        self.total, self.places = place(1), place(*group.places.shape)
        self.firsts, self.lengths = place(documents), place(documents)
        # If it drops some features of a document, the others and that of the ones, and
        # how many.
        self.kept, self.n_kept = (
            place(documents, features + 1, slack=SLACK),
            place(documents),
        )
        self.drops = drops
        self.weight_rows += drops  # the last is read past the end of ``kept``

    def factors(self) -> Iterator[tuple[View, Index, View | None]]:
        x = self.value.view
        if not self.drops:  # rows before the first, if any, have their products already
            first = self.firsts.get()
            x = x.rows(first, self.total.get() - first)
            yield x.columns(0, self.features + 1), first, None
            return
        for document, first, count in spans(self.firsts, self.lengths):
            columns = self.n_kept.get(document) + 1
            yield x.rows(first, count).columns(0, columns), first, self.kept[document]


VECTORS = 16  # summed together


@built_in
class BagStage(Stage):
    """``y = f(b + Σ weight W[word])``, over the words of a document, each once."""

    table: WordTable
    kind = "bag_of_words"

    def build(self) -> None:
        self.layer, self.number = self.layers[1], self.number + 1
        self.function = self.layer.activation
        group, sizes = self.group, self.group.sizes
        units = self.units = self.layer.count_units(sizes.topics)
        self.above = Activations(group, units, is_sequence=False)
        self.table = WordTable(group, self.number, units)
        self.bias = self.add_weights(1, units)
        self.add_part(
            (sizes.n_ids, units), self.table.trained, np.s_[:], glorot_uniform
        )
        self.add_part((units,), self.bias, 0)
        # The gradients above, of all documents of a batch.
        self.d_above = self.place(group.per_batch * sizes.rows, units, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        if super().takes(layers) and DenseStage.takes(layers[1:]):
            return 2
        return 0

    def forward(self, asm: Assembler) -> None:
        for row in asm.loop(self.group.rows):
            words, weights, _ = words_of(asm, self.group.documents.get(row))
            for column, width in asm.tiles(self.units, VECTORS * asm.lanes):
                starts = range(0, width, asm.lanes)
                sums = [self.bias.value[0, column].moved(v).load() for v in starts]
                for i in asm.loop(self.group.lengths.get(row), sums):
                    line = self.table.trained.value[words[i].load_index(), column]
                    weight = asm.spread(weights[i].load(F32))
                    for n, start in enumerate(starts):
                        sums[n] += weight * line.moved(start).load()
                self.above.value[row, column].store_row(sums, width)
        activate(self.above, self.function)

    def backward(self, asm: Assembler) -> None:  # noqa: ARG002
        activate_back(self.above, self.function)
        start = self.group.number.get() * self.group.rows
        for row, column, _ in self.above.vectors():
            d_y = self.above.gradient[row, column].load()
            self.d_above[start + row, column].store(d_y)
            self.bias.gradient[0, column].add(d_y)

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:
        for row in asm.loop(size):
            words, weights, length = words_of(
                asm, asm.given["order"][first + row].load_index()
            )
            for column, width in self.table.own_columns(VECTORS * asm.lanes):
                starts = [column + v for v in range(0, width, asm.lanes)]
                d_y = [self.d_above[row, start].load() for start in starts]
                for i in asm.loop(length):
                    slot = self.table.slots.get(words[i].load_index())
                    weight = asm.spread(weights[i].load(F32))
                    for start, d in zip(starts, d_y, strict=True):
                        self.table.trained.gradient[slot, start].add(weight * d)


def stages_of(layers: Sequence[Layer]) -> Iterator[Planned]:
    """Yield the stages of a network, as ``stack`` does."""
    if layers[0].takes != "ids":
        yield Planned(NumbersStage, len(layers), ())
    yield from stack(layers)
