"""The program of an epoch, made of the ways forward and back, and of Adam."""

from rnnbench.training.engines.native.assembler import F32, Assembler, Value, least
from rnnbench.training.engines.native.backward import make_backward
from rnnbench.training.engines.native.forward import make_forward
from rnnbench.training.engines.native.layout import Layout
from rnnbench.training.engines.native.products import clear, transpose

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""Of Adam, as in Keras."""


def make_program(asm: Assembler, layout: Layout) -> None:
    """Make the functions ``epoch`` and ``score``; they call all others.

    Besides the arena, they take arrays without gaps: ``documents (n, timesteps)``, ``labels (n,)``,
    ``answers (n, 2)`` and ``scores (n, stride of the logits)``, where ``n`` is the documents plus
    one part, because parts are read whole; and ``rates``, one for each optimizer step.
    """
    make_forward(asm, layout)
    make_backward(asm, layout)
    with asm.function("prepare", ["arena"]):
        _prepare(asm, layout)
    with asm.function("adam", ["arena", "rates"], 1) as (step,):
        _adam(asm, layout, step)
    arrays = ["arena", "documents", "labels", "rates", "answers"]
    with asm.function("epoch", arrays, 1) as (count,), asm.flushing():
        _epoch(asm, layout, count)
    with asm.function("score", ["arena", "documents", "scores"], 1) as (count,), asm.flushing():
        _score(asm, layout, count)


def _epoch(asm: Assembler, layout: Layout, count: Value) -> None:
    """Take the optimizer steps of an epoch, whose documents are in the order of the batches."""
    batch, rows = layout.sizes.batch, layout.sizes.rows
    for step in asm.loop((count + (batch - 1)) // batch):
        first = step * batch
        size = least(batch, count - first)
        asm.call("prepare")
        for done in asm.loop(_whole(size, rows), step=rows):
            asm.call("forward", first + done)
            asm.call("loss", first + done, size - done, size)
            asm.call("backward")
        asm.call("adam", step)


def _score(asm: Assembler, layout: Layout, count: Value) -> None:
    """Write the logits of documents."""
    rows, width = layout.sizes.rows, layout.logits.strides[0]
    for first in asm.loop(_whole(count, rows), step=rows):
        asm.call("forward", first)
        for i in asm.loop(rows * width, step=asm.lanes):
            asm.given["scores"][first * width + i].store(asm.at(layout.logits.flat, i).load())


def _whole(count: Value, rows: int) -> Value:
    """Return ``count`` rounded up to whole parts."""
    return (count + (rows - 1)) // rows * rows


def _prepare(asm: Assembler, layout: Layout) -> None:
    """Get ready for a step of the optimizer: no gradient yet, and the weights transposed."""
    clear(asm, layout.gradient)
    for layer in layout.layers:
        weights = asm.at(layer.weights)
        transpose(asm, asm.at(layer.back_to_state), weights.rows(0, layer.units))
        if layer.back_to_input:
            w = weights.rows(layer.state_rows, layer.features)
            transpose(asm, asm.at(layer.back_to_input), w)
    of_top = asm.at(layout.head).rows(0, layout.back_to_top.shape[1])
    transpose(asm, asm.at(layout.back_to_top), of_top)


def _adam(asm: Assembler, layout: Layout, step: Value) -> None:
    """Update all weights; the rate of each step includes the corrections of the averages."""
    rate = asm.spread(asm.given["rates"][step].load(F32))
    for i in asm.loop(layout.weights.size, step=asm.lanes):
        arrays = layout.weights, layout.gradient, layout.mean, layout.square
        places = [asm.at(array, i) for array in arrays]
        w, g, m, v = (each.load() for each in places)
        m = m + (g - m) * (1 - BETA_1)
        v = v + (g * g - v) * (1 - BETA_2)
        w = w - rate * m / (asm.root(v) + EPSILON)
        for place, each in zip(places, (w, g, m, v), strict=True):
            place.store(each)
