"""Layer normalization: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016)."""

from collections.abc import Iterable
from operator import add, mul

from rnnbench.models.layers.feedforward import LayerNorm
from rnnbench.training.engines.native.assembler import F32, Assembler, Value
from rnnbench.training.engines.native.group import Activations
from rnnbench.training.engines.native.stage import Stage, filled, load_row, store_row


class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) / sqrt(...)``.
    """

    kinds = (LayerNorm,)

    def build(self) -> None:
        n, rows = self.below.features, self.below.value.shape[0]
        self.above = Activations(self.group, n, is_sequence=self.below.is_sequence)
        self.weights = self.add_weights(2, n)
        self.add_part((n,), self.weights, 0, start=1)
        self.add_part((n,), self.weights, 1)
        self.normed, self.factors = self.place(rows, n), self.place(rows)

    def _mean(self, asm: Assembler, vectors: Iterable[Value]) -> Value:
        return asm.spread(asm.total(list(vectors))) * (1 / self.below.features)

    def forward(self, asm: Assembler) -> None:
        n = self.below.features
        scale, offset = (load_row(asm.at(self.weights.value, row), n) for row in range(2))
        for row in asm.loop(self.below.count(asm)):
            x = load_row(asm.at(self.below.value, row), n)
            mean = self._mean(asm, x)
            x = filled(asm, [vector - mean for vector in x], n)
            variance = self._mean(asm, map(mul, x, x))
            factor = 1 / asm.root(variance + self.layer.epsilon)
            asm.at(self.factors, row).store(asm.first(factor))
            normed = [vector * factor for vector in x]
            store_row(asm.at(self.normed, row), normed, n)
            y = map(add, map(mul, normed, scale), offset)
            store_row(asm.at(self.above.value, row), y, n)

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        scale = load_row(asm.at(self.weights.value, 0), n)
        d_scale, d_offset = (asm.at(self.weights.gradient, row) for row in range(2))
        for row in asm.loop(self.below.count(asm)):
            x, d_y = (load_row(asm.at(a, row), n) for a in (self.normed, self.above.gradient))
            store_row(d_scale, map(add, load_row(d_scale, n), map(mul, d_y, x)), n)
            store_row(d_offset, map(add, load_row(d_offset, n), d_y), n)
            factor = asm.spread(asm.at(self.factors, row).load(F32))
            g = list(map(mul, d_y, scale))
            mean, of_x = self._mean(asm, g), self._mean(asm, map(mul, g, x))
            d_x = [(one - mean - x_n * of_x) * factor for one, x_n in zip(g, x, strict=True)]
            store_row(asm.at(self.below.gradient, row), d_x, n)
