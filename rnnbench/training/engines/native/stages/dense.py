"""Dense layers: weighted sums of the features of each vector, and a function of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnbench.models.layers.feedforward import Dense
from rnnbench.training.engines.native.assembler import Assembler, Value, where
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.memory import SHARED
from rnnbench.training.engines.native.products import transpose
from rnnbench.training.engines.native.random import glorot_uniform
from rnnbench.training.engines.native.stage import Stage

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
    """``y = f(x W + b)``; the last layer leaves out its function."""

    kinds = (Dense,)

    def build(self) -> None:
        self.above = self.add_dense(self.layer.count_units(self.group.sizes.topics))

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

    @property
    def activation(self) -> str:
        """The function of the outputs."""
        return "linear" if self.gives_logits else self.layer.activation

    def prepare(self, asm: Assembler) -> None:
        w = asm.at(self.weights.value).rows(0, self.below.features)
        transpose(asm, asm.at(self.transposed), w)

    def apply(self, asm: Assembler, out: Activations, activation: str) -> None:
        self.below.project(asm, asm.at(out.value), asm.at(self.weights.value))
        activate(asm, out, activation)

    def apply_back(self, asm: Assembler, out: Activations, activation: str) -> None:
        activate_back(asm, out, activation)
        arrays = out.gradient, self.weights.gradient, self.transposed
        self.below.project_back(asm, *map(asm.at, arrays))

    def forward(self, asm: Assembler) -> None:
        self.apply(asm, self.above, self.activation)

    def backward(self, asm: Assembler) -> None:
        self.apply_back(asm, self.above, self.activation)
