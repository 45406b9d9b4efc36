"""The way back: from logits and labels to the gradient of the weights, for a part of a batch."""

from collections.abc import Sequence

from rnnbench.training.engines.native.assembler import Assembler, Index
from rnnbench.training.engines.native.cells import CELLS, Known
from rnnbench.training.engines.native.forward import clear, groups
from rnnbench.training.engines.native.layout import GATES, KEPT, LayerLayout, Layout
from rnnbench.training.engines.native.maths import exp
from rnnbench.training.engines.native.products import product


def make_backward(asm: Assembler, layout: Layout) -> None:
    """Make the functions ``loss`` and ``backward``."""
    with asm.function("loss", ["arena", "labels", "answers"], 3) as numbers:
        asm.loop(layout.sizes.rows, lambda row: _loss(asm, layout, row, *numbers))
    for number in range(len(layout.layers)):
        with asm.function(f"backward_{number}", ["arena"], 2) as (t, place):
            _step(asm, layout, number, t, place)
        with asm.function(f"outer_{number}", ["arena"], 2) as (t, steps):
            _outer(asm, layout, number, t, steps)
    with asm.function("backward", ["arena"]):
        _head(asm, layout)
        _all_steps(asm, layout)


def _loss(
    asm: Assembler, layout: Layout, row: Index, first: Index, left: Index, size: Index
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
    topics, lanes, document = layout.sizes.topics, asm.lanes, asm.plus(first, row)
    starts = range(0, topics, lanes)
    columns = [list(range(start, start + lanes)) for start in starts]
    are_topics = [[column < topics for column in some] for some in columns]
    places = [asm.at(layout.logits, row, start) for start in starts]
    nothing, lowest = asm.vector_of(0.0), asm.vector_of(-1e30)
    logits = [
        asm.where(some, asm.load(place), lowest)
        for some, place in zip(are_topics, places, strict=True)
    ]
    largest = asm.spread(asm.largest(logits))
    logits = [each - largest for each in logits]
    powers = [
        asm.where(some, exp(each), nothing) for some, each in zip(are_topics, logits, strict=True)
    ]
    total = asm.total(powers)
    label = asm.load_label(asm.move(asm.slices["labels"], (document, 1)))
    are_label = [asm.are_equal(label, some) for some in columns]
    of_label = asm.total(
        [asm.where(some, each, nothing) for some, each in zip(are_label, logits, strict=True)]
    )
    answer = asm.move(asm.slices["answers"], (document, 2))
    asm.store(answer, of_label)
    asm.store(asm.move(answer, (1, 1)), total)
    share = asm.share(row, left, size)
    for some, power, place in zip(are_label, powers, places, strict=True):
        target = asm.where(some, asm.spread(share), nothing)
        asm.store(place, power * asm.spread(share / total) - target)


def _head(asm: Assembler, layout: Layout) -> None:
    """Add to the gradient of the softmax's weights, and begin that of the hidden states."""
    d_logits, last = asm.view(layout.logits), layout.layers[-1]
    product(asm, asm.view(layout.d_head), asm.view(layout.top, 0).T, d_logits, adds=True)
    for layer in layout.layers:
        clear(asm, layer.d_hidden)
        if CELLS[layer.cell].has_cell_state:
            clear(asm, layer.d_cell)
    product(asm, asm.view(last.d_hidden), d_logits, asm.view(layout.back_to_top))


def _all_steps(asm: Assembler, layout: Layout) -> None:
    """Go back through time; the gradients of several steps go to the weights together."""
    timesteps, collected = layout.sizes.timesteps, layout.sizes.collected

    def some(first: Index) -> None:
        count = asm.least(collected, asm.minus(timesteps, first))

        def step(place: Index) -> None:
            for number in reversed(range(len(layout.layers))):
                asm.call(f"backward_{number}", ["arena"], asm.plus(first, place), place)

        asm.loop(count, step, is_down=True)
        for number in range(len(layout.layers)):
            asm.call(f"outer_{number}", ["arena"], first, count)

    asm.loop(-(-timesteps // collected) * collected, some, step=collected, is_down=True)


def _step(asm: Assembler, layout: Layout, number: int, t: Index, place: Index) -> None:
    """Go back through a step of a layer; its gradients are collected at a place."""
    layer = layout.layers[number]

    def group(first: Index, sizes: Sequence[int]) -> None:
        asm.loop(layout.sizes.rows, lambda row: _cell(asm, layer, (t, row, first), sizes[0], place))

    groups(asm, layer.units, 1, group)
    d_sums, d_input_sums = (asm.view(each, place) for each in (layer.d_sums, layer.d_input_sums))
    back, passes_by = asm.view(layer.back_to_state), CELLS[layer.cell].passes_by
    product(asm, asm.view(layer.d_hidden), d_sums, back, adds=passes_by)
    if layer.back_to_input:
        below, back = layout.layers[number - 1], asm.view(layer.back_to_input)
        product(asm, asm.view(below.d_hidden), d_input_sums, back, adds=True)


def _cell(
    asm: Assembler,
    layer: LayerLayout,
    where: tuple[Index, Index, Index],
    size: int,
    place: Index,
) -> None:
    """Compute the gradients of the gates of a group of units, at a step of a sequence.

    Those of the gates stand one after the other. They are stored as whole vectors, from the first
    to the last, so each overwrites what the one before it wrote too much. What the last one
    writes too much is 0, because the gradients of units that do not exist are.
    """
    (t, row, group), cell, lanes = where, CELLS[layer.cell], asm.lanes
    unit = asm.times(group, lanes)
    kept = asm.at(layer.kept, t, group, row)
    d_hidden, d_cell = asm.at(layer.d_hidden, row, unit), asm.at(layer.d_cell, row, unit)
    back = cell.back(
        Known(
            kept=[asm.load(asm.move(kept, (n, lanes))) for n in range(KEPT[layer.cell])],
            h=asm.load(asm.at(layer.inputs, asm.plus(t, 1), row, unit)),
            h_before=asm.load(asm.at(layer.inputs, t, row, unit)),
            d_h=asm.load(d_hidden),
            d_c=asm.load(d_cell),
        )
    )
    both = [(layer.d_sums, back.sums)]
    if back.input_sums:
        both.append((layer.d_input_sums, back.input_sums))
    for array, gradients in both:
        start = asm.at(array, place, row, asm.times(unit, GATES[layer.cell]))
        for number, each in enumerate(gradients):
            asm.store(asm.move(start, (number, size)), each)
    if back.h_before:
        asm.store(d_hidden, back.h_before)
    if back.c_before:
        asm.store(d_cell, back.c_before)


def _outer(asm: Assembler, layout: Layout, number: int, t: Index, steps: Index) -> None:
    """Add to the gradient of the weights of a layer what was collected in some steps."""
    layer, count = layout.layers[number], asm.times(steps, layout.sizes.rows)
    inputs = asm.rows(asm.view(layer.inputs, t), 0, count).T  # all steps in a row
    split, rest = layer.state_rows, layer.width - layer.state_rows
    parts = [(layer.d_sums, 0, layer.width)]
    if layer.d_input_sums is not layer.d_sums:
        parts = [(layer.d_sums, 0, split), (layer.d_input_sums, split, rest)]
    for array, first, rows in parts:
        out = asm.rows(asm.view(layer.gradient), first, rows)
        d_sums = asm.rows(asm.view(array, 0), 0, count)
        product(asm, out, asm.rows(inputs, first, rows), d_sums, adds=True)
