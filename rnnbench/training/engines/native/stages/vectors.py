"""Layers that work on each vector by itself: dense layers, layer normalization and dropout.

Layer normalization: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016).
"""

from collections.abc import Callable, Iterable
from operator import add, mul
from typing import Any

import numpy as np

from rnnbench.models.layers.feedforward import Dense, Dropout, LayerNorm, SpatialDropout
from rnnbench.training.engines.native.assembler import F32, Assembler, Value, where
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.memory import SHARED
from rnnbench.training.engines.native.products import transpose
from rnnbench.training.engines.native.random import glorot_uniform, quarter
from rnnbench.training.engines.native.stage import Stage, filled, load_row, store_row

Function = Callable[[Value], Value]
ACTIVATIONS: dict[str, tuple[Function, Callable[[Value, Value], Value]]] = {
    "relu": (lambda x: where(x < 0, x.lift(0.0), x), lambda y, d_y: where(y > 0, d_y, 0.0)),
    "tanh": (lambda x: x.tanh(), lambda y, d_y: d_y * (1 - y * y)),
    "sigmoid": (lambda x: x.sigmoid(), lambda y, d_y: d_y * y * (1 - y)),
}
"""For each activation except ``linear``: ``y`` from ``x``, and ``d_x`` from ``y`` and ``d_y``."""


def activate(asm: Assembler, above: Activations, activation: str) -> None:
    """Apply a function to all vectors, and write the ones beside them again."""
    if activation in ACTIVATIONS:
        for row, column, size in above.vectors(asm):
            place = asm.at(above.value, row, column)
            place.store(ACTIVATIONS[activation][0](place.load()), size)
    above.set_ones(asm)  # a product writes whole vectors


def activate_back(asm: Assembler, above: Activations, activation: str) -> None:
    """Replace the gradients of the results of a function by those of its arguments."""
    for row, column, _ in above.vectors(asm) if activation in ACTIVATIONS else ():
        place, value = asm.at(above.gradient, row, column), asm.at(above.value, row, column)
        place.store(ACTIVATIONS[activation][1](value.load(), place.load()))


class DenseStage(Stage):
    """``out = f(x W + b)``; the last layer leaves out its function."""

    kinds = (Dense,)

    def build(self) -> None:
        self.function = self.layer.activation
        self.above = self.out = self.add_dense(self.layer.count_units(self.group.sizes.topics))

    def add_dense(self, units: int) -> Activations:
        """Add the kernel and the bias, and return their output."""
        inputs = self.below.features
        self.weights = self.add_weights(self.below.weight_rows, units)
        self.transposed = self.place(units, inputs, block=SHARED)
        self.add_part((inputs, units), self.weights, np.s_[:-1], glorot_uniform)
        self.add_part((units,), self.weights, -1)
        return Activations(self.group, units, is_sequence=self.below.is_sequence)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        allowed = "linear", *ACTIVATIONS, *["softmax"][: len(layers) == 1]
        return super().takes(layers) and layers[0].activation in allowed

    def prepare(self, asm: Assembler) -> None:
        w = asm.at(self.weights.value).rows(0, self.below.features)
        transpose(asm, asm.at(self.transposed), w)

    def forward(self, asm: Assembler) -> None:
        self.below.project(asm, asm.at(self.out.value), asm.at(self.weights.value))
        activate(asm, self.out, self.function)

    def backward(self, asm: Assembler) -> None:
        activate_back(asm, self.out, self.function)
        arrays = self.out.gradient, self.weights.gradient, self.transposed
        self.below.project_back(asm, *map(asm.at, arrays))


class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) / sqrt(...)``.
    """

    kinds = (LayerNorm,)

    def build(self) -> None:
        n, rows = self.below.features, self.below.value.shape[0]
        self.above = Activations(self.group, n, is_sequence=self.below.is_sequence)
        self.weights = self.add_weights(2, n)
        self.add_part((n,), self.weights, 0, start=1)
        self.add_part((n,), self.weights, 1)
        self.normed, self.factors = self.place(rows, n), self.place(rows)

    def _mean(self, asm: Assembler, vectors: Iterable[Value]) -> Value:
        return asm.spread(asm.total(list(vectors))) * (1 / self.below.features)

    def forward(self, asm: Assembler) -> None:
        n = self.below.features
        scale, offset = (load_row(asm.at(self.weights.value, row), n) for row in range(2))
        for row in asm.loop(self.below.count(asm)):
            x = load_row(asm.at(self.below.value, row), n)
            mean = self._mean(asm, x)
            x = filled(asm, [vector - mean for vector in x], n)
            variance = self._mean(asm, map(mul, x, x))
            factor = 1 / asm.root(variance + self.layer.epsilon)
            asm.at(self.factors, row).store(asm.first(factor))
            normed = [vector * factor for vector in x]
            store_row(asm.at(self.normed, row), normed, n)
            y = map(add, map(mul, normed, scale), offset)
            store_row(asm.at(self.above.value, row), y, n)

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        scale = load_row(asm.at(self.weights.value, 0), n)
        d_scale, d_offset = (asm.at(self.weights.gradient, row) for row in range(2))
        for row in asm.loop(self.below.count(asm)):
            x, d_y = (load_row(asm.at(a, row), n) for a in (self.normed, self.above.gradient))
            store_row(d_scale, map(add, load_row(d_scale, n), map(mul, d_y, x)), n)
            store_row(d_offset, map(add, load_row(d_offset, n), d_y), n)
            factor = asm.spread(asm.at(self.factors, row).load(F32))
            g = list(map(mul, d_y, scale))
            mean, of_x = self._mean(asm, g), self._mean(asm, map(mul, g, x))
            d_x = [(one - mean - x_n * of_x) * factor for one, x_n in zip(g, x, strict=True)]
            store_row(asm.at(self.below.gradient, row), d_x, n)


class DropoutStage(Stage):
    """``y = x mask``, where the seed, the step and the place in a document decide the mask."""

    kinds = Dropout, SpatialDropout

    def build(self) -> None:
        below, n = self.below, self.below.features
        self.above = Activations(self.group, n, is_sequence=below.is_sequence)
        self.above.is_trained = below.is_trained
        self.mask = self.place(below.value.shape[0], 4 * quarter(n))

    def forward(self, asm: Assembler) -> None:
        below = self.below
        for document, t, row in below.steps(asm):
            time = 0 if isinstance(self.layer, SpatialDropout) else t
            place = asm.get(self.group.documents, document), time
            self.draw(asm, asm.at(self.mask, row), self.layer.rate, below.features, *place)
        for row, column, size in below.vectors(asm):
            x, kept = (asm.at(array, row, column).load() for array in (below.value, self.mask))
            asm.at(self.above.value, row, column).store(x * kept, size)

    def backward(self, asm: Assembler) -> None:
        for row, column, _ in self.below.vectors(asm):
            d_y, mask = (asm.at(a, row, column).load() for a in (self.above.gradient, self.mask))
            asm.at(self.below.gradient, row, column).store(d_y * mask)
