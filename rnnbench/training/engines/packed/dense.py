"""Dense layers: weighted sums of the features of each vector, and a function of them."""

import numpy as np

from rnnbench.training.engines.packed.assembler import Assembler, where
from rnnbench.training.engines.packed.memory import Memory
from rnnbench.training.engines.packed.plan import Signal, Stage
from rnnbench.training.engines.packed.products import transpose


class DenseStage(Stage):
    def __init__(self, memory: Memory, number: int, units: int, activation: str, below: Signal):
        self.number, self.below, self.activation = number, below, activation
        self.weights = memory.trained(below.features + 1, units)
        self.trained = (self.weights,)
        self.above = Signal.new(
            memory, below.group, units, is_sequence=below.is_sequence, is_trained=True
        )
        self.transposed = memory.place(units, below.features) if below.gradient else None

    def load(self, arena, weights):
        self.weights.value.of(arena)[:] = np.concatenate([weights[0], weights[1][np.newaxis]])
        return 2

    def save(self, arena, of):
        own = of(self.weights).of(arena).copy()
        return [own[:-1], own[-1]]

    def prepare(self, asm: Assembler) -> None:
        if self.transposed:
            w = asm.at(self.weights.value).rows(0, self.below.features)
            transpose(asm, asm.at(self.transposed), w)

    def make(self, asm: Assembler) -> None:
        below, above = self.below, self.above
        with asm.function(f"forward_{self.number}", ["arena"]):
            below.project(asm, above.value, self.weights.value)
            if self.activation == "relu":
                relu(asm, above)
            for i in asm.loop(above.count(asm)):  # the last vector of a row went past the units
                asm.at(above.value, i, above.features).store(asm.one)
        with asm.function(f"backward_{self.number}", ["arena"]):
            if self.activation == "relu":
                relu_back(asm, above)
            below.back(asm, above.gradient, self.weights.gradient, self.transposed)


def relu(asm: Assembler, signal: Signal) -> None:
    """Replace the values of a signal that are below 0 by 0."""
    for i in asm.loop(signal.count(asm)):
        for column, size in asm.tiles(signal.features, asm.lanes):
            place = asm.at(signal.value, i, column)
            x = place.load()
            place.store(where(x > 0, x, 0.0), size)


def relu_back(asm: Assembler, signal: Signal) -> None:
    """Replace the gradients of such values by 0."""
    for i in asm.loop(signal.count(asm)):
        for column, _ in asm.tiles(signal.features, asm.lanes):
            place = asm.at(signal.gradient, i, column)
            x = asm.at(signal.value, i, column).load()
            place.store(where(x > 0, place.load(), 0.0))
