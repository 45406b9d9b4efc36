"""Dropout: of features, each by itself, or of a document's features at all of its steps."""

from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Dropout, SpatialDropout
from rnnbench.training.engines.native.assembler import Assembler
from rnnbench.training.engines.native.memory import SHARED, Array
from rnnbench.training.engines.native.random import make_mask, quarter
from rnnbench.training.engines.native.stage import Site, Stage


class DropoutStage(Stage):
    """``y = x mask``, where the seed, the step and the place in a document decide the mask."""

    key: Array

    def __init__(self, site: Site):
        super().__init__(site)
        (layer,), below, n = site.layers, self.below, self.below.features
        self.rate, self.is_spatial = layer.rate, isinstance(layer, SpatialDropout)
        self.above = site.activations(n, is_sequence=below.is_sequence, is_trained=below.is_trained)
        self.mask = site.memory.place(below.value.shape[0], 4 * quarter(n))
        self.key = site.memory.place(2, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        return type(layers[0]) in (Dropout, SpatialDropout)

    def forward(self, asm: Assembler) -> None:
        below, group = self.below, self.group
        is_training = asm.get(group.is_training)
        with asm.when(is_training.equals(1)):
            for row in asm.loop(group.rows):
                first = asm.get(group.firsts, row) if below.is_sequence else row
                for t in asm.loop(asm.get(group.lengths, row)) if below.is_sequence else [0]:
                    time = 0 if self.is_spatial else t
                    place = asm.get(group.clock), asm.get(group.documents, row), time
                    mask, key = asm.at(self.mask, first + t), asm.at(self.key)
                    make_mask(asm, key, place, self.rate, mask, below.features)
        with asm.when(is_training.equals(0)):
            for i in asm.loop(self.mask.size, step=asm.lanes):
                asm.at(self.mask.flat, i).store(asm.vector_of(1.0))
        for row, column, size in below.vectors(asm):
            x, kept = (asm.at(array, row, column).load() for array in (below.value, self.mask))
            asm.at(self.above.value, row, column).store(x * kept, size)

    def backward(self, asm: Assembler) -> None:
        for row, column, _ in self.below.vectors(asm):
            d_y, mask = (asm.at(a, row, column).load() for a in (self.above.gradient, self.mask))
            asm.at(self.below.gradient, row, column).store(d_y * mask)
