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
    VERY_LOW,
    Assembler,
    Code,
    Processor,
    least,
    where,
)
from rnnbench.training.engines.native.group import DOCUMENTS, Activations, Group, Sizes
from rnnbench.training.engines.native.memory import BLOCKS, OF_HALF, OTHER, SHARED, Floats, Memory
from rnnbench.training.engines.native.products import product
from rnnbench.training.engines.native.stage import Stage
from rnnbench.training.engines.native.stages import stages_of
from rnnbench.training.outcome import Weights

SPREAD = 4.0
"""The standard deviation of the numbers that test the code."""


class Program:
    """The stages of a network, their memory, and machine code that trains it.

    Its function ``score`` takes, besides the ``DOCUMENTS``, ``scores (n, width)``. Those that train
    take the arena of the other half; ``labels (n,)``; ``rates``, two for each optimizer step, see
    ``adam.Rates``; and ``answers (n, 2)``. The order of documents has at least ``rows`` more
    numbers than it needs.
    """

    def __init__(
        self,
        layers: tuple[Layer, ...],
        sizes: Sizes,
        processor: Processor,
        assembler: type[Assembler] = Assembler,
    ):
        memory = self.memory = Memory(averages=sizes.averages)
        kernels = [layer.kernel_size for layer in layers if isinstance(layer, Conv1D)]
        self.sizes, self.group = sizes, Group(memory, sizes, gap=max(kernels, default=1) - 1)
        self.stages: list[Stage] = []
        for kind, position, own in stages_of(layers):
            below = self.stages[-1].above if self.stages else None
            self.stages.append(kind(position, own, memory, self.group, below))
        self.parts = [part for stage in self.stages for part in stage.parts]
        self.width = self.logits.value.strides[0]
        asm = assembler(processor)
        self._make(asm)
        self.code = Code(asm)

    @property
    def logits(self) -> Activations:
        """The output of the last layer."""
        return self.stages[-1].above

    def initial_weights(self, seed_of: Any) -> Weights:
        """Return the weights with which Keras begins; ``seed_of`` takes a position and a role."""
        return [
            own
            for stage in self.stages
            for own in stage.initial_weights(self._seeds(stage, seed_of))
        ]

    def new_arenas(self, weights: Weights, seed_of: Any, count: int = 2) -> list[Floats]:
        """Return arenas with weights in the first, before the first optimizer step."""
        arenas = self.memory.new_arenas(count)
        for half, arena in enumerate(arenas):
            self.group.half.of(arena).view(np.int32)[0] = half
            for stage in self.stages:
                stage.begin(arena, self._seeds(stage, seed_of))
        for part, own in zip(self.parts, weights, strict=True):
            part.write(arenas[0], own)
        return arenas

    def _seeds(self, stage: Stage, seed_of: Any) -> SeedOf:
        return lambda role: seed_of(stage.number + stage.shift, role)

    def _make(self, asm: Assembler) -> None:
        """Make all functions."""
        self.group.make(asm)
        for stage in self.stages:
            stage.make(asm)
        make_loss(asm, self.logits)
        adam.make_step(asm, self.group, [own for stage in self.stages for own in stage.trained])
        with asm.function("forward", DOCUMENTS, 3) as (first, left, number):
            asm.call("gather", first, left, number)
            for stage in self.stages:
                asm.call(f"forward_{stage.number}")
        self._make_epoch(asm)
        self._make_score(asm)

    def _make_epoch(self, asm: Assembler) -> None:
        """Make the three functions of an optimizer step, for half a batch, and ``epoch``.

        Two threads can call each for both halves at once. The results are the same.
        """
        tables = [stage.table.number for stage in self.stages if stage.table]
        clock, rows = self.group.clock, self.sizes.rows
        names = [*DOCUMENTS, OTHER, "labels", "rates", "answers"]
        with asm.function("begin", names, 2) as (first, size), asm.flushing():
            asm.set(self.group.is_training, 1)
            for table in tables:
                asm.call(f"find_{table}", first, size)
            with asm.when(asm.get(self.group.half).equals(0)):
                for stage in self.stages:
                    stage.prepare(asm)
        with asm.function("work", names, 2) as (first, size), asm.flushing():
            start = asm.get(self.group.half) * rows
            for done in asm.loop(size - start, step=2 * rows):  # every second group
                at = start + done
                asm.call("forward", first + at, size - at, at // rows)
                asm.call("loss", first + at, size - at, size)
                for stage in reversed(self.stages):
                    asm.call(f"backward_{stage.number}")
            for stage in self.stages:
                stage.conclude(asm)
        with asm.function("update", names, 2) as (first, size), asm.flushing():
            for stage in self.stages:
                stage.collect(asm, first, size)
            for table in tables:
                asm.call(f"step_{table}")
            with asm.when(asm.get(self.group.half).equals(0)):
                asm.call("adam")
            asm.set(clock, asm.get(clock) + 1)
        with asm.function("finish", names), asm.flushing():
            for table in tables:
                asm.call(f"finish_{table}")
        with asm.function("epoch", names, 1) as (count,):
            for first in asm.loop(count, step=self.sizes.batch):
                size = least(self.sizes.batch, count - first)
                for name in ("begin", "work", "update"):
                    asm.call(name, first, size)
                    asm.call(name, first, size, half=OTHER, other=OF_HALF)
            asm.call("finish")
            asm.call("finish", half=OTHER, other=OF_HALF)

    def _make_score(self, asm: Assembler) -> None:
        """Make ``score``: the logits of documents."""
        group, rows = self.group, self.sizes.rows
        with asm.function("score", [*DOCUMENTS, "scores"], 1) as (count,), asm.flushing():
            asm.set(group.is_training, 0)
            for stage in self.stages:
                stage.prepare(asm)
            for first in asm.loop(count, step=rows):
                asm.call("forward", first, count - first, 0)
                for row in asm.loop(least(rows, count - first)):
                    out = asm.given["scores"].moved(asm.get(group.documents, row) * self.width)
                    for i in asm.loop(self.width, step=asm.lanes):
                        out[i].store(asm.at(self.logits.value, row, i).load())


def make_loss(asm: Assembler, logits: Activations) -> None:
    """Make ``loss``: the gradient of the mean loss of a batch with respect to its logits.

    The answer for a document is two numbers: ``logits[topic] - largest`` and ``sum(exp(logits -
    largest))``. ``first`` is the position of the first row; only the rows that are ``left`` belong
    to the batch.
    """
    topics, lanes, group = logits.features, asm.lanes, logits.group
    columns = np.arange(-(-topics // lanes) * lanes).reshape(-1, lanes)
    starts = [int(some[0]) for some in columns]
    with asm.function("loss", [*BLOCKS, "labels", "answers"], 3) as (first, left, size):
        for row in asm.loop(group.rows):
            are_topics = [asm.vector_of(some) < topics for some in columns]
            values = [asm.at(logits.value, row, start).load() for start in starts]
            values = list(map(where, are_topics, values, repeat(VERY_LOW)))
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


program_for = lru_cache(maxsize=1)(Program)
"""Returns the program for a network; only the last is kept, for the other seeds of a model."""


def passes(processor: Processor) -> bool:
    """Return whether a product, sigmoid, tanh and exp in machine code are those of NumPy."""
    lanes, memory = processor.lanes, Memory()
    shapes = (7, 5), (5, 3 * lanes), (7, 3 * lanes), (lanes,), (3, lanes)
    arrays = [memory.place(*shape, block=SHARED) for shape in shapes]
    asm = Assembler(processor)
    with asm.function("test", [SHARED]):
        a, b, out, x, gates = map(asm.at, arrays)
        product(asm, out, a, b)
        for number, name in enumerate(("sigmoid", "tanh", "exp")):
            gates[number, 0].store(getattr(x[0].load(), name)())
    (arena,) = memory.new_arenas(1)
    arena[:] = np.random.default_rng(0).normal(0, SPREAD, memory.size)
    Code(asm).run("test", arena)
    left, right, result, numbers, results = (array.of(arena) for array in arrays)
    expected = [1 / (1 + np.exp(-numbers)), np.tanh(numbers), np.exp(numbers)]
    is_product = np.allclose(result, left @ right, atol=1e-4)
    return is_product and np.allclose(results, expected, 1e-5, 1e-6)
