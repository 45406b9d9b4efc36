"""A convolution over the steps of each document, as one product of all windows.

The vectors of a document lie one below the other, so a window of adjacent ones is a single long row,
and the windows of a matrix are a matrix whose rows overlap. Between documents are rows of zeros.
"""

from dataclasses import replace

import numpy as np

from rnnbench.models.layers.feedforward import Conv1D
from rnnbench.training.engines.packed.assembler import F32, Assembler, View
from rnnbench.training.engines.packed.dense import relu, relu_back
from rnnbench.training.engines.packed.memory import Array, Memory
from rnnbench.training.engines.packed.plan import Signal, Stage
from rnnbench.training.engines.packed.products import product


class ConvStage(Stage):
    def __init__(self, memory: Memory, number: int, layer: Conv1D, below: Signal):
        self.number, self.below, self.activation = number, below, layer.activation
        self.size, self.filters = layer.kernel_size, layer.filters
        self.before = {"same": (self.size - 1) // 2, "causal": self.size - 1}[layer.padding]
        self.above = Signal.new(
            memory, below.group, self.filters, is_sequence=True, is_trained=True
        )
        self.width = below.value.strides[0]  # of a row, and what lies between two
        self.d_width = self.above.gradient.strides[0]
        self.weights = memory.trained(self.size * self.width, self.filters)
        self.trained = (self.weights,)
        self.flipped = None
        if below.gradient:
            self.flipped = memory.place(self.size * self.d_width, below.features)

    def load(self, arena, weights):
        kernel, bias = weights[:2]
        for n, rows in enumerate(kernel):
            start = n * self.width
            self.weights.value.of(arena)[start : start + len(rows)] = rows
        self.weights.value.of(arena)[self.before * self.width + self.below.features] = bias
        return 2

    def save(self, arena, of):
        rows, features = of(self.weights).of(arena), self.below.features
        starts = range(0, self.size * self.width, self.width)
        kernel = np.stack([rows[start : start + features] for start in starts])
        return [kernel, rows[self.before * self.width + features].copy()]

    def prepare(self, asm: Assembler) -> None:
        for n in range(self.size) if self.flipped else ():
            w = asm.at(self.weights.value).rows(n * self.width, self.below.features)
            out = asm.at(self.flipped).rows((self.size - 1 - n) * self.d_width, self.filters)
            for i in asm.loop(self.below.features):
                for j in asm.loop(self.filters):
                    out[j, i].store(w[i, j].load(F32))

    def _windows(self, asm: Assembler, array: Array, before: int) -> View:
        """Return the windows around the rows of documents, each a single row."""
        gap, width = self.below.group.gap, array.strides[0]
        count = self.below.count(asm) - 2 * gap
        start = asm.at(array, gap - before)
        return replace(start, shape=(count, self.size * width), strides=(width, 1))

    def make(self, asm: Assembler) -> None:
        below, above, group, gap = self.below, self.above, self.below.group, self.below.group.gap
        with asm.function(f"forward_{self.number}", ["arena"]):
            for i in asm.loop(below.count(asm)):  # a gap of an earlier group may be a document now
                asm.at(below.value, i, below.features).store(asm.one)
            group.clear_gaps(asm, below.value)
            windows = self._windows(asm, below.value, self.before)
            out = asm.at(above.value).rows(gap, windows.shape[0]).columns(0, self.filters)
            product(asm, out, windows, asm.at(self.weights.value))
            if self.activation == "relu":
                relu(asm, above)
            for i in asm.loop(above.count(asm)):
                asm.at(above.value, i, above.features).store(asm.one)
        with asm.function(f"backward_{self.number}", ["arena"]):
            if self.activation == "relu":
                relu_back(asm, above)
            group.clear_gaps(asm, above.gradient)
            windows = self._windows(asm, below.value, self.before)
            d_out = asm.at(above.gradient).rows(gap, windows.shape[0])
            product(asm, asm.at(self.weights.gradient), windows.T, d_out, adds=True)
            for n in set(range(self.size)) - {self.before}:  # the ones of other rows are no inputs
                row = n * self.width + below.features
                for column in asm.loop(self.weights.gradient.strides[0], step=asm.lanes):
                    asm.at(self.weights.gradient, row, column).store(asm.vector_of(0.0))
            if below.gradient:
                windows = self._windows(asm, above.gradient, self.size - 1 - self.before)
                out = asm.at(below.gradient).rows(gap, windows.shape[0])
                product(asm, out, windows, asm.at(self.flipped))
                group.clear_gaps(asm, below.gradient)  # nothing is learned about zeros
