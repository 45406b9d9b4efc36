"""Layers without a state: dense, convolution, normalization, dropout, pooling.

Also stacks of layers side by side.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial, reduce
from operator import add, mul
from typing import NamedTuple, cast

import numpy as np

from rnnbench.models.layers import Layer, Parallel
from rnnbench.models.layers.feedforward import (
    Conv1D,
    Dense,
    Dropout,
    LayerNorm,
    Pooling,
)

from .assembler import VERY_LOW, Array, Assembler, Index, Value, View
from .memory import Activations, spans
from .random import glorot_uniform, quarter
from .stage import Stage, backward, built_in, forward, stack


class Activation(NamedTuple):
    """A function of vectors.

    Attributes:
        forward: gives the result.
        back: gives the gradient, from the result and the gradient of that.
    """

    forward: Callable[[Value], Value]
    back: Callable[[Value, Value], Value]


def _relu(x: Value) -> Value:
    return (x < 0).select(x.lift(0.0), x)


def _relu_back(y: Value, d_y: Value) -> Value:
    return (y > 0).select(d_y, 0.0)


def _tanh_back(y: Value, d_y: Value) -> Value:
    return d_y * (1 - y * y)


def _sigmoid_back(y: Value, d_y: Value) -> Value:
    return d_y * y * (1 - y)


ACTIVATIONS = {
    "linear": None,
    "relu": Activation(_relu, _relu_back),
    "tanh": Activation(Value.tanh, _tanh_back),
    "sigmoid": Activation(Value.sigmoid, _sigmoid_back),
}


def activate(above: Activations, name: str) -> None:
    """Apply a function to all vectors, and write the ones beside them again."""
    activation = ACTIVATIONS[name]
    if activation:
        above.apply(activation.forward, above.value, above.value)
    above.set_ones()  # a product writes whole vectors


def activate_back(above: Activations, name: str) -> None:
    """Replace the gradients of the results of a function by those of its arguments."""
    activation = ACTIVATIONS[name]
    if activation:
        above.apply(activation.back, above.gradient, above.value, above.gradient)


class AffineStage(Stage):
    """``out = f(x W + b)``."""

    def add_dense(self, units: int) -> Activations:
        """Add the kernel and the bias, and return their output."""
        inputs = self.below.features
        self.weights = self.add_weights(self.below.weight_rows, units)
        self.transposed = self.place_shared(units, inputs)
        self.add_part((inputs, units), self.weights, np.s_[:-1], glorot_uniform)
        self.add_part((units,), self.weights, -1)
        self.out = Activations(self.group, units, is_sequence=self.below.is_sequence)
        return self.out

    def prepare(self, asm: Assembler) -> None:  # noqa: ARG002
        transposed = self.transposed.view
        kernel = self.weights.value.view.rows(0, self.below.features)
        transposed.write_transposed(kernel)

    def forward(self, asm: Assembler) -> None:  # noqa: ARG002
        self.below.project(self.out.value.view, self.weights.value.view)
        activate(self.out, self.function)

    def backward(self, asm: Assembler) -> None:  # noqa: ARG002
        activate_back(self.out, self.function)
        self.below.project_back(
            self.out.gradient.view, self.weights.gradient.view, self.transposed.view
        )


@built_in
class DenseStage(AffineStage):
    """A dense layer; the last one leaves out its function."""

    kind = "dense"
    covers = {"activation": ACTIVATIONS}
    layer: Dense

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
        first, *others = layers
        if first.kind == cls.kind and first.gives_topics and not others:
            return 1
        return super().takes(layers)

    def build(self) -> None:
        self.function = self.layer.activation
        self.above = self.add_dense(self.layer.count_units(self.group.sizes.topics))


@built_in
class NormStage(Stage):
    """``y = scale x' + offset``, where ``x' = (x - mean) / sqrt(variance + epsilon)``.

    With ``g = scale dy``, the gradient of ``x`` is ``(g - mean(g) - x' mean(g x')) /
    sqrt(...)``. J. Ba, J. Kiros, G. Hinton: Layer Normalization (2016).
    """

    kind = "layer_norm"
    layer: LayerNorm

    def build(self) -> None:
        features = self.below.features
        rows = self.below.value.shape[0]
        is_sequence = self.below.is_sequence
        self.above = Activations(self.group, features, is_sequence=is_sequence)
        self.weights = self.add_weights(2, features)
        self.add_part((features,), self.weights, 0, start=1)
        self.add_part((features,), self.weights, 1)
        self.normed = self.place(rows, features)
        self.factors = self.place(rows)

    def _mean(self, asm: Assembler, vectors: Iterable[Value]) -> Value:
        return asm.spread(asm.total(list(vectors))) * (1 / self.below.features)

    def forward(self, asm: Assembler) -> None:
        n = self.below.features
        scale = self.weights.value[0].load_row(n)
        offset = self.weights.value[1].load_row(n)
        for row in asm.loop(self.below.count()):
            x = self.below.value[row].load_row(n)
            mean = self._mean(asm, x)
            x = asm.filled([vector - mean for vector in x], n)
            variance = self._mean(asm, map(mul, x, x))
            factor = 1 / asm.root(variance + self.layer.epsilon)
            self.factors[row].store(factor, 1)
            normed = [vector * factor for vector in x]
            self.normed[row].store_row(normed, n)
            scaled = map(mul, normed, scale)
            self.above.value[row].store_row(map(add, scaled, offset), n)

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        scale = self.weights.value[0].load_row(n)
        d_scale = self.weights.gradient[0]
        d_offset = self.weights.gradient[1]
        for row in asm.loop(self.below.count()):
            x = self.normed[row].load_row(n)
            d_y = self.above.gradient[row].load_row(n)
            d_scale.store_row(map(add, d_scale.load_row(n), map(mul, d_y, x)), n)
            d_offset.store_row(map(add, d_offset.load_row(n), d_y), n)
            factor = self.factors[row].spread()
            g = list(map(mul, d_y, scale))
            mean = self._mean(asm, g)
            mean_of_gx = self._mean(asm, map(mul, g, x))
            d_x = []
            for g_vector, x_vector in zip(g, x, strict=True):
                d_x.append((g_vector - mean - x_vector * mean_of_gx) * factor)
            self.below.gradient[row].store_row(d_x, n)


@built_in
class DropoutStage(Stage):
    """``y = x mask``; the seed, the step and the place decide the mask."""

    kind = "dropout"
    layer: Dropout

    def build(self) -> None:
        below = self.below
        features = below.features
        self.above = Activations(self.group, features, is_sequence=below.is_sequence)
        self.above.is_trained = below.is_trained
        self.mask = self.place(below.value.shape[0], 4 * quarter(features))

    def forward(self, asm: Assembler) -> None:
        below = self.below
        for document, t, row in below.steps():
            number = self.group.documents.get(document)
            place = self.place_of(number, t)
            self.draw(asm, self.mask[row], self.layer.rate, below.features, *place)
        below.apply(mul, self.above.value, below.value, self.mask)

    def place_of(self, number: Value, t: Index) -> tuple[Value, Index]:
        """Return what decides the mask of a step of a document."""
        return number, t

    def backward(self, asm: Assembler) -> None:  # noqa: ARG002
        self.below.apply(mul, self.below.gradient, self.above.gradient, self.mask)


@built_in
class SpatialDropoutStage(DropoutStage):
    """The same with one mask for all steps of a document."""

    kind = "spatial_dropout"

    def place_of(self, number: Value, t: Index) -> tuple[Value, Index]:  # noqa: ARG002
        return number, 0


@built_in
class ConvStage(Stage):
    """``y[t] = f(b + Σ_n x[t + n - before] W[n])``; ``x`` is 0 outside a document."""

    kind = "conv1d"
    covers = {"padding": ("same", "causal"), "activation": ACTIVATIONS}
    layer: Conv1D

    def build(self) -> None:
        inputs = self.below.features
        filters = self.layer.filters
        size = self.layer.kernel_size
        self.size = size
        self.before = (size - 1) // 2
        if self.layer.padding == "causal":
            self.before = size - 1
        self.above = Activations(self.group, filters, is_sequence=True)
        # The widths of a row and of what lies after it.
        self.width = self.below.value.strides[0]
        self.d_width = self.above.gradient.strides[0]
        self.weights = self.add_weights(size * self.width, filters)
        starts = np.arange(size)[:, np.newaxis] * self.width
        rows = (starts + np.arange(inputs)).ravel()
        self.add_part((size, inputs, filters), self.weights, rows, glorot_uniform)
        # The row of the step itself has 1 there.
        self.add_part((filters,), self.weights, self.before * self.width + inputs)
        self.flipped = self.place_shared(size * self.d_width, inputs)

    def prepare(self, asm: Assembler) -> None:  # noqa: ARG002
        inputs = self.below.features
        filters = self.layer.filters
        for n in range(self.size):
            out = self.flipped.view.rows((self.size - 1 - n) * self.d_width, filters)
            out.write_transposed(self.weights.value.view.rows(n * self.width, inputs))

    def _windows(self, array: Array, before: int) -> View:
        """Return the windows around the rows of documents, each a single row."""
        gap = self.group.gap
        width = array.strides[0]
        shape = (self.group.total.get() - 2 * gap, self.size * width)
        return replace(array[gap - before], shape=shape, strides=(width, 1))

    def forward(self, asm: Assembler) -> None:  # noqa: ARG002
        self.below.set_ones()  # a gap of an earlier group may be a document now
        self.group.clear_gaps(self.below.value)
        windows = self._windows(self.below.value, self.before)
        out = self.above.value.view.rows(self.group.gap, windows.shape[0])
        out.write_product(windows, self.weights.value.view)
        activate(self.above, self.layer.activation)

    def backward(self, asm: Assembler) -> None:
        above = self.above.gradient
        below = self.below.gradient
        gradient = self.weights.gradient
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


class Pool(NamedTuple):
    """The pool of the steps of a vector of features.

    ``origin`` is the step that it comes from, the first of equal ones, as a float; for
    ``mean``, the share of each step.
    """

    value: Value
    origin: Value


def _largest(x: View) -> Pool:
    asm = x.asm
    best = [asm.vector_of(VERY_LOW), asm.zero]
    for t in asm.loop(x.shape[0], best):
        value = x[t].load()
        step = asm.spread(asm.to_float(t))
        is_larger = value > best[0]
        # The difference is 0, but for NaN, which stays visible.
        best[0] = is_larger.select(value, best[0]) + (value - value)
        best[1] = is_larger.select(step, best[1])
    return Pool(*best)


def _mean(x: View) -> Pool:
    asm = x.asm
    length = x.shape[0]
    total = [asm.zero]
    for t in asm.loop(length, total):
        total[0] += x[t].load()
    share = asm.spread(1 / asm.to_float((length > 1).select(length, 1)))
    return Pool(total[0] * share, share)


def _last(x: View) -> Pool:
    length = x.shape[0]
    step = (length > 0).select(length - 1, 0)
    return Pool(x[step].load(), x.asm.spread(x.asm.to_float(step)))


POOLS = {"max": _largest, "mean": _mean, "last": _last}


@built_in
class PoolingStage(Stage):
    """Pools each feature alone, in each of a number of equal parts of a document."""

    kind = "pooling"
    covers = {"by": POOLS}
    layer: Pooling

    def build(self) -> None:
        features = self.below.features
        chunks = self.layer.chunks
        self.above = Activations(self.group, features * chunks, is_sequence=False)
        self.origins = self.place(self.group.rows, chunks, features)  # see ``Pool``

    def _chunks(self, asm: Assembler) -> Iterator[tuple[Value, Value, Value, Value]]:
        """Have the body of a loop run with each document and chunk.

        Also with the chunk's first row, and its number of rows.
        """
        chunks = self.layer.chunks
        for row, first, length in spans(self.below):
            for chunk in asm.loop(chunks):
                after = chunk + 1
                start = (chunk * length + (chunks - 1)) // chunks
                end = (after * length + (chunks - 1)) // chunks
                yield row, chunk, first + start, end - start

    def forward(self, asm: Assembler) -> None:
        n = self.below.features
        for row, chunk, first, length in self._chunks(asm):
            for column, size in asm.tiles(n, asm.lanes):
                x = self.below.value.view.rows(first, length).columns(column, size)
                pool = POOLS[self.layer.by](x)
                y = (length > 0).select(pool.value, asm.zero)
                self.above.value[row, chunk * n + column].store(y, size)
                self.origins[row, chunk, column].store(pool.origin)

    def backward(self, asm: Assembler) -> None:
        n = self.below.features
        self.group.clear_gaps(self.below.gradient)
        for row, chunk, first, length in self._chunks(asm):
            for t in asm.loop(length):
                for column, _ in asm.tiles(n, asm.lanes):
                    d_y = self.above.gradient[row, chunk * n + column].load()
                    share = self.origins[row, chunk, column].load()
                    if self.layer.by != "mean":
                        is_origin = share.equals(asm.spread(asm.to_float(t)))
                        share = is_origin.select(asm.vector_of(1.0), 0.0)
                    self.below.gradient[first + t, column].store(d_y * share)


@built_in
class AttentionStage(AffineStage):
    """A mean of a document's steps, whose weights are learned.

    They are ``a = softmax(h v)``, where ``h = tanh(x W + b)``. The gradient of the
    score ``h v`` of a step is ``a (dy x - sum(a (dy x)))``.
    """

    kind = "pooling"
    covers = {"by": ("attention",), "chunks": (1,)}
    function = "tanh"

    def build(self) -> None:
        features = self.below.features
        self.above = Activations(self.group, features, is_sequence=False)
        self.add_dense(features)
        self.query = self.add_weights(1, features)
        self.add_part((features, 1), self.query, 0, glorot_uniform, role="query")
        self.shares = self.place(self.group.capacity)
        self.d_shares = self.place(self.group.capacity)

    def forward(self, asm: Assembler) -> None:
        super().forward(asm)
        below = self.below
        load = partial(View.load_row, features=below.features)
        query = load(self.query.value[0])
        for row, first, length in spans(below):
            largest = [asm.vector_of(VERY_LOW)]
            for t in asm.loop(length, largest):
                hidden = load(self.out.value[first + t])
                score = asm.total(list(map(mul, hidden, query)))
                self.shares[first + t].store(score)
                is_larger = asm.spread(score) > largest[0]
                largest[0] = is_larger.select(asm.spread(score), largest[0])
            # Of the powers, and of powers times x.
            sums = [asm.zero] * (1 + len(query))
            for t in asm.loop(length, sums):
                share = self.shares[first + t]
                power = (share.spread() - largest[0]).exp()
                share.store(power, 1)
                weighted = [power * x for x in load(below.value[first + t])]
                sums[:] = map(add, sums, [power, *weighted])
            total = (length > 0).select(sums[0], asm.vector_of(1.0))
            for t in asm.loop(length):
                share = self.shares[first + t]
                share.store(share.spread() / total, 1)
            mean = self.above.value[row]
            mean.store_row([weighted / total for weighted in sums[1:]], below.features)

    def backward(self, asm: Assembler) -> None:
        below = self.below
        d_hidden = self.out.gradient
        load = partial(View.load_row, features=below.features)
        query = load(self.query.value[0])
        d_query = self.query.gradient[0]
        for row, first, length in spans(below):
            d_y = load(self.above.gradient[row])
            weighted = [asm.to_float(asm.number(0))]
            for t in asm.loop(length, weighted):
                d_share = asm.total(list(map(mul, d_y, load(below.value[first + t]))))
                self.d_shares[first + t].store(d_share)
                weighted[0] += d_share * self.shares[first + t].load_float()
            for t in asm.loop(length):
                share = self.shares[first + t].load_float()
                d_share = self.d_shares[first + t].load_float()
                d_score = asm.spread(share * (d_share - weighted[0]))
                d_row = d_hidden[first + t]
                d_row.store_row([d_score * q for q in query], below.features)
                d_q = [d_score * h for h in load(self.out.value[first + t])]
                d_query.store_row(map(add, load(d_query), d_q), below.features)
        self.group.clear_gaps(d_hidden)
        super().backward(asm)
        for row, _, step in below.steps():
            weight = self.shares[step].spread()
            for column, _ in asm.tiles(below.features, asm.lanes):
                place = below.gradient[step, column]
                place.add(weight * self.above.gradient[row, column].load())


class Branch(NamedTuple):
    """A branch of parallel stages, and where its features begin among all."""

    stages: list[Stage]
    end: Activations
    start: int


@built_in
class ParallelStage(Stage):
    """Gives all branches the same vectors, and joins theirs.

    It adds up the gradients of its branches.
    """

    kind = "parallel"
    layer: Parallel

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
        if not super().takes(layers):
            return 0
        for branch in cast(Parallel, layers[0]).branches:
            list(stack(branch, after=(layers[0],)))  # raises if one has no machine code
        return 1

    def build(self) -> None:
        self.branches: list[Branch] = []
        inner: list[Stage] = []
        features = 0
        for number, layers in enumerate(self.layer.branches):
            stages = self._stages(number, layers)
            end = stages[-1].above
            self.branches.append(Branch(stages, end, features))
            features += end.features
            for stage in stages:
                inner += [stage, *stage.inner]
        self.inner = inner
        is_sequence = self.branches[0].end.is_sequence
        self.above = Activations(self.group, features, is_sequence=is_sequence)
        self.above.is_trained = any(branch.end.is_trained for branch in self.branches)

    def _stages(self, number: int, layers: Sequence[Layer]) -> list[Stage]:
        """Return the stages of a branch, with random numbers of its own."""
        below = copy(self.below)
        below.gradient = self.place(*below.gradient.shape)
        stages: list[Stage] = []
        for plan in stack(layers, after=(self.layer,)):
            stage = plan.build(self.group, self.number, below)
            stages.append(stage)
            below = stage.above
            role = f"branch {(number, plan.position)} "
            for inner in (stage, *stage.inner):
                inner.role = role + inner.role
            for part in stage.parts:
                self.parts.append(replace(part, role=role + part.role))
            self.trained += stage.trained
        return stages

    def forward(self, asm: Assembler) -> None:
        for stages, end, start in self.branches:
            forward(asm, stages)
            joined = self.above.value.view.columns(start, end.features)
            end.apply(lambda x: x, joined, end.value)

    def backward(self, asm: Assembler) -> None:
        for stages, end, start in self.branches:
            joined = self.above.gradient.view.columns(start, end.features)
            end.apply(lambda d_x: d_x, end.gradient, joined)
            backward(asm, stages)
        if self.below.is_trained:
            gradients = [branch.stages[0].below.gradient for branch in self.branches]
            self.below.apply(_sum, self.below.gradient, *gradients)


def _sum(*vectors: Value) -> Value:
    return reduce(add, vectors)
