"""Recurrent layers, in one direction or both: step by step forward, and back through time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.training.engines.packed.assembler import (
    F32,
    Assembler,
    Value,
    View,
    least,
    pick,
    where,
)
from rnnbench.training.engines.packed.cells import CELLS
from rnnbench.training.engines.packed.memory import Memory
from rnnbench.training.engines.packed.plan import Signal, Stage
from rnnbench.training.engines.packed.products import (
    Sums,
    clear,
    product,
    rows_of_tile,
    sum_up,
    transpose,
    vectors_of_tile,
)

ROWS_OF_OUTER = 50
"""Rows, of several steps in time, that are collected for a product that gives the gradient of
weights: so many that reading and writing that gradient takes little of the time."""


def column_order(units: int, gates: int, lanes: int) -> NDArray[np.intp]:
    """Return Keras's column of each of ours: all gates of a vector of units stand together.

    >>> column_order(units=3, gates=2, lanes=2).tolist()  # Keras: gate by gate
    [0, 1, 3, 4, 2, 5]
    """
    columns = np.arange(gates * units).reshape(gates, units)
    starts = range(0, units, lanes)
    return np.concatenate([columns[:, start : start + lanes].ravel() for start in starts])


class RecurrentStage(Stage):
    """One layer; ``W`` (features + 1, columns of all directions), and ``U`` of each direction."""

    def __init__(
        self, memory: Memory, number: int, layer: Recurrent, below: Signal, *, directions: int = 1
    ):
        self.number, self.units, self.below = number, layer.units, below
        self.cell, self.directions = CELLS[layer.kind], range(directions)
        self.group, self.lanes = below.group, memory.lanes
        self.gives_sequence = layer.return_sequences
        group, gates, units = self.group, self.cell.gates, self.units
        self.columns = gates * units
        self.is_inline = below.features == 1 and below.gradient is None
        self.order = column_order(units, gates, memory.lanes)
        self.state_rows = units + self.cell.state_biases
        self.inputs = 2 if self.is_inline else 0  # beside the state: a number and 1
        self.above = Signal.new(
            memory, group, directions * units, is_sequence=self.gives_sequence, is_trained=True
        )
        place, rows, steps = memory.place, group.rows, group.steps
        # Weights of the state and, if inline, of the inputs.
        width = self.state_rows + self.inputs
        self.u = [memory.trained(width, self.columns) for _ in self.directions]
        self.trained = tuple(self.u)
        self.states = [place(steps + 1, rows, width) for _ in self.directions]
        self.kept = [
            place(steps, -(-units // memory.lanes), rows, self.cell.kept * memory.lanes)
            for _ in self.directions
        ]
        self.collected = -(-ROWS_OF_OUTER // rows)
        self.d_sums = place(self.collected, rows, self.columns, slack=memory.lanes)
        self.d_input_sums = self.d_sums
        if self.cell.split is not None:
            self.d_input_sums = place(self.collected, rows, self.columns, slack=memory.lanes)
        self.d_hidden, self.d_cell, self.cell_state = (place(rows, units) for _ in range(3))
        self.back_to_state = [place(self.columns, units) for _ in self.directions]
        if not self.is_inline:
            all_columns = directions * self.columns
            self.w = memory.trained(below.weight_rows, all_columns)
            self.trained = (*self.trained, self.w)
            self.projected = place(group.capacity, all_columns, slack=memory.lanes)
            self.d_projected = place(group.capacity, all_columns, slack=memory.lanes)
            self.back_to_input = place(all_columns, below.features) if below.gradient else None

    # ---- between Keras and the arena

    def load(self, arena, weights):
        """Put Keras's weights into the arena; return how many were taken."""
        for d in self.directions:
            kernel, recurrent_kernel, bias = weights[3 * d : 3 * d + 3]
            bias = np.atleast_2d(bias)
            rows = [recurrent_kernel, bias[1:]]
            of_input = np.concatenate([kernel, bias[:1]])[:, self.order]
            if self.is_inline:
                rows += [kernel, bias[:1]]
            else:
                self.w.value.of(arena)[: self.below.features + 1, d * self.columns : (d + 1) * self.columns] = of_input
            self.u[d].value.of(arena)[:] = np.concatenate(rows)[:, self.order]
        return 3 * len(self.directions)

    def save(self, arena, of):
        weights = []
        for d in self.directions:
            own = np.empty((self.state_rows + self.below.features + 1, self.columns), np.float32)
            parts = [of(self.u[d]).of(arena)]
            if not self.is_inline:
                parts.append(of(self.w).of(arena)[: self.below.features + 1, d * self.columns : (d + 1) * self.columns])
            own[:, self.order] = np.concatenate(parts)
            biases = [-1, self.units] if self.cell.state_biases else -1
            weights += [own[self.state_rows : -1], own[: self.units], own[biases]]
        return weights

    def start(self, arena, seeds):
        """Set the ones in memory."""
        for states in self.states:
            inner = states.of(arena)
            inner[..., self.units : self.state_rows] = 1
            if self.is_inline:
                inner[..., -1] = 1
        self.above.value.of(arena)[..., -1] = 1

    # ---- code

    def make(self, asm: Assembler) -> None:
        n, group = self.number, self.group
        for d in self.directions:
            with asm.function(f"forward_{n}_{d}", ["arena"], 1) as (t,):
                self._forward_step(asm, d, t)
            with asm.function(f"backward_{n}_{d}", ["arena"], 2) as (t, place):
                self._backward_step(asm, d, t, place)
            with asm.function(f"outer_{n}_{d}", ["arena"], 2) as (t, steps):
                self._outer(asm, d, t, steps)
        with asm.function(f"forward_{n}", ["arena"]):
            steps = group.longest(asm)
            if not self.is_inline:
                self.below.project(asm, self.projected, self.w.value)
            for d in self.directions:
                if self.is_inline:
                    self._fill(asm, d, steps)
                clear(asm, self.cell_state)
                for t in asm.loop(steps):
                    asm.call(f"forward_{n}_{d}", t)
            if not self.gives_sequence:
                self._hand_on_last(asm)
        with asm.function(f"backward_{n}", ["arena"]):
            steps = group.longest(asm)
            if not self.is_inline and self.is_shared:
                self._clear_shared(asm)
            chunks = (steps + (self.collected - 1)) // self.collected
            for d in self.directions:
                clear(asm, self.d_hidden)
                clear(asm, self.d_cell)
                for done in asm.loop(chunks):
                    first = (chunks - 1 - done) * self.collected
                    count = least(self.collected, steps - first)
                    for i in asm.loop(count):
                        place = count - 1 - i
                        asm.call(f"backward_{n}_{d}", first + place, place)
                    asm.call(f"outer_{n}_{d}", first, count)
            if not self.is_inline:
                group.clear_gaps(asm, self.d_projected)
                gradient = self.w.gradient
                self.below.back(asm, self.d_projected, gradient, self.back_to_input)

    def prepare(self, asm: Assembler) -> None:
        """Transpose what the way back needs, at the begin of an optimizer step."""
        for d in self.directions:
            transpose(asm, asm.at(self.back_to_state[d]), asm.at(self.u[d].value).rows(0, self.units))
        if not self.is_inline and self.below.gradient:
            transpose(asm, asm.at(self.back_to_input), asm.at(self.w.value).rows(0, self.below.features))

    @property
    def is_shared(self) -> bool:
        """Whether several steps read the same row of the inputs."""
        return self.below.places is not self.group.places

    def _clear_shared(self, asm) -> None:
        for i in asm.loop(self.below.count(asm)):
            for column in asm.loop(self.d_projected.strides[0], step=asm.lanes):
                asm.at(self.d_projected, i, column).store(asm.vector_of(0.0))

    def _fill(self, asm, d, steps) -> None:
        for t in asm.loop(steps):
            for row in asm.loop(self.group.rows):
                x = asm.at(self.below.value, asm.at(self.group.places, d, t, row).load_index(), 0).load(F32)
                asm.at(self.states[d], t, row, self.state_rows).store(x)

    def _hand_on_last(self, asm) -> None:
        for d in self.directions:
            for row in asm.loop(self.group.rows):
                last = asm.at(self.states[d], self.group.length(asm, row), row)
                for unit, size in asm.tiles(self.units, self.lanes):
                    asm.at(self.above.value, row, unit + d * self.units).store(
                        last[unit].load(), size
                    )

    def _forward_step(self, asm: Assembler, d: int, t: Value) -> None:
        gates, lanes, registers = self.cell.gates, asm.lanes, asm.processor.registers
        at_once = max(vectors_of_tile(registers) // gates, 1) * lanes
        states, rows = self.states[d], self.group.rows
        for first, units in asm.tiles(self.units, at_once):
            vectors = -(-gates * units // lanes)
            b = asm.at(self.u[d].value).columns(first * gates, vectors * lanes)
            for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
                a = asm.at(states, t).rows(row, height)
                places, inputs = (
                    [asm.at(table, d, t, row + i).load_index() for i in range(height)]
                    for table in (self.group.places, self.below.places)
                )
                of_input, sums = self._sums(asm, d, a, b, inputs, first, units)
                for i in range(height):
                    for n in range(0, units, lanes):
                        size, start = min(lanes, units - n), i * vectors + n * gates // lanes
                        at = t, row + i, first + n
                        h = self._forward_cell(asm, d, at, size, of_input[start:], sums[start:])
                        asm.at(states, t + 1, row + i, first + n).store(h, size)
                        if self.gives_sequence:
                            column = first + (n + d * self.units)
                            asm.at(self.above.value, places[i], column).store(h, size)

    def _sums(
        self, asm: Assembler, d: int, a: View, b: View, places: Sequence[Value], first: Value, units: int
    ) -> tuple[Sums, Sums]:
        """Return the sums over the inputs, and all sums; of a split gate, only the state's."""
        vectors, split = b.shape[1] // asm.lanes, self.state_rows
        zero = asm.vector_of(0.0)
        if self.is_inline:
            zeros = [zero] * (vectors * a.shape[0])
            if self.cell.split is None:
                sums = sum_up(asm, zeros, a, b)
                return sums, sums
            of_input = sum_up(asm, zeros, a.columns(split, 2), b.rows(split, 2))
        else:
            column = first * self.cell.gates + d * self.columns
            rows = [asm.at(self.projected, place, column) for place in places]
            of_input = [row.moved(v * asm.lanes).load() for row in rows for v in range(vectors)]
        start = of_input
        if self.cell.split is not None:
            gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
            is_split = [asm.vector_of(some).equals(self.cell.split) for some in gates]
            start = [where(is_split[n % vectors], zero, total) for n, total in enumerate(of_input)]
        return of_input, sum_up(asm, start, a.columns(0, split), b.rows(0, split))

    def _forward_cell(
        self, asm: Assembler, d: int, at: tuple[Value, Value, Value], size: int,
        of_input: Sums, sums: Sums,
    ) -> Value:
        """Return the hidden states of a vector of units at a step of a sequence; store the rest."""
        t, row, unit = at
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
        h_before = asm.at(self.states[d], t, row, unit)
        c = asm.at(self.cell_state, row, unit)
        after = cell.forward(gates, h_before.load(), c.load())
        if after.c:
            c.store(after.c)
        for number, value in enumerate(after.kept):
            asm.at(self.kept[d], t, unit // lanes, row, number * lanes).store(value)
        return after.h

    def _backward_step(self, asm: Assembler, d: int, t: Value, place: Value) -> None:
        """Go back through a step; its gradients are collected at a place.

        Those of the gates of a vector of units are stored as whole vectors, gate by gate, so each
        overwrites what the one before it wrote too much. What the last one writes too much is 0, as
        the gradients of units that do not exist.
        """
        lanes, group, states = asm.lanes, self.group, self.states[d]
        d_above = self.above.gradient
        if not self.gives_sequence:
            self._begin_at_end(asm, d, t)
        for unit, size in asm.tiles(self.units, lanes):
            for row in asm.loop(group.rows):
                kept = asm.at(self.kept[d], t, unit // lanes, row)
                d_h, d_c = asm.at(self.d_hidden, row, unit), asm.at(self.d_cell, row, unit)
                at = asm.at(group.places, d, t, row).load_index()
                input_at = asm.at(self.below.places, d, t, row).load_index()
                gradient = d_h.load()
                if self.gives_sequence:
                    gradient += asm.at(d_above, at, unit + d * self.units).load()
                back = self.cell.back(
                    [kept[n * lanes].load() for n in range(self.cell.kept)],
                    asm.at(states, t + 1, row, unit).load(),
                    asm.at(states, t, row, unit).load(),
                    gradient,
                    d_c.load(),
                )
                for n, gradient in enumerate(back.sums):
                    column = unit * self.cell.gates + n * size
                    asm.at(self.d_sums, place, row, column).store(gradient)
                for n, gradient in enumerate(back.input_sums or back.sums):
                    column = unit * self.cell.gates + n * size
                    if not self.is_inline:
                        out = asm.at(self.d_projected, input_at, column + d * self.columns)
                        out.store(gradient + out.load() if self.is_shared else gradient, size)
                    elif back.input_sums:
                        asm.at(self.d_input_sums, place, row, column).store(gradient)
                if back.h_before:
                    d_h.store(back.h_before)
                if back.c_before:
                    d_c.store(back.c_before)
        product(
            asm, asm.at(self.d_hidden), asm.at(self.d_sums, place),
            asm.at(self.back_to_state[d]), adds=self.cell.passes_h,
        )

    def _begin_at_end(self, asm, d, t) -> None:
        """Take over the gradient from above at the last step of each document."""
        for row in asm.loop(self.group.rows):
            with asm.when(self.group.length(asm, row).equals(t + 1)):
                for unit, size in asm.tiles(self.units, self.lanes):
                    d_above = asm.at(self.above.gradient, row, unit + d * self.units).load()
                    asm.at(self.d_hidden, row, unit).store(d_above, size)

    def _outer(self, asm: Assembler, d: int, t: Value, steps: Value) -> None:
        """Add to the gradient of the weights what was collected in some steps."""
        count = steps * self.group.rows
        inputs = asm.at(self.states[d], t).rows(0, count).T  # all steps in a row
        parts = [(self.d_sums, 0, self.state_rows)]
        if self.is_inline and self.cell.split is None:
            parts = [(self.d_sums, 0, self.state_rows + 2)]
        elif self.is_inline:
            parts.append((self.d_input_sums, self.state_rows, 2))
        for array, first, rows in parts:
            out = asm.at(self.u[d].gradient).rows(first, rows)
            product(asm, out, inputs.rows(first, rows), asm.at(array, 0).rows(0, count), adds=True)
