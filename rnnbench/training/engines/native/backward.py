"""The way back: from logits and labels to the gradient of the weights, for a part of a batch."""

import numpy as np

from rnnbench.training.engines.native.assembler import F32, Assembler, Value, least, where
from rnnbench.training.engines.native.cells import BACK
from rnnbench.training.engines.native.layout import KEPT, Layer, Layout
from rnnbench.training.engines.native.maths import exp
from rnnbench.training.engines.native.products import clear, product


def make_backward(asm: Assembler, layout: Layout) -> None:
    """Make the functions ``loss`` and ``backward``."""
    with asm.function("loss", ["arena", "labels", "answers"], 3) as numbers:
        for row in asm.loop(layout.sizes.rows):
            _loss(asm, layout, row, *numbers)
    for number in range(len(layout.layers)):
        with asm.function(f"backward_{number}", ["arena"], 2) as (t, place):
            _step(asm, layout, number, t, place)
        with asm.function(f"outer_{number}", ["arena"], 2) as (t, steps):
            _outer(asm, layout, number, t, steps)
    with asm.function("backward", ["arena"]):
        _head(asm, layout)
        _all_steps(asm, layout)


def _loss(
    asm: Assembler, layout: Layout, row: Value, first: Value, left: Value, size: Value
) -> None:
    """Put the gradient of the loss in the place of a row of logits.

    The answer on the document has two numbers: the logit of its topic less the largest logit, and
    the sum of the exponentials of the logits less the largest one.

    Args:
        asm: makes the code.
        layout: of the arena.
        row: of the part of the batch.
        first: the document of the first row.
        left: rows of the part that belong to the batch; others have no weight.
        size: of the batch, whose mean loss counts.
    """
    topics, lanes, document = layout.sizes.topics, asm.lanes, first + row
    columns = np.arange(-(-topics // lanes) * lanes).reshape(-1, lanes)
    places = [asm.at(layout.logits, row, int(some[0])) for some in columns]
    are_topics = [asm.vector_of(some) < topics for some in columns]
    logits = [
        where(some, each.load(), -1e30) for some, each in zip(are_topics, places, strict=True)
    ]
    largest = asm.spread(asm.largest(logits))
    logits = [each - largest for each in logits]
    powers = [where(some, exp(each), 0.0) for some, each in zip(are_topics, logits, strict=True)]
    total = asm.total(powers)
    label = asm.spread(asm.given["labels"][document].load(F32))
    are_label = [label.equals(asm.vector_of(some)) for some in columns]
    of_label = asm.total(
        [where(some, each, 0.0) for some, each in zip(are_label, logits, strict=True)]
    )
    asm.given["answers"][document * 2].store(of_label)
    asm.given["answers"][document * 2 + 1].store(total)
    share = where(row < left, 1 / asm.to_float(size), 0.0)
    of_power, of_topic = asm.spread(share / total), asm.spread(share)
    for some, power, place in zip(are_label, powers, places, strict=True):
        place.store(power * of_power - where(some, of_topic, 0.0))


def _head(asm: Assembler, layout: Layout) -> None:
    """Add to the gradient of the softmax's weights, and begin that of the hidden states."""
    d_logits, last = asm.at(layout.logits), layout.layers[-1]
    product(asm, asm.at(layout.d_head), asm.at(layout.top, 0).T, d_logits, adds=True)
    for layer in layout.layers:
        clear(asm, layer.d_hidden)
        clear(asm, layer.d_cell)
    product(asm, asm.at(last.d_hidden), d_logits, asm.at(layout.back_to_top))


def _all_steps(asm: Assembler, layout: Layout) -> None:
    """Go back through time; the gradients of several steps go to the weights together."""
    timesteps, collected = layout.sizes.timesteps, layout.sizes.collected
    layers, last = range(len(layout.layers)), (timesteps - 1) // collected * collected
    for done in asm.loop(last + collected, step=collected):
        first = last - done
        count = least(collected, timesteps - first)
        for i in asm.loop(count):
            place = count - 1 - i
            for number in reversed(layers):
                asm.call(f"backward_{number}", first + place, place)
        for number in layers:
            asm.call(f"outer_{number}", first, count)


def _step(asm: Assembler, layout: Layout, number: int, t: Value, place: Value) -> None:
    """Go back through a step of a layer; its gradients are collected at a place."""
    layer = layout.layers[number]
    for unit, size in asm.tiles(layer.units, asm.lanes):
        for row in asm.loop(layout.sizes.rows):
            _cell(asm, layer, (t, row, unit), size, place)
    d_sums, d_input_sums = asm.at(layer.d_sums, place), asm.at(layer.d_input_sums, place)
    # A part of a GRU's state goes into the next one directly; its gradient is there already.
    product(asm, asm.at(layer.d_hidden), d_sums, asm.at(layer.back_to_state), adds=layer.is_gru)
    if layer.back_to_input:
        below, back = asm.at(layout.layers[number - 1].d_hidden), asm.at(layer.back_to_input)
        product(asm, below, d_input_sums, back, adds=True)


def _cell(
    asm: Assembler, layer: Layer, at: tuple[Value, Value, Value], size: int, place: Value
) -> None:
    """Compute the gradients of the gates of a vector of units, at a step of a sequence.

    Those of the gates stand one after the other. They are stored as whole vectors, from the first
    to the last, so each overwrites what the one before it wrote too much. What the last one
    writes too much is 0, because the gradients of units that do not exist are.
    """
    t, row, unit = at
    kept = asm.at(layer.kept, t, unit // asm.lanes, row)
    d_hidden, d_cell = asm.at(layer.d_hidden, row, unit), asm.at(layer.d_cell, row, unit)
    back = BACK[layer.cell](
        [kept[number * asm.lanes].load() for number in range(KEPT[layer.cell])],
        asm.at(layer.inputs, t + 1, row, unit).load(),
        asm.at(layer.inputs, t, row, unit).load(),
        d_hidden.load(),
        d_cell.load(),
    )
    for array, gradients in ((layer.d_sums, back.sums), (layer.d_input_sums, back.input_sums)):
        for number, each in enumerate(gradients):
            asm.at(array, place, row, unit * layer.gates + number * size).store(each)
    if back.h_before:
        d_hidden.store(back.h_before)
    if back.c_before:
        d_cell.store(back.c_before)


def _outer(asm: Assembler, layout: Layout, number: int, t: Value, steps: Value) -> None:
    """Add to the gradient of the weights of a layer what was collected in some steps."""
    layer, count = layout.layers[number], steps * layout.sizes.rows
    inputs = asm.at(layer.inputs, t).rows(0, count).T  # all steps in a row
    split, rest = layer.state_rows, layer.width - layer.state_rows
    parts = [(layer.d_sums, 0, layer.width)]
    if layer.is_gru:
        parts = [(layer.d_sums, 0, split), (layer.d_input_sums, split, rest)]
    for array, first, rows in parts:
        out = asm.at(layer.gradient).rows(first, rows)
        d_sums = asm.at(array, 0).rows(0, count)
        product(asm, out, inputs.rows(first, rows), d_sums, adds=True)
