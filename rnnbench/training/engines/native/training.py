"""Training with machine code: the arrays that go in, and the numbers that come out.

Importing this module imports llvmlite.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.engines.native.assembler import Assembler, Processor
from rnnbench.training.engines.native.compiler import Code
from rnnbench.training.engines.native.layout import Layout, Sizes
from rnnbench.training.engines.native.program import BETA_1, BETA_2, make_program
from rnnbench.training.engines.native.weights import new_arena, read_weights
from rnnbench.training.epochs import Epochs, batches, count_batches
from rnnbench.training.outcome import Weights
from rnnbench.training.recipe import Recipe

Documents = tuple[NDArray[np.float32], NDArray[np.int32]]
"""The inputs ``(n, timesteps)``, and the labels ``(n,)``."""

Program = tuple[Layout, Code]
"""The machine code for the sizes of a network, its sequences and its batches."""


@lru_cache(maxsize=1)
def program_for(
    sizes: Sizes, processor: Processor, assembler: type[Assembler] = Assembler
) -> Program:
    """Return the code for some sizes; only the last is kept, as in the engine ``compiled``."""
    layout, asm = Layout(sizes), assembler(processor)
    make_program(asm, layout)
    return layout, Code(asm)


class Network:
    """A network in training.

    Attributes:
        arena: its weights, and everything that is computed.
        steps: optimizer steps taken so far.
    """

    def __init__(self, program: Program, weights: Sequence[NDArray[np.float32]]):
        self.layout, self.code = program
        self.arena, self.steps = new_arena(self.layout, weights), 0

    @property
    def weights(self) -> Weights:
        """A copy of the weights, in Keras's order."""
        return read_weights(self.layout, self.arena)

    def train(self, documents: Documents, learning_rate: float) -> tuple[float, float]:
        """Train for an epoch; return the mean loss and the accuracy meanwhile.

        The documents are in the order of the batches.
        """
        x, y = documents
        sizes, count = self.layout.sizes, len(y)
        step = self.steps + np.arange(1.0, count_batches(count, sizes.batch) + 1)
        self.steps += len(step)
        # Keras rounds the decays to float32, too; for 0.999, the result shows it.
        beta_1, beta_2 = float(np.float32(BETA_1)), float(np.float32(BETA_2))
        rates = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        labels, answers = self._filled(y), self._filled(np.zeros((count, 2)))
        arrays = self._filled(x), labels, rates.astype(np.float32), answers
        self.code.run("epoch", self.arena, *arrays, count)
        of_topic, total = answers[:count].astype(np.float64).T
        return float(np.mean(np.log(total) - of_topic)), float(np.mean(of_topic == 0))

    def log_probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-probabilities ``(n, topics)`` of documents."""
        scores = self._filled(np.zeros((len(x), self.layout.logits.strides[0])))
        self.code.run("score", self.arena, self._filled(x), scores, len(x))
        logits = scores[: len(x), : self.layout.sizes.topics].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def _filled(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows as floats, and zeros after them, because they are read in whole parts."""
        more = [(0, self.layout.sizes.rows)] + [(0, 0)] * (rows.ndim - 1)
        return np.pad(rows.astype(np.float32), more)

    def judge(self, documents: Documents) -> tuple[float, float]:
        """Return the mean loss and the accuracy on documents that are not trained on."""
        x, y = documents
        logs = self.log_probabilities(x)
        loss = -logs[np.arange(len(y)), y].mean()
        return float(loss), float((logs.argmax(axis=1) == y).mean())


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
