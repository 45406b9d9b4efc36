"""Layer normalization: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016)."""

import numpy as np

from rnnbench.training.engines.packed.assembler import F32, Assembler, where
from rnnbench.training.engines.packed.memory import Memory
from rnnbench.training.engines.packed.plan import Signal, Stage


class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) / sqrt(...)``.
    """

    def __init__(self, memory: Memory, number: int, epsilon: float, below: Signal):
        self.number, self.epsilon, self.below = number, epsilon, below
        self.weights = memory.trained(2, below.features)  # the scale and the offset
        self.trained = (self.weights,)
        self.above = Signal.new(
            memory, below.group, below.features, is_sequence=below.is_sequence, is_trained=True
        )
        rows = below.group.capacity if below.is_sequence else below.group.rows
        self.normed, self.factors = memory.place(rows, below.features), memory.place(rows)

    def load(self, arena, weights):
        self.weights.value.of(arena)[:] = weights[:2]
        return 2

    def save(self, arena, of):
        return list(of(self.weights).of(arena).copy())

    def make(self, asm: Assembler) -> None:
        below, above, n = self.below, self.above, self.below.features
        columns = [(start, min(asm.lanes, n - start)) for start in range(0, n, asm.lanes)]

        def only_real(vectors):
            return [
                vector if size == asm.lanes else where(asm.below(size), vector, 0.0)
                for vector, (_, size) in zip(vectors, columns, strict=True)
            ]

        def mean(vectors):
            return asm.spread(asm.total(vectors)) * (1 / n)

        def weights(row):
            return [asm.at(self.weights.value, row, start).load() for start, _ in columns]

        with asm.function(f"forward_{self.number}", ["arena"]):
            for i in asm.loop(below.count(asm)):
                x = only_real([asm.at(below.value, i, start).load() for start, _ in columns])
                middle = mean(x)
                x = only_real([vector - middle for vector in x])
                factor = 1 / asm.root(mean([vector * vector for vector in x]) + self.epsilon)
                asm.at(self.factors, i).store(asm.first(factor))
                for (start, size), vector, scale, offset in zip(
                    columns, x, weights(0), weights(1), strict=True
                ):
                    normed = vector * factor
                    asm.at(self.normed, i, start).store(normed)
                    asm.at(above.value, i, start).store(normed * scale + offset, size)
        with asm.function(f"backward_{self.number}", ["arena"]):
            for i in asm.loop(below.count(asm)):
                factor = asm.spread(asm.at(self.factors, i).load(F32))
                given = []
                for (start, _), scale in zip(columns, weights(0), strict=True):
                    d_y, normed = (
                        asm.at(array, i, start).load() for array in (above.gradient, self.normed)
                    )
                    for row, d_weight in enumerate((d_y * normed, d_y)):
                        place = asm.at(self.weights.gradient, row, start)
                        place.store(place.load() + d_weight)
                    given.append((d_y * scale, normed))
                if below.gradient:
                    one = mean(only_real([g for g, _ in given]))
                    two = mean(only_real([g * x for g, x in given]))
                    for (start, _), (g, x) in zip(columns, given, strict=True):
                        asm.at(below.gradient, i, start).store((g - one - x * two) * factor)
