"""The way forward: from documents to logits, for a part of a batch."""

from collections.abc import Sequence

import numpy as np

from rnnbench.training.engines.native.assembler import F32, Assembler, Value, View, pick, where
from rnnbench.training.engines.native.cells import FORWARD
from rnnbench.training.engines.native.layout import Array, Layer, Layout
from rnnbench.training.engines.native.products import (
    Sums,
    clear,
    product,
    rows_of_tile,
    sum_up,
    vectors_of_tile,
)


def make_forward(asm: Assembler, layout: Layout) -> None:
    """Make the function ``forward``: the logits of some documents, the first of which is given."""
    above = [*((each.inputs, each.state_rows) for each in layout.layers[1:]), (layout.top, 0)]
    for number, layer in enumerate(layout.layers):
        with asm.function(f"forward_{number}", ["arena"], 1) as (t,):
            _step(asm, layer, layout.sizes.rows, t, *above[number])
    with asm.function("forward", ["arena", "documents"], 1) as (first,):
        _gather(asm, layout, first)
        for layer in layout.layers:
            clear(asm, layer.cell_state)
        for t in asm.loop(layout.sizes.timesteps):
            for number in range(len(layout.layers)):
                asm.call(f"forward_{number}", t)
        product(asm, asm.at(layout.logits), asm.at(layout.top, 0), asm.at(layout.head))


def _gather(asm: Assembler, layout: Layout, first: Value) -> None:
    """Copy the ids of documents into the inputs of the first layer."""
    layer, timesteps = layout.layers[0], layout.sizes.timesteps
    for row in asm.loop(layout.sizes.rows):
        start = (first + row) * timesteps
        for t in asm.loop(timesteps):
            number = asm.given["documents"][start + t].load(F32)
            asm.at(layer.inputs, t, row, layer.state_rows).store(number)


def _step(
    asm: Assembler, layer: Layer, rows: int, t: Value, above: Array, above_column: int
) -> None:
    """Take a step of a layer: a tile is summed up, and its gates are computed, in registers.

    The hidden states go into the next inputs, and into the inputs above, from a column on.
    """
    gates, lanes, registers = layer.gates, asm.lanes, asm.processor.registers
    at_once = max(vectors_of_tile(registers) // gates, 1) * lanes
    for first, units in asm.tiles(layer.units, at_once):
        vectors = -(-gates * units // lanes)
        b = asm.at(layer.weights).columns(first * gates, vectors * lanes)
        for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
            a = asm.at(layer.inputs, t).rows(row, height)
            of_state, sums = _sums(asm, layer, a, b, units)
            for i in range(height):
                for n in range(0, units, lanes):
                    size, start = min(lanes, units - n), i * vectors + n * gates // lanes
                    place = t, row + i, first + n
                    h = _cell(asm, layer, place, size, of_state[start:], sums[start:])
                    asm.at(layer.inputs, t + 1, row + i, first + n).store(h, size)
                    asm.at(above, t, row + i, first + n + above_column).store(h, size)


def _sums(asm: Assembler, layer: Layer, a: View, b: View, units: int) -> tuple[Sums, Sums]:
    """Return the sums over the state, if the candidate of a GRU needs them apart, and all sums.

    The latter then lack what the state gives to the candidate.
    """
    vectors, split, rest = b.shape[1] // asm.lanes, layer.state_rows, layer.width - layer.state_rows
    zero = asm.vector_of(0.0)
    zeros = [zero] * (vectors * a.shape[0])
    if not layer.is_gru:
        sums = sum_up(asm, zeros, a, b)
        return sums, sums
    of_state = sum_up(asm, zeros, a.columns(0, split), b.rows(0, split))
    gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
    is_candidate = [asm.vector_of(some).equals(2) for some in gates]
    sums = [where(is_candidate[n % vectors], zero, each) for n, each in enumerate(of_state)]
    return of_state, sum_up(asm, sums, a.columns(split, rest), b.rows(split, rest))


def _cell(
    asm: Assembler,
    layer: Layer,
    place: tuple[Value, Value, Value],
    size: int,
    of_state: Sequence[Value],
    sums: Sequence[Value],
) -> Value:
    """Return the hidden states of a vector of units at a step of a sequence; store the rest."""
    t, row, unit = place
    gates = [_gate(asm, sums, number, size) for number in range(layer.gates)]
    if layer.is_gru:  # its candidate's sum over the state goes before that over the input
        gates.insert(2, _gate(asm, of_state, 2, size))
    h_before, c = asm.at(layer.inputs, t, row, unit), asm.at(layer.cell_state, row, unit)
    after = FORWARD[layer.cell](gates, h_before.load(), c.load())
    if after.c:
        c.store(after.c)
    for number, each in enumerate(after.kept):
        asm.at(layer.kept, t, unit // asm.lanes, row, number * asm.lanes).store(each)
    return after.h


def _gate(asm: Assembler, vectors: Sequence[Value], number: int, size: int) -> Value:
    """Return the sums of a gate of some units; those of all gates stand one after the other."""
    if size == asm.lanes:
        return vectors[number]
    first, last = number * size // asm.lanes, ((number + 1) * size - 1) // asm.lanes
    start = number * size - first * asm.lanes
    lanes = [start + lane % size for lane in range(asm.lanes)]
    return pick([vectors[first], vectors[last]], lanes)
