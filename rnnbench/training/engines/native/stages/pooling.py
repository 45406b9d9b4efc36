"""Pooling: one vector for each document, from those of its steps; 0 for one without steps."""

import numpy as np

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.feedforward import Pooling
from rnnbench.training.engines.native.assembler import F32, Assembler, Value, where
from rnnbench.training.engines.native.memory import SHARED, Array, Part
from rnnbench.training.engines.native.products import transpose
from rnnbench.training.engines.native.random import glorot_uniform
from rnnbench.training.engines.native.stage import Site, Stage
from rnnbench.training.engines.native.stages.norm import whole_row
from rnnbench.training.outcome import Weights

LOWEST = -1e30


class PoolingStage(Stage):
    """The base of all ways; those without weights are ``shares`` of the steps of each feature."""

    by: str

    def __init__(self, site: Site):
        super().__init__(site)
        self.above = site.activations(self.below.features, is_sequence=False)

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        return type(layers[0]) is Pooling and layers[0].by == cls.by

    def backward(self, asm: Assembler) -> None:
        self.group.clear_gaps(asm, self.below.gradient)
        for row, t, place in self.group.steps(asm):
            for column, _ in asm.tiles(self.below.features, asm.lanes):
                d_y = asm.at(self.above.gradient, row, column).load()
                share = self.share(asm, row, t, column)
                asm.at(self.below.gradient, place, column).store(d_y * share)

    def share(self, asm: Assembler, row: Value, t: Value, column: Value) -> Value:
        """Return the derivatives of a vector of features by those of a step."""
        raise NotImplementedError


class MaxStage(PoolingStage):
    """The largest value of each feature; of equal ones, the first gets the gradient."""

    by = "max"

    def __init__(self, site: Site):
        super().__init__(site)
        self.winners = site.memory.place(
            self.group.rows, self.below.features
        )  # the step of each feature's value

    def forward(self, asm: Assembler) -> None:
        group = self.group
        for row in asm.loop(group.rows):
            first, length = asm.get(group.firsts, row), asm.get(group.lengths, row)
            for column, size in asm.tiles(self.below.features, asm.lanes):
                best = [asm.vector_of(LOWEST), asm.vector_of(0.0)]
                for t in asm.loop(length, best):
                    x, step = asm.at(self.below.value, first + t, column).load(), asm.to_float(t)
                    is_larger = x > best[0]
                    best[:] = (
                        where(is_larger, x, best[0]) + (x - x),  # NaN stays visible
                        where(is_larger, asm.spread(step), best[1]),
                    )
                value = where(length > 0, best[0], asm.vector_of(0.0))
                asm.at(self.above.value, row, column).store(value, size)
                asm.at(self.winners, row, column).store(best[1])

    def share(self, asm: Assembler, row: Value, t: Value, column: Value) -> Value:
        is_it = asm.at(self.winners, row, column).load().equals(asm.spread(asm.to_float(t)))
        return where(is_it, asm.vector_of(1.0), 0.0)


class MeanStage(PoolingStage):
    """The mean of each feature."""

    by = "mean"

    def forward(self, asm: Assembler) -> None:
        group = self.group
        for row in asm.loop(group.rows):
            first = asm.get(group.firsts, row)
            for column, size in asm.tiles(self.below.features, asm.lanes):
                total = [asm.vector_of(0.0)]
                for t in asm.loop(asm.get(group.lengths, row), total):
                    total[0] += asm.at(self.below.value, first + t, column).load()
                mean = total[0] * self._share(asm, row)
                asm.at(self.above.value, row, column).store(mean, size)

    def _share(self, asm: Assembler, row: Value) -> Value:
        length = asm.get(self.group.lengths, row)
        return asm.spread(1 / asm.to_float(where(length > 1, length, 1)))

    def share(self, asm: Assembler, row: Value, t: Value, column: Value) -> Value:  # noqa: ARG002
        return self._share(asm, row)


class LastStage(PoolingStage):
    """The last step alone."""

    by = "last"

    def forward(self, asm: Assembler) -> None:
        group = self.group
        for row in asm.loop(group.rows):
            length = asm.get(group.lengths, row)
            last = asm.get(group.firsts, row) + where(length > 0, length - 1, 0)
            for column, size in asm.tiles(self.below.features, asm.lanes):
                x = asm.at(self.below.value, last, column).load()
                x = where(length > 0, x, asm.vector_of(0.0))
                asm.at(self.above.value, row, column).store(x, size)

    def share(self, asm: Assembler, row: Value, t: Value, column: Value) -> Value:  # noqa: ARG002
        is_last = asm.get(self.group.lengths, row).equals(t + 1)
        return where(is_last, asm.vector_of(1.0), 0.0)


class AttentionStage(PoolingStage):
    """A mean whose weights are learned: ``softmax(tanh(x W + b) v)`` over the steps of a document.

    With ``h = tanh(x W + b)`` and the weights ``a`` of the steps, the gradient of the score ``h v``
    of a step is ``a (dy x - sum(a (dy x)))``.
    """

    by = "attention"

    def __init__(self, site: Site):
        super().__init__(site)
        below, memory, rows = self.below, site.memory, self.group.capacity
        n = self.n = below.features
        self.weights, self.query = memory.trained(n + 1, n), memory.trained(1, n)
        self.trained = self.weights, self.query
        self.parts = (
            Part((n, n), ((self.weights, np.s_[:-1]),)),
            Part((n,), ((self.weights, -1),)),
            Part((n, 1), ((self.query, 0),)),
        )
        self.hidden, self.d_hidden = (memory.place(rows, n) for _ in range(2))
        self.shares, self.d_shares = (memory.place(rows) for _ in range(2))
        self.transposed = memory.place(n, n, block=SHARED)

    def initial_weights(self, seed_of: SeedOf) -> Weights:
        kernel, query = (
            glorot_uniform(shape, seed_of(role))
            for shape, role in (((self.n, self.n), "kernel"), ((self.n, 1), "query"))
        )
        return [kernel, np.zeros(self.n, np.float32), query]

    def prepare(self, asm: Assembler) -> None:
        transpose(asm, asm.at(self.transposed), asm.at(self.weights.value).rows(0, self.n))

    def _row(self, asm: Assembler, array: Array, *place: Value | int) -> list[Value]:
        return whole_row(asm, array, self.n, *place)

    def _starts(self, asm: Assembler) -> range:
        return range(0, self.n, asm.lanes)

    def forward(self, asm: Assembler) -> None:
        group = self.group
        self.below.project(asm, self.hidden, self.weights.value)
        query = self._row(asm, self.query.value, 0)
        for row in asm.loop(group.rows):
            first, length = asm.get(group.firsts, row), asm.get(group.lengths, row)
            largest = [asm.vector_of(LOWEST)]
            for t in asm.loop(length, largest):
                hidden = [x.tanh() for x in self._row(asm, self.hidden, first + t)]
                for start, x in zip(self._starts(asm), hidden, strict=True):
                    asm.at(self.hidden, first + t, start).store(x)
                score = asm.total([x * q for x, q in zip(hidden, query, strict=True)])
                asm.at(self.shares, first + t).store(score)
                largest[0] = where(asm.spread(score) > largest[0], asm.spread(score), largest[0])
            sums = [asm.vector_of(0.0)] * (1 + len(query))  # of the powers, and of powers times x
            for t in asm.loop(length, sums):
                score = asm.spread(asm.at(self.shares, first + t).load(F32))
                power = (score - largest[0]).exp()
                asm.at(self.shares, first + t).store(asm.first(power))
                weighted = [power * x for x in self._row(asm, self.below.value, first + t)]
                sums[:] = [total + x for total, x in zip(sums, [power, *weighted], strict=True)]
            total = where(length > 0, sums[0], asm.vector_of(1.0))
            for t in asm.loop(length):
                share = asm.at(self.shares, first + t)
                share.store(share.load(F32) / asm.first(total))
            for start, y in zip(self._starts(asm), sums[1:], strict=True):
                size = min(asm.lanes, self.n - start)
                asm.at(self.above.value, row, start).store(y / total, size)

    def backward(self, asm: Assembler) -> None:
        below, group = self.below, self.group
        query = self._row(asm, self.query.value, 0)
        for row in asm.loop(group.rows):
            first, length = asm.get(group.firsts, row), asm.get(group.lengths, row)
            d_y, weighted = self._row(asm, self.above.gradient, row), [asm.zero]
            for t in asm.loop(length, weighted):
                x = self._row(asm, below.value, first + t)
                d_share = asm.total([d * own for d, own in zip(d_y, x, strict=True)])
                asm.at(self.d_shares, first + t).store(d_share)
                weighted[0] += d_share * asm.at(self.shares, first + t).load(F32)
            for t in asm.loop(length):
                share, d_share = (
                    asm.at(array, first + t).load(F32) for array in (self.shares, self.d_shares)
                )
                d_score = asm.spread(share * (d_share - weighted[0]))
                hidden = self._row(asm, self.hidden, first + t)
                for start, h, q in zip(self._starts(asm), hidden, query, strict=True):
                    place = asm.at(self.query.gradient, 0, start)
                    place.store(place.load() + d_score * h)
                    asm.at(self.d_hidden, first + t, start).store(d_score * q * (1 - h * h))
        group.clear_gaps(asm, self.d_hidden)
        below.back(asm, self.d_hidden, self.weights.gradient, self.transposed)
        for row, _, step in group.steps(asm) if below.is_trained else ():
            weight = asm.spread(asm.at(self.shares, step).load(F32))
            for column, _ in asm.tiles(self.n, asm.lanes):
                out = asm.at(below.gradient, step, column)
                out.store(out.load() + weight * asm.at(self.above.gradient, row, column).load())
