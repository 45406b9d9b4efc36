"""The base of all stages, which are the layers of a network in machine code."""

from typing import ClassVar

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.training.engines.native.adam import Table
from rnnbench.training.engines.native.assembler import Assembler
from rnnbench.training.engines.native.group import DOCUMENTS, Activations, Group
from rnnbench.training.engines.native.memory import Array, Floats, Part, Trained
from rnnbench.training.outcome import Weights


class Stage:
    """Layers in machine code that are computed together, mostly one.

    Its functions are ``forward_N`` and ``backward_N``, where ``N`` is the position of its first
    layer; ``below`` is what the layer below hands on, if there is one.

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

    def __init__(self, number: int, group: Group, below: Activations | None):
        self.number, self.group = number, group
        if below:
            self.below = below

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        """Return how many of the first ones of some layers it computes; 0 if it cannot."""
        raise NotImplementedError

    def begin(self, arena: Floats, seed_of: SeedOf) -> None:
        """Write what stays the same in training."""
        self.above.value.of(arena)[..., -1] = 1
        if self.key:
            self.key.of(arena).view(np.uint32)[:] = seed_of(self.role), 0

    def initial_weights(self, seed_of: SeedOf) -> Weights:
        """Return the weights with which Keras begins."""
        return []

    def prepare(self, asm: Assembler) -> None:
        """Add the code for the begin of an optimizer step."""

    def conclude(self, asm: Assembler) -> None:
        """Add the code for the end of the way back of a batch."""

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
