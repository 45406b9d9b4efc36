"""A convolution over the steps of each document, as one product of all windows.

The vectors of a document lie one below the other, so a window of adjacent ones is a single long
row, and the windows are a matrix whose rows overlap. Between documents are rows of zeros.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from rnnbench.models.layers.feedforward import Conv1D
from rnnbench.training.engines.native.assembler import Assembler, View
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.memory import SHARED, Array
from rnnbench.training.engines.native.products import product, transpose
from rnnbench.training.engines.native.random import glorot_uniform
from rnnbench.training.engines.native.stage import Stage
from rnnbench.training.engines.native.stages.vectors import ACTIVATIONS, activate, activate_back


class ConvStage(Stage):
    """``y[t] = f(b + Σ_n x[t + n - before] W[n])``, where ``x`` is 0 outside of the document."""

    kinds = (Conv1D,)

    def build(self) -> None:
        inputs, filters = self.below.features, self.layer.filters
        self.size = self.layer.kernel_size
        last = self.size - 1
        self.before = last if self.layer.padding == "causal" else last // 2
        self.above = Activations(self.group, filters, is_sequence=True)
        # The widths of a row and of what lies after it.
        self.width, self.d_width = self.below.value.strides[0], self.above.gradient.strides[0]
        self.weights = self.add_weights(self.size * self.width, filters)
        rows = (np.arange(self.size)[:, np.newaxis] * self.width + np.arange(inputs)).ravel()
        self.add_part((self.size, inputs, filters), self.weights, rows, glorot_uniform)
        # The row of the step itself has 1 there.
        self.add_part((filters,), self.weights, self.before * self.width + inputs)
        self.flipped = self.place(self.size * self.d_width, inputs, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        layer, allowed = layers[0], ("linear", *ACTIVATIONS)
        return super().takes(layers) and layer.padding != "valid" and layer.activation in allowed

    def prepare(self, asm: Assembler) -> None:
        inputs, filters = self.below.features, self.layer.filters
        for n in range(self.size):
            out = asm.at(self.flipped).rows((self.size - 1 - n) * self.d_width, filters)
            transpose(asm, out, asm.at(self.weights.value).rows(n * self.width, inputs))

    def _windows(self, asm: Assembler, array: Array, before: int) -> View:
        """Return the windows around the rows of documents, each a single row."""
        gap, width = self.group.gap, array.strides[0]
        count = asm.get(self.group.total) - 2 * gap
        first = asm.at(array, gap - before)
        return replace(first, shape=(count, self.size * width), strides=(width, 1))

    def forward(self, asm: Assembler) -> None:
        self.below.set_ones(asm)  # a gap of an earlier group may be a document now
        self.group.clear_gaps(asm, self.below.value)
        windows = self._windows(asm, self.below.value, self.before)
        out = asm.at(self.above.value).rows(self.group.gap, windows.shape[0])
        product(asm, out, windows, asm.at(self.weights.value))
        activate(asm, self.above, self.layer.activation)

    def backward(self, asm: Assembler) -> None:
        above, below, gradient = self.above.gradient, self.below.gradient, self.weights.gradient
        activate_back(asm, self.above, self.layer.activation)
        self.group.clear_gaps(asm, above)
        windows = self._windows(asm, self.below.value, self.before)
        d_out = asm.at(above).rows(self.group.gap, windows.shape[0])
        product(asm, asm.at(gradient), windows.T, d_out, adds=True)
        for n in range(self.size):
            if n != self.before:  # the ones of other rows are no inputs
                asm.clear(gradient, n * self.width + self.below.features)
        if self.below.is_trained:
            windows = self._windows(asm, above, self.size - 1 - self.before)
            out = asm.at(below).rows(self.group.gap, windows.shape[0])
            product(asm, out, windows, asm.at(self.flipped))
            self.group.clear_gaps(asm, below)  # nothing is learned about zeros
