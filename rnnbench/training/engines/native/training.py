"""Machine code for this processor, and the networks that it trains.

Importing this module imports llvmlite.
"""

import ctypes
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from rnnbench.training.engines.native.assembler import Assembler, Processor
from rnnbench.training.engines.native.network import Arena, NetworkArrays, NetworkSizes
from rnnbench.training.engines.native.program import BETA_1, BETA_2, make_program, product
from rnnbench.training.engines.native.weights import new_arena, read_weights
from rnnbench.training.epochs import Epochs, batches, count_batches
from rnnbench.training.outcome import Weights
from rnnbench.training.recipe import Recipe

FLOATS = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")
"""An array of floats without gaps; others are refused."""
IN_HALVES = {"znver4"}
"""Processors, as LLVM names them, that work on 512 bits as two halves. There, vectors of 256 bits
are faster: fewer lanes of the last vector are empty."""
SPREAD = 4.0
"""The standard deviation of the numbers that test the code."""

Documents = tuple[NDArray[np.float32], NDArray[np.int32]]
"""The inputs ``(n, timesteps)``, and the labels ``(n,)``."""


@cache
def processor() -> Processor | None:
    """Return this machine's processor; ``None`` if no code is made for its kind."""
    kind = llvm.get_default_triple().partition("-")[0]
    if kind in ("aarch64", "arm64"):
        return Processor(lanes=4, registers=32, is_x86=False)
    has = dict(llvm.get_host_cpu_features())
    if kind not in ("x86_64", "amd64") or not (has.get("avx2") and has.get("fma")):
        return None
    if has.get("avx512f") and has.get("avx512vl"):
        lanes = 8 if llvm.get_host_cpu_name() in IN_HALVES else 16
        return Processor(lanes=lanes, registers=32, is_x86=True)
    return Processor(lanes=8, registers=16, is_x86=True)


class Code:
    """Machine code that can be called."""

    def __init__(self, asm: Assembler):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            reloc="pic",
            codemodel="small",
        )
        module = llvm.parse_assembly(str(asm.module))
        module.verify()
        # The loops are vectors already; LLVM should not make them longer.
        options = llvm.create_pipeline_tuning_options(speed_level=1)
        options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
        passes = llvm.create_pass_builder(machine, options)
        passes.getModulePassManager().run(module, passes)
        self._engine = llvm.create_mcjit_compiler(module, machine, use_lmm=True)
        self._engine.finalize_object()

    def run(self, name: str, *arguments: NDArray[np.float32] | int) -> None:
        """Call a function with its arrays and numbers."""
        kinds = [ctypes.c_int64 if isinstance(given, int) else FLOATS for given in arguments]
        function: Any = ctypes.CFUNCTYPE(None, *kinds)(self._engine.get_function_address(name))
        function(*arguments)


def passes(processor: Processor) -> bool:
    """Return whether a product, sigmoid, tanh and exp in machine code are those of NumPy."""
    lanes, memory = processor.lanes, Arena()
    shapes = (7, 5), (5, 3 * lanes), (7, 3 * lanes), (lanes,), (3, lanes)
    arrays = [memory.place(*shape) for shape in shapes]
    asm = Assembler(processor)
    with asm.function("test", ["arena"]):
        a, b, out, x, gates = map(asm.at, arrays)
        product(asm, out, a, b)
        for number, name in enumerate(("sigmoid", "tanh", "exp")):
            gates[number, 0].store(getattr(x[0].load(), name)())
    arena = np.random.default_rng(0).normal(0, SPREAD, memory.size).astype(np.float32)
    Code(asm).run("test", arena)
    left, right, result, numbers, results = (array.of(arena) for array in arrays)
    expected = [1 / (1 + np.exp(-numbers)), np.tanh(numbers), np.exp(numbers)]
    is_product = np.allclose(result, left @ right, atol=1e-4)
    return is_product and np.allclose(results, expected, 1e-5, 1e-6)


Program = tuple[NetworkArrays, Code]
"""The machine code for the sizes of a network, its sequences and its batches."""


@lru_cache(maxsize=1)
def program_for(
    sizes: NetworkSizes, processor: Processor, assembler: type[Assembler] = Assembler
) -> Program:
    """Return the code for some sizes; only the last is kept, as in the engine ``compiled``."""
    arrays, asm = NetworkArrays(sizes), assembler(processor)
    make_program(asm, arrays)
    return arrays, Code(asm)


class NativeNetwork:
    """A network in training.

    Attributes:
        arena: its weights, and everything that is computed.
        steps: optimizer steps taken so far.
    """

    def __init__(self, program: Program, weights: Sequence[NDArray[np.float32]]):
        self.arrays, self.code = program
        self.arena, self.steps = new_arena(self.arrays, weights), 0

    @property
    def weights(self) -> Weights:
        """A copy of the weights, in Keras's order."""
        return read_weights(self.arrays, self.arena)

    def train(self, documents: Documents, learning_rate: float) -> tuple[float, float]:
        """Train for an epoch; return the mean loss and the accuracy meanwhile.

        The documents are in the order of the batches.
        """
        x, y = documents
        sizes, count = self.arrays.sizes, len(y)
        step = self.steps + np.arange(1.0, count_batches(count, sizes.batch) + 1)
        self.steps += len(step)
        # Keras rounds the decays to float32, too; for 0.999, the result shows it.
        beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
        rates = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        labels, answers = self._filled(y), self._filled(np.zeros((count, 2)))
        given = self._filled(x), labels, rates.astype(np.float32), answers
        self.code.run("epoch", self.arena, *given, count)
        of_topic, total = answers[:count].astype(np.float64).T
        return float(np.mean(np.log(total) - of_topic)), float(np.mean(of_topic == 0))

    def log_probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-probabilities ``(n, topics)`` of documents."""
        scores = self._filled(np.zeros((len(x), self.arrays.logits.strides[0])))
        self.code.run("score", self.arena, self._filled(x), scores, len(x))
        logits = scores[: len(x), : self.arrays.sizes.topics].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def _filled(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows as floats, and zeros after them, because they are read in whole parts."""
        more = [(0, self.arrays.sizes.rows)] + [(0, 0)] * (rows.ndim - 1)
        return np.pad(rows.astype(np.float32), more)

    def judge(self, documents: Documents) -> tuple[float, float]:
        """Return the mean loss and the accuracy on documents that are not trained on."""
        x, y = documents
        logs = self.log_probabilities(x)
        loss = -logs[np.arange(len(y)), y].mean()
        return float(loss), float((logs.argmax(axis=1) == y).mean())


def train(
    network: NativeNetwork,
    documents: Documents,
    validation: Documents | None,
    recipe: Recipe,
    seed: int,
    epochs: Epochs,
) -> None:
    """Train a network for all epochs, and note each."""
    x, y = documents
    for epoch in range(1, recipe.epochs + 1):
        order = np.concatenate(batches(len(y), recipe.batch_size, seed, epoch))
        loss, accuracy = network.train((x[order], y[order]), recipe.learning_rate)
        judged = network.judge(validation) if validation else None
        epochs.note(loss, accuracy, judged, lambda: network.weights)
