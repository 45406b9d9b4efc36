"""Layers without a state: dense, convolution, normalization, dropout, pooling, stacks side by side.

Layer normalization: J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial, reduce
from operator import add, mul
from typing import Any

import numpy as np

from rnnbench.models.layers import Layer, Parallel, feedforward

from .assembler import F32, VERY_LOW, Array, Assembler, Value, View
from .memory import SHARED, Activations, spans
from .random import glorot_uniform, quarter
from .stage import Stage, filled, load_row, stack, store_row

Function = Callable[[Value], Value]
ACTIVATIONS: dict[str, tuple[Function, Callable[[Value, Value], Value]]] = {
    "relu": (lambda x: (x < 0).select(x.lift(0.0), x), lambda y, d_y: (y > 0).select(d_y, 0.0)),
    "tanh": (lambda x: x.tanh(), lambda y, d_y: d_y * (1 - y * y)),
    "sigmoid": (lambda x: x.sigmoid(), lambda y, d_y: d_y * y * (1 - y)),
}
"""For each activation except ``linear``: ``y`` from ``x``, and ``d_x`` from ``y`` and ``d_y``."""


def activate(asm: Assembler, above: Activations, activation: str) -> None:
    """Apply a function to all vectors, and write the ones beside them again."""
    if activation in ACTIVATIONS:
        for row, column, size in above.vectors(asm):
            place = asm.at(above.value, row, column)
            place.store(ACTIVATIONS[activation][0](place.load()), size)
    above.set_ones(asm)  # a product writes whole vectors


def activate_back(asm: Assembler, above: Activations, activation: str) -> None:
    """Replace the gradients of the results of a function by those of its arguments."""
    for row, column, _ in above.vectors(asm) if activation in ACTIVATIONS else ():
        place, value = asm.at(above.gradient, row, column), asm.at(above.value, row, column)
        place.store(ACTIVATIONS[activation][1](value.load(), place.load()))


class DenseStage(Stage):
    """``out = f(x W + b)``; the last layer leaves out its function."""

    kinds = (feedforward.Dense,)

    def build(self) -> None:
        self.function = self.layer.activation
        self.above = self.out = self.add_dense(self.layer.count_units(self.group.sizes.topics))

    def add_dense(self, units: int) -> Activations:
        """Add the kernel and the bias, and return their output."""
        inputs = self.below.features
        self.weights = self.add_weights(self.below.weight_rows, units)
        self.transposed = self.place(units, inputs, block=SHARED)
        self.add_part((inputs, units), self.weights, np.s_[:-1], glorot_uniform)
        self.add_part((units,), self.weights, -1)
        return Activations(self.group, units, is_sequence=self.below.is_sequence)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        allowed = "linear", *ACTIVATIONS, *["softmax"][: len(layers) == 1]
        return super().takes(layers) and layers[0].activation in allowed

    def prepare(self, asm: Assembler) -> None:
        w = asm.at(self.weights.value).rows(0, self.below.features)
        asm.at(self.transposed).write_transposed(w)

    def forward(self, asm: Assembler) -> None:
        self.below.project(asm, asm.at(self.out.value), asm.at(self.weights.value))
        activate(asm, self.out, self.function)

    def backward(self, asm: Assembler) -> None:
        activate_back(asm, self.out, self.function)
        arrays = self.out.gradient, self.weights.gradient, self.transposed
        self.below.project_back(asm, *map(asm.at, arrays))


class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) / sqrt(...)``.
    """

    kinds = (feedforward.LayerNorm,)

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


class DropoutStage(Stage):
    """``y = x mask``, where the seed, the step and the place in a document decide the mask."""

    kinds = feedforward.Dropout, feedforward.SpatialDropout

    def build(self) -> None:
        below, n = self.below, self.below.features
        self.above = Activations(self.group, n, is_sequence=below.is_sequence)
        self.above.is_trained = below.is_trained
        self.mask = self.place(below.value.shape[0], 4 * quarter(n))

    def forward(self, asm: Assembler) -> None:
        below = self.below
        for document, t, row in below.steps(asm):
            time = 0 if isinstance(self.layer, feedforward.SpatialDropout) else t
            place = asm.get(self.group.documents, document), time
            self.draw(asm, asm.at(self.mask, row), self.layer.rate, below.features, *place)
        for row, column, size in below.vectors(asm):
            x, kept = (asm.at(array, row, column).load() for array in (below.value, self.mask))
            asm.at(self.above.value, row, column).store(x * kept, size)

    def backward(self, asm: Assembler) -> None:
        for row, column, _ in self.below.vectors(asm):
            d_y, mask = (asm.at(a, row, column).load() for a in (self.above.gradient, self.mask))
            asm.at(self.below.gradient, row, column).store(d_y * mask)


class ConvStage(Stage):
    """``y[t] = f(b + Σ_n x[t + n - before] W[n])``, where ``x`` is 0 outside of the document."""

    kinds = (feedforward.Conv1D,)

    def build(self) -> None:
        inputs, filters = self.below.features, self.layer.filters
        self.size = self.layer.kernel_size
        last = self.size - 1
        self.before = last if self.layer.padding == "causal" else last // 2
        self.above = Activations(self.group, filters, is_sequence=True)
        # The widths of a row and of what lies after it.
        self.width, self.d_width = self.below.value.strides[0], self.above.gradient.strides[0]
        self.weights = self.add_weights(self.size * self.width, filters)
        rows = (np.arange(self.size)[:, np.newaxis] * self.width + np.arange(inputs)).ravel()
        self.add_part((self.size, inputs, filters), self.weights, rows, glorot_uniform)
        # The row of the step itself has 1 there.
        self.add_part((filters,), self.weights, self.before * self.width + inputs)
        self.flipped = self.place(self.size * self.d_width, inputs, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        layer, allowed = layers[0], ("linear", *ACTIVATIONS)
        return super().takes(layers) and layer.padding != "valid" and layer.activation in allowed

    def prepare(self, asm: Assembler) -> None:
        inputs, filters = self.below.features, self.layer.filters
        for n in range(self.size):
            out = asm.at(self.flipped).rows((self.size - 1 - n) * self.d_width, filters)
            out.write_transposed(asm.at(self.weights.value).rows(n * self.width, inputs))

    def _windows(self, asm: Assembler, array: Array, before: int) -> View:
        """Return the windows around the rows of documents, each a single row."""
        gap, width = self.group.gap, array.strides[0]
        count = asm.get(self.group.total) - 2 * gap
        first = asm.at(array, gap - before)
        return replace(first, shape=(count, self.size * width), strides=(width, 1))

    def forward(self, asm: Assembler) -> None:
        self.below.set_ones(asm)  # a gap of an earlier group may be a document now
        self.group.clear_gaps(asm, self.below.value)
        windows = self._windows(asm, self.below.value, self.before)
        out = asm.at(self.above.value).rows(self.group.gap, windows.shape[0])
        out.write_product(windows, asm.at(self.weights.value))
        activate(asm, self.above, self.layer.activation)

    def backward(self, asm: Assembler) -> None:
        above, below, gradient = self.above.gradient, self.below.gradient, self.weights.gradient
        activate_back(asm, self.above, self.layer.activation)
        self.group.clear_gaps(asm, above)
        windows = self._windows(asm, self.below.value, self.before)
        d_out = asm.at(above).rows(self.group.gap, windows.shape[0])
        asm.at(gradient).write_product(windows.T, d_out, adds=True)
        for n in range(self.size):
            if n != self.before:  # the ones of other rows are no inputs
                asm.clear(gradient, n * self.width + self.below.features)
        if self.below.is_trained:
            windows = self._windows(asm, above, self.size - 1 - self.before)
            out = asm.at(below).rows(self.group.gap, windows.shape[0])
            out.write_product(windows, asm.at(self.flipped))
            self.group.clear_gaps(asm, below)  # nothing is learned about zeros


def _largest(x: View) -> tuple[Value, Value]:
    asm = x.asm
    best = [asm.vector_of(VERY_LOW), asm.vector_of(0.0)]
    for t in asm.loop(x.shape[0], best):
        own, step = x[t].load(), asm.spread(asm.to_float(t))
        is_larger = own > best[0]
        best[0] = is_larger.select(own, best[0]) + (own - own)  # NaN stays visible
        best[1] = is_larger.select(step, best[1])
    return best[0], best[1]


def _mean(x: View) -> tuple[Value, Value]:
    asm, length = x.asm, x.shape[0]
    total = [asm.vector_of(0.0)]
    for t in asm.loop(length, total):
        total[0] += x[t].load()
    share = asm.spread(1 / asm.to_float((length > 1).select(length, 1)))
    return total[0] * share, share


def _last(x: View) -> tuple[Value, Value]:
    step = (x.shape[0] > 0).select(x.shape[0] - 1, 0)
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
        return type(layers[0]) is feedforward.Pooling and layers[0].by in POOLS

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
                y = (length > 0).select(y, asm.vector_of(0.0))
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
                        share = is_it.select(asm.vector_of(1.0), 0.0)
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
        return bool(layers[0] == feedforward.Pooling(by="attention"))

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
                largest[0] = (asm.spread(score) > largest[0]).select(asm.spread(score), largest[0])
            sums = [asm.vector_of(0.0)] * (1 + len(query))  # of the powers, and of powers times x
            for t in asm.loop(length, sums):
                share = asm.at(self.shares, first + t)
                power = (asm.spread(share.load(F32)) - largest[0]).exp()
                share.store(asm.first(power))
                weighted = [power * x for x in load(asm.at(self.below.value, first + t))]
                sums[:] = map(add, sums, [power, *weighted])
            total = (length > 0).select(sums[0], asm.vector_of(1.0))
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


class ParallelStage(Stage):
    """Gives all branches the same vectors, joins theirs, and adds up the gradients.

    Attributes:
        branches: the stages of each. They read the vectors below, but each branch has a gradient of
            them of its own.
    """

    kinds = (Parallel,)

    def build(self) -> None:
        self.branches = [self._branch(*own) for own in enumerate(self.layer.branches)]
        self.inner = [s for branch in self.branches for own in branch for s in (own, *own.inner)]
        ends = [branch[-1].above for branch in self.branches]
        features = sum(end.features for end in ends)
        self.above = Activations(self.group, features, is_sequence=ends[0].is_sequence)
        self.above.is_trained = any(end.is_trained for end in ends)

    def _branch(self, number: int, layers: Sequence[Layer]) -> list[Stage]:
        """Return the stages of a branch, with random numbers of its own."""
        below = copy(self.below)
        below.gradient = self.place(*below.gradient.shape)
        stages: list[Stage] = []
        for kind, position, own in stack(layers, after=(self.layer,)):
            stages.append(kind(self.group, self.number, own, below))
            below, role = stages[-1].above, f"branch {(number, position)} "
            for stage in (stages[-1], *stages[-1].inner):
                stage.role = role + stage.role
            self.parts += [replace(part, role=role + part.role) for part in stages[-1].parts]
            self.trained += stages[-1].trained
        return stages

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        if is_parallel := super().takes(layers):
            for branch in layers[0].branches:
                list(stack(branch, after=layers[:1]))  # raises if a layer has no machine code
        return is_parallel

    def _joined(self) -> Iterator[tuple[list[Stage], Activations, int]]:
        """Yield each branch, what it hands on, and the place of that in what all hand on."""
        start = 0
        for branch in self.branches:
            yield branch, branch[-1].above, start
            start += branch[-1].above.features

    def forward(self, asm: Assembler) -> None:
        for branch, end, start in self._joined():
            for stage in branch:
                stage.forward(asm)
            for row, column, size in end.vectors(asm):
                own = asm.at(end.value, row, column).load()
                asm.at(self.above.value, row, start + column).store(own, size)

    def backward(self, asm: Assembler) -> None:
        for branch, end, start in self._joined():
            for row, column, size in end.vectors(asm):
                own = asm.at(self.above.gradient, row, start + column).load()
                asm.at(end.gradient, row, column).store(own, size)
            for stage in reversed(branch):
                stage.backward(asm)
        for row, column, size in self.below.vectors(asm) if self.below.is_trained else ():
            gradients = [branch[0].below.gradient for branch in self.branches]
            total = reduce(add, [asm.at(own, row, column).load() for own in gradients])
            asm.at(self.below.gradient, row, column).store(total, size)
