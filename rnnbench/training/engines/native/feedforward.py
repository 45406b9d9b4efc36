"""Layers without a state: dense, convolution, normalization, dropout, pooling, parallel
stacks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial, reduce
from itertools import accumulate
from operator import add, mul
from typing import Any

import numpy as np

from rnnbench.models.layers import Layer, Parallel, feedforward

from .assembler import F32, VERY_LOW, Array, Assembler, Value, View
from .memory import SHARED, Activations, spans
from .random import glorot_uniform, quarter
from .stage import Stage, stack

Function = Callable[[Value], Value]
ACTIVATIONS: dict[str, tuple[Function, Callable[[Value, Value], Value]]] = {
    "relu": (
        lambda x: (x < 0).select(x.lift(0.0), x),
        lambda y, d_y: (y > 0).select(d_y, 0.0),
    ),
    "tanh": (lambda x: x.tanh(), lambda y, d_y: d_y * (1 - y * y)),
    "sigmoid": (lambda x: x.sigmoid(), lambda y, d_y: d_y * y * (1 - y)),
}
"""For each activation except ``linear``: ``y`` from ``x``, and ``d_x`` from ``y`` and
``d_y``."""


def activate(above: Activations, activation: str) -> None:
    """Apply a function to all vectors, and write the ones beside them again."""
    if activation in ACTIVATIONS:
        above.apply(ACTIVATIONS[activation][0], above.value, above.value)
    above.set_ones()  # a product writes whole vectors


def activate_back(above: Activations, activation: str) -> None:
    """Replace the gradients of the results of a function by those of its arguments."""
    if activation in ACTIVATIONS:
        above.apply(
            ACTIVATIONS[activation][1], above.gradient, above.value, above.gradient
        )


class DenseStage(Stage):
    """``out = f(x W + b)``; the last layer leaves out its function."""

    kinds = (feedforward.Dense,)

    def build(self) -> None:
        self.function = self.layer.activation
        self.above = self.out = self.add_dense(
            self.layer.count_units(self.group.sizes.topics)
        )

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

    def prepare(self, asm: Assembler) -> None:  # noqa: ARG002
        self.transposed.view.write_transposed(
            self.weights.value.view.rows(0, self.below.features)
        )

    def forward(self, asm: Assembler) -> None:  # noqa: ARG002
        self.below.project(self.out.value.view, self.weights.value.view)
        activate(self.out, self.function)

    def backward(self, asm: Assembler) -> None:  # noqa: ARG002
        activate_back(self.out, self.function)
        arrays = self.out.gradient, self.weights.gradient, self.transposed
        self.below.project_back(*(array.view for array in arrays))


class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) /
    sqrt(...)``. J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016).
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
        scale, offset = (self.weights.value[row].load_row(n) for row in range(2))
        for row in asm.loop(self.below.count()):
            x = self.below.value[row].load_row(n)
            mean = self._mean(asm, x)
            x = asm.filled([vector - mean for vector in x], n)
            variance = self._mean(asm, map(mul, x, x))
            factor = 1 / asm.root(variance + self.layer.epsilon)
            self.factors[row].store(factor, 1)
            normed = [vector * factor for vector in x]
            self.normed[row].store_row(normed, n)
            self.above.value[row].store_row(
                map(add, map(mul, normed, scale), offset), n
            )

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        scale = self.weights.value[0].load_row(n)
        d_scale, d_offset = (self.weights.gradient[row] for row in range(2))
        for row in asm.loop(self.below.count()):
            x, d_y = (a[row].load_row(n) for a in (self.normed, self.above.gradient))
            d_scale.store_row(map(add, d_scale.load_row(n), map(mul, d_y, x)), n)
            d_offset.store_row(map(add, d_offset.load_row(n), d_y), n)
            factor = asm.spread(self.factors[row].load(F32))
            g = list(map(mul, d_y, scale))
            mean, of_x = self._mean(asm, g), self._mean(asm, map(mul, g, x))
            d_x = [
                (one - mean - x_n * of_x) * factor
                for one, x_n in zip(g, x, strict=True)
            ]
            self.below.gradient[row].store_row(d_x, n)


class DropoutStage(Stage):
    """``y = x mask``, where the seed, the step and the place in a document decide the
    mask.
    """

    kinds = feedforward.Dropout, feedforward.SpatialDropout

    def build(self) -> None:
        below, n = self.below, self.below.features
        self.above = Activations(self.group, n, is_sequence=below.is_sequence)
        self.above.is_trained = below.is_trained
        self.mask = self.place(below.value.shape[0], 4 * quarter(n))

    def forward(self, asm: Assembler) -> None:
        below = self.below
        for document, t, row in below.steps():
            time = 0 if isinstance(self.layer, feedforward.SpatialDropout) else t
            place = self.group.documents.get(document), time
            self.draw(asm, self.mask[row], self.layer.rate, below.features, *place)
        below.apply(mul, self.above.value, below.value, self.mask)

    def backward(self, asm: Assembler) -> None:  # noqa: ARG002
        self.below.apply(mul, self.below.gradient, self.above.gradient, self.mask)


class ConvStage(Stage):
    """``y[t] = f(b + Σ_n x[t + n - before] W[n])``, where ``x`` is 0 outside of the
    document.
    """

    kinds = (feedforward.Conv1D,)

    def build(self) -> None:
        inputs, filters, self.size = (
            self.below.features,
            self.layer.filters,
            self.layer.kernel_size,
        )
        self.before = (self.size - 1) // (1 if self.layer.padding == "causal" else 2)
        self.above = Activations(self.group, filters, is_sequence=True)
        # The widths of a row and of what lies after it.
        self.width, self.d_width = (
            self.below.value.strides[0],
            self.above.gradient.strides[0],
        )
        self.weights = self.add_weights(self.size * self.width, filters)
        rows = (
            np.arange(self.size)[:, np.newaxis] * self.width + np.arange(inputs)
        ).ravel()
        self.add_part((self.size, inputs, filters), self.weights, rows, glorot_uniform)
        # The row of the step itself has 1 there.
        self.add_part((filters,), self.weights, self.before * self.width + inputs)
        self.flipped = self.place(self.size * self.d_width, inputs, block=SHARED)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        layer, allowed = layers[0], ("linear", *ACTIVATIONS)
        return (
            super().takes(layers)
            and layer.padding != "valid"
            and layer.activation in allowed
        )

    def prepare(self, asm: Assembler) -> None:  # noqa: ARG002
        inputs, filters = self.below.features, self.layer.filters
        for n in range(self.size):
            out = self.flipped.view.rows((self.size - 1 - n) * self.d_width, filters)
            out.write_transposed(self.weights.value.view.rows(n * self.width, inputs))

    def _windows(self, array: Array, before: int) -> View:
        """Return the windows around the rows of documents, each a single row."""
        gap, width = self.group.gap, array.strides[0]
        shape = self.group.total.get() - 2 * gap, self.size * width
        return replace(array[gap - before], shape=shape, strides=(width, 1))

    def forward(self, asm: Assembler) -> None:  # noqa: ARG002
        self.below.set_ones()  # a gap of an earlier group may be a document now
        self.group.clear_gaps(self.below.value)
        windows = self._windows(self.below.value, self.before)
        out = self.above.value.view.rows(self.group.gap, windows.shape[0])
        out.write_product(windows, self.weights.value.view)
        activate(self.above, self.layer.activation)

    def backward(self, asm: Assembler) -> None:
        above, below, gradient = (
            self.above.gradient,
            self.below.gradient,
            self.weights.gradient,
        )
        activate_back(self.above, self.layer.activation)
        self.group.clear_gaps(above)
        windows = self._windows(self.below.value, self.before)
        d_out = above.view.rows(self.group.gap, windows.shape[0])
        gradient.view.write_product(windows.T, d_out, adds=True)
        for n in range(self.size):
            if n != self.before:  # the ones of other rows are no inputs
                asm.clear(gradient, n * self.width + self.below.features)
        if self.below.is_trained:
            windows = self._windows(above, self.size - 1 - self.before)
            out = below.view.rows(self.group.gap, windows.shape[0])
            out.write_product(windows, self.flipped.view)
            self.group.clear_gaps(below)  # nothing is learned about zeros


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
"""From the steps of a vector of features: their pool; and the step that it comes from,
the first of equal ones, as a float, or for ``mean``, the share of each."""


class PoolingStage(Stage):
    """Pools each feature alone, in each of a number of equal parts of a document."""

    def build(self) -> None:
        n, rows, chunks = self.below.features, self.group.rows, self.layer.chunks
        self.above = Activations(self.group, n * chunks, is_sequence=False)
        self.origins = self.place(rows, chunks, n)  # the second results of ``POOLS``

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        return type(layers[0]) is feedforward.Pooling and layers[0].by in POOLS

    def _chunks(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value, Value]]:
        """Have the body of a loop run with each document, chunk of it, its first row,
        its rows.
        """
        chunks = self.layer.chunks
        for row, first, length in spans(self.below.firsts, self.below.lengths):
            for chunk in asm.loop(chunks):
                start, end = (
                    (at * length + (chunks - 1)) // chunks for at in (chunk, chunk + 1)
                )
                yield row, chunk, first + start, end - start

    def forward(self, asm: Assembler) -> None:
        n = self.below.features
        for row, chunk, first, length in self._chunks(asm):
            for column, size in asm.tiles(n, asm.lanes):
                x = self.below.value.view.rows(first, length).columns(column, size)
                y, origin = POOLS[self.layer.by](x)
                y = (length > 0).select(y, asm.vector_of(0.0))
                self.above.value[row, chunk * n + column].store(y, size)
                self.origins[row, chunk, column].store(origin)

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        self.group.clear_gaps(self.below.gradient)
        for row, chunk, first, length in self._chunks(asm):
            for t in asm.loop(length):
                for column, _ in asm.tiles(n, asm.lanes):
                    d_y = self.above.gradient[row, chunk * n + column].load()
                    share = self.origins[row, chunk, column].load()
                    if self.layer.by != "mean":
                        is_it = share.equals(asm.spread(asm.to_float(t)))
                        share = is_it.select(asm.vector_of(1.0), 0.0)
                    self.below.gradient[first + t, column].store(d_y * share)


class AttentionStage(DenseStage):
    """A mean whose weights are ``a = softmax(h v)``, ``h = tanh(x W + b)``, of a
    document's steps.

    The gradient of the score ``h v`` of a step is ``a (dy x - sum(a (dy x)))``.
    """

    def build(self) -> None:
        n, rows = self.below.features, self.group.capacity
        self.above = Activations(self.group, n, is_sequence=False)
        self.function, self.out, self.query = (
            "tanh",
            self.add_dense(n),
            self.add_weights(1, n),
        )
        self.add_part((n, 1), self.query, 0, glorot_uniform, role="query")
        self.shares, self.d_shares = self.place(rows), self.place(rows)

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        return bool(layers[0] == feedforward.Pooling(by="attention"))

    def forward(self, asm: Assembler) -> None:
        super().forward(asm)
        n, load = (
            self.below.features,
            partial(View.load_row, features=self.below.features),
        )
        query = load(self.query.value[0])
        for row, first, length in spans(self.below.firsts, self.below.lengths):
            largest = [asm.vector_of(VERY_LOW)]
            for t in asm.loop(length, largest):
                score = asm.total(
                    list(map(mul, load(self.out.value[first + t]), query))
                )
                self.shares[first + t].store(score)
                largest[0] = (asm.spread(score) > largest[0]).select(
                    asm.spread(score), largest[0]
                )
            sums = [asm.vector_of(0.0)] * (
                1 + len(query)
            )  # of the powers, and of powers times x
            for t in asm.loop(length, sums):
                share = self.shares[first + t]
                power = (asm.spread(share.load(F32)) - largest[0]).exp()
                share.store(power, 1)
                weighted = [power * x for x in load(self.below.value[first + t])]
                sums[:] = map(add, sums, [power, *weighted])
            total = (length > 0).select(sums[0], asm.vector_of(1.0))
            for t in asm.loop(length):
                share = self.shares[first + t]
                share.store(asm.spread(share.load(F32)) / total, 1)
            self.above.value[row].store_row([y / total for y in sums[1:]], n)

    def backward(self, asm: Assembler) -> None:
        below, n, d_hidden = self.below, self.below.features, self.out.gradient
        load = partial(View.load_row, features=n)
        query, d_query = load(self.query.value[0]), self.query.gradient[0]
        for row, first, length in spans(below.firsts, below.lengths):
            d_y, weighted = (
                load(self.above.gradient[row]),
                [asm.to_float(asm.number(0))],
            )
            for t in asm.loop(length, weighted):
                d_share = asm.total(list(map(mul, d_y, load(below.value[first + t]))))
                self.d_shares[first + t].store(d_share)
                weighted[0] += d_share * self.shares[first + t].load(F32)
            for t in asm.loop(length):
                share = self.shares[first + t].load(F32)
                d_share = self.d_shares[first + t].load(F32)
                d_score = asm.spread(share * (d_share - weighted[0]))
                d_hidden[first + t].store_row([d_score * q for q in query], n)
                d_q = [d_score * h for h in load(self.out.value[first + t])]
                d_query.store_row(map(add, load(d_query), d_q), n)
        self.group.clear_gaps(d_hidden)
        super().backward(asm)
        for row, _, step in below.steps():
            weight = asm.spread(self.shares[step].load(F32))
            for column, _ in asm.tiles(n, asm.lanes):
                below.gradient[step, column].add(
                    weight * self.above.gradient[row, column].load()
                )


class ParallelStage(Stage):
    """Gives all branches the same vectors, joins theirs, and adds up their gradients of
    these.
    """

    kinds = (Parallel,)

    def build(self) -> None:
        self.branches = [self._branch(*own) for own in enumerate(self.layer.branches)]
        self.inner = [
            s for branch in self.branches for own in branch for s in (own, *own.inner)
        ]
        ends = [branch[-1].above for branch in self.branches]
        *starts, features = accumulate((end.features for end in ends), initial=0)
        self.joined = list(zip(self.branches, ends, starts, strict=True))
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
            self.parts += [
                replace(part, role=role + part.role) for part in stages[-1].parts
            ]
            self.trained += stages[-1].trained
        return stages

    @classmethod
    def takes(cls, layers: tuple[Any, ...]) -> int:
        if is_parallel := super().takes(layers):
            for branch in layers[0].branches:
                list(
                    stack(branch, after=layers[:1])
                )  # raises if a layer has no machine code
        return is_parallel

    def forward(self, asm: Assembler) -> None:
        for branch, end, start in self.joined:
            for stage in branch:
                stage.forward(asm)
            out = self.above.value.view.columns(start, end.features)
            end.apply(lambda x: x, out, end.value)

    def backward(self, asm: Assembler) -> None:
        for branch, end, start in self.joined:
            own = self.above.gradient.view.columns(start, end.features)
            end.apply(lambda d_x: d_x, end.gradient, own)
            for stage in reversed(branch):
                stage.backward(asm)
        if self.below.is_trained:
            gradients = [branch[0].below.gradient for branch in self.branches]
            self.below.apply(
                lambda *own: reduce(add, own), self.below.gradient, *gradients
            )
