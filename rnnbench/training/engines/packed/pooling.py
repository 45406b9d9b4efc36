"""Pooling: one vector for each document, from those of its steps."""

import numpy as np

from rnnbench.training.engines.packed.assembler import F32, Assembler, where
from rnnbench.training.engines.packed.memory import Memory
from rnnbench.training.engines.packed.plan import Signal, Stage
from rnnbench.training.engines.packed.products import transpose


class MaxStage(Stage):
    """The largest value of each feature; 0 for a document without steps."""

    def __init__(self, memory: Memory, number: int, below: Signal):
        self.number, self.below, self.group = number, below, below.group
        self.above = Signal.new(
            memory, below.group, below.features, is_sequence=False, is_trained=True
        )
        self.winners = memory.place(below.group.rows, below.features)  # of each feature, the step

    def make(self, asm: Assembler) -> None:
        below, group = self.below, self.group
        with asm.function(f"forward_{self.number}", ["arena"]):
            for row in asm.loop(group.rows):
                first, length = group.first(asm, row), group.length(asm, row)
                for column, size in asm.tiles(below.features, asm.lanes):
                    best = [asm.vector_of(-np.finfo(np.float32).max), asm.vector_of(0.0)]
                    for t in asm.loop(length, best):
                        x = asm.at(below.value, first + t, column).load()
                        is_larger = x > best[0]
                        now = asm.spread(asm.to_float(t))
                        best[:] = where(is_larger, x, best[0]), where(is_larger, now, best[1])
                    value = asm.choose(length, best[0], asm.vector_of(0.0))
                    asm.at(self.above.value, row, column).store(value, size)
                    asm.at(self.winners, row, column).store(best[1])
        with asm.function(f"backward_{self.number}", ["arena"]):
            group.clear_gaps(asm, below.gradient)
            for row in asm.loop(group.rows):
                first = group.first(asm, row)
                for t in asm.loop(group.length(asm, row)):
                    now = asm.spread(asm.to_float(t))
                    for column, _ in asm.tiles(below.features, asm.lanes):
                        is_it = asm.at(self.winners, row, column).load().equals(now)
                        d_y = asm.at(self.above.gradient, row, column).load()
                        out = asm.at(below.gradient, first + t, column)
                        out.store(where(is_it, d_y, 0.0))


class MeanStage(Stage):
    """The mean of each feature; 0 for a document without steps."""

    def __init__(self, memory: Memory, number: int, below: Signal):
        self.number, self.below, self.group = number, below, below.group
        self.above = Signal.new(
            memory, below.group, below.features, is_sequence=False, is_trained=True
        )

    def make(self, asm: Assembler) -> None:
        below, group = self.below, self.group
        with asm.function(f"forward_{self.number}", ["arena"]):
            for row in asm.loop(group.rows):
                first, length = group.first(asm, row), group.length(asm, row)
                share = asm.spread(1 / asm.to_float(where(length > 1, length, 1)))
                for column, size in asm.tiles(below.features, asm.lanes):
                    total = [asm.vector_of(0.0)]
                    for t in asm.loop(length, total):
                        total[0] += asm.at(below.value, first + t, column).load()
                    asm.at(self.above.value, row, column).store(total[0] * share, size)
        with asm.function(f"backward_{self.number}", ["arena"]):
            group.clear_gaps(asm, below.gradient)
            for row in asm.loop(group.rows):
                first, length = group.first(asm, row), group.length(asm, row)
                share = asm.spread(1 / asm.to_float(where(length > 1, length, 1)))
                for t in asm.loop(length):
                    for column, _ in asm.tiles(below.features, asm.lanes):
                        d_y = asm.at(self.above.gradient, row, column).load() * share
                        asm.at(below.gradient, first + t, column).store(d_y)


class AttentionStage(Stage):
    """A mean whose weights are learned: ``softmax(tanh(x W + b) v)`` over the steps of a document.

    Of a document, with ``h = tanh(x W + b)``, the scores ``h v`` and the weights ``a`` of the steps,
    the gradient of a score is ``a (dy x - sum(a (dy x)))``.
    """

    def __init__(self, memory: Memory, number: int, below: Signal):
        self.number, self.below, self.group = number, below, below.group
        n, rows = below.features, below.group.capacity
        self.above = Signal.new(memory, below.group, n, is_sequence=False, is_trained=True)
        self.weights, self.query = memory.trained(n + 1, n), memory.trained(1, n)
        self.trained = self.weights, self.query
        self.hidden, self.d_hidden = memory.place(rows, n), memory.place(rows, n)
        self.shares, self.d_shares = memory.place(rows), memory.place(rows)
        self.transposed = memory.place(n, n) if below.gradient else None

    def load(self, arena, weights):
        self.weights.value.of(arena)[:] = np.concatenate([weights[0], weights[1][np.newaxis]])
        self.query.value.of(arena)[0] = weights[2][:, 0]
        return 3

    def save(self, arena, of):
        weights = of(self.weights).of(arena).copy()
        return [weights[:-1], weights[-1], of(self.query).of(arena)[0, :, np.newaxis].copy()]

    def prepare(self, asm: Assembler) -> None:
        if self.transposed:
            w = asm.at(self.weights.value).rows(0, self.below.features)
            transpose(asm, asm.at(self.transposed), w)

    def _vectors(self, asm, array, *place):
        """Return all vectors of a row; the lanes past its end are 0."""
        n = self.below.features
        return [
            where(asm.below(min(asm.lanes, n - start)), asm.at(array, *place, start).load(), 0.0)
            for start in range(0, n, asm.lanes)
        ]

    def _dot(self, asm, one, other):
        return asm.total([a * b for a, b in zip(one, other, strict=True)])

    def make(self, asm: Assembler) -> None:
        below, above, group = self.below, self.above, self.group
        starts = range(0, below.features, asm.lanes)
        with asm.function(f"forward_{self.number}", ["arena"]):
            below.project(asm, self.hidden, self.weights.value)
            query = self._vectors(asm, self.query.value, 0)
            for row in asm.loop(group.rows):
                first, length = group.first(asm, row), group.length(asm, row)
                largest = [asm.vector_of(-1e30)]
                for t in asm.loop(length, largest):
                    hidden = [x.tanh() for x in self._vectors(asm, self.hidden, first + t)]
                    for start, x in zip(starts, hidden, strict=True):
                        asm.at(self.hidden, first + t, start).store(x)
                    score = self._dot(asm, hidden, query)
                    asm.at(self.shares, first + t).store(score)
                    score = asm.spread(score)
                    largest[0] = where(score > largest[0], score, largest[0])
                state = [asm.vector_of(0.0)] * (1 + len(starts))
                for t in asm.loop(length, state):
                    score = asm.spread(asm.at(self.shares, first + t).load(F32))
                    power = (score - largest[0]).exp()
                    asm.at(self.shares, first + t).store(asm.first(power))
                    values = self._vectors(asm, below.value, first + t)
                    state[0] += power
                    state[1:] = [y + power * x for y, x in zip(state[1:], values, strict=True)]
                total = asm.choose(length, state[0], asm.vector_of(1.0))
                for t in asm.loop(length):
                    share = asm.at(self.shares, first + t)
                    share.store(share.load(F32) / asm.first(total))
                for start, y in zip(starts, state[1:], strict=True):
                    size = min(asm.lanes, below.features - start)
                    asm.at(above.value, row, start).store(y / total, size)
        with asm.function(f"backward_{self.number}", ["arena"]):
            query = self._vectors(asm, self.query.value, 0)
            for row in asm.loop(group.rows):
                first, length = group.first(asm, row), group.length(asm, row)
                d_y = self._vectors(asm, above.gradient, row)
                weighted = [asm.one - asm.one]
                for t in asm.loop(length, weighted):
                    d_share = self._dot(asm, d_y, self._vectors(asm, below.value, first + t))
                    asm.at(self.d_shares, first + t).store(d_share)
                    weighted[0] += d_share * asm.at(self.shares, first + t).load(F32)
                for t in asm.loop(length):
                    share = asm.at(self.shares, first + t).load(F32)
                    d_share = asm.at(self.d_shares, first + t).load(F32)
                    d_score = asm.spread(share * (d_share - weighted[0]))
                    hidden = self._vectors(asm, self.hidden, first + t)
                    for start, h, q in zip(starts, hidden, query, strict=True):
                        place = asm.at(self.query.gradient, 0, start)
                        place.store(place.load() + d_score * h)
                        asm.at(self.d_hidden, first + t, start).store(d_score * q * (1 - h * h))
            group.clear_gaps(asm, self.d_hidden)
            below.back(asm, self.d_hidden, self.weights.gradient, self.transposed)
            if below.gradient:
                for row in asm.loop(group.rows):
                    first = group.first(asm, row)
                    d_y = self._vectors(asm, above.gradient, row)
                    for t in asm.loop(group.length(asm, row)):
                        share = asm.spread(asm.at(self.shares, first + t).load(F32))
                        for start, d in zip(starts, d_y, strict=True):
                            place = asm.at(below.gradient, first + t, start)
                            place.store(place.load() + share * d)
