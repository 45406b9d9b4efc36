"""Dropout: of features, each by itself, or of whole features of a document."""

import numpy as np

from rnnbench.training.engines.packed.assembler import Assembler, View
from rnnbench.training.engines.packed.memory import Array, Memory
from rnnbench.training.engines.packed.plan import Group, Signal, Stage
from rnnbench.training.engines.packed.random import keep, quarter


def make_masks(asm: Assembler, group: Group, key: Array, rate: float, masks: Array, features: int) -> None:
    """Write the mask of each document of a group; it is 1 unless this is training."""
    with asm.when(group.is_training(asm).equals(1)):
        for row in asm.loop(group.rows):
            place = group.clock(asm), group.document(asm, row), asm.number(0)
            keep(asm, asm.at(key, 0), place, rate, asm.at(masks, row), features)
    with asm.when(group.is_training(asm).equals(0)):
        for i in asm.loop(masks.size, step=asm.lanes):
            asm.at(masks.flat, i).store(asm.vector_of(1.0))


class DropoutStage(Stage):
    """Dropout of what the layer below hands on."""

    def __init__(self, memory: Memory, number: int, rate: float, below: Signal):
        self.number, self.rate, self.below, self.group = number, rate, below, below.group
        self.above = Signal.new(
            memory, below.group, below.features, is_sequence=below.is_sequence,
            is_trained=below.gradient is not None,
        )
        rows = below.group.capacity if below.is_sequence else below.group.rows
        self.mask, self.key = memory.place(rows, 4 * quarter(below.features)), memory.place(2)

    def start(self, arena, seed_of):
        super().start(arena, seed_of)
        self.key.of(arena).view(np.uint32)[:] = seed_of(self.number, "dropout"), 0

    def make(self, asm: Assembler) -> None:
        below, above, group = self.below, self.above, self.group
        with asm.function(f"forward_{self.number}", ["arena"]):
            is_training = group.is_training(asm)
            with asm.when(is_training.equals(1)):
                for row in asm.loop(group.rows):
                    first = group.first(asm, row) if below.is_sequence else row
                    for t in asm.loop(group.length(asm, row) if below.is_sequence else 1):
                        place = group.clock(asm), group.document(asm, row), t
                        mask = asm.at(self.mask, first + t)
                        keep(asm, asm.at(self.key, 0), place, self.rate, mask, below.features)
            for i in asm.loop(below.count(asm)):
                for column, size in asm.tiles(below.features, asm.lanes):
                    x = asm.at(below.value, i, column).load()
                    dropped = x * asm.at(self.mask, i, column).load()
                    asm.at(above.value, i, column).store(asm.choose(is_training, dropped, x), size)
        with asm.function(f"backward_{self.number}", ["arena"]):
            if not below.gradient:
                return
            for i in asm.loop(below.count(asm)):
                for column, _ in asm.tiles(below.features, asm.lanes):
                    d_x = asm.at(above.gradient, i, column).load()
                    d_x *= asm.at(self.mask, i, column).load()
                    asm.at(below.gradient, i, column).store(d_x)
