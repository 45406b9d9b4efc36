"""Stacks of layers side by side."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import reduce
from itertools import chain
from operator import add
from typing import Any

from rnnbench.models.layers import Layer, Parallel
from rnnbench.training.engines.native.assembler import Assembler
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.stage import Stage, stack


class ParallelStage(Stage):
    """Gives all branches the same vectors, joins theirs, and adds up the gradients.

    Attributes:
        branches: the stages of each. They read the vectors below, but each branch has a gradient of
            them of its own.
    """

    kinds = (Parallel,)

    def build(self) -> None:
        self.branches = [self._branch(*own) for own in enumerate(self.layer.branches)]
        self.inner = [s for branch in self.branches for own in branch for s in (own, *own.inner)]
        ends = [branch[-1].above for branch in self.branches]
        features = sum(end.features for end in ends)
        self.above = Activations(self.group, features, is_sequence=ends[0].is_sequence)
        self.above.is_trained = any(end.is_trained for end in ends)

    def _branch(self, number: int, layers: Sequence[Layer]) -> list[Stage]:
        """Return the stages of a branch, with random numbers of its own."""
        below = copy(self.below)
        below.gradient = self.place(*below.gradient.shape)
        stages: list[Stage] = []
        for kind, position, own in stack(layers, after=(self.layer,)):
            stages.append(kind(self.group, self.number, own, below))
            below, role = stages[-1].above, f"branch {(number, position)} "
            for stage in (stages[-1], *stages[-1].inner):
                stage.role = role + stage.role
            self.parts += [replace(part, role=role + part.role) for part in stages[-1].parts]
            self.trained += stages[-1].trained
        return stages

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        if is_parallel := super().takes(layers):
            for branch in layers[0].branches:
                list(stack(branch, after=layers[:1]))  # raises if a layer has no machine code
        return is_parallel

    def _joined(self) -> Iterator[tuple[list[Stage], Activations, int]]:
        """Yield each branch, what it hands on, and the place of that in what all hand on."""
        start = 0
        for branch in self.branches:
            yield branch, branch[-1].above, start
            start += branch[-1].above.features

    def make(self, asm: Assembler) -> None:
        for stage in chain(*self.branches):
            stage.make(asm)

    def prepare(self, asm: Assembler) -> None:
        for stage in chain(*self.branches):
            stage.prepare(asm)

    def forward(self, asm: Assembler) -> None:
        for branch, end, start in self._joined():
            for stage in branch:
                stage.forward(asm)
            for row, column, size in end.vectors(asm):
                own = asm.at(end.value, row, column).load()
                asm.at(self.above.value, row, start + column).store(own, size)

    def backward(self, asm: Assembler) -> None:
        for branch, end, start in self._joined():
            for row, column, size in end.vectors(asm):
                own = asm.at(self.above.gradient, row, start + column).load()
                asm.at(end.gradient, row, column).store(own, size)
            for stage in reversed(branch):
                stage.backward(asm)
        for row, column, size in self.below.vectors(asm) if self.below.is_trained else ():
            gradients = [branch[0].below.gradient for branch in self.branches]
            total = reduce(add, [asm.at(own, row, column).load() for own in gradients])
            asm.at(self.below.gradient, row, column).store(total, size)

    def conclude(self, asm: Assembler) -> None:
        for stage in chain(*self.branches):
            stage.conclude(asm)
