"""The program of a network: groups of documents go through its stages, and back.

A layer's way from a config to machine code::

    layers:                                    # of a model in YAML
      - lstm: {units: 50}                      # ``models.layers`` makes an ``LSTM``
      - dense: {units: topics, activation: softmax}

1. ``stages_of`` finds a ``Stage`` for each layer: ``RecurrentStage``, ``DenseStage``.
2. ``Program`` builds them in order. Each places its arrays in the arena, and says which
   of Keras's arrays of weights its own ones hold.
3. ``Program.assembled`` lets each stage add its code to ``forward``, and to the phases
   of an optimizer step.
4. ``Program.code`` has LLVM compile them. ``Code.run("epoch", ...)`` trains an epoch.
"""

from functools import cached_property, lru_cache
from threading import Lock

import numpy as np

from rnnbench.labels import form_with
from rnnbench.models.layers import Layer
from rnnbench.models.seeds import derive_seed
from rnnbench.training.outcome import Weights

from . import adam
from .assembler import VERY_LOW, Assembler, Code, Floats, Processor, Value
from .memory import (
    DOCUMENTS,
    OF_HALF,
    OTHER,
    SHARED,
    Activations,
    Group,
    Memory,
    Sizes,
    Trained,
)
from .stage import Stage, backward, blamed, forward
from .words import stages_of

TRAINING = [*DOCUMENTS, OTHER, "labels", "rates", "answers"]
"""The arrays that a training function is given: besides the documents, the arena of the
other half; ``labels (n, 2)``, each with its weight; ``rates``, see ``adam.Rates``;
``answers (n, 2)``. With any number of labels a document, labels and answers are ``(n,
width + 1)``, and the weight is last."""
COMPILING = Lock()  # two threads may ask for the code at the same time
SPREAD = 4.0  # the standard deviation of the numbers that test the code


class Program:
    """The stages of a network, their memory, and machine code that trains it.

    Attributes:
        phases: the functions of an optimizer step, in order.
        stages: the stages, from the bottom up.
        every: the same with the stages of branches.
        trained: the weights that every batch reads.
        tables: the weights of which a batch reads few rows.
        parts: Keras's arrays of weights, in Keras's order.
        logits: the output of the last stage, without its function.
        width: the length of a row of logits.
    """

    assembler = Assembler  # tests replace it with one that checks all addresses

    def __init__(self, layers: tuple[Layer, ...], sizes: Sizes, processor: Processor):
        self.sizes = sizes
        self.processor = processor
        self.group = Group(sizes, gap=widest_kernel(layers) - 1)
        self.phases = ["begin", "work", "update"]
        if sizes.clip:
            self.phases.insert(2, "measure")
        self.stages: list[Stage] = []
        below = None
        for plan in stages_of(layers):
            stage = plan.build(self.group, plan.position, below)
            self.stages.append(stage)
            below = stage.above
        self.every: list[Stage] = []
        for stage in self.stages:
            self.every += [stage, *stage.inner]
        self.trained = [array for stage in self.stages for array in stage.trained]
        self.parts = [part for stage in self.stages for part in stage.parts]
        self.tables = [stage.table for stage in self.stages if stage.table]
        last = self.stages[-1]
        last.function = "linear"
        self.logits = last.above
        self.form = form_with(has_one_label=layers[-1].has_one_label)
        self.width = self.logits.value.strides[0]

    @cached_property
    def code(self) -> Code:
        """The machine code, compiled when first needed, which takes about a second."""
        with COMPILING:
            return Code(self.assembled())

    def assembled(self) -> Assembler:
        """Return the assembler with all functions, before they are compiled."""
        asm = self.assembler(self.processor)
        self.group.asm = asm
        self._make_score(asm)
        if not self.sizes.only_scores:
            for table in self.tables:
                table.make()
            self._make_begin(asm)
            self._make_work(asm)
            if self.sizes.clip:
                self._make_measure(asm)
            self._make_update(asm)
            self._make_finish(asm)
            self._make_epoch(asm)
        del self.group.asm
        return asm

    def new_arenas(self, weights: Weights, seed: int | None) -> list[Floats]:
        """Return two arenas with weights in the first; one without a seed to train."""
        count = 1 if seed is None else 2
        arenas = self.group.new_arenas(count)
        for half, arena in enumerate(arenas):
            self.group.half.of(arena).view(np.int32)[0] = half
            for stage in self.every:
                key = derive_seed(seed or 0, stage.number, stage.role)
                stage.key.of(arena).view(np.uint32)[:] = [key, 0]
        for part, array in zip(self.parts, weights, strict=True):
            part.write(arenas[0], array)
        return arenas

    @property
    def all_trained(self) -> list[Trained]:
        """The weights, those of words included."""
        weights = list(self.trained)
        for table in self.tables:
            weights.append(table.trained)
        return weights

    def set_clock(self, arena: Floats, steps: int) -> None:
        """Let the optimizer go on after so many steps, for all weights."""
        self.group.clock.of(arena).view(np.int32)[:] = steps
        for table in self.tables:
            table.done.of(arena).view(np.int32)[:] = steps

    def _make_score(self, asm: Assembler) -> None:
        """Make ``forward``, for a group, and ``score``, for all documents.

        ``score`` also takes ``scores (n, width)``.
        """
        group = self.group
        rows = self.sizes.rows
        with asm.function("forward", DOCUMENTS, 3) as (first, left, number):
            group.gather(asm, first, left, number)
            forward(asm, self.stages)
        arrays = [*DOCUMENTS, "scores"]
        with asm.function("score", arrays, 1) as (count,), asm.flushing():
            group.is_training.set(0)
            self._prepare(asm)
            for first in asm.loop(count, step=rows):
                asm.call("forward", first, count - first, first // rows)
                for row in asm.loop((count - first).at_most(rows)):
                    document = group.documents.get(row)
                    scores = asm.given["scores"].moved(document * self.width)
                    for i in asm.loop(self.width, step=asm.lanes):
                        scores[i].store(self.logits.value[row, i].load())

    def _prepare(self, asm: Assembler) -> None:
        for stage in self.every:
            with blamed(stage):
                stage.prepare(asm)

    # The phases of an optimizer step work on half a batch each, for up to two threads.

    def _make_begin(self, asm: Assembler) -> None:
        """Make the phase that brings all weights of a batch up to date."""
        with asm.function("begin", TRAINING, 2) as (first, size), asm.flushing():
            self.group.is_training.set(1)
            for table in self.tables:
                asm.call(f"find_{table.number}", first, size)
            with asm.when(self.group.half.get().equals(0)):
                self._prepare(asm)

    def _make_work(self, asm: Assembler) -> None:
        """Make the phase that goes forward and back through the stages."""
        rows = self.sizes.rows
        with asm.function("work", TRAINING, 2) as (first, size), asm.flushing():
            start = self.group.half.get() * rows
            for done in asm.loop(size - start, step=2 * rows):  # every second group
                at = start + done
                asm.call("forward", first + at, size - at, at // rows)
                if self.form.has_one_label:
                    add_loss(self.logits, first + at, size - at, size)
                else:
                    add_binary_loss(self.logits, first + at, size - at, size)
                backward(asm, self.stages)
            for stage in self.every:
                with blamed(stage):
                    stage.conclude(asm)

    def _make_measure(self, asm: Assembler) -> None:
        """Make the phase that finds the norm of all gradients, before the update."""
        with asm.function("measure", TRAINING, 2) as (first, size), asm.flushing():
            self._collect(asm, first, size)
            adam.measure(self.group, self.trained, self.tables)

    def _collect(self, asm: Assembler, first: Value, size: Value) -> None:
        for stage in self.stages:
            with blamed(stage):
                stage.collect(asm, first, size)

    def _make_update(self, asm: Assembler) -> None:
        """Make the phase that takes a step of Adam."""
        group = self.group
        with asm.function("update", TRAINING, 2) as (first, size), asm.flushing():
            if self.sizes.clip:
                adam.clip(group, self.sizes.clip)
            else:
                self._collect(asm, first, size)
            for table in self.tables:
                asm.call(f"step_{table.number}")
            with asm.when(group.half.get().equals(0)):
                adam.step(group, self.trained)
            group.clock.set(group.clock.get() + 1)

    def _make_finish(self, asm: Assembler) -> None:
        """Make the function for the end of an epoch."""
        with asm.function("finish", TRAINING), asm.flushing():
            for table in self.tables:
                for word in asm.loop(self.sizes.n_ids):
                    asm.call(f"catch_up_{table.number}", word)

    def _make_epoch(self, asm: Assembler) -> None:
        """Make the function that does all of an epoch."""
        second = {OF_HALF: OTHER, OTHER: OF_HALF}
        with asm.function("epoch", TRAINING, 1) as (count,):
            for first in asm.loop(count, step=self.sizes.batch):
                size = (count - first).at_most(self.sizes.batch)
                for phase in self.phases:
                    asm.call(phase, first, size)
                    asm.call(phase, first, size, renamed=second)
            asm.call("finish")
            asm.call("finish", renamed=second)


# The last program is kept, for other seeds of a model.
program_for = lru_cache(maxsize=1)(Program)


def widest_kernel(layers: tuple[Layer, ...]) -> int:
    """Return the steps that the widest convolution of a network sees; 1 without any."""
    return max(part.steps_at_once for layer in layers for part in layer.parts)


def add_loss(logits: Activations, first: Value, left: Value, size: Value) -> None:
    """Write the gradient of a batch's mean loss with respect to its logits.

    The batch is of ``size``. The answer for a document is ``logits[topic] - largest``
    and ``sum(exp(logits - largest))``. From the row ``first`` on, only those that are
    ``left`` belong to the batch.
    """
    topics = logits.features
    group = logits.group
    asm = group.asm
    starts = range(0, topics, asm.lanes)
    numbers = [asm.vector_of(np.arange(start, start + asm.lanes)) for start in starts]
    for row in asm.loop(group.rows):
        values = logits.value[row].load_row(topics, VERY_LOW)
        largest = asm.spread(asm.largest(values))
        values = [value - largest for value in values]
        powers = asm.filled([value.exp() for value in values], topics)
        total = asm.total(powers)
        answer = asm.given["labels"].moved(group.documents.get(row) * 2)
        label = answer.spread()
        weight = answer.moved(1).load_float()
        are_label = [label.equals(vector) for vector in numbers]
        values_of_label = [
            is_label.select(value, 0.0)
            for is_label, value in zip(are_label, values, strict=True)
        ]
        answer = asm.given["answers"].moved((first + row) * 2)
        answer.store(asm.total(values_of_label))
        answer.moved(1).store(total)
        share = (row < left).select(weight / asm.to_float(size), 0.0)
        share_of_power = asm.spread(share / total)
        share_of_label = asm.spread(share)
        for start, is_label, power in zip(starts, are_label, powers, strict=True):
            gradient = logits.gradient[row, start]
            share_of_topic = power * share_of_power
            gradient.store(share_of_topic - is_label.select(share_of_label, 0.0))


def add_binary_loss(
    logits: Activations, first: Value, left: Value, size: Value
) -> None:
    """Write the gradient of a batch's mean binary cross-entropy.

    Labels and answers are rows of topics; see ``add_loss``.
    """
    topics = logits.features
    width = logits.value.strides[0]
    group = logits.group
    asm = group.asm
    starts = range(0, topics, asm.lanes)
    for row in asm.loop(group.rows):
        values = logits.value[row].load_row(topics)
        chances = asm.filled([value.sigmoid() for value in values], topics)
        labels = asm.given["labels"].moved(group.documents.get(row) * (width + 1))
        answer = asm.given["answers"].moved((first + row) * (width + 1))
        weight = labels.moved(width).load_float()
        share_of_batch = weight / asm.to_float(size * topics)
        share = asm.spread((row < left).select(share_of_batch, 0.0))
        for start, value, chance in zip(starts, values, chances, strict=True):
            answer.moved(start).store(value)
            gradient = logits.gradient[row, start]
            gradient.store((chance - labels.moved(start).load()) * share)


def passes(processor: Processor) -> bool:
    """Return whether machine code computes what NumPy does.

    It computes a product, and sigmoid, tanh and exp of a vector.
    """
    memory = Memory()
    lanes = processor.lanes
    left = memory.place_shared(7, 5)
    right = memory.place_shared(5, 3 * lanes)
    product = memory.place_shared(7, 3 * lanes)
    numbers = memory.place_shared(lanes)
    results = memory.place_shared(3, lanes)
    asm = Assembler(processor)
    memory.asm = asm
    with asm.function("test", [SHARED]):
        product.view.write_product(left.view, right.view)
        for number, function in enumerate((Value.sigmoid, Value.tanh, Value.exp)):
            results[number].store(function(numbers.view.load()))
    (arena,) = memory.new_arenas(1)
    arena[:] = np.random.default_rng(0).normal(0, SPREAD, memory.size)
    Code(asm).run("test", [arena])
    x = numbers.of(arena)
    expected = [1 / (1 + np.exp(-x)), np.tanh(x), np.exp(x)]
    # Not by a BLAS, which may be wrong itself.
    expected_product = np.einsum(
        "ij,jk->ik", left.of(arena), right.of(arena), dtype=np.float64
    )
    return bool(
        np.allclose(product.of(arena), expected_product, atol=1e-4)
        and np.allclose(results.of(arena), expected, 1e-5, 1e-6)
    )
