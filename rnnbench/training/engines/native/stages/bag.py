"""Word counts and the dense layer above them: a sum of the weights of a document's words."""

import numpy as np

from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import WordCounts
from rnnbench.training.engines.native.adam import WordTable
from rnnbench.training.engines.native.assembler import F32, Assembler, Value
from rnnbench.training.engines.native.group import Activations, words_of
from rnnbench.training.engines.native.memory import SHARED
from rnnbench.training.engines.native.random import glorot_uniform
from rnnbench.training.engines.native.stage import Stage, store_row
from rnnbench.training.engines.native.stages.vectors import DenseStage, activate, activate_back

VECTORS = 16  # summed together


class BagStage(Stage):
    """``y = f(b + Σ weight W[word])``, over the words of a document, each once."""

    table: WordTable
    kinds = (WordCounts,)

    def build(self) -> None:
        self.layer, self.number = self.layers[1], self.number + 1
        group, sizes = self.group, self.group.sizes
        units = self.units = self.layer.count_units(sizes.topics)
        self.above = Activations(group, units, is_sequence=False)
        self.table = WordTable(group, self.number, units)
        self.bias = self.add_weights(1, units)
        self.add_part((sizes.n_ids, units), self.table.trained, np.s_[:], glorot_uniform)
        self.add_part((units,), self.bias, 0)
        # The gradients above of the documents of a batch.
        self.d_above = self.place(group.per_batch * sizes.rows, units, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        return 2 * (super().takes(layers) and DenseStage.takes(layers[1:]))

    def forward(self, asm: Assembler) -> None:
        for row in asm.loop(self.group.rows):
            words, weights, _ = words_of(asm, asm.get(self.group.documents, row))
            for column, width in asm.tiles(self.units, VECTORS * asm.lanes):
                starts = range(0, width, asm.lanes)
                sums = [asm.at(self.bias.value, 0, column).moved(v).load() for v in starts]
                for i in asm.loop(asm.get(self.group.lengths, row), sums):
                    line = asm.at(self.table.trained.value, words[i].load_index(), column)
                    weight = asm.spread(weights[i].load(F32))
                    for n, start in enumerate(starts):
                        sums[n] += weight * line.moved(start).load()
                store_row(asm.at(self.above.value, row, column), sums, width)
        activate(asm, self.above, self.layer.activation)

    def backward(self, asm: Assembler) -> None:
        activate_back(asm, self.above, self.layer.activation)
        start = asm.get(self.group.number) * self.group.rows
        for row, column, _ in self.above.vectors(asm):
            d_y = asm.at(self.above.gradient, row, column).load()
            asm.at(self.d_above, start + row, column).store(d_y)
            asm.at(self.bias.gradient, 0, column).add(d_y)

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:
        for row in asm.loop(size):
            document = asm.given["order"][first + row].load_index()
            words, weights, length = words_of(asm, document)
            for column, width in self.table.own_columns(asm, VECTORS * asm.lanes):
                starts = [column + v for v in range(0, width, asm.lanes)]
                d_y = [asm.at(self.d_above, row, start).load() for start in starts]
                for i in asm.loop(length):
                    slot = asm.get(self.table.slots, words[i].load_index())
                    weight = asm.spread(weights[i].load(F32))
                    for start, d in zip(starts, d_y, strict=True):
                        asm.at(self.table.trained.gradient, slot, start).add(weight * d)
