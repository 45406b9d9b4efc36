"""The program of an epoch: products, the ways forward and back, and the steps of Adam.

Those functions here whose names begin with ``make_`` make functions of machine code, and the others
add code to the function in progress. Products are blocked so that sums stay in registers;
``docs/native.md`` draws a tile. For each element of the inner dimension of a tile, one vector of
each of its columns is loaded, and one float of each of its rows is spread over a vector.
"""

from functools import lru_cache
from itertools import repeat

import numpy as np

from rnnbench.training.engines.native.assembler import (
    F32,
    Assembler,
    Code,
    Processor,
    Value,
    View,
    least,
    pick,
    where,
)
from rnnbench.training.engines.native.network import (
    BETA_1,
    BETA_2,
    EPSILON,
    Arena,
    Array,
    LayerArrays,
    NetworkArrays,
    NetworkSizes,
)

SPREAD = 4.0
"""The standard deviation of the numbers that test the code."""

Program = tuple[NetworkArrays, Code]
"""The machine code for the sizes of a network, its sequences and its batches."""
Sums = list[Value]
"""The sums of a tile: all vectors of its first row, of the next, and so on."""
Place = tuple[Value, Value, Value]
"""A step in time, a row and a unit."""


def rows_of_tile(rows: int, vectors: int, registers: int) -> int:
    """Return how many rows of how many vectors fit into the registers, in tiles of about one size.

    A tile needs a register for each sum, one for each vector that is loaded, and one more.
    """
    most = max((registers - 1 - vectors) // vectors, 1)
    tiles = -(-rows // most)
    return -(-rows // tiles)


def vectors_of_tile(registers: int) -> int:
    """Return how many vectors stand side by side in a tile, at most."""
    return 4 if registers >= 32 else 2


def sum_up(asm: Assembler, sums: Sums, a: View, b: View) -> Sums:
    """Return ``sums[i, v] + Σ_k a[i, k] * b[k, v]``, where ``v`` is a vector of columns."""
    sums, vectors = list(sums), len(sums) // a.shape[0]
    for k in asm.loop(a.shape[1], sums):
        row = b[k]
        columns = [row[v * asm.lanes].load() for v in range(vectors)]
        for i in range(a.shape[0]):
            spread = asm.spread(a[i, k].load(F32))
            for v, column in enumerate(columns):
                sums[i * vectors + v] += spread * column
    return sums


def product(asm: Assembler, out: View, a: View, b: View, *, adds: bool = False) -> None:
    """Write ``a b``, or add it to ``out``; the last vector of a row may go past the columns."""
    if (out.shape, a.shape[1]) != ((a.shape[0], b.shape[1]), b.shape[0]):
        raise ValueError(f"no product of {a.shape} and {b.shape} is {out.shape}")
    (rows, columns), lanes, registers = out.shape, asm.lanes, asm.processor.registers
    for first, vectors in asm.tiles(-(-columns // lanes), vectors_of_tile(registers)):
        right = b.columns(first * lanes, vectors * lanes)
        for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
            tile = out.rows(row, height).columns(first * lanes, vectors * lanes)
            places = [tile[i, v * lanes] for i in range(height) for v in range(vectors)]
            sums = [place.load() if adds else asm.vector_of(0.0) for place in places]
            sums = sum_up(asm, sums, a.rows(row, height), right)
            for place, total in zip(places, sums, strict=True):
                place.store(total)


def clear(asm: Assembler, array: Array) -> None:
    """Fill an array with zeros."""
    for i in asm.loop(array.size, step=asm.lanes):
        asm.at(array.flat, i).store(asm.vector_of(0.0))


def transpose(asm: Assembler, out: View, source: View) -> None:
    """Write the transposed ``source``."""
    rows, columns = source.shape
    for i in asm.loop(rows):
        for j in asm.loop(columns):
            out[j, i].store(source[i, j].load(F32))


@lru_cache(maxsize=1)
def program_for(
    sizes: NetworkSizes, processor: Processor, assembler: type[Assembler] = Assembler
) -> Program:
    """Return the code for some sizes; only the last is kept, as in the engine ``compiled``."""
    arrays, asm = NetworkArrays(sizes), assembler(processor)
    make_program(asm, arrays)
    return arrays, Code(asm)


def passes(processor: Processor) -> bool:
    """Return whether a product, sigmoid, tanh and exp in machine code are those of NumPy."""
    lanes, memory = processor.lanes, Arena()
    shapes = (7, 5), (5, 3 * lanes), (7, 3 * lanes), (lanes,), (3, lanes)
    arrays = [memory.place(*shape) for shape in shapes]
    asm = Assembler(processor)
    with asm.function("test", ["arena"]):
        a, b, out, x, gates = map(asm.at, arrays)
        product(asm, out, a, b)
        for number, name in enumerate(("sigmoid", "tanh", "exp")):
            gates[number, 0].store(getattr(x[0].load(), name)())
    arena = np.random.default_rng(0).normal(0, SPREAD, memory.size).astype(np.float32)
    Code(asm).run("test", arena)
    left, right, result, numbers, results = (array.of(arena) for array in arrays)
    expected = [1 / (1 + np.exp(-numbers)), np.tanh(numbers), np.exp(numbers)]
    is_product = np.allclose(result, left @ right, atol=1e-4)
    return is_product and np.allclose(results, expected, 1e-5, 1e-6)


def make_program(asm: Assembler, arrays: NetworkArrays) -> None:
    """Make the functions ``epoch`` and ``score``; they call all others.

    Besides the arena, they take arrays without gaps: ``documents (n, timesteps)``, ``labels (n,)``,
    ``answers (n, 2)`` and ``scores (n, stride of the logits)``, where ``n`` is the documents plus
    one part, because parts are read whole; and ``rates``, one for each optimizer step.
    """
    sizes = arrays.sizes
    batch, rows, width = sizes.batch, sizes.rows, arrays.logits.strides[0]
    _make_forward(asm, arrays)
    _make_loss(asm, arrays)
    _make_backward(asm, arrays)
    _make_update(asm, arrays)
    names = ["arena", "documents", "labels", "rates", "answers"]
    with asm.function("epoch", names, 1) as (count,), asm.flushing():
        for step in asm.loop((count + (batch - 1)) // batch):
            first = step * batch
            size = least(batch, count - first)
            asm.call("prepare")
            for done in asm.loop(_whole(size, rows), step=rows):
                asm.call("forward", first + done)
                asm.call("loss", first + done, size - done, size)
                asm.call("backward")
            asm.call("adam", step)
    with asm.function("score", ["arena", "documents", "scores"], 1) as (count,), asm.flushing():
        for first in asm.loop(_whole(count, rows), step=rows):
            asm.call("forward", first)
            for i in asm.loop(rows * width, step=asm.lanes):
                logits = asm.given["scores"][first * width + i]
                logits.store(asm.at(arrays.logits.flat, i).load())


def _whole(count: Value, rows: int) -> Value:
    """Return ``count`` rounded up to whole parts of a batch."""
    return (count + (rows - 1)) // rows * rows


def _make_forward(asm: Assembler, arrays: NetworkArrays) -> None:
    """Make the function ``forward``: the logits of some documents, the first of which is given."""
    layers, sizes, bottom = arrays.layers, arrays.sizes, arrays.layers[0]
    above = [*((layer.inputs, layer.state_rows) for layer in layers[1:]), (arrays.top, 0)]
    for number, layer in enumerate(layers):
        with asm.function(f"forward_{number}", ["arena"], 1) as (t,):
            _forward_step(asm, layer, sizes.rows, t, *above[number])
    with asm.function("forward", ["arena", "documents"], 1) as (first,):
        for row in asm.loop(sizes.rows):
            start = (first + row) * sizes.timesteps
            for t in asm.loop(sizes.timesteps):
                word = asm.given["documents"][start + t].load(F32)
                asm.at(bottom.inputs, t, row, bottom.state_rows).store(word)
        for layer in layers:
            clear(asm, layer.cell_state)
        for t in asm.loop(sizes.timesteps):
            for number in range(len(layers)):
                asm.call(f"forward_{number}", t)
        product(asm, asm.at(arrays.logits), asm.at(arrays.top, 0), asm.at(arrays.head))


def _forward_step(
    asm: Assembler, layer: LayerArrays, rows: int, t: Value, above: Array, above_column: int
) -> None:
    """Take a step of a layer: a tile is summed up, and its gates are computed, in registers.

    The hidden states go into the next inputs, and into the inputs above, from a column on.
    """
    gates, lanes, registers = layer.cell.gates, asm.lanes, asm.processor.registers
    at_once = max(vectors_of_tile(registers) // gates, 1) * lanes
    for first, units in asm.tiles(layer.units, at_once):
        vectors = -(-gates * units // lanes)
        b = asm.at(layer.weights).columns(first * gates, vectors * lanes)
        for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
            a = asm.at(layer.inputs, t).rows(row, height)
            of_state, sums = _gate_sums(asm, layer, a, b, units)
            for i in range(height):
                for n in range(0, units, lanes):
                    size, start = min(lanes, units - n), i * vectors + n * gates // lanes
                    place = t, row + i, first + n
                    h = _forward_cell(asm, layer, place, size, of_state[start:], sums[start:])
                    asm.at(layer.inputs, t + 1, row + i, first + n).store(h, size)
                    asm.at(above, t, row + i, first + n + above_column).store(h, size)


def _gate_sums(
    asm: Assembler, layer: LayerArrays, a: View, b: View, units: int
) -> tuple[Sums, Sums]:
    """Return the sums over the state, and all sums; of a split gate, these lack the state's."""
    vectors, split, rest = b.shape[1] // asm.lanes, layer.state_rows, layer.width - layer.state_rows
    zero = asm.vector_of(0.0)
    zeros = [zero] * (vectors * a.shape[0])
    if layer.cell.split is None:
        sums = sum_up(asm, zeros, a, b)
        return sums, sums
    of_state = sum_up(asm, zeros, a.columns(0, split), b.rows(0, split))
    gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
    is_split = [asm.vector_of(some).equals(layer.cell.split) for some in gates]
    sums = [where(is_split[n % vectors], zero, total) for n, total in enumerate(of_state)]
    return of_state, sum_up(asm, sums, a.columns(split, rest), b.rows(split, rest))


def _forward_cell(
    asm: Assembler, layer: LayerArrays, place: Place, size: int, of_state: Sums, sums: Sums
) -> Value:
    """Return the hidden states of a vector of units at a step of a sequence; store the rest."""
    t, row, unit = place
    cell, lanes = layer.cell, asm.lanes

    def gate(vectors: Sums, number: int) -> Value:  # those of all gates stand side by side
        if size == lanes:
            return vectors[number]
        first, last = number * size // lanes, ((number + 1) * size - 1) // lanes
        start = number * size - first * lanes
        return pick([vectors[first], vectors[last]], [start + n % size for n in range(lanes)])

    gates = [gate(sums, number) for number in range(cell.gates)]
    if cell.split is not None:  # its sum over the state goes before that over the input
        gates.insert(cell.split, gate(of_state, cell.split))
    h_before, c = asm.at(layer.inputs, t, row, unit), asm.at(layer.cell_state, row, unit)
    after = cell.forward(gates, h_before.load(), c.load())
    if after.c:
        c.store(after.c)
    for number, value in enumerate(after.kept):
        asm.at(layer.kept, t, unit // lanes, row, number * lanes).store(value)
    return after.h


def _make_loss(asm: Assembler, arrays: NetworkArrays) -> None:
    """Make the function ``loss``, which puts its gradient in the place of the logits.

    The answer on a document has two numbers: the logit of its topic less the largest logit, and
    the sum of the exponentials of the logits less the largest one. ``first`` is the document of the
    first row; only the rows that are ``left`` belong to the batch; its mean loss counts.
    """
    topics, lanes = arrays.sizes.topics, asm.lanes
    columns = np.arange(-(-topics // lanes) * lanes).reshape(-1, lanes)
    with asm.function("loss", ["arena", "labels", "answers"], 3) as (first, left, size):
        for row in asm.loop(arrays.sizes.rows):
            document = first + row
            places = [asm.at(arrays.logits, row, int(some[0])) for some in columns]
            are_topics = [asm.vector_of(some) < topics for some in columns]
            logits = list(map(where, are_topics, (place.load() for place in places), repeat(-1e30)))
            largest = asm.spread(asm.largest(logits))
            logits = [logit - largest for logit in logits]
            powers = list(map(where, are_topics, (logit.exp() for logit in logits), repeat(0.0)))
            total = asm.total(powers)
            label = asm.spread(asm.given["labels"][document].load(F32))
            are_label = [label.equals(asm.vector_of(some)) for some in columns]
            of_label = asm.total(list(map(where, are_label, logits, repeat(0.0))))
            asm.given["answers"][document * 2].store(of_label)
            asm.given["answers"][document * 2 + 1].store(total)
            share = where(row < left, 1 / asm.to_float(size), 0.0)
            of_power, of_topic = asm.spread(share / total), asm.spread(share)
            for some, power, place in zip(are_label, powers, places, strict=True):
                place.store(power * of_power - where(some, of_topic, 0.0))


def _make_backward(asm: Assembler, arrays: NetworkArrays) -> None:
    """Make the function ``backward``: the gradients of the weights, from that of the logits.

    It goes back through time, and the gradients of several steps go to the weights together.
    """
    timesteps, collected = arrays.sizes.timesteps, arrays.sizes.collected
    layers, last = range(len(arrays.layers)), (timesteps - 1) // collected * collected
    for number in layers:
        with asm.function(f"backward_{number}", ["arena"], 2) as (t, place):
            _backward_step(asm, arrays, number, t, place)
        with asm.function(f"outer_{number}", ["arena"], 2) as (t, steps):
            _outer(asm, arrays, number, t, steps)
    with asm.function("backward", ["arena"]):
        d_logits, d_top = asm.at(arrays.logits), arrays.layers[-1].d_hidden
        product(asm, asm.at(arrays.d_head), asm.at(arrays.top, 0).T, d_logits, adds=True)
        for layer in arrays.layers:
            clear(asm, layer.d_hidden)
            clear(asm, layer.d_cell)
        product(asm, asm.at(d_top), d_logits, asm.at(arrays.back_to_top))
        for done in asm.loop(last + collected, step=collected):
            first = last - done
            count = least(collected, timesteps - first)
            for i in asm.loop(count):
                place = count - 1 - i
                for number in reversed(layers):
                    asm.call(f"backward_{number}", first + place, place)
            for number in layers:
                asm.call(f"outer_{number}", first, count)


def _backward_step(
    asm: Assembler, arrays: NetworkArrays, number: int, t: Value, place: Value
) -> None:
    """Go back through a step of a layer; its gradients are collected at a place.

    Those of the gates of a vector of units are stored as whole vectors, gate by gate, so each
    overwrites what the one before it wrote too much. What the last one writes too much is 0, as the
    gradients of units that do not exist.
    """
    layer, lanes = arrays.layers[number], asm.lanes
    for unit, size in asm.tiles(layer.units, lanes):
        for row in asm.loop(arrays.sizes.rows):
            kept = asm.at(layer.kept, t, unit // lanes, row)
            d_h, d_c = asm.at(layer.d_hidden, row, unit), asm.at(layer.d_cell, row, unit)
            back = layer.cell.back(
                [kept[n * lanes].load() for n in range(layer.cell.kept)],
                asm.at(layer.inputs, t + 1, row, unit).load(),
                asm.at(layer.inputs, t, row, unit).load(),
                d_h.load(),
                d_c.load(),
            )
            for array, sums in ((layer.d_sums, back.sums), (layer.d_input_sums, back.input_sums)):
                for n, gradient in enumerate(sums):
                    start = unit * layer.cell.gates + n * size
                    asm.at(array, place, row, start).store(gradient)
            if back.h_before:
                d_h.store(back.h_before)
            if back.c_before:
                d_c.store(back.c_before)
    d_sums, d_input_sums = asm.at(layer.d_sums, place), asm.at(layer.d_input_sums, place)
    # The gradient of what passes into the next state directly is there already.
    d_hidden, back_to_state = asm.at(layer.d_hidden), asm.at(layer.back_to_state)
    product(asm, d_hidden, d_sums, back_to_state, adds=layer.cell.passes_h)
    if layer.back_to_input:
        below, back_to_input = asm.at(arrays.layers[number - 1].d_hidden), layer.back_to_input
        product(asm, below, d_input_sums, asm.at(back_to_input), adds=True)


def _outer(asm: Assembler, arrays: NetworkArrays, number: int, t: Value, steps: Value) -> None:
    """Add to the gradient of the weights of a layer what was collected in some steps."""
    layer, count = arrays.layers[number], steps * arrays.sizes.rows
    inputs = asm.at(layer.inputs, t).rows(0, count).T  # all steps in a row
    split, rest = layer.state_rows, layer.width - layer.state_rows
    parts = [(layer.d_sums, 0, layer.width)]
    if layer.cell.split is not None:
        parts = [(layer.d_sums, 0, split), (layer.d_input_sums, split, rest)]
    for array, first, rows in parts:
        out = asm.at(layer.gradient).rows(first, rows)
        d_sums = asm.at(array, 0).rows(0, count)
        product(asm, out, inputs.rows(first, rows), d_sums, adds=True)


def _make_update(asm: Assembler, arrays: NetworkArrays) -> None:
    """Make ``prepare`` and ``adam``, the begin and the end of a step of the optimizer."""
    with asm.function("prepare", ["arena"]):
        clear(asm, arrays.gradient)
        transposed = []
        for layer in arrays.layers:
            transposed.append((layer.back_to_state, layer.weights, 0))
            if layer.back_to_input:
                transposed.append((layer.back_to_input, layer.weights, layer.state_rows))
        for out, weights, first in [*transposed, (arrays.back_to_top, arrays.head, 0)]:
            transpose(asm, asm.at(out), asm.at(weights).rows(first, out.shape[1]))
    with asm.function("adam", ["arena", "rates"], 1) as (step,):
        # The rate of each step includes the corrections of the averages.
        rate = asm.spread(asm.given["rates"][step].load(F32))
        for i in asm.loop(arrays.weights.size, step=asm.lanes):
            of_adam = arrays.weights, arrays.gradient, arrays.mean, arrays.square
            places = [asm.at(array, i) for array in of_adam]
            w, g, m, v = (place.load() for place in places)
            m = m + (g - m) * (1 - BETA_1)
            v = v + (g * g - v) * (1 - BETA_2)
            w = w - rate * m / (asm.root(v) + EPSILON)
            for place, value in zip(places, (w, g, m, v), strict=True):
                place.store(value)
