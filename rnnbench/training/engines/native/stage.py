"""The base of all stages, which are the layers of a network in machine code.

``stack`` finds the stages of a list of layers. A stage places its arrays in ``build``,
and its other methods make code: see ``rnnbench.plugin`` for a layer of another package.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, NamedTuple

from numpy.typing import ArrayLike

from rnnbench.models.layers import LAYERS, Layer
from rnnbench.registry import PluginError, Registry

from .adam import WordTable
from .assembler import Assembler, Index, Value, View
from .memory import (
    Activations,
    Group,
    Indices,
    Initializer,
    KerasArray,
    Trained,
)
from .random import make_mask


class Stage:
    """Machine code for a layer, or for a few layers that are computed together.

    Another package adds one for a layer of its own by naming a subclass in the
    entry-point group ``rnnbench.stages``, under the ``kind`` of the layer. ``build``
    places its arrays, the others make code, and ``forward`` and ``backward`` must
    handle all rows of ``below.count()``. In ``backward``, each row of
    ``below.gradient`` is written, also those between documents, where the gradient
    above is 0 and that below must be; gradients of weights are added to.

    Attributes:
        kind: the kind of the layer that it computes, as configs write it.
        covers: for parameters of the layer, the values that it can compute; others may
            have any.
        layer: the layer at ``number`` in the network, which has the weights.
        layers: all layers that it computes.
        group: the documents that go through the network together.
        below: what the stage below hands on.
        above: what it hands on itself; ``build`` sets it.
        parts: Keras's arrays of weights, in Keras's order.
        trained: the weights that every batch reads.
        table: weights of which a batch reads few rows, if it has any.
        function: the function of its outputs; the loss computes that of the last stage.
        role: of its random numbers.
        inner: the stages of its branches.
    """

    kind: ClassVar[str] = ""
    covers: ClassVar[Mapping[str, Collection[object]]] = {}
    layer: Layer
    below: Activations
    above: Activations
    table: WordTable | None = None
    function = "linear"
    role: str = "dropout"
    inner: Sequence["Stage"] = ()

    def __init__(
        self,
        group: Group,
        number: int,
        layers: Sequence[Layer],
        below: Activations | None,
    ):
        self.group = group
        self.number = number
        self.layers = layers
        self.place = group.place
        self.place_shared = group.place_shared
        self.parts: list[KerasArray] = []
        self.trained: list[Trained] = []
        self.key = self.place_shared(2)
        if layers:
            self.layer = layers[0]
        if below:
            self.below = below
        self.build()

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
        """Return how many of the layers, from the first on, it computes; 0 if none."""
        layer = layers[0]
        if layer.kind != cls.kind:
            return 0
        for parameter, values in cls.covers.items():
            if getattr(layer, parameter) not in values:
                return 0
        return 1

    def build(self) -> None:
        """Find a place for its arrays, and set ``above``."""
        raise NotImplementedError

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

    def add_weights(self, *shape: int) -> Trained:
        """Return an array of weights that every batch reads."""
        weights = self.group.trained(*shape)
        self.trained.append(weights)
        return weights

    def add_part(
        self,
        shape: tuple[int, ...],
        trained: Trained,
        index: Indices,
        start: Initializer | ArrayLike = 0,
        role: str = "kernel",
    ) -> None:
        """Add one of Keras's arrays, see ``KerasArray``."""
        self.parts.append(KerasArray(shape, trained, index, start, self.number, role))

    def draw(
        self, asm: Assembler, mask: View, rate: float, features: int, *place: Index
    ) -> None:
        """Write the dropout mask of a place, or ones if nothing is dropped."""
        is_drawn = asm.number(0)
        if rate:
            is_drawn = self.group.is_training.get()
        with asm.when(is_drawn.equals(1)):
            place = (self.group.clock.get(), *place)
            make_mask(self.key.view, place, rate, mask, features)
        with asm.when(is_drawn.equals(0)):
            for column, _ in asm.tiles(features, asm.lanes):
                mask[column].store(asm.vector_of(1.0))


STAGES: Registry[type[Stage]] = Registry("stage", Stage, key="kind", holds_classes=True)
"""The stages of other packages, by the kinds of their layers."""


def blamed(stage: Stage | type[Stage]) -> AbstractContextManager[None]:
    """Turn an error in this block into ``PluginError``, unless the stage is ours."""
    if stage.kind in STAGES:
        return STAGES.blamed(stage.kind)
    return nullcontext()


class StagePlan(NamedTuple):
    """A stage before it is built: its class, and the layers that it computes."""

    stage: type[Stage]
    position: int  # of the first layer
    layers: tuple[Layer, ...]

    def build(self, group: Group, number: int, below: Activations | None) -> Stage:
        """Return the stage, with its arrays."""
        with blamed(self.stage):
            stage = self.stage(group, number, self.layers, below)
            stage.above  # noqa: B018 - a stage that did not set it is named
            return stage


def forward(asm: Assembler, stages: Sequence[Stage]) -> None:
    """Add the code of all stages, from the bottom up."""
    for stage in stages:
        with blamed(stage):
            stage.forward(asm)


def backward(asm: Assembler, stages: Sequence[Stage]) -> None:
    """Add the code of the way back through all stages, from the top down."""
    for stage in reversed(stages):
        with blamed(stage):
            stage.backward(asm)


BUILT_IN: list[type[Stage]] = []
"""The stages of our own layers; the first one that takes a layer computes it."""


def built_in(stage: type[Stage]) -> type[Stage]:
    """Add a stage before those that exist: special cases are defined later."""
    BUILT_IN.insert(0, stage)
    return stage


def stack(
    layers: Sequence[Layer], after: tuple[Layer, ...] = ()
) -> Iterator[StagePlan]:
    """Yield the stages of layers; other layers come ``after`` these.

    Raises:
        NotImplementedError: a layer has no machine code.
    """
    position = 0
    while position < len(layers):
        plan = _plan(tuple(layers), position, after)
        yield plan
        position += len(plan.layers)


def _plan(
    layers: tuple[Layer, ...], position: int, after: tuple[Layer, ...]
) -> StagePlan:
    """Return the stage that computes the layer at a position."""
    rest = layers[position:]
    kind = rest[0].kind
    for stage in _candidates(kind):
        with blamed(stage):
            count = stage.takes((*rest, *after))
        if count:
            return StagePlan(stage, position, rest[:count])
    raise NotImplementedError(kind)


def _candidates(kind: str) -> Iterator[type[Stage]]:
    """Yield our stages, then that of another package for a kind of layer, if any."""
    yield from BUILT_IN
    if kind not in STAGES:
        return
    if _package(STAGES, kind) != _package(LAYERS, kind):
        # Fingerprints have the version of the layer's package.
        raise PluginError(f"{STAGES.label(kind)}: the layer is not of this package")
    yield STAGES[kind]


def _package(
    registry: Registry[type[Stage]] | Registry[type[Layer]], name: str
) -> str | None:
    """Return the package of an entry; ``None`` if it is ours."""
    plugin = registry.plugins.get(name)
    if plugin and plugin.dist:
        return plugin.dist.name
    return None
