"""Dropout: of features, each by itself, or of a document's features at all of its steps."""

from rnnbench.models.layers.feedforward import Dropout, SpatialDropout
from rnnbench.training.engines.native.assembler import Assembler
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.random import quarter
from rnnbench.training.engines.native.stage import Stage


class DropoutStage(Stage):
    """``y = x mask``, where the seed, the step and the place in a document decide the mask."""

    kinds = Dropout, SpatialDropout

    def build(self) -> None:
        below, n = self.below, self.below.features
        self.above = Activations(self.group, n, is_sequence=below.is_sequence)
        self.above.is_trained = below.is_trained
        self.mask = self.place(below.value.shape[0], 4 * quarter(n))

    def forward(self, asm: Assembler) -> None:
        below = self.below
        for document, t, row in below.steps(asm):
            time = 0 if isinstance(self.layer, SpatialDropout) else t
            place = asm.get(self.group.documents, document), time
            self.draw(asm, asm.at(self.mask, row), self.layer.rate, below.features, *place)
        for row, column, size in below.vectors(asm):
            x, kept = (asm.at(array, row, column).load() for array in (below.value, self.mask))
            asm.at(self.above.value, row, column).store(x * kept, size)

    def backward(self, asm: Assembler) -> None:
        for row, column, _ in self.below.vectors(asm):
            d_y, mask = (asm.at(a, row, column).load() for a in (self.above.gradient, self.mask))
            asm.at(self.below.gradient, row, column).store(d_y * mask)
