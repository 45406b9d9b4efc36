"""Recurrent layers, in one direction or both.

A ``Cell`` has the arithmetic of a kind: ``forward`` for a step, ``back`` for the way
back. ``RecurrentStage`` walks through time with it, first forward, then back.

Inputs are projected in one product before the first step; single numbers within the
steps, as that costs less. A name that begins with ``d_`` is the gradient of the loss
with respect to what follows; one that ends with ``_before`` belongs to the step before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.labels import Positions
from rnnbench.models.layers import Layer
from rnnbench.models.layers.recurrent import StepByStep

from .assembler import Array, Assembler, Sums, Value, View, ceil_div
from .memory import Activations, Initializer
from .random import glorot_uniform, orthogonal, quarter
from .stage import Stage, built_in

ROWS_OF_OUTER = 50
"""Rows, of several time steps, that are collected for one product, the gradient of
weights: enough that reading and writing it takes little of the time."""
# Parameters that may differ from the defaults.
COVERED = {"return_sequences", "weight_drop", "unit_forget_bias"}

Values = Sequence[Value]


class Place(NamedTuple):
    """A place in a layer's states."""

    way: Value  # the direction
    t: Value  # the step in time
    row: Value
    unit: Value


class States(NamedTuple):
    """The states after a step; ``kept`` are other values that the way back needs."""

    h: Value
    c: Value | None = None
    kept: Values = ()


class Gradients(NamedTuple):
    """The gradients of the sums of all gates, and of the states before."""

    sums: Values
    input_sums: Values = ()  # as the input sees them, if that differs
    h_before: Value | None = None  # apart from what reaches it through ``sums``
    c_before: Value | None = None


@dataclass(frozen=True)
class Cell:
    """The arithmetic of a kind of recurrent layer, with Keras's defaults.

    Attributes:
        kept: how many values of each unit and step ``States.kept`` has.
        forward: a step, from the sums of all gates, ``h_before`` and ``c_before``.
        back: the way back, from the values kept, ``h``, ``h_before``, and the gradients
            of ``h`` and ``c``.
        split: the gate that gets two sums, if any: over the state, with a bias, and
            over the input.
        open_gate: the gate whose bias is 1 at first, with ``unit_forget_bias``.
    """

    kept: int
    forward: Callable[[Values, Value, Value], States]
    back: Callable[[Values, Value, Value, Value, Value], Gradients]
    split: int | None = None
    open_gate: int | None = None


def _simple_rnn(sums: Values, *_: Value) -> States:
    return States(sums[0].tanh())


def _simple_rnn_back(
    _: Values, h: Value, _h_before: Value, d_h: Value, *__: Value
) -> Gradients:
    return Gradients([d_h * (1 - h * h)])


def _lstm(sums: Values, _h_before: Value, c_before: Value) -> States:
    i = sums[0].sigmoid()
    f = sums[1].sigmoid()
    g = sums[2].tanh()
    o = sums[3].sigmoid()
    c = f * c_before + i * g
    tanh_c = c.tanh()
    return States(o * tanh_c, c, (i, f, g, o, c_before, tanh_c))


def _lstm_back(
    kept: Values, _h: Value, _h_before: Value, d_h: Value, d_c: Value
) -> Gradients:
    i, f, g, o, c_before, tanh_c = kept
    d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
    d_i = d_c * g * i * (1 - i)
    d_f = d_c * c_before * f * (1 - f)
    d_g = d_c * i * (1 - g * g)
    d_o = d_h * tanh_c * o * (1 - o)
    return Gradients([d_i, d_f, d_g, d_o], c_before=d_c * f)


def _gru(sums: Values, h_before: Value, *_: Value) -> States:
    z = sums[0].sigmoid()
    r = sums[1].sigmoid()
    state_sum = sums[2]
    input_sum = sums[3]
    g = (input_sum + r * state_sum).tanh()
    return States(z * h_before + (1 - z) * g, kept=(z, r, g, state_sum))


def _gru_back(
    kept: Values, _h: Value, h_before: Value, d_h: Value, *_: Value
) -> Gradients:
    z, r, g, state_sum = kept
    d_z = d_h * (h_before - g) * z * (1 - z)
    d_input_sum = d_h * (1 - z) * (1 - g * g)
    d_state_sum = d_input_sum * r
    d_r = d_input_sum * state_sum * r * (1 - r)
    return Gradients(
        sums=[d_z, d_r, d_state_sum],
        input_sums=[d_z, d_r, d_input_sum],
        h_before=d_h * z,
    )


CELLS = {
    "simple_rnn": Cell(0, _simple_rnn, _simple_rnn_back),
    "lstm": Cell(6, _lstm, _lstm_back, open_gate=1),
    "gru": Cell(4, _gru, _gru_back, split=2),
}


def column_order(units: int, gates: int, lanes: int) -> Positions:
    """Return Keras's column of each of ours: the gates of a vector stand together.

    >>> column_order(units=3, gates=2, lanes=2).tolist()  # Keras: gate by gate
    [0, 1, 3, 4, 2, 5]
    """
    columns = np.arange(gates * units).reshape(gates, units)
    vectors = np.split(columns, range(lanes, units, lanes), axis=1)
    return np.concatenate([vector.ravel() for vector in vectors])


@built_in
class RecurrentStage(Stage):
    """A recurrent layer, or two that read in opposite directions.

    The weights ``u`` of a direction have rows for ``h``, for a bias of the state (see
    ``Cell.split``), for the inputs, and for their bias. The row of a state is as long,
    ``[h, 1, x, 1]``, if the input is a number; other inputs are projected. The first
    index of many arrays is the direction, 0 forwards and 1 backwards.
    """

    role = "weight_drop"
    layer: StepByStep

    @classmethod
    def takes(cls, layers: Sequence[Layer]) -> int:
        layer = layers[0]
        if layer.kind not in (*CELLS, "bidirectional"):
            return 0
        is_cell = layer.parts[-1].kind in CELLS  # of the layer inside, if there is one
        return int(is_cell and layer.settings().keys() <= COVERED)

    def build(self) -> None:
        sides = [""]
        if self.layer.kind == "bidirectional":
            sides = ["forward ", "backward "]
        layer = cast(StepByStep, self.layer.parts[-1])
        self.layer = layer
        self.units = layer.units
        self.gates = layer.gates
        self.columns = layer.gates * layer.units
        self.cell = CELLS[layer.kind]
        self.ways = len(sides)
        self.above = Activations(
            self.group, self.ways * layer.units, is_sequence=layer.return_sequences
        )
        self._place_weights()
        self._place_states()
        for way, side in enumerate(sides):
            self._add_parts(way, side)

    def _place_weights(self) -> None:
        """Place the weights, and what is computed from them in each step."""
        ways = self.ways
        inputs = self.below.weight_rows
        self.state_rows = self.units
        if self.cell.split is not None:
            self.state_rows += 1
        rows = self.state_rows + inputs
        self.input_rows = (self.state_rows, inputs)  # the first one, and how many
        self.u = self.add_weights(ways, rows, self.columns)
        self.used = self.u.value  # of which some may be dropped
        if self.layer.weight_drop:
            self.used = self.place_shared(ways, rows, self.columns)
            width = 4 * quarter(self.columns)
            self.mask = self.place_shared(ways, self.units, width)
        self.transposed = self.place_shared(
            ways, self.columns, rows, slack=self.group.sizes.lanes
        )

    def _place_states(self) -> None:
        """Place the states of all steps, and their gradients."""
        below = self.below
        rows = self.group.rows
        steps = self.group.sizes.timesteps
        lanes = self.group.sizes.lanes
        units = self.units
        width = self.state_rows
        self.is_inline = below.features == 1 and not below.is_trained
        if self.is_inline:
            width += below.weight_rows
        ones = width - units
        self.states = self.place(self.ways, steps + 1, rows, width, ones=ones)
        vectors = ceil_div(units, lanes)
        self.kept = self.place(self.ways, steps, vectors, rows, self.cell.kept * lanes)
        # The gradients of the sums of steps that are collected, the second as the
        # inputs see them.
        self.collected = min(ceil_div(ROWS_OF_OUTER, rows), steps)
        shape = (self.collected, rows, self.columns)
        self.d_sums = self.place(*shape, slack=lanes)
        self.d_input_sums = self.place(*shape, slack=lanes)
        self.d_hidden = self.place(rows, units)
        self.d_cell = self.place(rows, units)
        self.cell_state = self.place(rows, units)
        if not self.is_inline:
            columns = self.ways * self.columns
            self.projected = self.place(below.value.shape[0], columns, slack=lanes)
            self.d_projected = self.place(self.group.capacity, columns, slack=lanes)

    def _add_parts(self, way: int, side: str) -> None:
        """Add the kernel, the recurrent kernel and the bias of a direction."""
        units = self.units
        columns = self.columns
        inputs = self.below.features
        gate = self.cell.open_gate
        lanes = self.group.sizes.lanes
        order = np.argsort(column_order(units, self.gates, lanes))
        biases = np.zeros((self.gates, units))
        if gate is not None and "unit_forget_bias" not in self.layer.settings():
            biases[gate] = 1

        def add(
            shape: tuple[int, ...],
            rows: Positions,
            start: Initializer | ArrayLike,
            role: str,
        ) -> None:
            row, column = np.ix_(rows, order)
            index = (way, row, column)
            self.add_part(shape, self.u, index, start, role=side + role)

        rows = np.arange(self.state_rows + inputs + 1)
        add((inputs, columns), rows[self.state_rows : -1], glorot_uniform, "kernel")
        add((units, columns), rows[:units], orthogonal, "recurrent")
        bias = np.append(rows[-1], rows[units : self.state_rows])
        shape = (columns,) if self.cell.split is None else (2, columns)
        add(shape, bias, biases.ravel(), "bias")

    def prepare(self, asm: Assembler) -> None:
        """Drop weights, and transpose the others."""
        rate = self.layer.weight_drop
        for way in asm.loop(self.ways):
            if rate:
                used = self.used[way, 0]
                u = self.u.value[way, 0]
                for i in asm.loop(self.used.strides[0], step=asm.lanes):
                    used[i].store(u[i].load())
                for row in asm.loop(self.units):
                    self.draw(asm, self.mask[way, row], rate, self.columns, row, way)
                    self._apply_mask(asm, self.used, way, row)
            self.transposed[way].write_transposed(self.used[way])

    def conclude(self, asm: Assembler) -> None:
        """Leave out the gradients of weights that were dropped."""
        if not self.layer.weight_drop:
            return
        for way in asm.loop(self.ways):
            for row in asm.loop(self.units):
                self._apply_mask(asm, self.u.gradient, way, row)

    def _apply_mask(self, asm: Assembler, array: Array, way: Value, row: Value) -> None:
        """Multiply a row of weights by its mask, whose columns are in Keras's order."""
        for unit, size in asm.tiles(self.units, asm.lanes):
            for gate in range(self.gates):
                place = array[way, row, unit * self.gates + gate * size]
                kept = self.mask[way, row, unit + gate * self.units].load()
                place.store(place.load() * kept, size)

    def forward(self, asm: Assembler) -> None:
        group = self.group
        for way in asm.loop(self.ways):
            if not self.is_inline:
                out = self.projected.view.columns(way * self.columns, self.columns)
                self.below.project(out, self.used[way].rows(*self.input_rows))
            asm.clear(self.cell_state, 0, group.rows)
            for t in asm.loop(group.lengths.get()):
                self._step(asm, way, t)
            if not self.layer.return_sequences:
                self._write_last(asm, way)

    def _write_last(self, asm: Assembler, way: Value) -> None:
        """Write the state after the last step of each document."""
        for row in asm.loop(self.group.rows):
            last = self.states[way, self.group.lengths.get(row), row]
            for unit, size in asm.tiles(self.units, asm.lanes):
                above = self.above.value[row, unit + way * self.units]
                above.store(last[unit].load(), size)

    def backward(self, asm: Assembler) -> None:
        group = self.group
        steps = group.lengths.get()
        chunks = (steps + (self.collected - 1)) // self.collected
        if not self.is_inline:
            asm.clear(self.d_projected, 0, self.below.count())
        for way in asm.loop(self.ways):
            asm.clear(self.d_hidden, 0, group.rows)
            asm.clear(self.d_cell, 0, group.rows)
            for done in asm.loop(chunks):
                first = (chunks - 1 - done) * self.collected
                count = (steps - first).at_most(self.collected)
                for i in asm.loop(count):
                    at = count - 1 - i
                    self._step_back(asm, way, first + at, at)
                self._outer(way, first, count)
        if not self.is_inline:
            self._project_back()

    def _project_back(self) -> None:
        """Add up the gradient of the kernels, and write that of the inputs."""
        for way in range(self.ways):
            d_out = self.d_projected.view.columns(way * self.columns, self.columns)
            gradient = self.u.gradient[way].rows(*self.input_rows)
            transposed = self.transposed[way].columns(
                self.state_rows, self.below.features
            )
            self.below.project_back(d_out, gradient, transposed, adds=way > 0)

    def _step(self, asm: Assembler, way: Value, t: Value) -> None:
        """Take a step: a tile is summed up in registers, and its gates computed."""
        gates = self.gates
        lanes = asm.lanes
        group_rows = self.group.rows
        processor = asm.processor
        if self.is_inline:
            for row in asm.loop(group_rows):
                x = self.below.value[self.below.places.get(way, t, row)].load_float()
                self.states[way, t, row, self.state_rows].store(x)
        most_units = max(processor.vectors_of_tile // gates, 1) * lanes
        for first, units in asm.tiles(self.units, most_units):
            vectors = ceil_div(gates * units, lanes)
            u = self.used[way].columns(first * gates, vectors * lanes)
            most_rows = processor.rows_of_tile(group_rows, vectors)
            for row, height in asm.tiles(group_rows, most_rows):
                place = Place(way, t, row, first)
                input_sums = self._input_sums(asm, place, u, height)
                start = self._without_split(asm, input_sums, vectors, units)
                states = self.states[way, t].rows(row, height)
                sums = states.columns(0, self.state_rows).times(u, start)
                for i in range(height):
                    for n in range(0, units, lanes):
                        size = min(lanes, units - n)
                        at = i * vectors + n * gates // lanes
                        place = Place(way, t, row + i, first + n)
                        self._cell(asm, place, size, input_sums[at:], sums[at:])

    def _input_sums(self, asm: Assembler, place: Place, u: View, height: int) -> Sums:
        """Return the sums over the inputs, for a tile of gates from a place on."""
        way, t, row, first = place
        vectors = u.shape[1] // asm.lanes
        split = self.state_rows
        if self.is_inline:
            x = self.states[way, t].rows(row, height).columns(split, 2)
            return x.times(u.rows(split, 2), [asm.zero] * (vectors * height))
        column = first * self.gates + way * self.columns
        rows = [self.below.places.get(way, t, row + i) for i in range(height)]
        lines = [self.projected[row, column] for row in rows]
        sums = []
        for line in lines:
            sums += [line.moved(v * asm.lanes).load() for v in range(vectors)]
        return sums

    def _without_split(
        self, asm: Assembler, sums: Sums, vectors: int, units: int
    ) -> Sums:
        """Return the sums of a tile, with 0 for a gate that needs them apart."""
        if self.cell.split is None:
            return sums
        gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
        is_split = [asm.vector_of(lanes).equals(self.cell.split) for lanes in gates]
        without = []
        for number, total in enumerate(sums):
            without.append(is_split[number % vectors].select(asm.zero, total))
        return without

    def _cell(
        self, asm: Assembler, place: Place, size: int, input_sums: Sums, sums: Sums
    ) -> None:
        """Write the states of a vector of units after a step, and what is kept."""
        way, t, row, unit = place
        split = self.cell.split
        lanes = asm.lanes
        gates = [_gate(sums, number, size, lanes) for number in range(self.gates)]
        if split is not None:  # its sum over the state goes before that over the input
            gates.insert(split + 1, _gate(input_sums, split, size, lanes))
        c = self.cell_state[row, unit]
        h_before = self.states[way, t, row, unit].load()
        after = self.cell.forward(gates, h_before, c.load())
        if after.c:
            c.store(after.c)
        for number, value in enumerate(after.kept):
            self.kept[way, t, unit // lanes, row, number * lanes].store(value)
        self.states[way, t + 1, row, unit].store(after.h, size)
        if self.layer.return_sequences:
            above = self.group.places.get(way, t, row)
            self.above.value[above, unit + way * self.units].store(after.h, size)

    def _step_back(self, asm: Assembler, way: Value, t: Value, at: Value) -> None:
        """Go back through a step; the gradients of its sums are collected at ``at``.

        A gate's whole vector overwrites the excess of the one before; that of the last
        is unused.
        """
        first = way * self.units
        group = self.group
        if not self.layer.return_sequences:
            for row in asm.loop(group.rows):
                with asm.when(group.lengths.get(row).equals(t + 1)):  # its last step
                    for unit, size in asm.tiles(self.units, asm.lanes):
                        d_hidden = self.d_hidden[row, unit]
                        d_above = self.above.gradient[row, first + unit]
                        d_hidden.store(d_above.load(), size)
        for unit, size in asm.tiles(self.units, asm.lanes):
            columns = [unit * self.gates + n * size for n in range(self.gates)]
            for row in asm.loop(group.rows):
                d_h = self.d_hidden[row, unit].load()
                d_c = self.d_cell[row, unit]
                if self.layer.return_sequences:
                    above = group.places.get(way, t, row)
                    d_h += self.above.gradient[above, first + unit].load()
                place = Place(way, t, row, unit)
                back = self._cell_back(asm, place, d_h, d_c)
                for column, value in zip(columns, back.sums, strict=True):
                    self.d_sums[at, row, column].store(value)
                input_sums = back.input_sums or back.sums
                for column, value in zip(columns, input_sums, strict=True):
                    if not self.is_inline:
                        line = self.d_projected[self.below.places.get(way, t, row)]
                        # Steps may share a row.
                        line[column + way * self.columns].add(value, size)
                    elif back.input_sums:
                        self.d_input_sums[at, row, column].store(value)
                if back.h_before:
                    self.d_hidden[row, unit].store(back.h_before)
                if back.c_before:
                    d_c.store(back.c_before)
        # The gradient of what passes into the next state directly is there already.
        transposed = self.transposed[way].columns(0, self.units)
        adds = back.h_before is not None
        self.d_hidden.view.write_product(self.d_sums[at], transposed, adds=adds)

    def _cell_back(
        self, asm: Assembler, place: Place, d_h: Value, d_c: View
    ) -> Gradients:
        """Return the gradients of a vector of units before a step."""
        way, t, row, unit = place
        kept = self.kept[way, t, unit // asm.lanes, row]
        values = [kept[n * asm.lanes].load() for n in range(self.cell.kept)]
        h = self.states[way, t + 1, row, unit].load()
        h_before = self.states[way, t, row, unit].load()
        return self.cell.back(values, h, h_before, d_h, d_c.load())

    def _outer(self, way: Value, t: Value, steps: Value) -> None:
        """Add what some steps collected to the gradient of the weights of the state."""
        count = steps * self.group.rows
        states = self.states[way, t].rows(0, count).T  # all steps in a row

        def add(d_sums: Array, first: int, rows: int) -> None:
            out = self.u.gradient[way].rows(first, rows)
            d_rows = d_sums[0]
            factor = states.rows(first, rows)
            out.write_product(factor, d_rows.rows(0, count), adds=True)

        if self.is_inline and self.cell.split is None:
            add(self.d_sums, 0, self.state_rows + 2)  # in one product
            return
        add(self.d_sums, 0, self.state_rows)
        if self.is_inline:
            add(self.d_input_sums, self.state_rows, 2)


def _gate(vectors: Sums, number: int, size: int, lanes: int) -> Value:
    """Return a gate of a vector of units; those of all gates stand side by side."""
    first = number * size // lanes
    last = ((number + 1) * size - 1) // lanes
    start = number * size - first * lanes
    places = [start + n % size for n in range(lanes)]
    return vectors[first].pick(places, vectors[last])
