"""Recurrent layers, in one direction or both: step by step forward, and back through time.

Inputs are projected in one product before the first step; single numbers within the steps, as that
costs less. The equations of a step are in ``cells``.
"""

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.recurrent import Bidirectional
from rnnbench.training.engines.native.assembler import (
    F32,
    Assembler,
    Value,
    View,
    least,
    pick,
    where,
)
from rnnbench.training.engines.native.cells import CELLS
from rnnbench.training.engines.native.memory import BLOCKS, SHARED, Array, Floats
from rnnbench.training.engines.native.products import (
    Sums,
    product,
    rows_of_tile,
    sum_up,
    transpose,
    vectors_of_tile,
)
from rnnbench.training.engines.native.random import glorot_uniform, orthogonal, quarter
from rnnbench.training.engines.native.stage import Projection, Stage

ROWS_OF_OUTER = 50
"""Rows, of several time steps, that are collected for one product, the gradient of weights: so many
that reading and writing that gradient takes little of the time."""
COVERED = {"return_sequences", "weight_drop", "unit_forget_bias"}
"""Options of recurrent layers that may differ from Keras's defaults."""

Place = tuple[Value, Value, Value]
"""A step in time, a row and a unit."""


def column_order(units: int, gates: int, lanes: int) -> NDArray[np.intp]:
    """Return Keras's column of each of ours: all gates of a vector of units stand together.

    >>> column_order(units=3, gates=2, lanes=2).tolist()  # Keras: gate by gate
    [0, 1, 3, 4, 2, 5]
    """
    columns = np.arange(gates * units).reshape(gates, units)
    starts = range(0, units, lanes)
    return np.concatenate([columns[:, start : start + lanes].ravel() for start in starts])


class Way:
    """One of the directions in which a layer reads, and its arrays.

    The row of a state is ``[h, 1 (GRU), x, 1 (numbers)]``, so the weights ``u`` have rows for
    ``h``, for a bias of the state (see ``Cell.split``), and for an input that is a number.

    Attributes:
        number: 0 forwards, 1 backwards.
        states: the states before each step and after the last.
        kept: for the way back: values of all lanes, for each step, vector of units and row.
        used: the weights, of which some may be dropped, as ``mask`` says.
        transposed: the weights of ``h``, transposed.
    """

    def __init__(self, number: int, stage: "RecurrentStage"):
        n, columns, place, sizes = stage.units, stage.columns, stage.place, stage.group.sizes
        rows, steps, lanes = sizes.rows, sizes.timesteps, sizes.lanes
        width = stage.state_rows + 2 * stage.is_inline
        self.number, self.u = number, stage.add_weights(width, columns)
        self.states = place(steps + 1, rows, width)
        self.kept = place(steps, -(-n // lanes), rows, stage.cell.kept * lanes)
        self.transposed = place(columns, n, block=SHARED)
        self.used, self.mask = self.u.value, None
        if stage.layer.weight_drop:
            self.used = place(width, columns, block=SHARED)
            self.mask = place(n, 4 * quarter(columns), block=SHARED)


class RecurrentStage(Stage):
    """A recurrent layer, or two that read in opposite directions.

    Inputs that are no single numbers are projected, with the columns of all directions side by
    side.
    """

    role = "weight_drop"
    kinds = CELLS

    def build(self) -> None:
        below, group, outer = self.below, self.group, self.layer
        is_double = isinstance(outer, Bidirectional)
        self.layer = outer.layer if is_double else outer
        self.units, self.cell = self.layer.units, CELLS[type(self.layer)]
        self.columns = self.cell.gates * self.units
        self.state_rows = self.units + self.cell.state_biases
        self.is_inline = below.features == 1 and not below.is_trained
        self.ways = [Way(number, self) for number in range(1 + is_double)]
        self.above = self.activations(
            len(self.ways) * self.units, is_sequence=self.layer.return_sequences
        )
        # The gradients of the gates, before their activations, of the steps that are collected.
        place, rows = self.place, group.rows
        self.collected = min(-(-ROWS_OF_OUTER // rows), group.sizes.timesteps)
        self.d_sums, self.d_input_sums = (  # the second as the inputs see them
            place(self.collected, rows, self.columns, slack=group.sizes.lanes) for _ in range(2)
        )
        self.d_hidden, self.d_cell, self.cell_state = (place(rows, self.units) for _ in range(3))
        if not self.is_inline:
            columns = len(self.ways) * self.columns
            self.projection = Projection(self, columns)
            self.projected = place(below.value.shape[0], columns, slack=group.sizes.lanes)
            self.d_projected = place(group.capacity, columns, slack=group.sizes.lanes)
        for way in self.ways:
            self._add_parts(way, ("forward ", "backward ")[way.number] if is_double else "")

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        layer = layers[0]
        if isinstance(layer, Bidirectional):
            return layer.merge_mode == "concat" and cls.takes((layer.layer,))
        return super().takes(layers) and layer.settings().keys() <= COVERED

    def _add_parts(self, way: Way, side: str) -> None:
        """Add the kernel, the recurrent kernel and the bias of a direction."""
        n, inputs, columns, cell = self.units, self.below.features, self.columns, self.cell
        order = np.argsort(column_order(n, cell.gates, self.group.sizes.lanes))
        of_inputs, first, own = way.u, self.state_rows, order
        if not self.is_inline:
            of_inputs, first, own = self.projection.weights, 0, order + way.number * columns
        kernel = of_inputs, np.ix_(np.arange(first, first + inputs), own)
        biases = [(of_inputs, np.ix_([first + inputs], own))]
        biases += [(way.u, np.ix_([n], order))] * cell.state_biases
        starts = np.zeros((cell.gates, n))
        if cell.open_gate is not None and self.layer.unit_forget_bias:
            starts[cell.open_gate] = 1
        shape = (2, columns) if cell.state_biases else (columns,)
        self.add_part((inputs, columns), kernel, start=glorot_uniform, role=f"{side}kernel")
        state = way.u, np.ix_(np.arange(n), order)
        self.add_part((n, columns), state, start=orthogonal, role=f"{side}recurrent")
        self.add_part(shape, *biases, start=starts.ravel())

    def begin(self, arena: Floats, seed_of: SeedOf) -> None:
        super().begin(arena, seed_of)
        for way in self.ways:
            way.states.of(arena)[..., self.units :] = 1  # inputs are written over

    def make(self, asm: Assembler) -> None:
        for way in self.ways:
            name = f"{self.number}_{way.number}"
            with asm.function(f"step_{name}", BLOCKS, 1) as (t,):
                self._step(asm, way, t)
            with asm.function(f"step_back_{name}", BLOCKS, 2) as (t, at):
                self._step_back(asm, way, t, at)
            with asm.function(f"outer_{name}", BLOCKS, 2) as (t, count):
                self._outer(asm, way, t, count)
        super().make(asm)

    def prepare(self, asm: Assembler) -> None:
        """Drop weights, and transpose what the way back needs."""
        super().prepare(asm)
        for way in self.ways:
            if way.mask:
                self._drop_weights(asm, way, way.mask)
            transpose(asm, asm.at(way.transposed), asm.at(way.used).rows(0, self.units))

    def _drop_weights(self, asm: Assembler, way: Way, mask: Array) -> None:
        """Drop a share of the weights of the state, but none of the biases and inputs."""
        for i in asm.loop(way.used.size, step=asm.lanes):
            asm.at(way.used.flat, i).store(asm.at(way.u.value.flat, i).load())
        for row in asm.loop(self.units):
            drawn, rate = asm.at(mask, row), self.layer.weight_drop
            self.draw(asm, drawn, rate, self.columns, row, way.number)
            self._apply(asm, mask, way.used, row)

    def _apply(self, asm: Assembler, mask: Array, array: Array, row: Value) -> None:
        """Multiply a row of weights by its mask, whose columns are in Keras's order."""
        for unit, size in asm.tiles(self.units, asm.lanes):
            for gate in range(self.cell.gates):
                place = asm.at(array, row, unit * self.cell.gates + gate * size)
                kept = asm.at(mask, row, unit + gate * self.units).load()
                place.store(place.load() * kept, size)

    def conclude(self, asm: Assembler) -> None:
        """Leave out the gradients of weights that were dropped."""
        for mask, gradient in ((way.mask, way.u.gradient) for way in self.ways if way.mask):
            for row in asm.loop(self.units):
                self._apply(asm, mask, gradient, row)

    def forward(self, asm: Assembler) -> None:
        group, steps = self.group, asm.get(self.group.longest)
        if not self.is_inline:
            self.projection.forward(asm, self.projected)
        for way in self.ways:
            d = way.number
            for t in asm.loop(steps) if self.is_inline else ():
                for row in asm.loop(group.rows):
                    x = asm.at(self.below.value, asm.get(group.places, d, t, row), 0).load(F32)
                    asm.at(way.states, t, row, self.state_rows).store(x)
            for row in asm.loop(group.rows):
                asm.clear(self.cell_state, row)
            for t in asm.loop(steps):
                asm.call(f"step_{self.number}_{d}", t)
            for row in asm.loop(group.rows) if not self.layer.return_sequences else ():
                last = asm.at(way.states, asm.get(group.lengths, row), row)
                for unit, size in asm.tiles(self.units, asm.lanes):
                    out = asm.at(self.above.value, row, unit + d * self.units)
                    out.store(last[unit].load(), size)

    def backward(self, asm: Assembler) -> None:
        group, steps = self.group, asm.get(self.group.longest)
        chunks = (steps + (self.collected - 1)) // self.collected
        for row in asm.loop(self.below.count(asm)) if not self.is_inline else ():
            asm.clear(self.d_projected, row)
        for way in self.ways:
            name = f"{self.number}_{way.number}"
            for row in asm.loop(group.rows):
                asm.clear(self.d_hidden, row)
                asm.clear(self.d_cell, row)
            for done in asm.loop(chunks):
                first = (chunks - 1 - done) * self.collected
                count = least(self.collected, steps - first)
                for i in asm.loop(count):
                    at = count - 1 - i
                    asm.call(f"step_back_{name}", first + at, at)
                asm.call(f"outer_{name}", first, count)
        if not self.is_inline:
            self.projection.backward(asm, self.d_projected)

    def _step(self, asm: Assembler, way: Way, t: Value) -> None:
        """Take a step: a tile is summed up, and its gates are computed, in registers."""
        gates, lanes, registers = self.cell.gates, asm.lanes, asm.processor.registers
        at_once, rows = max(vectors_of_tile(registers) // gates, 1) * lanes, self.group.rows
        for first, units in asm.tiles(self.units, at_once):
            vectors = -(-gates * units // lanes)
            u = asm.at(way.used).columns(first * gates, vectors * lanes)
            for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
                states = asm.at(way.states, t).rows(row, height)
                of_input = self._input_sums(asm, way, t, row, states, u, first)
                sums = self._sums(asm, of_input, states, u, units)
                for i in range(height):
                    above = asm.get(self.group.places, way.number, t, row + i)
                    for n in range(0, units, lanes):
                        size, start = min(lanes, units - n), i * vectors + n * gates // lanes
                        place = t, row + i, first + n
                        h = self._cell(asm, way, place, size, of_input[start:], sums[start:])
                        asm.at(way.states, t + 1, row + i, first + n).store(h, size)
                        if self.layer.return_sequences:
                            column = first + (n + way.number * self.units)
                            asm.at(self.above.value, above, column).store(h, size)

    def _input_sums(
        self, asm: Assembler, way: Way, t: Value, row: Value, states: View, u: View, first: Value
    ) -> Sums:
        """Return the sums over the inputs, for a tile of gates whose units begin at ``first``."""
        vectors, (height, _) = u.shape[1] // asm.lanes, states.shape
        if self.is_inline:
            zeros = [asm.vector_of(0.0)] * (vectors * height)
            split = self.state_rows
            return sum_up(asm, zeros, states.columns(split, 2), u.rows(split, 2))
        column = first * self.cell.gates + way.number * self.columns
        places = [asm.get(self.below.places, way.number, t, row + i) for i in range(height)]
        lines = [asm.at(self.projected, place, column) for place in places]
        return [line.moved(v * asm.lanes).load() for line in lines for v in range(vectors)]

    def _sums(self, asm: Assembler, of_input: Sums, states: View, u: View, units: int) -> Sums:
        """Return the sums over inputs and state; those of a split gate over the state alone."""
        start, vectors = of_input, u.shape[1] // asm.lanes
        if self.cell.split is not None:
            gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
            is_split = [asm.vector_of(some).equals(self.cell.split) for some in gates]
            zero = asm.vector_of(0.0)
            start = [where(is_split[n % vectors], zero, total) for n, total in enumerate(of_input)]
        rows = self.state_rows
        return sum_up(asm, start, states.columns(0, rows), u.rows(0, rows))

    def _cell(
        self, asm: Assembler, way: Way, place: Place, size: int, of_input: Sums, sums: Sums
    ) -> Value:
        """Return the hidden states of a vector of units at a step of a sequence; store the rest."""
        t, row, unit = place
        cell, lanes = self.cell, asm.lanes

        def gate(vectors: Sums, number: int) -> Value:  # those of all gates stand side by side
            if size == lanes:
                return vectors[number]
            first, last = number * size // lanes, ((number + 1) * size - 1) // lanes
            start = number * size - first * lanes
            return pick([vectors[first], vectors[last]], [start + n % size for n in range(lanes)])

        gates = [gate(sums, number) for number in range(cell.gates)]
        if cell.split is not None:  # its sum over the state goes before that over the input
            gates.insert(cell.split + 1, gate(of_input, cell.split))
        c = asm.at(self.cell_state, row, unit)
        after = cell.forward(gates, asm.at(way.states, t, row, unit).load(), c.load())
        if after.c:
            c.store(after.c)
        for number, value in enumerate(after.kept):
            asm.at(way.kept, t, unit // lanes, row, number * lanes).store(value)
        return after.h

    def _step_back(self, asm: Assembler, way: Way, t: Value, at: Value) -> None:
        """Go back through a step; its gradients are collected at ``at``."""
        d_above, d = self.above.gradient, way.number
        for row in asm.loop(self.group.rows) if not self.layer.return_sequences else ():
            with asm.when(asm.get(self.group.lengths, row).equals(t + 1)):  # its last step
                for unit, size in asm.tiles(self.units, asm.lanes):
                    d_h = asm.at(d_above, row, unit + d * self.units).load()
                    asm.at(self.d_hidden, row, unit).store(d_h, size)
        for unit, size in asm.tiles(self.units, asm.lanes):
            for row in asm.loop(self.group.rows):
                d_h = asm.at(self.d_hidden, row, unit).load()
                if self.layer.return_sequences:
                    place = asm.get(self.group.places, d, t, row)
                    d_h += asm.at(d_above, place, unit + d * self.units).load()
                self._cell_back(asm, way, (t, row, unit), size, d_h, at)
        d_hidden, d_sums = asm.at(self.d_hidden), asm.at(self.d_sums, at)
        # The gradient of what passes into the next state directly is there already.
        product(asm, d_hidden, d_sums, asm.at(way.transposed), adds=self.cell.passes_h)

    def _cell_back(
        self, asm: Assembler, way: Way, place: Place, size: int, d_h: Value, at: Value
    ) -> None:
        """Write the gradients of the gates of a vector of units, and of the states before.

        Each is stored as a whole vector, gate by gate, so it overwrites the excess of the one
        before it. The excess of the last one lies past the columns.
        """
        t, row, unit = place
        d_c = asm.at(self.d_cell, row, unit)
        kept = asm.at(way.kept, t, unit // asm.lanes, row)
        back = self.cell.back(
            [kept[n * asm.lanes].load() for n in range(self.cell.kept)],
            asm.at(way.states, t + 1, row, unit).load(),
            asm.at(way.states, t, row, unit).load(),
            d_h,
            d_c.load(),
        )
        columns = [unit * self.cell.gates + n * size for n in range(self.cell.gates)]
        for column, value in zip(columns, back.sums, strict=True):
            asm.at(self.d_sums, at, row, column).store(value)
        for column, value in zip(columns, back.input_sums or back.sums, strict=True):
            if not self.is_inline:
                line = asm.at(self.d_projected, asm.get(self.below.places, way.number, t, row))
                out = line[column + way.number * self.columns]
                out.store(value + out.load(), size)  # several steps may read the same row
            elif back.input_sums:
                asm.at(self.d_input_sums, at, row, column).store(value)
        if back.h_before:
            asm.at(self.d_hidden, row, unit).store(back.h_before)
        if back.c_before:
            d_c.store(back.c_before)

    def _outer(self, asm: Assembler, way: Way, t: Value, steps: Value) -> None:
        """Add what was collected in some steps to the gradient of the weights of the state."""
        count, split = steps * self.group.rows, self.state_rows
        states = asm.at(way.states, t).rows(0, count).T  # all steps in a row
        parts = [(self.d_sums, 0, split), (self.d_input_sums, split, 2)][: 1 + self.is_inline]
        if self.is_inline and self.cell.split is None:  # in one product
            parts = [(self.d_sums, 0, split + 2)]
        for array, first, rows in parts:
            out, d_sums = asm.at(way.u.gradient).rows(first, rows), asm.at(array, 0)
            product(asm, out, states.rows(first, rows), d_sums.rows(0, count), adds=True)
