"""Word ids as numbers, each the only feature of its step, for a network without an embedding."""

from rnnbench.models.layers import Layer
from rnnbench.training.engines.native.assembler import F32, Assembler
from rnnbench.training.engines.native.group import Activations, Group
from rnnbench.training.engines.native.memory import Memory
from rnnbench.training.engines.native.stage import Stage


class NumbersStage(Stage):
    """``x`` is the number beside each word."""

    def __init__(
        self, memory: Memory, number: int, layers: tuple[Layer, ...], group: Group, below: None
    ):
        super().__init__(number, group, below)
        assert not layers
        self.above = Activations.of(memory, group, 1, is_sequence=True, is_trained=False)

    def forward(self, asm: Assembler) -> None:
        for row in asm.loop(self.group.rows):
            _, values = self.group.words(asm, row)
            first = asm.get(self.group.firsts, row)
            for t in asm.loop(asm.get(self.group.lengths, row)):
                asm.at(self.above.value, first + t, 0).store(values[t].load(F32))
