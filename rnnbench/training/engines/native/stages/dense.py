"""Dense layers: weighted sums of the features of each vector, and a function of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.feedforward import Dense
from rnnbench.training.engines.native.assembler import Assembler, Value, where
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.memory import SHARED, Part
from rnnbench.training.engines.native.products import transpose
from rnnbench.training.engines.native.random import glorot_uniform
from rnnbench.training.engines.native.stage import Site, Stage
from rnnbench.training.outcome import Weights

Function = Callable[[Value], Value]
ACTIVATIONS: dict[str, tuple[Function, Callable[[Value, Value], Value]]] = {
    "relu": (lambda x: where(x < 0, x.lift(0.0), x), lambda y, d_y: where(y > 0, d_y, 0.0)),
    "tanh": (lambda x: x.tanh(), lambda y, d_y: d_y * (1 - y * y)),
    "sigmoid": (lambda x: x.sigmoid(), lambda y, d_y: d_y * y * (1 - y)),
}
"""Of each activation but the linear one, the values and their gradients, from the values above."""


def is_covered(layers: tuple[Any, ...]) -> bool:
    """Return whether there is code for the activation of the first of some layers.

    The softmax of the last layer is computed with the loss.
    """
    activation = layers[0].activation
    return activation in ("linear", *ACTIVATIONS) or (activation == "softmax" and len(layers) == 1)


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
    """``y = f(x W + b)``. The softmax of the last layer is computed with the loss."""

    def __init__(self, site: Site):
        super().__init__(site)
        (self.layer,), below, memory = site.layers, self.below, site.memory
        inputs, units = below.features, self.layer.count_units(self.group.sizes.topics)
        self.above = site.activations(units, is_sequence=below.is_sequence)
        self.weights = memory.trained(inputs + 1, units)
        self.trained = (self.weights,)
        self.parts = (
            Part((inputs, units), ((self.weights, np.s_[:-1]),)),
            Part((units,), ((self.weights, -1),)),
        )
        self.transposed = memory.place(units, inputs, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        return type(layers[0]) is Dense and is_covered(layers)

    def initial_weights(self, seed_of: SeedOf) -> Weights:
        kernel, bias = (part.shape for part in self.parts)
        return [glorot_uniform(kernel, seed_of("kernel")), np.zeros(bias, np.float32)]

    def prepare(self, asm: Assembler) -> None:
        w = asm.at(self.weights.value).rows(0, self.below.features)
        transpose(asm, asm.at(self.transposed), w)

    def forward(self, asm: Assembler) -> None:
        self.below.project(asm, self.above.value, self.weights.value)
        activate(asm, self.above, self.layer.activation)

    def backward(self, asm: Assembler) -> None:
        activate_back(asm, self.above, self.layer.activation)
        self.below.back(asm, self.above.gradient, self.weights.gradient, self.transposed)
