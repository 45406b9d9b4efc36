"""Word counts and the dense layer above them: sums of the rows of weights of a document's words."""

import numpy as np

from rnnbench.training.engines.packed.adam import Table
from rnnbench.training.engines.packed.assembler import F32, Assembler
from rnnbench.training.engines.packed.dense import relu, relu_back
from rnnbench.training.engines.packed.memory import Memory
from rnnbench.training.engines.packed.plan import DOCUMENTS, Group, Signal, Stage

VECTORS = 16
"""That are summed up together."""


class BagStage(Stage):
    """It is given each word of a document once, with its weight."""

    def __init__(self, memory: Memory, number: int, group: Group, units: int, activation: str):
        self.number, self.group, self.activation = number, group, activation
        self.table = Table(memory, group, number, units)
        self.bias = memory.trained(1, units)
        self.trained = (self.bias,)
        self.above = Signal.new(memory, group, units, is_sequence=False, is_trained=True)

    def load(self, arena, weights):
        self.table.trained.value.of(arena)[:] = weights[1]
        self.bias.value.of(arena)[0] = weights[2]
        return 3

    def save(self, arena, of):
        return [None, of(self.table.trained).of(arena).copy(), of(self.bias).of(arena)[0].copy()]

    def _columns(self, asm):
        for column, width in asm.tiles(self.above.features, VECTORS * asm.lanes):
            yield column, range(0, width, asm.lanes), width

    def make(self, asm: Assembler) -> None:
        group, above, table = self.group, self.above, self.table
        table.make(asm)
        with asm.function(f"forward_{self.number}", DOCUMENTS):
            for row in asm.loop(group.rows):
                words, weights = group.words(asm, group.document(asm, row))
                for column, vectors, width in self._columns(asm):
                    sums = [asm.at(self.bias.value, 0, column).moved(v).load() for v in vectors]
                    for i in asm.loop(group.length(asm, row), sums):
                        line = asm.at(table.trained.value, words.moved(i).load_index(), column)
                        weight = asm.spread(weights.moved(i).load(F32))
                        sums[:] = [
                            total + weight * line.moved(v).load()
                            for v, total in zip(vectors, sums, strict=True)
                        ]
                    for v, total in zip(vectors, sums, strict=True):
                        place = asm.at(above.value, row, column).moved(v)
                        place.store(total, min(asm.lanes, width - v))
            if self.activation == "relu":
                relu(asm, above)
        with asm.function(f"backward_{self.number}", DOCUMENTS):
            if self.activation == "relu":
                relu_back(asm, above)
            for row in asm.loop(group.rows):
                words, weights = group.words(asm, group.document(asm, row))
                for column, vectors, _ in self._columns(asm):
                    d_out = [asm.at(above.gradient, row, column).moved(v).load() for v in vectors]
                    bias = asm.at(self.bias.gradient, 0, column)
                    for v, d in zip(vectors, d_out, strict=True):
                        bias.moved(v).store(bias.moved(v).load() + d)
                    for i in asm.loop(group.length(asm, row)):
                        slot = table.slot(asm, words.moved(i).load_index())
                        weight = asm.spread(weights.moved(i).load(F32))
                        out = asm.at(table.trained.gradient, slot, column)
                        for v, d in zip(vectors, d_out, strict=True):
                            out.moved(v).store(out.moved(v).load() + weight * d)
