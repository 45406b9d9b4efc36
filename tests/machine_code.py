"""Networks of many sizes for the engine ``native``, and the machine code that trains them."""

import os
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnbench.training.engines.native.assembler import Assembler, Processor, processor
from rnnbench.training.engines.native.cells import CELLS
from rnnbench.training.engines.native.engine import NativeNetwork
from rnnbench.training.engines.native.network import NetworkSizes, initial_weights
from rnnbench.training.engines.native.program import Program, program_for

MANY = int(os.environ.get("RNNBENCH_NATIVE_EXAMPLES", "0"))
"""Examples for each property, if there should be more of them than in the suite."""

is_x86 = bool(processor() and processor().is_x86)
LANES = st.sampled_from([4, 8, 16])
REGISTERS = st.sampled_from([16, 32])


def examples(few: int) -> Any:
    """Settings of a property that is tested on few examples, because each compiles a network."""
    return settings(max_examples=MANY or few, deadline=None, derandomize=not MANY)


@st.composite
def sizes(draw: Any, most_units: int = 130) -> NetworkSizes:
    """Sizes of networks of one to three layers."""
    layer = st.tuples(st.sampled_from(sorted(CELLS)), st.integers(1, most_units))
    return NetworkSizes(
        layers=tuple(draw(st.lists(layer, min_size=1, max_size=3))),
        topics=draw(st.integers(1, 60)),
        timesteps=draw(st.integers(1, 7)),
        batch=draw(st.integers(1, 25)),
        lanes=draw(LANES),
    )


def program(
    of: NetworkSizes, registers: int = 32, assembler: type[Assembler] = Assembler
) -> Program:
    """Return machine code for these sizes; this processor need not have such registers."""
    return program_for(of, Processor(of.lanes, registers, is_x86), assembler)


def network(code: Program, seed: int = 0) -> NativeNetwork:
    """Return a network with random weights, of which no part is zero."""
    random, (arrays, _) = np.random.default_rng(seed), code
    weights = initial_weights(arrays.sizes, seed)
    weights = [own + random.normal(0, 0.1, own.shape).astype(np.float32) for own in weights]
    return NativeNetwork(code, weights)


def documents(
    of: NetworkSizes, count: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return made-up sequences and labels."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, of.timesteps)).astype(np.float32)
    return x, random.integers(0, of.topics, count, dtype=np.int32)
