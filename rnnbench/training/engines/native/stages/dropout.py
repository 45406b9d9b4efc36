"""Dropout: of features, each by itself, or of a document's features at all of its steps."""

from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Dropout, SpatialDropout
from rnnbench.training.engines.native.assembler import Assembler
from rnnbench.training.engines.native.memory import OF_GROUP
from rnnbench.training.engines.native.stage import Stage


class DropoutStage(Stage):
    """``y = x mask``, where the seed, the step and the place in a document decide the mask."""

    def build(self) -> None:
        below, n = self.below, self.below.features
        self.above = self.activations(n, is_sequence=below.is_sequence, is_trained=below.is_trained)
        self.mask = self.place_mask(below.value.shape[0], features=n, block=OF_GROUP)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        return type(layers[0]) in (Dropout, SpatialDropout)

    def forward(self, asm: Assembler) -> None:
        below, group = self.below, self.group
        for document, t, row in below.steps(asm):
            time = 0 if isinstance(self.layer, SpatialDropout) else t
            place = asm.get(group.clock), asm.get(group.documents, document), time
            self.draw(asm, asm.at(self.mask, row), place, self.layer.rate, below.features)
        for row, column, size in below.vectors(asm):
            x, kept = (asm.at(array, row, column).load() for array in (below.value, self.mask))
            asm.at(self.above.value, row, column).store(x * kept, size)

    def backward(self, asm: Assembler) -> None:
        for row, column, _ in self.below.vectors(asm):
            d_y, mask = (asm.at(a, row, column).load() for a in (self.above.gradient, self.mask))
            asm.at(self.below.gradient, row, column).store(d_y * mask)
