"""A quick test of machine code at its first use in a process: a product, sigmoid, tanh, exp."""

import numpy as np

from rnnbench.training.engines.native.assembler import Assembler, Processor
from rnnbench.training.engines.native.compiler import Code
from rnnbench.training.engines.native.layout import Arena
from rnnbench.training.engines.native.maths import exp, sigmoid, tanh
from rnnbench.training.engines.native.products import product

SPREAD = 4.0
"""The standard deviation of the numbers that go in."""


def passes(processor: Processor) -> bool:
    """Return whether machine code computes what NumPy does."""
    lanes, memory = processor.lanes, Arena()
    shapes = (7, 5), (5, 3 * lanes), (7, 3 * lanes), (lanes,), (3, lanes)
    arrays = [memory.place(*shape) for shape in shapes]
    asm = Assembler(processor)
    with asm.function("test", ["arena"]):
        a, b, out, x, gates = map(asm.at, arrays)
        product(asm, out, a, b)
        for number, function in enumerate((sigmoid, tanh, exp)):
            gates[number, 0].store(function(x[0].load()))
    arena = np.random.default_rng(0).normal(0, SPREAD, memory.size).astype(np.float32)
    Code(asm).run("test", arena)
    left, right, result, numbers, results = (each.of(arena) for each in arrays)
    expected = [1 / (1 + np.exp(-numbers)), np.tanh(numbers), np.exp(numbers)]
    is_product = np.allclose(result, left @ right, atol=1e-4)
    return is_product and np.allclose(results, expected, 1e-5, 1e-6)
