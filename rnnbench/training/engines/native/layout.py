"""Where everything lies in memory: every array with its shape and its strides, as plain data.

All arrays lie in one block of floats, the arena; ``docs/native.md`` draws it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError

GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3}
KEPT = {"simple_rnn": 0, "lstm": 6, "gru": 4}
"""Values of each unit and step that the backward pass needs, apart from the hidden states."""

LINE = 16
"""Floats in a cache line; every array begins at one."""
ROWS_AT_ONCE = 10
"""Sequences that go through the network together, at most: so few that everything that the
backward pass needs of them stays in the second cache."""
ROWS_OF_LARGE = 25
"""The same, where a layer's weights alone fill that cache, and every part of a batch reads them."""
SECOND_CACHE = 2**19
"""Floats in it, or about so many."""
ROWS_OF_OUTER = 50
"""Rows, of several steps in time, that are collected for a product that gives the gradient of
weights: so many that reading and writing that gradient takes little of the time."""
LARGEST_ARENA = 2**29
"""Floats."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that the machine code is made for.

    Attributes:
        layers: the cell and the units of each recurrent layer.
        topics: classes of the softmax.
        timesteps: of each sequence.
        batch: documents in an optimizer step.
        lanes: floats in a vector register.
    """

    layers: tuple[tuple[str, int], ...]
    topics: int
    timesteps: int
    batch: int
    lanes: int

    def __post_init__(self) -> None:
        numbers = [self.topics, self.timesteps, self.batch, *(units for _, units in self.layers)]
        if not self.layers or min(numbers) < 1 or self.lanes not in (4, 8, 16):
            raise RnnbenchError(f"no machine code can be made for {self}")

    @property
    def rows(self) -> int:
        """Sequences that go through the network together: a part of a batch."""
        largest = max(GATES[cell] * units * units for cell, units in self.layers)
        most = ROWS_AT_ONCE if largest < SECOND_CACHE else ROWS_OF_LARGE
        return -(-self.batch // -(-self.batch // most))

    @property
    def collected(self) -> int:
        """Steps in time whose gradients are collected before they go to the weights."""
        return min(-(-ROWS_OF_OUTER // self.rows), self.timesteps)


@dataclass(frozen=True)
class Array:
    """An array of floats in the arena.

    Attributes:
        offset: of its first element, in floats.
        shape: of what it holds.
        strides: in floats. They can be longer than the shape needs, because vectors are read and
            written whole; and 0, where an array holds only the last of several things.
        size: the floats set aside.
    """

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int

    def of(self, arena: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the array as a part of the arena."""
        strides = [each * arena.itemsize for each in self.strides]
        return np.lib.stride_tricks.as_strided(arena[self.offset :], self.shape, strides)


@dataclass(frozen=True)
class LayerLayout:
    """The arrays of a recurrent layer with ``n`` units and ``G`` gates.

    An input of the layer is one row: ``[h of the step before (n), 1 (GRU only), x, 1]``. So biases,
    states and inputs are one product with the weights, whose rows are ``[U; b_r (GRU); W; b]``.

    Attributes:
        cell: its kind.
        units: their number.
        features: the length of ``x``.
        state_rows: rows of the weights that belong to the state.
        inputs: ``(timesteps + 1, rows, width)``: rows as above.
        weights, gradient: ``(width, G * n)``, in the order of ``column_order``.
        back_to_state: ``(G * n, n)``, the transposed U.
        back_to_input: the transposed W; ``None`` in the first layer.
        kept: ``(timesteps, groups, rows, values, lanes)``, from the forward pass for the backward
            pass. A group is a vector of units.
        d_sums: ``(collected, rows, G * n)``: gradients of the gates, before their activations.
        d_input_sums: the same, as W and b see them; another array only in a GRU, whose reset gate
            stands between U and the candidate.
        d_hidden, cell_state, d_cell: ``(rows, n)``: the gradient of the hidden state; the cell
            state of an LSTM, and its gradient.
    """

    cell: str
    units: int
    features: int
    state_rows: int
    inputs: Array
    weights: Array
    gradient: Array
    back_to_state: Array
    back_to_input: Array | None
    kept: Array
    d_sums: Array
    d_input_sums: Array
    d_hidden: Array
    cell_state: Array
    d_cell: Array

    @property
    def width(self) -> int:
        """The length of an input row."""
        return self.weights.shape[0]


@dataclass(frozen=True)
class Layout:
    """All arrays; ``weights``, ``gradient``, ``mean`` and ``square`` are alike.

    Attributes:
        sizes: those that it was made for.
        layers: from the first to the last.
        weights, gradient: all weights in a row, and their gradient.
        mean, square: Adam's averages of gradients and of their squares.
        top: ``(timesteps, rows, n + 1)``: ``[h, 1]``, the input of the softmax. All steps lie at
            the same place, so the last one stays.
        head, d_head: ``(n + 1, topics)``, the weights of the softmax, ``[W; b]``; their gradient.
        back_to_top: ``(topics, n)``, the transposed W.
        logits: ``(rows, topics)``; then their gradient.
        size: of the arena, in floats.
    """

    sizes: Sizes
    layers: tuple[LayerLayout, ...]
    weights: Array
    gradient: Array
    mean: Array
    square: Array
    top: Array
    head: Array
    d_head: Array
    back_to_top: Array
    logits: Array
    size: int


def column_order(units: int, gates: int, lanes: int) -> NDArray[np.intp]:
    """Return Keras's column of each of ours: all gates of a vector of units stand together.

    >>> column_order(units=3, gates=2, lanes=2).tolist()  # Keras: gate by gate
    [0, 1, 3, 4, 2, 5]
    """
    columns = np.arange(gates * units).reshape(gates, units)
    starts = range(0, units, lanes)
    return np.concatenate([columns[:, start : start + lanes].ravel() for start in starts])


def up(number: int, step: int) -> int:
    """Return the multiple of ``step`` that is at or above ``number``."""
    return -(-number // step) * step


class _Arena:
    """Gives each array its place, one after the other."""

    def __init__(self) -> None:
        self.size = LINE  # nothing lies at the very start

    def place(self, *shape: int, slack: int = 0) -> Array:
        """Return an array whose rows have ``slack`` more floats at the end, at least."""
        width = up(shape[-1] + slack, LINE)
        if width % 256 == 0:  # rows that are 1 KiB apart would compete for the same cache lines
            width += LINE
        strides = [1]
        for length in (width, *shape[-2:0:-1]):
            strides.insert(0, strides[0] * length)
        size = math.prod((*shape[:-1], width))
        array = Array(self.size, shape, tuple(strides[-len(shape) :]), size)
        self.size += size
        return array


def _moved(array: Array, by: int) -> Array:
    return replace(array, offset=array.offset + by)


def plan(sizes: Sizes) -> Layout:
    """Return the layout for some sizes.

    Raises:
        RnnbenchError: they need too much memory.
    """
    arena = _Arena()
    start, weights = arena.size, list[Array]()
    features = 1
    for cell, units in sizes.layers:
        rows = units + (cell == "gru") + features + 1
        weights.append(arena.place(rows, GATES[cell] * units))
        features = units
    head = arena.place(features + 1, sizes.topics)
    count = arena.size - start
    whole = Array(start, (count,), (1,), count)
    arena.size += 3 * count
    gradient, mean, square = (_moved(whole, n * count) for n in (1, 2, 3))
    layers = tuple(
        _layer(arena, sizes, number, each, _moved(each, count))
        for number, each in enumerate(weights)
    )
    top = arena.place(sizes.rows, features + 1)
    layout = Layout(
        sizes=sizes,
        layers=layers,
        weights=whole,
        gradient=gradient,
        mean=mean,
        square=square,
        top=replace(top, shape=(sizes.timesteps, *top.shape), strides=(0, *top.strides)),
        head=head,
        d_head=_moved(head, count),
        back_to_top=arena.place(sizes.topics, features),
        logits=arena.place(sizes.rows, sizes.topics),
        size=arena.size + LINE,
    )
    if layout.size > LARGEST_ARENA:
        raise RnnbenchError(
            f"native: a network of this size needs {layout.size * 4 / 1e9:.1f} GB "
            f"(allowed: {LARGEST_ARENA * 4 / 1e9:.1f}); use training.engine: compiled"
        )
    return layout


def _layer(
    arena: _Arena, sizes: Sizes, number: int, weights: Array, gradient: Array
) -> LayerLayout:
    cell, units = sizes.layers[number]
    width, columns = weights.shape
    features = sizes.layers[number - 1][1] if number else 1
    rows, lanes = sizes.rows, sizes.lanes
    groups = -(-units // lanes)

    place = arena.place
    d_sums = place(sizes.collected, rows, columns, slack=lanes)
    return LayerLayout(
        cell=cell,
        units=units,
        features=features,
        state_rows=units + (cell == "gru"),
        inputs=place(sizes.timesteps + 1, rows, width),
        weights=weights,
        gradient=gradient,
        back_to_state=place(columns, units),
        back_to_input=place(columns, features) if number else None,
        kept=place(sizes.timesteps, groups, rows, KEPT[cell] * lanes),
        d_sums=d_sums,
        d_input_sums=place(*d_sums.shape, slack=lanes) if cell == "gru" else d_sums,
        d_hidden=place(rows, units),
        cell_state=place(rows, units),
        d_cell=place(rows, units),
    )
