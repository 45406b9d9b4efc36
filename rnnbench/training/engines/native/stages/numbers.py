"""Word ids as numbers, each the only feature of its step, for a network without an embedding."""

from rnnbench.training.engines.native.assembler import F32, Assembler
from rnnbench.training.engines.native.stage import Stage


class NumbersStage(Stage):
    """``x`` is the number beside each word."""

    def build(self) -> None:
        self.above = self.activations(1, is_sequence=True)
        self.above.is_trained = False

    def forward(self, asm: Assembler) -> None:
        for document, t, row in self.above.steps(asm):
            _, values = self.group.words(asm, document)
            asm.at(self.above.value, row, 0).store(values[t].load(F32))
