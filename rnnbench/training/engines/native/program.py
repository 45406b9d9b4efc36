"""The program of an epoch, made of the ways forward and back, and of Adam."""

from rnnbench.training.engines.native.assembler import Assembler, Index
from rnnbench.training.engines.native.backward import make_backward
from rnnbench.training.engines.native.forward import clear, make_forward
from rnnbench.training.engines.native.layout import Layout
from rnnbench.training.engines.native.products import transpose

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""Of Adam, as in Keras."""


def make_program(asm: Assembler, layout: Layout, *, is_x86: bool) -> None:
    """Make the functions ``epoch`` and ``score``; they call all others."""
    make_forward(asm, layout)
    make_backward(asm, layout)
    with asm.function("prepare", ["arena"]):
        _prepare(asm, layout)
    with asm.function("adam", ["arena", "rates"], 1) as (step,):
        _adam(asm, layout, step)
    slices = ["arena", "documents", "labels", "rates", "answers"]
    with asm.function("epoch", slices, 1) as (count,), asm.flushing(is_x86=is_x86):
        _epoch(asm, layout, count)
    slices = ["arena", "documents", "scores"]
    with asm.function("score", slices, 1) as (count,), asm.flushing(is_x86=is_x86):
        _score(asm, layout, count)


def _epoch(asm: Assembler, layout: Layout, count: Index) -> None:
    """Take the optimizer steps of an epoch, whose documents are in the order of the batches."""
    batch, rows = layout.sizes.batch, layout.sizes.rows

    def step(number: Index) -> None:
        first = asm.times(number, batch)
        size = asm.least(batch, asm.minus(count, first))
        asm.call("prepare", ["arena"])

        def part(done: Index) -> None:
            document, left = asm.plus(first, done), asm.minus(size, done)
            asm.call("forward", ["arena", "documents"], document)
            asm.call("loss", ["arena", "labels", "answers"], document, left, size)
            asm.call("backward", ["arena"])

        asm.loop(asm.rounded_up(size, rows), part, step=rows)
        asm.call("adam", ["arena", "rates"], number)

    asm.loop(asm.parts(count, batch), step)


def _score(asm: Assembler, layout: Layout, count: Index) -> None:
    """Write the logits of documents."""
    rows, width = layout.sizes.rows, layout.logits.strides[0]

    def part(first: Index) -> None:
        asm.call("forward", ["arena", "documents"], first)
        source, target = asm.at(layout.logits), asm.move(asm.slices["scores"], (first, width))

        def copy(i: Index) -> None:
            asm.store(asm.move(target, (i, 1)), asm.load(asm.move(source, (i, 1))))

        asm.loop(rows * width, copy, step=asm.lanes)

    asm.loop(asm.rounded_up(count, rows), part, step=rows)


def _prepare(asm: Assembler, layout: Layout) -> None:
    """Get ready for a step of the optimizer: no gradient yet, and the weights transposed."""
    clear(asm, layout.gradient)
    for layer in layout.layers:
        weights = asm.view(layer.weights)
        u = asm.rows(weights, 0, layer.units)
        transpose(asm, asm.view(layer.back_to_state), u)
        if layer.back_to_input:
            w = asm.rows(weights, layer.state_rows, layer.features)
            transpose(asm, asm.view(layer.back_to_input), w)
    of_top = asm.rows(asm.view(layout.head), 0, layout.back_to_top.shape[1])
    transpose(asm, asm.view(layout.back_to_top), of_top)


def _adam(asm: Assembler, layout: Layout, step: Index) -> None:
    """Update all weights; the rate of each step includes the corrections of the averages."""
    rate = asm.spread(asm.load_one(asm.move(asm.slices["rates"], (step, 1))))

    def some(i: Index) -> None:
        arrays = layout.weights, layout.gradient, layout.mean, layout.square
        places = [asm.at(array, i) for array in arrays]
        w, g, m, v = (asm.load(place) for place in places)
        m = m + (g - m) * (1 - BETA_1)
        v = v + (g * g - v) * (1 - BETA_2)
        w = w - rate * m / (asm.root(v) + EPSILON)
        for place, each in zip(places, (w, g, m, v), strict=True):
            asm.store(place, each)

    asm.loop(layout.weights.size, some, step=asm.lanes)
