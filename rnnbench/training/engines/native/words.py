"""The first layers: word ids as numbers, vectors or counts.

Also the dropout of words and features. Below a recurrent layer, a word that occurs
again in a document has one row, which is projected once, and rows lack the features
that spatial dropout sets to 0. Only the order of sums changes.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np

from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Dense, Embedding, SpatialDropout

from .adam import WordTable
from .assembler import Assembler, Index, Value, View
from .feedforward import DenseStage, activate, activate_back
from .memory import SLACK, Activations, Group, spans, words_of
from .random import glorot_uniform, quarter, random_uniform
from .recurrent import RecurrentStage
from .stage import Stage, StagePlan, built_in, stack

VECTORS = 16  # of weights of words, summed together


class WordRow(NamedTuple):
    """A row of activations, its word, and the mask of the word: 0 if it is dropped."""

    row: Value
    word: Value
    mask: Value


class NumbersStage(Stage):
    """``x`` is the number beside each word, the only feature of its step."""

    def build(self) -> None:
        self.above = Activations(self.group, 1, is_sequence=True)
        self.above.is_trained = False

    def forward(self, asm: Assembler) -> None:
        for document, t, row in self.above.steps():
            _, values, _ = words_of(asm, self.group.documents.get(document))
            self.above.value[row, 0].store(values[t].load_float())


@built_in
class EmbeddingStage(Stage):
    """``x = E[word] mask``: the mask of spatial dropout above, times the word's.

    Attributes:
        row_words: the word of each row.
        d_rows: the gradients of the rows of all groups of a batch.
        d_words: the words of these rows.
        d_count: the number of these rows, in each group.
    """

    kind = "embedding"
    covers = {"trainable": (True,)}
    table: WordTable
    layer: Embedding

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
        count = super().takes(layers)
        if count and layers[1].kind == "spatial_dropout":
            count += 1
        return count

    def build(self) -> None:
        group = self.group
        features = self.layer.dim
        ids = group.sizes.n_ids
        self.rate = 0.0
        for dropout in self.layers[1:]:
            self.rate = cast(SpatialDropout, dropout).rate
        self.table = WordTable(group, self.number, features)
        self.add_part(
            (ids, features),
            self.table.trained,
            np.s_[:],
            random_uniform,
            role="embeddings",
        )
        self.above = self.vectors()
        self.row_words = self.place(self.above.value.shape[0])
        self.mask = self.place(group.rows, 4 * quarter(features))
        self.word_mask = self.place_shared(4 * quarter(ids))
        groups = group.per_batch
        self.d_rows = self.place_shared(groups, group.capacity, features)
        self.d_words = self.place_shared(groups, group.capacity)
        self.d_count = self.place_shared(groups)

    def vectors(self) -> Activations:
        """Return its output."""
        return Activations(self.group, self.layer.dim, is_sequence=True)

    def prepare(self, asm: Assembler) -> None:
        """Choose the words to drop in a batch."""
        mask = self.word_mask.view
        ids = self.group.sizes.n_ids
        self.draw(asm, mask, self.layer.dropout, ids, 0, 1)

    def forward(self, asm: Assembler) -> None:
        self.find_rows(asm)
        for document, first, count in spans(self.above):
            mask = self.mask[document]
            number = self.group.documents.get(document)
            self.draw(asm, mask, self.rate, self.above.features, number, 0)
            self.write(asm, document, self.words(asm, first, count))

    def find_rows(self, asm: Assembler) -> None:
        """Find the word of each row."""
        for document, t, row in self.above.steps():
            words = words_of(asm, self.group.documents.get(document)).words
            self.row_words.set(row, words[t].load_index())

    def words(self, asm: Assembler, first: Value, count: Value) -> Iterator[WordRow]:
        """Have the body of a loop run with each of some rows."""
        for i in asm.loop(count):
            word = self.row_words.get(first + i)
            yield WordRow(first + i, word, self.word_mask[word].load_float())

    def write(self, asm: Assembler, document: Value, rows: Iterator[WordRow]) -> None:
        """Write the vectors of a document's words."""
        for row, word, word_mask in rows:
            for column, size in asm.tiles(self.above.features, asm.lanes):
                x = self.table.trained.value[word, column].load()
                x *= self.mask[document, column].load() * asm.spread(word_mask)
                self.above.value[row, column].store(x, size)

    def backward(self, asm: Assembler) -> None:
        number = self.group.number.get()
        self.d_count.set(number, 0)
        for document, first, count in spans(self.above):
            for row, word, word_mask in self.words(asm, first, count):
                done = self.d_count.get(number)
                self.d_words.set(number, done, word)
                for column, _ in asm.tiles(self.above.features, asm.lanes):
                    d_x = self.above.gradient[row, column].load()
                    d_x *= self.mask[document, column].load() * asm.spread(word_mask)
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
    """The same below a recurrent layer: a word has one row in a document.

    In a program that only scores, a word keeps its row for all documents, and a
    document's own rows are those of words that no document before it had.

    Attributes:
        stays: whether a word keeps its row.
        seen: when each word was last seen.
        row_of: the row of each word.
        step_rows: the row of each step of the documents.
    """

    above: "WordVectors"

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
        count = super().takes(layers)
        if RecurrentStage.takes(layers[count:]):
            return count
        return 0

    def vectors(self) -> "WordVectors":
        group = self.group
        ids = group.sizes.n_ids
        self.stays = group.sizes.only_scores
        self.seen = self.place(ids)
        self.row_of = self.place(ids)
        self.step_rows = self.place(group.capacity)
        rows = group.capacity
        if self.stays:
            rows = max(rows, ids + SLACK)
        drops = self.rate > 0 and not self.stays
        return WordVectors(group, self.layer.dim, rows, drops=drops)

    def find_rows(self, asm: Assembler) -> None:
        """Give each word of a document a row, where it occurs first."""
        group = self.group
        above = self.above
        if not self.stays:
            above.total.set(0)
        # Numbers that no document of an earlier group had.
        groups_before = group.clock.get() * group.per_batch + group.number.get()
        stamps = groups_before * group.rows + 1
        for document, first, length in spans(group):
            words = words_of(asm, group.documents.get(document)).words
            stamp = asm.number(1)
            if not self.stays:
                stamp = stamps + document
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

    def write(self, asm: Assembler, document: Value, rows: Iterator[WordRow]) -> None:
        above = self.above
        mask = self.mask[document]
        if not above.drops:
            super().write(asm, document, rows)
            return
        kept = above.kept[document]
        n_kept = self._find_kept(asm, kept, mask)
        above.n_kept.set(document, n_kept)
        for past in range(SLACK):  # the ones, and rows that a tile may read past them
            kept[n_kept + past].store_index(above.features + min(past, 1))
        for row, word, word_mask in rows:
            out = above.value[row]
            for i in asm.loop(n_kept):
                feature = kept[i].load_index()
                x = self.table.trained.value[word, feature].load_float()
                out[i].store(x * mask[feature].load_float() * word_mask)
            for past in range(SLACK):  # the ones, and zeros
                out[n_kept + past].store(asm.vector_of(float(past == 0)), 1)

    def _find_kept(self, asm: Assembler, kept: View, mask: View) -> Value:
        """Write the features that a mask keeps, and return how many they are."""
        count = [asm.number(0)]
        for feature in asm.loop(self.above.features, count):
            kept[count[0]].store_index(feature)
            is_kept = mask[feature].load_float() > 0
            count[0] = is_kept.select(count[0] + 1, count[0])
        return count[0]


class WordVectors(Activations):
    """Vectors of words, one for each word of a document.

    Attributes:
        drops: whether it lacks features of a document, which are dropped.
        kept: the other features of each document, and that of the ones.
        n_kept: how many they are.
    """

    def __init__(self, group: Group, features: int, rows: int, *, drops: bool):
        super().__init__(group, features, is_sequence=True)
        documents = group.rows
        self.value = group.place(rows, features + 1, slack=SLACK, ones=1)
        self.total = group.place(1)
        self.places = group.place(*group.places.shape)
        self.firsts = group.place(documents)
        self.lengths = group.place(documents)
        self.kept = group.place(documents, features + 1, slack=SLACK)
        self.n_kept = group.place(documents)
        self.drops = drops
        if drops:
            self.weight_rows += 1  # the last is read past the end of ``kept``

    def factors(self) -> Iterator[tuple[View, Index, View | None]]:
        x = self.value.view
        if not self.drops:  # rows before the first, if any, have their products already
            first = self.firsts.get()
            x = x.rows(first, self.total.get() - first)
            yield x.columns(0, self.features + 1), first, None
            return
        for document, first, count in spans(self):
            columns = self.n_kept.get(document) + 1
            yield x.rows(first, count).columns(0, columns), first, self.kept[document]


@built_in
class BagStage(Stage):
    """``y = f(b + Σ weight W[word])``, over the words of a document, each once."""

    table: WordTable
    kind = "bag_of_words"

    def build(self) -> None:
        dense = cast(Dense, self.layers[1])
        self.number += 1
        self.function = dense.activation
        group = self.group
        ids = group.sizes.n_ids
        units = dense.count_units(group.sizes.topics)
        self.units = units
        self.above = Activations(group, units, is_sequence=False)
        self.table = WordTable(group, self.number, units)
        self.bias = self.add_weights(1, units)
        self.add_part((ids, units), self.table.trained, np.s_[:], glorot_uniform)
        self.add_part((units,), self.bias, 0)
        # The gradients above, of all documents of a batch.
        self.d_above = self.place_shared(group.per_batch * group.rows, units)

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
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
                    weight = weights[i].spread()
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
            document = asm.given["order"][first + row].load_index()
            words, weights, length = words_of(asm, document)
            for column, width in self.table.own_columns(VECTORS * asm.lanes):
                starts = [column + v for v in range(0, width, asm.lanes)]
                d_y = [self.d_above[row, start].load() for start in starts]
                for i in asm.loop(length):
                    slot = self.table.slots.get(words[i].load_index())
                    weight = weights[i].spread()
                    for start, d in zip(starts, d_y, strict=True):
                        self.table.trained.gradient[slot, start].add(weight * d)


def stages_of(layers: Sequence[Layer]) -> Iterator[StagePlan]:
    """Yield the stages of a network, as ``stack`` does."""
    if layers[0].takes != "ids":
        yield StagePlan(NumbersStage, len(layers), ())
    yield from stack(layers)
