"""Pooling: one vector for each document, from those of its steps; 0 for one without steps."""

from collections.abc import Iterator
from functools import partial
from operator import add, mul
from typing import Any

from rnnbench.models.layers.feedforward import Pooling
from rnnbench.training.engines.native.assembler import F32, VERY_LOW, Assembler, Value, View, where
from rnnbench.training.engines.native.group import Activations, spans
from rnnbench.training.engines.native.random import glorot_uniform
from rnnbench.training.engines.native.stage import Stage, load_row, store_row
from rnnbench.training.engines.native.stages.vectors import DenseStage


def _largest(x: View) -> tuple[Value, Value]:
    asm = x.asm
    best = [asm.vector_of(VERY_LOW), asm.vector_of(0.0)]
    for t in asm.loop(x.shape[0], best):
        own, step = x[t].load(), asm.spread(asm.to_float(t))
        is_larger = own > best[0]
        best[0] = where(is_larger, own, best[0]) + (own - own)  # NaN stays visible
        best[1] = where(is_larger, step, best[1])
    return best[0], best[1]


def _mean(x: View) -> tuple[Value, Value]:
    asm, length = x.asm, x.shape[0]
    total = [asm.vector_of(0.0)]
    for t in asm.loop(length, total):
        total[0] += x[t].load()
    share = asm.spread(1 / asm.to_float(where(length > 1, length, 1)))
    return total[0] * share, share


def _last(x: View) -> tuple[Value, Value]:
    step = where(x.shape[0] > 0, x.shape[0] - 1, 0)
    return x[step].load(), x.asm.spread(x.asm.to_float(step))


POOLS = {"max": _largest, "mean": _mean, "last": _last}
"""From the steps of a vector of features: their pool; and the step that it comes from, as a float,
or for ``mean``, the share of each. Of equal steps, ``max`` takes the first."""


class PoolingStage(Stage):
    """Pools each feature alone, in each of a number of equal parts of a document.

    Attributes:
        origins: the second results of ``POOLS``, ``(rows, chunks, features)``.
    """

    def build(self) -> None:
        n, rows, chunks = self.below.features, self.group.rows, self.layer.chunks
        self.above = Activations(self.group, n * chunks, is_sequence=False)
        self.origins = self.place(rows, chunks, n)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        return type(layers[0]) is Pooling and layers[0].by in POOLS

    def _chunks(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value, Value]]:
        """Have the body of a loop run with each document, chunk of it, its first row, its rows."""
        chunks = self.layer.chunks
        for row, first, length in spans(asm, self.below.firsts, self.below.lengths):
            for chunk in asm.loop(chunks):
                start, end = ((at * length + (chunks - 1)) // chunks for at in (chunk, chunk + 1))
                yield row, chunk, first + start, end - start

    def forward(self, asm: Assembler) -> None:
        n = self.below.features
        for row, chunk, first, length in self._chunks(asm):
            for column, size in asm.tiles(n, asm.lanes):
                x = asm.at(self.below.value).rows(first, length).columns(column, size)
                y, origin = POOLS[self.layer.by](x)
                y = where(length > 0, y, asm.vector_of(0.0))
                asm.at(self.above.value, row, chunk * n + column).store(y, size)
                asm.at(self.origins, row, chunk, column).store(origin)

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        self.group.clear_gaps(asm, self.below.gradient)
        for row, chunk, first, length in self._chunks(asm):
            for t in asm.loop(length):
                for column, _ in asm.tiles(n, asm.lanes):
                    d_y = asm.at(self.above.gradient, row, chunk * n + column).load()
                    share = asm.at(self.origins, row, chunk, column).load()
                    if self.layer.by != "mean":
                        is_it = share.equals(asm.spread(asm.to_float(t)))
                        share = where(is_it, asm.vector_of(1.0), 0.0)
                    asm.at(self.below.gradient, first + t, column).store(d_y * share)


class AttentionStage(DenseStage):
    """A mean whose weights are learned: ``softmax(tanh(x W + b) v)`` over the steps of a document.

    With ``h = tanh(x W + b)`` and the weights ``a`` of the steps, the gradient of the score ``h v``
    of a step is ``a (dy x - sum(a (dy x)))``.
    """

    def build(self) -> None:
        n, rows = self.below.features, self.group.capacity
        self.above = Activations(self.group, n, is_sequence=False)
        self.function, self.out, self.query = "tanh", self.add_dense(n), self.add_weights(1, n)
        self.add_part((n, 1), self.query, 0, glorot_uniform, role="query")
        self.shares, self.d_shares = self.place(rows), self.place(rows)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        return type(layers[0]) is Pooling and layers[0] == Pooling(by="attention")

    def forward(self, asm: Assembler) -> None:
        super().forward(asm)
        n, load = self.below.features, partial(load_row, features=self.below.features)
        query = load(asm.at(self.query.value, 0))
        for row, first, length in spans(asm, self.below.firsts, self.below.lengths):
            largest = [asm.vector_of(VERY_LOW)]
            for t in asm.loop(length, largest):
                hidden = load(asm.at(self.out.value, first + t))
                score = asm.total(list(map(mul, hidden, query)))
                asm.at(self.shares, first + t).store(score)
                largest[0] = where(asm.spread(score) > largest[0], asm.spread(score), largest[0])
            sums = [asm.vector_of(0.0)] * (1 + len(query))  # of the powers, and of powers times x
            for t in asm.loop(length, sums):
                share = asm.at(self.shares, first + t)
                power = (asm.spread(share.load(F32)) - largest[0]).exp()
                share.store(asm.first(power))
                weighted = [power * x for x in load(asm.at(self.below.value, first + t))]
                sums[:] = map(add, sums, [power, *weighted])
            total = where(length > 0, sums[0], asm.vector_of(1.0))
            for t in asm.loop(length):
                share = asm.at(self.shares, first + t)
                share.store(share.load(F32) / asm.first(total))
            store_row(asm.at(self.above.value, row), [y / total for y in sums[1:]], n)

    def backward(self, asm: Assembler) -> None:
        below, n, d_hidden = self.below, self.below.features, self.out.gradient
        load = partial(load_row, features=n)
        query, d_query = load(asm.at(self.query.value, 0)), asm.at(self.query.gradient, 0)
        for row, first, length in spans(asm, below.firsts, below.lengths):
            d_y, weighted = load(asm.at(self.above.gradient, row)), [asm.single(0.0)]
            for t in asm.loop(length, weighted):
                d_share = asm.total(list(map(mul, d_y, load(asm.at(below.value, first + t)))))
                asm.at(self.d_shares, first + t).store(d_share)
                weighted[0] += d_share * asm.at(self.shares, first + t).load(F32)
            for t in asm.loop(length):
                share = asm.at(self.shares, first + t).load(F32)
                d_share = asm.at(self.d_shares, first + t).load(F32)
                d_score = asm.spread(share * (d_share - weighted[0]))
                store_row(asm.at(d_hidden, first + t), [d_score * q for q in query], n)
                d_q = [d_score * h for h in load(asm.at(self.out.value, first + t))]
                store_row(d_query, map(add, load(d_query), d_q), n)
        self.group.clear_gaps(asm, d_hidden)
        super().backward(asm)
        for row, _, step in below.steps(asm):
            weight = asm.spread(asm.at(self.shares, step).load(F32))
            for column, _ in asm.tiles(n, asm.lanes):
                above = asm.at(self.above.gradient, row, column)
                asm.at(below.gradient, step, column).add(weight * above.load())
