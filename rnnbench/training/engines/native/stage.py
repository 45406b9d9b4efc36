"""The base of all stages, which are the layers of a network in machine code."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.training.engines.native.adam import WordTable
from rnnbench.training.engines.native.assembler import Assembler, Index, Value, View, where
from rnnbench.training.engines.native.group import DOCUMENTS, Activations, Group
from rnnbench.training.engines.native.memory import (
    SHARED,
    Array,
    Floats,
    KerasArray,
    Memory,
    Trained,
)
from rnnbench.training.engines.native.products import product, transpose
from rnnbench.training.engines.native.random import make_mask
from rnnbench.training.outcome import Weights


class Stage:
    """One or more layers, computed together in machine code.

    Its functions are ``forward_N`` and ``backward_N``, where ``N`` is its number.

    Attributes:
        number: the position of its first layer; of ``NumbersStage``, the number of layers.
        layers, layer: its layers, and the one that has weights or draws random numbers.
        place: gives an array its place in memory.
        below: what the stage below hands on; the first stage has none.
        above: what it hands on.
        parts: Keras's arrays of trained weights, in Keras's order.
        trained: the weights that every batch reads.
        projections: some of them, with what they are multiplied by.
        table: those of which a batch reads few rows.
        key: of its random numbers.
        role: what its random numbers are for.
        shift: which of its layers is ``layer``.
        kinds: the kinds of layers that it computes.
    """

    below: Activations
    above: Activations
    table: WordTable | None = None
    role: ClassVar[str] = "dropout"
    shift: ClassVar[int] = 0
    kinds: ClassVar[Collection[type[Layer]]] = ()

    def __init__(
        self,
        number: int,
        layers: tuple[Any, ...],
        memory: Memory,
        group: Group,
        below: Activations | None,
    ):
        self.number, self.layers, self.memory, self.group = number, layers, memory, group
        self.parts: list[KerasArray] = []
        self.trained: list[Trained] = []
        self.projections: list[Projection] = []
        self._starts: list[Any] = []
        self.place, self.key = memory.place, memory.place(2, block=SHARED)
        if layers:
            self.layer = layers[self.shift]
        if below:
            self.below = below
        self.build()

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        """Return how many of the layers, from the first on, it computes; 0 if none."""
        return type(layers[0]) in cls.kinds

    def build(self) -> None:
        """Find a place for its arrays, and set ``above``."""
        raise NotImplementedError

    def activations(self, features: int, *, is_sequence: bool) -> Activations:
        """Return vectors to hand on."""
        return Activations(self.memory, self.group, features, is_sequence=is_sequence)

    def add_weights(self, rows: int, columns: int) -> Trained:
        """Return an array of weights that every batch reads."""
        self.trained.append(self.memory.trained(rows, columns))
        return self.trained[-1]

    def add_part(
        self,
        shape: tuple[int, ...],
        *pieces: tuple[Trained, Any],
        start: Callable[..., Floats] | ArrayLike = 0,
        role: str = "kernel",
    ) -> None:
        """Add one of Keras's arrays: its place, see ``KerasArray``, and initial values.

        These are a number, an array, or what a function makes of the shape and a seed for a role.
        """
        self.parts.append(KerasArray(shape, pieces))
        self._starts.append((start, role))

    def initial_weights(self, seed_of: SeedOf) -> Weights:
        """Return the weights with which Keras begins."""
        return [
            start(part.shape, seed_of(role))
            if callable(start)
            else np.full(part.shape, start, np.float32)
            for part, (start, role) in zip(self.parts, self._starts, strict=True)
        ]

    def begin(self, arena: Floats, seed_of: SeedOf) -> None:
        """Write what stays the same in training."""
        self.above.value.of(arena)[..., -1] = 1
        self.key.of(arena).view(np.uint32)[:] = seed_of(self.role), 0

    def draw(self, asm: Assembler, mask: View, rate: float, features: int, *place: Index) -> None:
        """Write the dropout mask of a place, or ones if nothing is dropped."""
        is_drawn = asm.get(self.group.is_training) if rate else asm.number(0)
        with asm.when(is_drawn.equals(1)):
            place = asm.get(self.group.clock), *place
            make_mask(asm, asm.at(self.key), place, rate, mask, features)
        with asm.when(is_drawn.equals(0)):
            for column, _ in asm.tiles(features, asm.lanes):
                mask[column].store(asm.vector_of(1.0))

    def make(self, asm: Assembler) -> None:
        """Make the functions of this stage."""
        if self.table:
            self.table.make(asm)
        for name in ("forward", "backward"):
            with asm.function(f"{name}_{self.number}", DOCUMENTS):
                getattr(self, name)(asm)

    def prepare(self, asm: Assembler) -> None:
        """Add the code for the start of an optimizer step."""
        for projection in self.projections:
            projection.prepare(asm)

    def forward(self, asm: Assembler) -> None:
        """Add the code that computes the activations above."""
        raise NotImplementedError

    def backward(self, asm: Assembler) -> None:
        """Add the code that computes the gradients below and of the weights."""

    def conclude(self, asm: Assembler) -> None:
        """Add the code for the end of the way back of half a batch."""

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:
        """Add the code that adds up the gradient of the table, over a batch."""


class Projection:
    """``x W + b`` of all vectors below a stage, where ``b`` is a row of the weights."""

    def __init__(self, stage: Stage, columns: int):
        stage.projections.append(self)
        self.below = stage.below
        self.weights = stage.add_weights(self.below.weight_rows, columns)
        self.transposed = stage.place(columns, self.below.features, block=SHARED)

    def prepare(self, asm: Assembler) -> None:
        w = asm.at(self.weights.value).rows(0, self.below.features)
        transpose(asm, asm.at(self.transposed), w)

    def forward(self, asm: Assembler, out: Array) -> None:
        self.below.project(asm, out, self.weights.value)

    def backward(self, asm: Assembler, d_out: Array) -> None:
        self.below.add_gradient(asm, d_out, self.weights.gradient)
        if self.below.is_trained:
            given = asm.at(d_out).rows(0, self.below.count(asm))
            product(asm, asm.at(self.below.gradient), given, asm.at(self.transposed))


def load_row(place: View, features: int) -> list[Value]:
    """Return the vectors of a row; the lanes past its end are 0."""
    starts = range(0, features, place.asm.lanes)
    return real(place.asm, [place.moved(start).load() for start in starts], features)


def real(asm: Assembler, vectors: list[Value], features: int) -> list[Value]:
    """Return the vectors of a row with 0 in the lanes past its end."""
    if past := -features % asm.lanes:
        is_real = asm.vector_of(np.arange(asm.lanes)) < asm.lanes - past
        vectors[-1] = where(is_real, vectors[-1], 0.0)
    return vectors


def store_row(place: View, vectors: Iterable[Value], features: int) -> None:
    """Write a row up to its end."""
    lanes = place.asm.lanes
    for start, vector in zip(range(0, features, lanes), vectors, strict=True):
        place.moved(start).store(vector, min(lanes, features - start))
