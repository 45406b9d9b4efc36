"""Training with machine code: the arrays that go in, and the numbers that come out.

Importing this module imports llvmlite.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.engines.native.assembler import Assembler
from rnnbench.training.engines.native.compiler import Code, Processor
from rnnbench.training.engines.native.layout import Sizes, plan
from rnnbench.training.engines.native.program import BETA_1, BETA_2, make_program
from rnnbench.training.engines.native.weights import Weights, aligned, new_arena, read_weights
from rnnbench.training.epochs import Epochs
from rnnbench.training.recipe import Recipe
from rnnbench.training.steps import batches, count_batches

Documents = tuple[NDArray[np.float32], NDArray[np.int32]]
"""The inputs ``(n, timesteps)``, and the labels."""


class Program:
    """The machine code for some sizes.

    Args:
        sizes: of the network, its sequences and its batches.
        processor: that it is made for.
        is_checked: whether the code checks its addresses; see ``Assembler``.
    """

    def __init__(self, sizes: Sizes, processor: Processor, *, is_checked: bool = False):
        self.layout = plan(sizes)
        asm = Assembler(sizes.lanes, processor.registers, is_checked=is_checked)
        make_program(asm, self.layout, is_x86=processor.is_x86)
        self.code = Code(asm)
        self.epoch = self.code.function("epoch", slices=5, numbers=1)
        self.score = self.code.function("score", slices=3, numbers=1)


@lru_cache(maxsize=1)
def program_for(sizes: Sizes, processor: Processor) -> Program:
    """Return the code for some sizes; only the last is kept, as in the engine ``compiled``."""
    return Program(sizes, processor)


@dataclass
class Network:
    """A network in training.

    Attributes:
        program: its machine code.
        arena: its weights, and everything that is computed.
        steps: optimizer steps taken so far.
    """

    program: Program
    arena: NDArray[np.float32]
    steps: int = 0

    @classmethod
    def new(cls, program: Program, weights: Weights) -> "Network":
        """Return a network before its first step."""
        return cls(program, new_arena(program.layout, weights))

    @property
    def weights(self) -> Weights:
        """A copy of the weights, in Keras's order."""
        return read_weights(self.program.layout, self.arena)

    def train(self, documents: Documents, learning_rate: float) -> tuple[float, float]:
        """Train for an epoch; return the mean loss and the accuracy meanwhile.

        The documents are in the order of the batches.
        """
        x, y = documents
        sizes, count = self.program.layout.sizes, len(y)
        step = self.steps + np.arange(1.0, count_batches(count, sizes.batch) + 1)
        self.steps += len(step)
        # Keras, too, takes the powers of the decays as float32: that of 0.999 shows in the result.
        beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
        rates = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        labels = np.zeros(count + sizes.rows, np.int32)
        labels[:count] = y
        answers = np.zeros((count + sizes.rows, 2), np.float32)
        inputs = _filled(x, sizes)
        self.program.epoch(self.arena, inputs, labels, rates.astype(np.float32), answers, count)
        of_topic, total = answers[:count].astype(np.float64).T
        return float(np.mean(np.log(total) - of_topic)), float(np.mean(of_topic == 0))

    def log_probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-probabilities ``(n, topics)`` of documents."""
        layout = self.program.layout
        scores = aligned((len(x) + layout.sizes.rows) * layout.logits.strides[0])
        self.program.score(self.arena, _filled(x, layout.sizes), scores, len(x))
        rows = scores.reshape(-1, layout.logits.strides[0])[: len(x), : layout.sizes.topics]
        logits = rows.astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def judge(self, documents: Documents) -> tuple[float, float]:
        """Return the mean loss and the accuracy on documents that are not trained on."""
        x, y = documents
        logs = self.log_probabilities(x)
        loss = -logs[np.arange(len(y)), y].mean()
        return float(loss), float((logs.argmax(axis=1) == y).mean())


def _filled(x: NDArray[np.float32], sizes: Sizes) -> NDArray[np.float32]:
    """Return documents and some more, because they are read in parts of several rows."""
    filled = np.zeros((len(x) + sizes.rows, sizes.timesteps), np.float32)
    filled[: len(x)] = x
    return filled


def train(
    network: Network,
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
