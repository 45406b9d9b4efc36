"""The base of all stages, which are the layers of a network in machine code."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, ClassVar

from rnnbench.models.layers import Layer

from .adam import WordTable
from .assembler import Assembler, Index, Value, View
from .memory import SHARED, Activations, Group, KerasArray, Trained
from .random import make_mask


class Stage:
    """One or more layers, computed together; ``layer``, the one at ``number``, has the
    weights.
    """

    below: Activations  # what the stage below hands on, if there is one
    above: Activations  # what it hands on itself
    table: WordTable | None = None  # weights of which a batch reads few rows
    function = (
        "linear"  # of its outputs; that of the last stage is computed with the loss
    )
    role: str = "dropout"  # of its random numbers
    inner: Sequence["Stage"] = ()  # the stages of its branches
    kinds: ClassVar[Collection[type[Layer]]] = ()  # the layers that it computes
    all_kinds: ClassVar[list[type["Stage"]]] = []  # special cases first

    def __init_subclass__(cls) -> None:
        cls.all_kinds.insert(0, cls)

    def __init__(
        self,
        group: Group,
        number: int,
        layers: Sequence[Any],
        below: Activations | None,
    ):
        self.group, self.number, self.layers, self.place = (
            group,
            number,
            layers,
            group.place,
        )
        self.parts: list[KerasArray] = []  # in Keras's order
        self.trained: list[Trained] = []  # weights that every batch reads
        self.key = self.place(2, block=SHARED)
        self.layer: Any = layers[0] if layers else None
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

    def add_weights(self, *shape: int) -> Trained:
        """Return an array of weights that every batch reads."""
        self.trained.append(self.group.trained(*shape))
        return self.trained[-1]

    def add_part(
        self,
        shape: tuple[int, ...],
        trained: Trained,
        index: Any,
        start: Any = 0,
        **role: str,
    ) -> None:
        """Add one of Keras's arrays, see ``KerasArray``."""
        self.parts.append(KerasArray(shape, trained, index, start, self.number, **role))

    def draw(
        self, asm: Assembler, mask: View, rate: float, features: int, *place: Index
    ) -> None:
        """Write the dropout mask of a place, or ones if nothing is dropped."""
        is_drawn = self.group.is_training.get() if rate else asm.number(0)
        with asm.when(is_drawn.equals(1)):
            place = self.group.clock.get(), *place
            make_mask(self.key.view, place, rate, mask, features)
        with asm.when(is_drawn.equals(0)):
            for column, _ in asm.tiles(features, asm.lanes):
                mask[column].store(asm.vector_of(1.0))

    def prepare(self, asm: Assembler) -> None:
        """Add the code for the start of an optimizer step."""

    def forward(self, asm: Assembler) -> None:
        """Add the code that computes the activations above."""
        raise NotImplementedError

    def backward(self, asm: Assembler) -> None:
        """Add the code that computes the gradients below and of the weights."""

    def conclude(self, asm: Assembler) -> None:
        """Add the code for the end of the way back of half a batch."""

    def collect(self, asm: Assembler, first: Value, size: Value) -> None:
        """Add the code that adds up the gradient of the table, over a batch."""


def stack(
    layers: Sequence[Layer], after: tuple[Layer, ...] = ()
) -> Iterator[tuple[type[Stage], int, tuple[Layer, ...]]]:
    """Yield the stages of layers: their class, the position of their first layer, their
    layers.

    Other layers come ``after`` these. ``NotImplementedError`` says that one has no
    machine code.
    """
    position = 0
    while rest := tuple(layers[position:]):
        for stage in Stage.all_kinds:
            if count := int(stage.takes((*rest, *after))):
                yield stage, position, rest[:count]
                position += count
                break
        else:
            raise NotImplementedError(rest[0].kind)
