"""A quick test of the machine code at its first use in a process: a product and the gates."""

import numpy as np

from rnnbench.training.engines.native.assembler import Assembler, Index, View
from rnnbench.training.engines.native.compiler import Code, Processor
from rnnbench.training.engines.native.maths import exp, sigmoid, tanh
from rnnbench.training.engines.native.products import product

ROWS, INNER = 7, 5
SPREAD = 4.0
"""The standard deviation of the numbers that go into the gates."""


def passes(processor: Processor) -> bool:
    """Return whether machine code computes what NumPy does."""
    lanes = processor.lanes
    random = np.random.default_rng(0)
    a = random.normal(size=(ROWS, INNER)).astype(np.float32)
    b = random.normal(size=(INNER, 3 * lanes)).astype(np.float32)
    x = (random.normal(size=(ROWS, lanes)) * SPREAD).astype(np.float32)
    out = np.zeros((ROWS, 3 * lanes), np.float32)
    gates = np.zeros((ROWS, 3 * lanes), np.float32)
    code = _make(processor)
    code.function("product", slices=3)(out, a, b)
    code.function("gates", slices=2)(gates, x)
    expected = np.concatenate([1 / (1 + np.exp(-x)), np.tanh(x), np.exp(x)], axis=1)
    return np.allclose(out, a @ b, atol=1e-5) and np.allclose(gates, expected, 1e-5, 1e-6)


def _make(processor: Processor) -> Code:
    lanes = processor.lanes
    asm = Assembler(lanes, processor.registers)
    with asm.function("product", ["out", "a", "b"]):
        shapes = {"out": (ROWS, 3 * lanes), "a": (ROWS, INNER), "b": (INNER, 3 * lanes)}
        views = [View(asm.slices[name], shape, (shape[1], 1)) for name, shape in shapes.items()]
        product(asm, *views)
    with asm.function("gates", ["gates", "x"]):

        def row(i: Index) -> None:
            x = asm.load(asm.move(asm.slices["x"], (i, lanes)))
            for number, function in enumerate((sigmoid, tanh, exp)):
                place = asm.move(asm.slices["gates"], (i, 3 * lanes), (number, lanes))
                asm.store(place, function(x))

        asm.loop(ROWS, row)
    return Code(asm)
