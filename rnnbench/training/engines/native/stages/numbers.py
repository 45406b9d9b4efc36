"""Word ids as numbers, each the only feature of its step, for a network without an embedding."""

from rnnbench.training.engines.native.assembler import F32, Assembler
from rnnbench.training.engines.native.stage import Site, Stage


class NumbersStage(Stage):
    """``x`` is the number beside each word."""

    def __init__(self, site: Site):
        super().__init__(site)
        self.above = site.activations(1, is_sequence=True, is_trained=False)

    def forward(self, asm: Assembler) -> None:
        for row in asm.loop(self.group.rows):
            _, values = self.group.words(asm, row)
            first = asm.get(self.group.firsts, row)
            for t in asm.loop(asm.get(self.group.lengths, row)):
                asm.at(self.above.value, first + t, 0).store(values[t].load(F32))
