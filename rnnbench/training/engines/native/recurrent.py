"""Recurrent layers, in one direction or both: step by step forward, and back through
time.

Inputs are projected in one product before the first step; single numbers within the
steps, as that costs less. A name that begins with ``d_`` is the gradient of the loss
with respect to what follows; one that ends with ``_before`` belongs to the step before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.layers import Layer
from rnnbench.models.layers.recurrent import GRU, LSTM, Bidirectional, SimpleRNN

from .assembler import F32, Array, Assembler, Sums, Value, View
from .memory import SHARED, Activations
from .random import glorot_uniform, orthogonal, quarter
from .stage import Stage

ROWS_OF_OUTER = 50
"""Rows, of several time steps, that are collected for one product, the gradient of
weights: enough that reading and writing it takes little of the time."""
COVERED = {
    "return_sequences",
    "weight_drop",
    "unit_forget_bias",
}  # may differ from the defaults

Place = tuple[
    Value, Value, Value, Value
]  # a direction, a step in time, a row and a unit
Values = Sequence[Value]
States = tuple[Value, Value | None, Values]
"""After a step: h, c if there is one, and the values that the way back needs besides
``h``."""


class Gradients(NamedTuple):
    """The gradients of the sums of all gates, and of the states before."""

    sums: Values
    input_sums: Values = ()  # as the input sees them, if that differs
    h_before: Value | None = None  # apart from what reaches it through ``sums``
    c_before: Value | None = None


@dataclass(frozen=True)
class Cell:
    """The arithmetic of a recurrent layer, with Keras's defaults: all that differs by
    kind.
    """

    kept: int  # values of each unit and step that the way back needs besides ``h``
    forward: Callable[
        [Values, Value, Value], States
    ]  # of sums, ``h_before``, ``c_before``
    back: Callable[[Values, Value, Value, Value, Value], Gradients]
    """From the values kept, ``h``, ``h_before``, and the gradients of ``h`` and
    ``c``."""
    # The number of the gate that is given two sums: over the state, with a bias, then
    # the input.
    split: int | None = None
    open_gate: int | None = None  # its bias is 1 at first, with ``unit_forget_bias``


def _simple_rnn(sums: Values, *_: Value) -> States:
    return sums[0].tanh(), None, ()


def _simple_rnn_back(
    _: Values, h: Value, _h_before: Value, d_h: Value, *__: Value
) -> Gradients:
    return Gradients([d_h * (1 - h * h)])


def _lstm(
    sums: Values, _h_before: Value, c_before: Value
) -> States:  # the gates are i, f, g, o
    i, f, g, o = sums[0].sigmoid(), sums[1].sigmoid(), sums[2].tanh(), sums[3].sigmoid()
    c = f * c_before + i * g
    tanh_c = c.tanh()
    return o * tanh_c, c, (i, f, g, o, c_before, tanh_c)


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


def _gru(sums: Values, h_before: Value, *_: Value) -> States:  # the gates are z, r, g
    z, r, of_state, of_input = sums[0].sigmoid(), sums[1].sigmoid(), sums[2], sums[3]
    g = (of_input + r * of_state).tanh()
    return z * h_before + (1 - z) * g, None, (z, r, g, of_state)


def _gru_back(
    kept: Values, _h: Value, h_before: Value, d_h: Value, *_: Value
) -> Gradients:
    z, r, g, of_state = kept
    d_z = d_h * (h_before - g) * z * (1 - z)
    d_of_input = d_h * (1 - z) * (1 - g * g)
    d_of_state = d_of_input * r
    d_r = d_of_input * of_state * r * (1 - r)
    return Gradients([d_z, d_r, d_of_state], [d_z, d_r, d_of_input], h_before=d_h * z)


CELLS: dict[type[Layer], Cell] = {
    SimpleRNN: Cell(0, _simple_rnn, _simple_rnn_back),
    LSTM: Cell(6, _lstm, _lstm_back, open_gate=1),
    GRU: Cell(4, _gru, _gru_back, split=2),
}


def column_order(units: int, gates: int, lanes: int) -> NDArray[np.intp]:
    """Return Keras's column of each of ours: all gates of a vector of units stand
    together.

    >>> column_order(units=3, gates=2, lanes=2).tolist()  # Keras: gate by gate
    [0, 1, 3, 4, 2, 5]
    """
    columns = np.arange(gates * units).reshape(gates, units)
    starts = range(0, units, lanes)
    return np.concatenate(
        [columns[:, start : start + lanes].ravel() for start in starts]
    )


class RecurrentStage(Stage):
    """A recurrent layer, or two that read in opposite directions.

    The weights ``u`` of a direction have rows for ``h``, for a bias of the state (see
    ``Cell.split``), for the inputs, and for their bias. The row of a state is as long,
    ``[h, 1, x, 1]``, if the input is a number; other inputs are projected. The first
    index of many arrays is the direction, 0 forwards and 1 backwards.
    """

    role = "weight_drop"
    kinds = CELLS

    def build(self) -> None:
        outer, group, below, place = self.layer, self.group, self.below, self.place
        is_double = isinstance(outer, Bidirectional)
        self.layer = outer.layer if is_double else outer
        self.cell, self.ways, n = (
            CELLS[type(self.layer)],
            1 + is_double,
            self.layer.units,
        )
        self.gates = self.layer.gates
        steps, rows, lanes = group.sizes.timesteps, group.rows, group.sizes.lanes
        self.units, self.columns = n, self.gates * n
        self.state_rows = n + (self.cell.split is not None)
        self.input_rows = (
            self.state_rows,
            below.weight_rows,
        )  # the first one, and how many
        ways, columns, width = (
            self.ways,
            self.columns,
            self.state_rows + below.weight_rows,
        )
        self.is_inline = below.features == 1 and not below.is_trained
        self.above = Activations(
            group, ways * n, is_sequence=self.layer.return_sequences
        )
        self.u = self.add_weights(ways, width, columns)
        self.used = self.u.value  # of which some may be dropped
        if self.layer.weight_drop:
            self.used = place(ways, width, columns, block=SHARED)
            self.mask = place(ways, n, 4 * quarter(columns), block=SHARED)
        self.transposed = place(ways, columns, width, slack=lanes, block=SHARED)
        width = width if self.is_inline else self.state_rows
        self.states = place(ways, steps + 1, rows, width, ones=width - n)
        self.kept = place(ways, steps, -(-n // lanes), rows, self.cell.kept * lanes)
        # The gradients of the sums of steps that are collected, the second as the
        # inputs see them.
        self.collected = min(-(-ROWS_OF_OUTER // rows), steps)
        shape = self.collected, rows, columns
        self.d_sums, self.d_input_sums = (place(*shape, slack=lanes) for _ in range(2))
        self.d_hidden, self.d_cell, self.cell_state = (place(rows, n) for _ in range(3))
        if not self.is_inline:
            self.projected = place(below.value.shape[0], ways * columns, slack=lanes)
            self.d_projected = place(group.capacity, ways * columns, slack=lanes)
        for way in range(ways):
            self._add_parts(way, ("forward ", "backward ")[way] if is_double else "")

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        layer = layers[0]
        if type(layer) is Bidirectional:
            return layer.merge_mode == "concat" and cls.takes((layer.layer,))
        return super().takes(layers) and layer.settings().keys() <= COVERED

    def _add_parts(self, way: int, side: str) -> None:
        """Add the kernel, the recurrent kernel and the bias of a direction."""
        n, inputs, columns, cell = (
            self.units,
            self.below.features,
            self.columns,
            self.cell,
        )
        order = np.argsort(column_order(n, self.gates, self.group.sizes.lanes))
        rows = np.arange(self.state_rows + inputs + 1)
        kernel, bias = (
            rows[self.state_rows : -1],
            [rows[-1], *rows[n : self.state_rows]],
        )
        starts = np.zeros((self.gates, n))
        if cell.open_gate is not None and self.layer.unit_forget_bias:
            starts[cell.open_gate] = 1
        for shape, own, start, role in (
            ((inputs, columns), kernel, glorot_uniform, "kernel"),
            ((n, columns), rows[:n], orthogonal, "recurrent"),
            (
                (2, columns) if len(bias) == 2 else (columns,),
                bias,
                starts.ravel(),
                "bias",
            ),
        ):
            self.add_part(
                shape, self.u, (way, *np.ix_(own, order)), start, role=side + role
            )

    def prepare(self, asm: Assembler) -> None:
        for way in asm.loop(self.ways):
            if rate := self.layer.weight_drop:
                used, u = self.used[way, 0], self.u.value[way, 0]
                for i in asm.loop(self.used.strides[0], step=asm.lanes):
                    used[i].store(u[i].load())
                for row in asm.loop(self.units):
                    self.draw(asm, self.mask[way, row], rate, self.columns, row, way)
                    self._apply_mask(asm, self.used, way, row)
            self.transposed[way].write_transposed(self.used[way])

    def conclude(self, asm: Assembler) -> None:
        """Leave out the gradients of weights that were dropped."""
        for way in asm.loop(self.ways) if self.layer.weight_drop else ():
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
            for row in asm.loop(group.rows) if not self.layer.return_sequences else ():
                last = self.states[way, group.lengths.get(row), row]
                for unit, size in asm.tiles(self.units, asm.lanes):
                    out = self.above.value[row, unit + way * self.units]
                    out.store(last[unit].load(), size)

    def backward(self, asm: Assembler) -> None:
        group, steps = self.group, self.group.lengths.get()
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
        for d in range(self.ways) if not self.is_inline else ():
            d_out = self.d_projected.view.columns(d * self.columns, self.columns)
            gradient = self.u.gradient[d].rows(*self.input_rows)
            transposed = self.transposed[d].columns(
                self.state_rows, self.below.features
            )
            self.below.project_back(d_out, gradient, transposed, adds=d > 0)

    def _step(self, asm: Assembler, way: Value, t: Value) -> None:
        """Take a step: a tile is summed up, and its gates are computed, in
        registers.
        """
        gates, lanes, shapes = self.gates, asm.lanes, asm.processor
        at_once, rows = max(shapes.vectors_of_tile // gates, 1) * lanes, self.group.rows
        for row in asm.loop(rows) if self.is_inline else ():
            x = self.below.value[self.below.places.get(way, t, row)].load(F32)
            self.states[way, t, row, self.state_rows].store(x)
        for first, units in asm.tiles(self.units, at_once):
            vectors = -(-gates * units // lanes)
            u = self.used[way].columns(first * gates, vectors * lanes)
            for row, height in asm.tiles(rows, shapes.rows_of_tile(rows, vectors)):
                of_input = self._input_sums(asm, (way, t, row, first), u, height)
                start = self._without_split(asm, of_input, vectors, units)
                states = self.states[way, t].rows(row, height)
                sums = states.columns(0, self.state_rows).times(u, start)
                for i in range(height):
                    for n in range(0, units, lanes):
                        size, at = (
                            min(lanes, units - n),
                            i * vectors + n * gates // lanes,
                        )
                        place = way, t, row + i, first + n
                        self._cell(asm, place, size, of_input[at:], sums[at:])

    def _input_sums(self, asm: Assembler, place: Place, u: View, height: int) -> Sums:
        """Return the sums over the inputs, for a tile of gates that begins at a
        place.
        """
        way, t, row, first = place
        vectors, split = u.shape[1] // asm.lanes, self.state_rows
        if self.is_inline:
            x = self.states[way, t].rows(row, height).columns(split, 2)
            return x.times(u.rows(split, 2), [asm.vector_of(0.0)] * (vectors * height))
        column = first * self.gates + way * self.columns
        rows = [self.below.places.get(way, t, row + i) for i in range(height)]
        lines = [self.projected[own, column] for own in rows]
        return [
            line.moved(v * asm.lanes).load() for line in lines for v in range(vectors)
        ]

    def _without_split(
        self, asm: Assembler, sums: Sums, vectors: int, units: int
    ) -> Sums:
        """Return the sums of a tile with 0 for the gate that needs them apart, if
        any.
        """
        if self.cell.split is None:
            return sums
        gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
        is_split = [asm.vector_of(some).equals(self.cell.split) for some in gates]
        zero = asm.vector_of(0.0)
        return [
            is_split[n % vectors].select(zero, total) for n, total in enumerate(sums)
        ]

    def _cell(
        self, asm: Assembler, place: Place, size: int, of_input: Sums, sums: Sums
    ) -> None:
        """Write the states of a vector of units after a step, and what the way back
        needs.
        """
        way, t, row, unit = place
        cell, lanes = self.cell, asm.lanes

        def gate(
            vectors: Sums, number: int
        ) -> Value:  # those of all gates stand side by side
            first, last = number * size // lanes, ((number + 1) * size - 1) // lanes
            start = number * size - first * lanes
            return vectors[first].pick(
                [start + n % size for n in range(lanes)], vectors[last]
            )

        gates = [gate(sums, number) for number in range(self.gates)]
        if (
            cell.split is not None
        ):  # its sum over the state goes before that over the input
            gates.insert(cell.split + 1, gate(of_input, cell.split))
        c = self.cell_state[row, unit]
        h, c_after, kept = cell.forward(
            gates, self.states[way, t, row, unit].load(), c.load()
        )
        if c_after:
            c.store(c_after)
        for number, value in enumerate(kept):
            self.kept[way, t, unit // lanes, row, number * lanes].store(value)
        self.states[way, t + 1, row, unit].store(h, size)
        if self.layer.return_sequences:
            above = self.group.places.get(way, t, row)
            self.above.value[above, unit + way * self.units].store(h, size)

    def _step_back(self, asm: Assembler, way: Value, t: Value, at: Value) -> None:
        """Go back through a step; the gradients of its sums are collected at ``at``.

        A gate's whole vector overwrites the excess of the one before; that of the last
        is unused.
        """
        d_above, first, group = self.above.gradient, way * self.units, self.group
        for row in asm.loop(group.rows) if not self.layer.return_sequences else ():
            with asm.when(group.lengths.get(row).equals(t + 1)):  # its last step
                for unit, size in asm.tiles(self.units, asm.lanes):
                    self.d_hidden[row, unit].store(
                        d_above[row, first + unit].load(), size
                    )
        for unit, size in asm.tiles(self.units, asm.lanes):
            columns = [unit * self.gates + n * size for n in range(self.gates)]
            for row in asm.loop(group.rows):
                d_h, d_c = self.d_hidden[row, unit].load(), self.d_cell[row, unit]
                if self.layer.return_sequences:
                    d_h += d_above[group.places.get(way, t, row), first + unit].load()
                kept = self.kept[way, t, unit // asm.lanes, row]
                values = [kept[n * asm.lanes].load() for n in range(self.cell.kept)]
                h, h_before = (
                    self.states[way, step, row, unit].load() for step in (t + 1, t)
                )
                back = self.cell.back(values, h, h_before, d_h, d_c.load())
                for column, value in zip(columns, back.sums, strict=True):
                    self.d_sums[at, row, column].store(value)
                for column, value in zip(
                    columns, back.input_sums or back.sums, strict=True
                ):
                    if not self.is_inline:
                        line = self.d_projected[self.below.places.get(way, t, row)]
                        line[column + way * self.columns].add(
                            value, size
                        )  # steps may share a row
                    elif back.input_sums:
                        self.d_input_sums[at, row, column].store(value)
                if back.h_before:
                    self.d_hidden[row, unit].store(back.h_before)
                if back.c_before:
                    d_c.store(back.c_before)
        # The gradient of what passes into the next state directly is there already.
        transposed, adds = (
            self.transposed[way].columns(0, self.units),
            back.h_before is not None,
        )
        self.d_hidden.view.write_product(self.d_sums[at], transposed, adds=adds)

    def _outer(self, way: Value, t: Value, steps: Value) -> None:
        """Add what was collected in some steps to the gradient of the weights of the
        state.
        """
        count, split = steps * self.group.rows, self.state_rows
        states = self.states[way, t].rows(0, count).T  # all steps in a row
        parts = [(self.d_sums, 0, split), (self.d_input_sums, split, 2)][
            : 1 + self.is_inline
        ]
        if self.is_inline and self.cell.split is None:  # in one product
            parts = [(self.d_sums, 0, split + 2)]
        for array, first, rows in parts:
            out, d_sums = self.u.gradient[way].rows(first, rows), array[0]
            out.write_product(
                states.rows(first, rows), d_sums.rows(0, count), adds=True
            )
