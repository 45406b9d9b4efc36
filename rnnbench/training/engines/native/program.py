"""The program of an epoch: groups of documents go through the stages, forward and back.

Functions whose names begin with ``make_`` make functions of machine code.
"""

from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.feedforward import Conv1D
from rnnbench.training.engines.native import adam
from rnnbench.training.engines.native.assembler import (
    F32,
    Assembler,
    Code,
    Processor,
    least,
    where,
)
from rnnbench.training.engines.native.group import DOCUMENTS, Activations, Group, Sizes
from rnnbench.training.engines.native.memory import Floats, Memory
from rnnbench.training.engines.native.products import product
from rnnbench.training.engines.native.stage import Site, Stage
from rnnbench.training.engines.native.stages import stages_of
from rnnbench.training.outcome import Weights

SPREAD = 4.0
"""The standard deviation of the numbers that test the code."""


class Program:
    """The stages of a network, their memory, and machine code that trains it.

    Its functions ``epoch`` and ``score`` take, besides the arena and the ``DOCUMENTS``: ``labels``
    ``(n,)``; ``rates``, two for each optimizer step, see ``adam.Rates``; ``answers (n, 2)``; and
    ``scores (n, width)``. The order of documents has ``rows`` more numbers than it needs.
    """

    def __init__(
        self,
        layers: tuple[Layer, ...],
        sizes: Sizes,
        processor: Processor,
        assembler: type[Assembler] = Assembler,
    ):
        memory = Memory(sizes.lanes, sizes.rows, averages=sizes.averages)
        kernels = [layer.kernel_size for layer in layers if isinstance(layer, Conv1D)]
        self.sizes, self.group = sizes, Group(memory, sizes, gap=max(kernels, default=1) - 1)
        self.stages: list[Stage] = []
        for kind, position, own in stages_of(layers):
            below = self.stages[-1].above if self.stages else None
            self.stages.append(kind(Site(position, own, memory, self.group, below)))
        self.memory = memory
        self.parts = [part for stage in self.stages for part in stage.parts]
        self.width = self.logits.value.strides[0]
        asm = assembler(processor)
        self._make(asm)
        self.code = Code(asm)

    @property
    def logits(self) -> Activations:
        """What the last layer hands on."""
        return self.stages[-1].above

    def initial_weights(self, seed_of: Any) -> Weights:
        """Return the weights with which Keras begins; ``seed_of`` takes a position and a role."""
        return [
            own
            for stage in self.stages
            for own in stage.initial_weights(self._seeds(stage, seed_of))
        ]

    def new_arena(self, weights: Weights, seed_of: Any) -> Floats:
        """Return an arena with weights in it, before the first optimizer step."""
        arena = self.memory.new_arena()
        for stage in self.stages:
            stage.begin(arena, self._seeds(stage, seed_of))
        for part, own in zip(self.parts, weights, strict=True):
            part.write(arena, own)
        return arena

    def _seeds(self, stage: Stage, seed_of: Any) -> SeedOf:
        return lambda role: seed_of(stage.number + stage.shift, role)

    def _make(self, asm: Assembler) -> None:
        """Make all functions."""
        self.group.make(asm)
        for stage in self.stages:
            stage.make(asm)
        make_loss(asm, self.logits)
        adam.make_step(asm, self.group, [own for stage in self.stages for own in stage.trained])
        with asm.function("forward", DOCUMENTS, 2) as (first, left):
            asm.call("gather", first, left)
            for stage in self.stages:
                asm.call(f"forward_{stage.number}")
        self._make_epoch(asm)
        self._make_score(asm)

    def _make_epoch(self, asm: Assembler) -> None:
        """Make ``step``, of the optimizer, and ``epoch``."""
        tables = [stage.table for stage in self.stages if stage.table]
        clock, names = self.group.clock, [*DOCUMENTS, "labels", "rates", "answers"]
        with asm.function("step", names, 2) as (first, size):
            asm.call("clear_gradients")
            for table in tables:
                asm.call(f"find_{table.number}", first, size)
            for stage in self.stages:
                stage.prepare(asm)
            for done in asm.loop(size, step=self.sizes.rows):
                asm.call("forward", first + done, size - done)
                asm.call("loss", first + done, size - done, size)
                for stage in reversed(self.stages):
                    asm.call(f"backward_{stage.number}")
            for stage in self.stages:
                stage.conclude(asm)
            asm.call("adam")
            for table in tables:
                asm.call(f"step_{table.number}")
            asm.set(clock, asm.get(clock) + 1)
        with asm.function("epoch", names, 1) as (count,), asm.flushing():
            asm.set(self.group.is_training, 1)
            for first in asm.loop(count, step=self.sizes.batch):
                asm.call("step", first, least(self.sizes.batch, count - first))
            for table in tables:
                asm.call(f"finish_{table.number}")

    def _make_score(self, asm: Assembler) -> None:
        """Make ``score``: the logits of documents."""
        group, rows = self.group, self.sizes.rows
        with asm.function("score", [*DOCUMENTS, "scores"], 1) as (count,), asm.flushing():
            asm.set(group.is_training, 0)
            for stage in self.stages:
                stage.prepare(asm)
            for first in asm.loop(count, step=rows):
                asm.call("forward", first, count - first)
                for row in asm.loop(least(rows, count - first)):
                    out = asm.given["scores"].moved(asm.get(group.documents, row) * self.width)
                    for i in asm.loop(self.width, step=asm.lanes):
                        out[i].store(asm.at(self.logits.value, row, i).load())


def make_loss(asm: Assembler, logits: Activations) -> None:
    """Make the function ``loss``: the gradient of the logits, of the mean loss of a batch.

    The answer on a document has two numbers: the logit of its topic less the largest logit, and
    the sum of the exponentials of the logits less the largest one. ``first`` is the position of the
    first row; only the rows that are ``left`` belong to the batch.
    """
    topics, lanes, group = logits.features, asm.lanes, logits.group
    columns = np.arange(-(-topics // lanes) * lanes).reshape(-1, lanes)
    starts = [int(some[0]) for some in columns]
    with asm.function("loss", ["arena", "labels", "answers"], 3) as (first, left, size):
        for row in asm.loop(group.rows):
            are_topics = [asm.vector_of(some) < topics for some in columns]
            values = [asm.at(logits.value, row, start).load() for start in starts]
            values = list(map(where, are_topics, values, repeat(-1e30)))
            largest = asm.spread(asm.largest(values))
            values = [value - largest for value in values]
            powers = list(map(where, are_topics, (value.exp() for value in values), repeat(0.0)))
            total = asm.total(powers)
            label = asm.given["labels"][asm.get(group.documents, row)].load(F32)
            are_label = [asm.spread(label).equals(asm.vector_of(some)) for some in columns]
            of_label = asm.total(list(map(where, are_label, values, repeat(0.0))))
            answer = asm.given["answers"].moved((first + row) * 2)
            answer.store(of_label)
            answer.moved(1).store(total)
            share = where(row < left, 1 / asm.to_float(size), 0.0)
            of_power, of_topic = asm.spread(share / total), asm.spread(share)
            for start, is_label, power in zip(starts, are_label, powers, strict=True):
                gradient = power * of_power - where(is_label, of_topic, 0.0)
                asm.at(logits.gradient, row, start).store(gradient)


@lru_cache(maxsize=1)
def program_for(layers: tuple[Layer, ...], sizes: Sizes, processor: Processor) -> Program:
    """Return the program for a network; only the last is kept, for the other seeds of a model."""
    return Program(layers, sizes, processor)


def passes(processor: Processor) -> bool:
    """Return whether a product, sigmoid, tanh and exp in machine code are those of NumPy."""
    lanes, memory = processor.lanes, Memory(processor.lanes, 1)
    shapes = (7, 5), (5, 3 * lanes), (7, 3 * lanes), (lanes,), (3, lanes)
    arrays = [memory.place(*shape) for shape in shapes]
    asm = Assembler(processor)
    with asm.function("test", ["arena"]):
        a, b, out, x, gates = map(asm.at, arrays)
        product(asm, out, a, b)
        for number, name in enumerate(("sigmoid", "tanh", "exp")):
            gates[number, 0].store(getattr(x[0].load(), name)())
    arena = memory.new_arena()
    arena[:] = np.random.default_rng(0).normal(0, SPREAD, memory.size)
    Code(asm).run("test", arena)
    left, right, result, numbers, results = (array.of(arena) for array in arrays)
    expected = [1 / (1 + np.exp(-numbers)), np.tanh(numbers), np.exp(numbers)]
    is_product = np.allclose(result, left @ right, atol=1e-4)
    return is_product and np.allclose(results, expected, 1e-5, 1e-6)
