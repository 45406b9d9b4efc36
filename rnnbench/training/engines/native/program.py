"""The program of an epoch: groups of documents go through the stages, forward and
back.
"""

from functools import cached_property, lru_cache
from threading import Lock

import numpy as np

from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Conv1D
from rnnbench.models.seeds import derive_seed
from rnnbench.training.outcome import Weights

from . import adam
from .assembler import F32, VERY_LOW, Assembler, Code, Floats, Processor, Value
from .memory import DOCUMENTS, OF_HALF, OTHER, SHARED, Activations, Group, Memory, Sizes
from .stage import Stage
from .words import stages_of

TRAINING = [*DOCUMENTS, OTHER, "labels", "rates", "answers"]
"""The arrays that a training function is given: besides the documents, the arena of the
other half; ``labels (n, 2)``, each with its weight; ``rates``, see ``adam.Rates``;
``answers (n, 2)``. With any number of labels a document, labels and answers are ``(n,
width)``."""
COMPILING = Lock()  # two threads may ask for the code at the same time
SPREAD = 4.0  # the standard deviation of the numbers that test the code


class Program:
    """The stages of a network, their memory, and machine code that trains it."""

    assembler = Assembler  # tests replace it with one that checks all addresses

    def __init__(self, layers: tuple[Layer, ...], sizes: Sizes, processor: Processor):
        self.sizes, self.processor = sizes, processor
        parts = [part for layer in layers for part in layer.parts]
        kernels = [layer.kernel_size for layer in parts if isinstance(layer, Conv1D)]
        self.group = Group(sizes, gap=max(kernels, default=1) - 1)
        self.phases = "begin", "work", *["measure"][: self.group.clips], "update"
        self.stages: list[Stage] = []
        for kind, position, own in stages_of(layers):
            below = self.stages[-1].above if self.stages else None
            self.stages.append(kind(self.group, position, own, below))
        self.trained = [own for stage in self.stages for own in stage.trained]
        self.parts = [part for stage in self.stages for part in stage.parts]
        self.tables = [stage.table for stage in self.stages if stage.table]
        self.every = [own for stage in self.stages for own in (stage, *stage.inner)]
        self.stages[-1].function, self.logits = "linear", self.stages[-1].above
        self.has_one_label = layers[-1].has_one_label
        self.width = self.logits.value.strides[0]

    @cached_property
    def code(self) -> Code:
        """The machine code, compiled when it is first needed, which takes about a
        second.
        """
        with COMPILING:
            asm = self.group.asm = self.assembler(self.processor)
            self._make_score(asm)
            if not self.sizes.only_scores:
                self._make_phases(asm)
                self._make_epoch(asm)
            code, self.group.asm = Code(asm), None
        return code

    def new_arenas(self, weights: Weights, seed: int | None) -> list[Floats]:
        """Return two arenas, or one if there is no seed to train by, with weights in
        the first.
        """
        arenas = self.group.new_arenas(1 if seed is None else 2)
        for half, arena in enumerate(arenas):
            self.group.half.of(arena).view(np.int32)[0] = half
            for stage in self.every:
                key = derive_seed(seed or 0, stage.number, stage.role)
                stage.key.of(arena).view(np.uint32)[:] = key, 0
        for part, own in zip(self.parts, weights, strict=True):
            part.write(arenas[0], own)
        return arenas

    def _make_score(self, asm: Assembler) -> None:
        """Make ``forward``, for a group, and ``score``, which also takes ``scores (n,
        width)``.
        """
        group, rows = self.group, self.sizes.rows
        with asm.function("forward", DOCUMENTS, 3) as (first, left, number):
            group.gather(asm, first, left, number)
            for stage in self.stages:
                stage.forward(asm)
        with (
            asm.function("score", [*DOCUMENTS, "scores"], 1) as (count,),
            asm.flushing(),
        ):
            group.is_training.set(0)
            for stage in self.every:
                stage.prepare(asm)
            for first in asm.loop(count, step=rows):
                asm.call("forward", first, count - first, first // rows)
                for row in asm.loop((count - first).at_most(rows)):
                    out = asm.given["scores"].moved(
                        group.documents.get(row) * self.width
                    )
                    for i in asm.loop(self.width, step=asm.lanes):
                        out[i].store(self.logits.value[row, i].load())

    def _make_phases(self, asm: Assembler) -> None:
        """Make the phases of an optimizer step, each for half a batch, so for up to two
        threads.
        """
        group, rows = self.group, self.sizes.rows
        loss = add_loss if self.has_one_label else add_binary_loss
        for table in self.tables:
            table.make()
        with asm.function("begin", TRAINING, 2) as (first, size), asm.flushing():
            group.is_training.set(1)
            for table in self.tables:
                asm.call(f"find_{table.number}", first, size)
            with asm.when(group.half.get().equals(0)):
                for stage in self.every:
                    stage.prepare(asm)
        with asm.function("work", TRAINING, 2) as (first, size), asm.flushing():
            start = group.half.get() * rows
            for done in asm.loop(size - start, step=2 * rows):  # every second group
                at = start + done
                asm.call("forward", first + at, size - at, at // rows)
                loss(self.logits, first + at, size - at, size)
                for stage in reversed(self.stages):
                    stage.backward(asm)
            for stage in self.every:
                stage.conclude(asm)
        if (
            self.sizes.clip
        ):  # by the norm of all gradients, so each is there before a weight moves
            with asm.function("measure", TRAINING, 2) as (first, size), asm.flushing():
                for stage in self.stages:
                    stage.collect(asm, first, size)
                adam.measure(group, self.trained, self.tables)
        with asm.function("update", TRAINING, 2) as (first, size), asm.flushing():
            if self.sizes.clip:
                adam.clip(group, self.sizes.clip)
            for stage in self.stages if not self.sizes.clip else ():
                stage.collect(asm, first, size)
            for table in self.tables:
                asm.call(f"step_{table.number}")
            with asm.when(group.half.get().equals(0)):
                adam.step(group, self.trained)
            group.clock.set(group.clock.get() + 1)

    def _make_epoch(self, asm: Assembler) -> None:
        """Make ``finish``, for the end of an epoch, and ``epoch``, which does all of
        it.
        """
        with asm.function("finish", TRAINING), asm.flushing():
            for table in self.tables:
                for word in asm.loop(self.sizes.n_ids):
                    asm.call(f"catch_up_{table.number}", word)
        with asm.function("epoch", TRAINING, 1) as (count,):
            second = {OF_HALF: OTHER, OTHER: OF_HALF}
            for first in asm.loop(count, step=self.sizes.batch):
                size = (count - first).at_most(self.sizes.batch)
                for name in self.phases:
                    asm.call(name, first, size)
                    asm.call(name, first, size, **second)
            asm.call("finish")
            asm.call("finish", **second)


def add_loss(logits: Activations, first: Value, left: Value, size: Value) -> None:
    """Write the gradient of the mean loss of a batch, of ``size``, with respect to its
    logits.

    The answer for a document is ``logits[topic] - largest`` and ``sum(exp(logits -
    largest))``. From the row ``first`` on, only those that are ``left`` belong to the
    batch.
    """
    topics, group, asm = logits.features, logits.group, logits.group.asm
    starts = range(0, topics, asm.lanes)
    numbers = [asm.vector_of(np.arange(start, start + asm.lanes)) for start in starts]
    for row in asm.loop(group.rows):
        values = logits.value[row].load_row(topics, VERY_LOW)
        largest = asm.spread(asm.largest(values))
        values = [value - largest for value in values]
        powers = asm.filled([value.exp() for value in values], topics)
        total = asm.total(powers)
        document = asm.given["labels"].moved(group.documents.get(row) * 2)
        label, weight = asm.spread(document.load(F32)), document.moved(1).load(F32)
        are_label = [label.equals(some) for some in numbers]
        own = [
            some.select(value, 0.0)
            for some, value in zip(are_label, values, strict=True)
        ]
        answer = asm.given["answers"].moved((first + row) * 2)
        answer.store(asm.total(own))
        answer.moved(1).store(total)
        share = (row < left).select(weight / asm.to_float(size), 0.0)
        of_power, of_topic = asm.spread(share / total), asm.spread(share)
        for start, is_label, power in zip(starts, are_label, powers, strict=True):
            logits.gradient[row, start].store(
                power * of_power - is_label.select(of_topic, 0.0)
            )


def add_binary_loss(
    logits: Activations, first: Value, left: Value, size: Value
) -> None:
    """Write the gradient of mean binary cross-entropy; labels and answers are rows of
    topics.
    """
    topics, group, asm = logits.features, logits.group, logits.group.asm
    width = logits.value.strides[0]
    for row in asm.loop(group.rows):
        values = logits.value[row].load_row(topics)
        chances = asm.filled([value.sigmoid() for value in values], topics)
        labels = asm.given["labels"].moved(group.documents.get(row) * width)
        answer = asm.given["answers"].moved((first + row) * width)
        share = asm.spread((row < left).select(1 / asm.to_float(size * topics), 0.0))
        for start, value, chance in zip(
            range(0, topics, asm.lanes), values, chances, strict=True
        ):
            answer.moved(start).store(value)
            logits.gradient[row, start].store(
                (chance - labels.moved(start).load()) * share
            )


program_for = lru_cache(maxsize=1)(
    Program
)  # the last one is kept, for other seeds of a model


def passes(processor: Processor) -> bool:
    """Return whether a product, sigmoid, tanh and exp in machine code are those of
    NumPy.
    """
    lanes, memory = processor.lanes, Memory()
    shapes = (7, 5), (5, 3 * lanes), (7, 3 * lanes), (lanes,), (3, lanes)
    arrays = [memory.place(*shape, block=SHARED) for shape in shapes]
    asm = Assembler(processor)
    with asm.function("test", [SHARED]):
        a, b, out, x, gates = map(asm.at, arrays)
        out.write_product(a, b)
        for number, name in enumerate(("sigmoid", "tanh", "exp")):
            gates[number, 0].store(getattr(x[0].load(), name)())
    (arena,) = memory.new_arenas(1)
    arena[:] = np.random.default_rng(0).normal(0, SPREAD, memory.size)
    Code(asm).run("test", arena)
    left, right, result, numbers, results = (array.of(arena) for array in arrays)
    expected = [1 / (1 + np.exp(-numbers)), np.tanh(numbers), np.exp(numbers)]
    is_product = np.allclose(result, left @ right, atol=1e-4)
    return is_product and np.allclose(results, expected, 1e-5, 1e-6)
