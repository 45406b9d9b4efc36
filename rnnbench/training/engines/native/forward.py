"""The way forward: from documents to logits, for a part of a batch."""

from collections.abc import Callable, Sequence

from rnnbench.training.engines.native.assembler import Assembler, Floats, Index, View
from rnnbench.training.engines.native.cells import CELLS, Before
from rnnbench.training.engines.native.layout import GATES, Array, LayerLayout, Layout
from rnnbench.training.engines.native.products import (
    Sums,
    product,
    rows_of_tile,
    sum_up,
    vectors_of_tile,
    zeros,
)


def make_forward(asm: Assembler, layout: Layout) -> None:
    """Make the function ``forward``: the logits of some documents, the first of which is given."""
    for number in range(len(layout.layers)):
        with asm.function(f"forward_{number}", ["arena"], 1) as (t,):
            _step(asm, layout, number, t)
    with asm.function("forward", ["arena", "documents"], 1) as (first,):
        _gather(asm, layout, first)
        for layer in layout.layers:
            if CELLS[layer.cell].has_cell_state:
                clear(asm, layer.cell_state)

        def step(t: Index) -> None:
            for number in range(len(layout.layers)):
                asm.call(f"forward_{number}", ["arena"], t)

        asm.loop(layout.sizes.timesteps, step)
        product(asm, asm.view(layout.logits), asm.view(layout.top, 0), asm.view(layout.head))


def groups(
    asm: Assembler, units: int, at_once: int, body: Callable[[Index, Sequence[int]], None]
) -> None:
    """Call ``body(first, sizes)`` for the groups of a layer, up to ``at_once`` of them.

    A group is a vector of units; the last one may be smaller.
    """
    full, rest = divmod(units, asm.lanes)
    whole = full // at_once * at_once
    if whole:
        asm.loop(whole, lambda first: body(first, (asm.lanes,) * at_once), step=at_once)
    last = (asm.lanes,) * (full - whole) + ((rest,) if rest else ())
    if last:
        body(whole, last)


def clear(asm: Assembler, array: Array) -> None:
    """Fill an array with zeros."""
    start, zero = asm.at(array), asm.vector_of(0.0)
    asm.loop(array.size, lambda i: asm.store(asm.move(start, (i, 1)), zero), step=asm.lanes)


def _gather(asm: Assembler, layout: Layout, first: Index) -> None:
    """Copy the ids of documents into the inputs of the first layer."""
    layer, timesteps = layout.layers[0], layout.sizes.timesteps
    documents = asm.slices["documents"]

    def row(b: Index) -> None:
        document = asm.move(documents, (asm.plus(first, b), timesteps))

        def step(t: Index) -> None:
            single = asm.load_one(asm.move(document, (t, 1)))
            asm.store(asm.at(layer.inputs, t, b, layer.state_rows), single)

        asm.loop(timesteps, step)

    asm.loop(layout.sizes.rows, row)


def _step(asm: Assembler, layout: Layout, number: int, t: Index) -> None:
    """Take a step of a layer: a tile is summed up, and its gates are computed, in registers."""
    layer, rows = layout.layers[number], layout.sizes.rows
    gates = GATES[layer.cell]
    at_once = max(vectors_of_tile(asm.registers) // gates, 1)

    def block(first: Index, sizes: Sequence[int]) -> None:
        vectors = sum(-(-gates * size // asm.lanes) for size in sizes)
        column, weights = asm.times(first, gates * asm.lanes), asm.view(layer.weights)
        b = asm.columns(weights, column, vectors * asm.lanes)

        def tile(row: Index, height: int) -> None:
            a = asm.rows(asm.view(layer.inputs, t), row, height)
            of_state, sums = _sums(asm, layer, a, b, zeros(asm, height, vectors), sizes[-1])
            for i in range(height):
                for n, size in enumerate(sizes):
                    where = t, asm.plus(row, i), asm.plus(first, n)
                    lines = of_state[i][n * gates :], sums[i][n * gates :]
                    _cell(asm, layout, number, where, size, *lines)

        asm.tiles(rows, rows_of_tile(rows, vectors, asm.registers), tile)

    groups(asm, layer.units, at_once, block)


def _sums(
    asm: Assembler, layer: LayerLayout, a: View, b: View, nothing: Sums, size: int
) -> tuple[Sums, Sums]:
    """Return the sums over the state, if a gate needs them apart, and all sums.

    The latter then lack what the state gives to that gate.
    """
    cell, split, rest = CELLS[layer.cell], layer.state_rows, layer.width - layer.state_rows
    if cell.apart is None:
        sums = sum_up(asm, nothing, a, b)
        return sums, sums
    of_state = sum_up(asm, nothing, asm.columns(a, 0, split), asm.rows(b, 0, split))
    sums = [_without(asm, line, cell.apart, size) for line in of_state]
    return of_state, sum_up(asm, sums, asm.columns(a, split, rest), asm.rows(b, split, rest))


def _cell(
    asm: Assembler,
    layout: Layout,
    number: int,
    where: tuple[Index, Index, Index],
    size: int,
    of_state: Sequence[Floats],
    sums: Sequence[Floats],
) -> None:
    """Compute a group of units from its sums, at a step of a sequence, and store the states."""
    layer, (t, row, group) = layout.layers[number], where
    cell, unit = CELLS[layer.cell], asm.times(group, asm.lanes)
    gates = [_gate(asm, sums, each, size) for each in range(GATES[layer.cell])]
    if cell.apart is not None:
        gates.append(gates[cell.apart])
        gates[cell.apart] = _gate(asm, of_state, cell.apart, size)
    h_before = asm.load(asm.at(layer.inputs, t, row, unit))
    c = asm.at(layer.cell_state, row, unit)
    after = cell.forward(Before(gates, h_before, asm.load(c)))
    if after.c:
        asm.store(c, after.c)
    kept = asm.at(layer.kept, t, group, row)
    for place, each in enumerate(after.kept):
        asm.store(asm.move(kept, (place, asm.lanes)), each)
    asm.store(asm.at(layer.inputs, asm.plus(t, 1), row, unit), after.h, size)
    is_top = number + 1 == len(layout.layers)
    above = None if is_top else layout.layers[number + 1]
    inputs, first = (above.inputs, above.state_rows) if above else (layout.top, 0)
    asm.store(asm.at(inputs, t, row, asm.plus(unit, first)), after.h, size)


def _gate(asm: Assembler, vectors: Sequence[Floats], number: int, size: int) -> Floats:
    """Return the sums of a gate of a group; those of all gates stand one after the other."""
    if size == asm.lanes:
        return vectors[number]
    first, last = number * size // asm.lanes, ((number + 1) * size - 1) // asm.lanes
    start = number * size - first * asm.lanes
    lanes = [start + lane % size for lane in range(asm.lanes)]
    return asm.pick([vectors[first], vectors[last]], lanes)


def _without(asm: Assembler, vectors: Sequence[Floats], number: int, size: int) -> list[Floats]:
    """Return the sums of a group, with zeros in the place of a gate."""
    lanes = range(len(vectors) * asm.lanes)
    stays = [not number * size <= lane < (number + 1) * size for lane in lanes]
    return [
        asm.where(stays[v * asm.lanes : (v + 1) * asm.lanes], each, each.lift(0.0))
        for v, each in enumerate(vectors)
    ]
