"""The base of all stages, which are the layers of a network in machine code."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.training.engines.native.adam import Table
from rnnbench.training.engines.native.assembler import Assembler, Value
from rnnbench.training.engines.native.group import DOCUMENTS, Activations, Group
from rnnbench.training.engines.native.memory import Array, Floats, Memory, Part, Trained
from rnnbench.training.outcome import Weights


@dataclass(frozen=True)
class Site:
    """What a stage is made of: its place in the network, and in memory.

    Attributes:
        number: the position of its first layer, or -1 for what comes before the layers.
        below: what the stage below hands on; none for the first.
    """

    number: int
    layers: tuple[Any, ...]
    memory: Memory
    group: Group
    below: Activations | None

    def activations(
        self, features: int, *, is_sequence: bool, is_trained: bool = True
    ) -> Activations:
        """Return what the stage hands on."""
        rows = self.group.capacity if is_sequence else self.group.rows
        value, gradient = self.memory.place(rows, features + 1), self.memory.place(rows, features)
        return Activations(self.group, features, is_sequence, value, gradient, is_trained)


class Stage:
    """Layers in machine code that are computed together, mostly one.

    Its functions are ``forward_N`` and ``backward_N``, where ``N`` is its number.

    Attributes:
        above: what it hands on.
        parts: Keras's arrays of trained weights, in Keras's order.
        trained: the weights that every batch reads.
        table: those of which a batch reads few rows.
        key: of its random numbers, if it draws any.
        role: what its random numbers are for.
        shift: which of its layers has weights, or draws random numbers.
    """

    above: Activations
    parts: tuple[Part, ...] = ()
    trained: tuple[Trained, ...] = ()
    table: Table | None = None
    key: Array | None = None
    role: ClassVar[str] = "dropout"
    shift: ClassVar[int] = 0

    below: Activations

    def __init__(self, site: Site):
        self.number, self.group = site.number, site.group
        if site.below:
            self.below = site.below

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        """Return how many of the first ones of some layers it computes; 0 if it cannot."""
        raise NotImplementedError

    def begin(self, arena: Floats, seed_of: SeedOf) -> None:
        """Write what stays the same in training."""
        self.above.value.of(arena)[..., -1] = 1
        if self.key:
            self.key.of(arena).view(np.uint32)[:] = seed_of(self.role), 0

    def initial_weights(self, seed_of: SeedOf) -> Weights:  # noqa: ARG002
        """Return the weights with which Keras begins."""
        return []

    def prepare(self, asm: Assembler) -> None:
        """Add the code for the begin of an optimizer step."""

    def conclude(self, asm: Assembler) -> None:
        """Add the code for the end of the way back of half a batch."""

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:
        """Add the code that sums up the gradient of the table, over a batch."""

    def forward(self, asm: Assembler) -> None:
        """Add the code from the activations below to those above."""
        raise NotImplementedError

    def backward(self, asm: Assembler) -> None:
        """Add the code from the gradient above to that below and those of the weights."""

    def helpers(self, asm: Assembler) -> None:
        """Make functions that others call."""

    def make(self, asm: Assembler) -> None:
        """Make the functions of this stage."""
        self.helpers(asm)
        for name in ("forward", "backward"):
            with asm.function(f"{name}_{self.number}", DOCUMENTS):
                getattr(self, name)(asm)
