"""The way forward: from documents to logits, for a part of a batch."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnnbench.training.engines.native.assembler import Assembler, Value, View, pick, where
from rnnbench.training.engines.native.cells import FORWARD
from rnnbench.training.engines.native.layout import Array, Layer, Layout
from rnnbench.training.engines.native.products import (
    Sums,
    product,
    rows_of_tile,
    sum_up,
    vectors_of_tile,
)


def make_forward(asm: Assembler, layout: Layout) -> None:
    """Make the function ``forward``: the logits of some documents, the first of which is given."""
    inputs_above = [(layer.inputs, layer.state_rows) for layer in layout.layers[1:]]
    above = [*inputs_above, (layout.top, 0)]
    for number, layer in enumerate(layout.layers):
        with asm.function(f"forward_{number}", ["arena"], 1) as (t,):
            array, column = above[number]
            _step(asm, layer, layout.sizes.rows, t, (array, t, column))
    with asm.function("forward", ["arena", "documents"], 1) as (first,):
        _gather(asm, layout, first)
        for layer in layout.layers:
            clear(asm, layer.cell_state)
        for t in asm.loop(layout.sizes.timesteps):
            for number in range(len(layout.layers)):
                asm.call(f"forward_{number}", t)
        product(asm, asm.at(layout.logits), asm.at(layout.top, 0), asm.at(layout.head))


def groups(asm: Assembler, units: int, at_once: int) -> Iterator[tuple[Value, Sequence[int]]]:
    """Have the body of a ``for`` run with the groups of a layer, up to ``at_once`` of them.

    A group is a vector of units; the last one may be smaller. The body gets the number of the first
    group, and the sizes.
    """
    full, rest = divmod(units, asm.lanes)
    whole = full // at_once * at_once
    if whole:
        for first in asm.loop(whole, step=at_once):
            yield first, (asm.lanes,) * at_once
    last = (asm.lanes,) * (full - whole) + ((rest,) if rest else ())
    if last:
        yield asm.number(whole), last


def clear(asm: Assembler, array: Array) -> None:
    """Fill an array with zeros."""
    for i in asm.loop(array.size, step=asm.lanes):
        asm.at(array.flat, i).store(asm.vector_of(0.0))


def _gather(asm: Assembler, layout: Layout, first: Value) -> None:
    """Copy the ids of documents into the inputs of the first layer."""
    layer, timesteps = layout.layers[0], layout.sizes.timesteps
    for row in asm.loop(layout.sizes.rows):
        start = (first + row) * timesteps
        for t in asm.loop(timesteps):
            number = asm.given["documents"][start + t].load_one()
            asm.at(layer.inputs, t, row, layer.state_rows).store(number)


def _step(
    asm: Assembler, layer: Layer, rows: int, t: Value, above: tuple[Array, Value, int]
) -> None:
    """Take a step of a layer: a tile is summed up, and its gates are computed, in registers.

    The hidden states go into rows of two arrays, from a column on.
    """
    gates, lanes, registers = layer.gates, asm.lanes, asm.processor.registers
    for first, sizes in groups(asm, layer.units, max(vectors_of_tile(registers) // gates, 1)):
        vectors = sum(-(-gates * size // lanes) for size in sizes)
        b = asm.at(layer.weights).columns(first * (gates * lanes), vectors * lanes)
        for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
            a = asm.at(layer.inputs, t).rows(row, height)
            of_state, sums = _sums(asm, layer, a, b, sizes[-1])
            for i in range(height):
                for n, size in enumerate(sizes):
                    lines = [each[i][n * gates :] for each in (of_state, sums)]
                    h = _cell(asm, layer, (t, row + i, first + n), size, *lines)
                    for array, step, column in ((layer.inputs, t + 1, 0), above):
                        unit = (first + n) * lanes + column
                        asm.at(array, step, row + i, unit).store(h, size)


def _sums(asm: Assembler, layer: Layer, a: View, b: View, size: int) -> tuple[Sums, Sums]:
    """Return the sums over the state, if the candidate of a GRU needs them apart, and all sums.

    The latter then lack what the state gives to the candidate.
    """
    vectors, split, rest = b.shape[1] // asm.lanes, layer.state_rows, layer.width - layer.state_rows
    zeros = [[asm.vector_of(0.0)] * vectors for _ in range(a.shape[0])]
    if not layer.is_gru:
        sums = sum_up(asm, zeros, a, b)
        return sums, sums
    of_state = sum_up(asm, zeros, a.columns(0, split), b.rows(0, split))
    lanes = [asm.vector_of(np.arange(asm.lanes) + v * asm.lanes) for v in range(vectors)]
    sums = [[where(lanes[v] < 2 * size, line[v], 0.0) for v in range(vectors)] for line in of_state]
    return of_state, sum_up(asm, sums, a.columns(split, rest), b.rows(split, rest))


def _cell(
    asm: Assembler,
    layer: Layer,
    place: tuple[Value, Value, Value],
    size: int,
    of_state: Sequence[Value],
    sums: Sequence[Value],
) -> Value:
    """Return the hidden states of a group of units at a step of a sequence; store the rest."""
    t, row, group = place
    gates = [_gate(asm, sums, number, size) for number in range(layer.gates)]
    if layer.is_gru:
        gates.insert(2, _gate(asm, of_state, 2, size))
    unit = group * asm.lanes
    h_before, c = asm.at(layer.inputs, t, row, unit), asm.at(layer.cell_state, row, unit)
    after = FORWARD[layer.cell](gates, h_before.load(), c.load())
    if after.c:
        c.store(after.c)
    for number, each in enumerate(after.kept):
        asm.at(layer.kept, t, group, row, number * asm.lanes).store(each)
    return after.h


def _gate(asm: Assembler, vectors: Sequence[Value], number: int, size: int) -> Value:
    """Return the sums of a gate of a group; those of all gates stand one after the other."""
    if size == asm.lanes:
        return vectors[number]
    first, last = number * size // asm.lanes, ((number + 1) * size - 1) // asm.lanes
    start = number * size - first * asm.lanes
    lanes = [start + lane % size for lane in range(asm.lanes)]
    return pick([vectors[first], vectors[last]], lanes)
