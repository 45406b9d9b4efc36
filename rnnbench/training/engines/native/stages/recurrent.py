"""Recurrent layers, in one direction or both: step by step forward, and back through time.

A layer's inputs are projected in one product before the first step. If they are single numbers, that
costs less within the steps. The equations of a step are in ``cells``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.layers import Layer, SeedOf
from rnnbench.models.layers.recurrent import Bidirectional, Recurrent
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
from rnnbench.training.engines.native.group import Activations, Group
from rnnbench.training.engines.native.memory import Array, Memory, Part
from rnnbench.training.engines.native.products import (
    Sums,
    product,
    rows_of_tile,
    sum_up,
    transpose,
    vectors_of_tile,
)
from rnnbench.training.engines.native.random import glorot_uniform, make_mask, orthogonal, quarter
from rnnbench.training.engines.native.stage import Stage
from rnnbench.training.outcome import Weights

ROWS_OF_OUTER = 50
"""Rows, of several steps in time, that are collected for a product that gives the gradient of
weights: so many that reading and writing that gradient takes little of the time."""
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


class RecurrentStage(Stage):
    """A recurrent layer, or two that read in opposite directions.

    The row of a state is ``[h, 1 (GRU), x, 1 (numbers)]``, so the weights ``U`` of a direction have
    rows for ``h``, for a bias of the state (see ``Cell.split``), and for an input that is a number.
    Other inputs have the weights ``W``, ``(features + 1, gates * units of both directions)``.
    """

    role = "weight_drop"

    def __init__(
        self,
        memory: Memory,
        number: int,
        layers: tuple[Layer, ...],
        group: Group,
        below: Activations,
    ):
        super().__init__(number, group, below)
        (layer,) = layers
        self.is_double = isinstance(layer, Bidirectional)
        inner = layer.layer if isinstance(layer, Bidirectional) else layer
        assert isinstance(inner, Recurrent)
        self.layer, self.units, self.cell = inner, inner.units, CELLS[inner.kind]
        self.directions, n = range(1 + self.is_double), inner.units
        self.columns = self.cell.gates * n
        self.above = Activations.of(
            memory, group, len(self.directions) * n, is_sequence=inner.return_sequences
        )
        self.state_rows = n + self.cell.state_biases
        self.is_inline = below.features == 1 and below.gradient is None
        self.is_shared = (
            below.places is not group.places
        )  # several steps may have one row of inputs
        width, all_columns = (
            self.state_rows + 2 * self.is_inline,
            len(self.directions) * self.columns,
        )
        place, lanes, rows, steps = memory.place, memory.lanes, group.rows, group.sizes.timesteps
        self.u = [memory.trained(width, self.columns) for _ in self.directions]
        self.trained = tuple(self.u)
        # For each direction: the states before each step and after the last, and what is kept for
        # the way back: values of all lanes, for each step, vector of units and row.
        self.states = [place(steps + 1, rows, width) for _ in self.directions]
        kept = steps, -(-n // lanes), rows, self.cell.kept * lanes
        self.kept = [place(*kept) for _ in self.directions]
        # The gradients of the gates, before their activations, of the steps that are collected.
        self.collected = min(-(-ROWS_OF_OUTER // rows), steps)
        self.d_sums = place(self.collected, rows, self.columns, slack=lanes)
        self.d_input_sums = self.d_sums  # as the inputs see them
        if self.cell.split is not None:
            self.d_input_sums = place(self.collected, rows, self.columns, slack=lanes)
        self.d_hidden, self.d_cell, self.cell_state = (place(rows, n) for _ in range(3))
        self.back_to_state = [place(self.columns, n) for _ in self.directions]
        if not self.is_inline:
            self.w = memory.trained(below.weight_rows, all_columns)
            self.trained = (*self.trained, self.w)
            self.projected, self.d_projected = (
                place(group.capacity, all_columns, slack=lanes) for _ in range(2)
            )
            self.back_to_input = place(all_columns, below.features) if below.gradient else None
        if inner.weight_drop:
            self.key = place(2)
            self.masks = [place(n, 4 * quarter(self.columns)) for _ in self.directions]
            self.dropped = [place(width, self.columns) for _ in self.directions]
        self.parts = tuple(part for d in self.directions for part in self._parts(d, lanes))

    @classmethod
    def takes(cls, layers: tuple[Layer, ...]) -> int:
        layer = layers[0]
        if type(layer) is Bidirectional:
            return layer.merge_mode == "concat" and cls.takes((layer.layer,))
        kinds = [cell.layer for cell in CELLS.values()]
        return type(layer) in kinds and layer.settings().keys() <= COVERED

    def _parts(self, d: int, lanes: int) -> list[Part]:
        """Return the kernel, the recurrent kernel and the bias of a direction."""
        n, inputs, columns = self.units, self.below.features, self.columns
        order = np.argsort(column_order(n, self.cell.gates, lanes))
        if self.is_inline:
            of_inputs, first, shift = self.u[d], self.state_rows, 0
        else:
            of_inputs, first, shift = self.w, 0, d * columns
        rows = range(first, first + inputs)
        biases = [(of_inputs, np.ix_([first + inputs], order + shift))]
        biases += [(self.u[d], np.ix_([n], order))] * self.cell.state_biases
        shape = (2, columns) if self.cell.state_biases else (columns,)
        return [
            Part((inputs, columns), ((of_inputs, np.ix_(rows, order + shift)),)),
            Part((n, columns), ((self.u[d], np.ix_(range(n), order)),)),
            Part(shape, tuple(biases)),
        ]

    def initial_weights(self, seed_of: SeedOf) -> Weights:
        weights: Weights = []
        columns, n = self.columns, self.units
        for d in self.directions:
            side = ("forward ", "backward ")[d] if self.is_double else ""
            bias = np.zeros((1 + self.cell.state_biases, columns), np.float32)
            if self.cell.open_gate is not None and getattr(self.layer, "unit_forget_bias", True):
                bias[:, self.cell.open_gate * n : (self.cell.open_gate + 1) * n] = 1
            weights += [
                glorot_uniform((self.below.features, columns), seed_of(f"{side}kernel")),
                orthogonal((n, columns), seed_of(f"{side}recurrent")),
                bias.squeeze() if len(bias) == 1 else bias,
            ]
        return weights

    def begin(self, arena: NDArray[np.float32], seed_of: SeedOf) -> None:
        super().begin(arena, seed_of)
        for states in self.states:
            states.of(arena)[..., self.units : self.state_rows] = 1
            if self.is_inline:
                states.of(arena)[..., -1] = 1

    def helpers(self, asm: Assembler) -> None:
        """Make the functions of a step in each direction."""
        for d in self.directions:
            with asm.function(f"step_{self.number}_{d}", ["arena"], 1) as (t,):
                self._step(asm, d, t)
            with asm.function(f"step_back_{self.number}_{d}", ["arena"], 2) as (t, at):
                self._step_back(asm, d, t, at)
            with asm.function(f"outer_{self.number}_{d}", ["arena"], 2) as (t, count):
                self._outer(asm, d, t, count)

    def prepare(self, asm: Assembler) -> None:
        """Transpose what the way back needs."""
        for d in self.directions:
            if self.layer.weight_drop:
                self._drop_weights(asm, d)
            u = asm.at(self._used(d)).rows(0, self.units)
            transpose(asm, asm.at(self.back_to_state[d]), u)
        if not self.is_inline and self.back_to_input:
            w = asm.at(self.w.value).rows(0, self.below.features)
            transpose(asm, asm.at(self.back_to_input), w)

    def _used(self, d: int) -> Array:
        """Return the weights of the state, of which some may be dropped."""
        return self.dropped[d] if self.layer.weight_drop else self.u[d].value

    def _drop_weights(self, asm: Assembler, d: int) -> None:
        """Drop a share of the weights of the state, but none of the biases and inputs."""
        rate, is_training = self.layer.weight_drop, asm.get(self.group.is_training)
        u, masks = self.u[d].value, self.masks[d]
        for row in asm.loop(self.dropped[d].shape[0]):
            for column, _ in asm.tiles(self.columns, asm.lanes):
                asm.at(self.dropped[d], row, column).store(asm.at(u, row, column).load())
        with asm.when(is_training.equals(1)):
            for row in asm.loop(self.units):
                place = asm.get(self.group.clock), row, d
                make_mask(asm, asm.at(self.key), place, rate, asm.at(masks, row), self.columns)
                self._mask(asm, self.dropped[d], masks, row)

    def _mask(self, asm: Assembler, array: Array, masks: Array, row: Value) -> None:
        for column, _ in asm.tiles(self.columns, asm.lanes):
            place = asm.at(array, row, column)
            place.store(place.load() * asm.at(masks, row, column).load())

    def conclude(self, asm: Assembler) -> None:
        """Leave out the gradients of weights that were dropped."""
        for d in self.directions if self.layer.weight_drop else ():
            for row in asm.loop(self.units):
                self._mask(asm, self.u[d].gradient, self.masks[d], row)

    def forward(self, asm: Assembler) -> None:
        group, steps = self.group, asm.get(self.group.longest)
        if not self.is_inline:
            self.below.project(asm, self.projected, self.w.value)
        for d in self.directions:
            for t in asm.loop(steps) if self.is_inline else ():
                for row in asm.loop(group.rows):
                    x = asm.at(self.below.value, asm.get(group.places, d, t, row), 0).load(F32)
                    asm.at(self.states[d], t, row, self.state_rows).store(x)
            for row in asm.loop(group.rows):
                asm.clear(self.cell_state, row)
            for t in asm.loop(steps):
                asm.call(f"step_{self.number}_{d}", t)
            for row in asm.loop(group.rows) if not self.layer.return_sequences else ():
                last = asm.get(group.lengths, row)
                for unit, size in asm.tiles(self.units, asm.lanes):
                    h = asm.at(self.states[d], last, row, unit).load()
                    asm.at(self.above.value, row, unit + d * self.units).store(h, size)

    def backward(self, asm: Assembler) -> None:
        group, size = self.group, self.collected
        steps = asm.get(group.longest)
        chunks = (steps + (size - 1)) // size
        if not self.is_inline and self.is_shared:
            for row in asm.loop(self.below.count(asm)):
                asm.clear(self.d_projected, row)
        for d in self.directions:
            for row in asm.loop(group.rows):
                asm.clear(self.d_hidden, row)
                asm.clear(self.d_cell, row)
            for done in asm.loop(chunks):
                first = (chunks - 1 - done) * size
                count = least(size, steps - first)
                for i in asm.loop(count):
                    at = count - 1 - i
                    asm.call(f"step_back_{self.number}_{d}", first + at, at)
                asm.call(f"outer_{self.number}_{d}", first, count)
        if not self.is_inline:
            group.clear_gaps(asm, self.d_projected)
            self.below.back(asm, self.d_projected, self.w.gradient, self.back_to_input)

    def _step(self, asm: Assembler, d: int, t: Value) -> None:
        """Take a step: a tile is summed up, and its gates are computed, in registers."""
        gates, lanes, registers = self.cell.gates, asm.lanes, asm.processor.registers
        at_once, rows = max(vectors_of_tile(registers) // gates, 1) * lanes, self.group.rows
        for first, units in asm.tiles(self.units, at_once):
            vectors = -(-gates * units // lanes)
            u = asm.at(self._used(d)).columns(first * gates, vectors * lanes)
            for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
                of_input, sums = self._sums(asm, d, t, row, height, u, first, units)
                for i in range(height):
                    above = asm.get(self.group.places, d, t, row + i)
                    for n in range(0, units, lanes):
                        size, start = min(lanes, units - n), i * vectors + n * gates // lanes
                        place = t, row + i, first + n
                        h = self._cell(asm, d, place, size, of_input[start:], sums[start:])
                        asm.at(self.states[d], t + 1, row + i, first + n).store(h, size)
                        if self.layer.return_sequences:
                            column = first + (n + d * self.units)
                            asm.at(self.above.value, above, column).store(h, size)

    def _sums(
        self, asm: Assembler, d: int, t: Value, row: Value, height: int, u: View, first: Value,
        units: int,
    ) -> tuple[Sums, Sums]:  # fmt: skip
        """Return the sums over the inputs, and all sums; of a split gate, those over the state."""
        vectors, split = u.shape[1] // asm.lanes, self.state_rows
        states, zero = asm.at(self.states[d], t).rows(row, height), asm.vector_of(0.0)
        if self.is_inline and self.cell.split is None:
            sums = sum_up(asm, [zero] * (vectors * height), states, u)
            return sums, sums
        if self.is_inline:
            numbers = states.columns(split, 2)
            of_input = sum_up(asm, [zero] * (vectors * height), numbers, u.rows(split, 2))
        else:
            column = first * self.cell.gates + d * self.columns
            places = [asm.get(self.below.places, d, t, row + i) for i in range(height)]
            lines = [asm.at(self.projected, place, column) for place in places]
            of_input = [line.moved(v * asm.lanes).load() for line in lines for v in range(vectors)]
        start = of_input
        if self.cell.split is not None:
            gates = np.arange(vectors * asm.lanes).reshape(vectors, asm.lanes) // units
            is_split = [asm.vector_of(some).equals(self.cell.split) for some in gates]
            start = [where(is_split[n % vectors], zero, total) for n, total in enumerate(of_input)]
        return of_input, sum_up(asm, start, states.columns(0, split), u.rows(0, split))

    def _cell(
        self, asm: Assembler, d: int, place: Place, size: int, of_input: Sums, sums: Sums
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
        h_before = asm.at(self.states[d], t, row, unit)
        c = asm.at(self.cell_state, row, unit)
        after = cell.forward(gates, h_before.load(), c.load())
        if after.c:
            c.store(after.c)
        for number, value in enumerate(after.kept):
            asm.at(self.kept[d], t, unit // lanes, row, number * lanes).store(value)
        return after.h

    def _step_back(self, asm: Assembler, d: int, t: Value, at: Value) -> None:
        """Go back through a step; its gradients are collected at a place.

        Those of the gates of a vector of units are stored as whole vectors, gate by gate, so each
        overwrites what the one before it wrote too much. What the last one writes too much is 0, as
        the gradients of units that do not exist.
        """
        lanes, group, is_sequence = asm.lanes, self.group, self.layer.return_sequences
        assert self.above.gradient
        for row in asm.loop(group.rows) if not is_sequence else ():  # at the end of a document
            with asm.when(asm.get(group.lengths, row).equals(t + 1)):
                for unit, size in asm.tiles(self.units, lanes):
                    d_h = asm.at(self.above.gradient, row, unit + d * self.units).load()
                    asm.at(self.d_hidden, row, unit).store(d_h, size)
        for unit, size in asm.tiles(self.units, lanes):
            for row in asm.loop(group.rows):
                kept = asm.at(self.kept[d], t, unit // lanes, row)
                d_h, d_c = asm.at(self.d_hidden, row, unit), asm.at(self.d_cell, row, unit)
                gradient = d_h.load()
                if is_sequence:
                    place = asm.get(group.places, d, t, row)
                    gradient += asm.at(self.above.gradient, place, unit + d * self.units).load()
                back = self.cell.back(
                    [kept[n * lanes].load() for n in range(self.cell.kept)],
                    asm.at(self.states[d], t + 1, row, unit).load(),
                    asm.at(self.states[d], t, row, unit).load(),
                    gradient,
                    d_c.load(),
                )
                columns = [unit * self.cell.gates + n * size for n in range(self.cell.gates)]
                for column, value in zip(columns, back.sums, strict=True):
                    asm.at(self.d_sums, at, row, column).store(value)
                for column, value in zip(columns, back.input_sums or back.sums, strict=True):
                    if self.is_inline:
                        if back.input_sums:
                            asm.at(self.d_input_sums, at, row, column).store(value)
                        continue
                    place = asm.get(self.below.places, d, t, row)
                    out = asm.at(self.d_projected, place, column + d * self.columns)
                    out.store(value + out.load() if self.is_shared else value, size)
                if back.h_before:
                    d_h.store(back.h_before)
                if back.c_before:
                    d_c.store(back.c_before)
        d_hidden, d_sums = asm.at(self.d_hidden), asm.at(self.d_sums, at)
        # The gradient of what passes into the next state directly is there already.
        product(asm, d_hidden, d_sums, asm.at(self.back_to_state[d]), adds=self.cell.passes_h)

    def _outer(self, asm: Assembler, d: int, t: Value, steps: Value) -> None:
        """Add to the gradient of the weights of the state what was collected in some steps."""
        count, split = steps * self.group.rows, self.state_rows
        states = asm.at(self.states[d], t).rows(0, count).T  # all steps in a row
        parts = [(self.d_sums, 0, split)]
        if self.is_inline and self.cell.split is None:
            parts = [(self.d_sums, 0, split + 2)]
        elif self.is_inline:
            parts.append((self.d_input_sums, split, 2))
        for array, first, rows in parts:
            out, d_sums = asm.at(self.u[d].gradient).rows(first, rows), asm.at(array, 0)
            product(asm, out, states.rows(first, rows), d_sums.rows(0, count), adds=True)
