"""Layer normalization: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016)."""

from collections.abc import Sequence

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.feedforward import LayerNorm
from rnnbench.training.engines.native.assembler import F32, Assembler, Index, Value, where
from rnnbench.training.engines.native.memory import Array, Part
from rnnbench.training.engines.native.stage import Site, Stage
from rnnbench.training.outcome import Weights


def whole_row(asm: Assembler, array: Array, features: int, *place: Index) -> list[Value]:
    """Return all vectors of a row; the lanes past its end are 0."""
    starts = range(0, features, asm.lanes)
    return real(asm, [asm.at(array, *place, start).load() for start in starts], features)


def real(asm: Assembler, vectors: list[Value], features: int) -> list[Value]:
    """Return the vectors of a row with 0 in the lanes past its end."""
    if past := -features % asm.lanes:
        is_real = asm.vector_of(np.arange(asm.lanes)) < asm.lanes - past
        vectors[-1] = where(is_real, vectors[-1], 0.0)
    return vectors


class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) / sqrt(...)``.
    """

    def __init__(self, site: Site):
        super().__init__(site)
        (layer,), below, memory = site.layers, self.below, site.memory
        self.epsilon, self.n = layer.epsilon, below.features
        self.above = site.activations(self.n, is_sequence=below.is_sequence)
        self.weights = memory.trained(2, self.n)
        self.trained = (self.weights,)
        self.parts = tuple(Part((self.n,), ((self.weights, row),)) for row in range(2))
        rows = below.value.shape[0]
        self.normed, self.factors = memory.place(rows, self.n), memory.place(rows)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        return type(layers[0]) is LayerNorm

    def initial_weights(self, seed_of: SeedOf) -> Weights:  # noqa: ARG002
        return [np.ones(self.n, np.float32), np.zeros(self.n, np.float32)]

    def _mean(self, asm: Assembler, vectors: Sequence[Value]) -> Value:
        return asm.spread(asm.total(vectors)) * (1 / self.n)

    def forward(self, asm: Assembler) -> None:
        rows = range(2)
        scale, offset = (whole_row(asm, self.weights.value, self.n, row) for row in rows)
        for row in asm.loop(self.below.count(asm)):
            x = whole_row(asm, self.below.value, self.n, row)
            mean = self._mean(asm, x)
            x = real(asm, [vector - mean for vector in x], self.n)
            variance = self._mean(asm, [vector * vector for vector in x])
            factor = 1 / asm.root(variance + self.epsilon)
            asm.at(self.factors, row).store(asm.first(factor))
            for start, vector, a, b in zip(
                range(0, self.n, asm.lanes), x, scale, offset, strict=True
            ):
                normed = vector * factor
                asm.at(self.normed, row, start).store(normed)
                size = min(asm.lanes, self.n - start)
                asm.at(self.above.value, row, start).store(normed * a + b, size)

    def backward(self, asm: Assembler) -> None:
        above, below, gradient = self.above.gradient, self.below.gradient, self.weights.gradient
        scale = whole_row(asm, self.weights.value, self.n, 0)
        for row in asm.loop(self.below.count(asm)):
            normed, d_y = (whole_row(asm, array, self.n, row) for array in (self.normed, above))
            d_scale = [d * x for d, x in zip(d_y, normed, strict=True)]
            starts = range(0, self.n, asm.lanes)
            for line, vectors in enumerate((d_scale, d_y)):
                for start, vector in zip(starts, vectors, strict=True):
                    place = asm.at(gradient, line, start)
                    place.store(place.load() + vector)
            if self.below.is_trained:
                factor = asm.spread(asm.at(self.factors, row).load(F32))
                g = [d * a for d, a in zip(d_y, scale, strict=True)]
                mean = self._mean(asm, g)
                of_x = self._mean(asm, [one * x for one, x in zip(g, normed, strict=True)])
                for start, one, x in zip(starts, g, normed, strict=True):
                    asm.at(below, row, start).store((one - mean - x * of_x) * factor)
