"""The toy array of the teaching notebook, worked through by layers with small weights."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from rnnbench.plugins.teach.kinds import Equation, Floats, Kind, Values
from rnnbench.plugins.teach.page import (
    ASIDE,
    HEADING,
    INDENT,
    VALUE,
    WIDTH,
    Blocks,
    Spell,
    in_blocks,
)

TOY = np.arange(1.0, 19.0).reshape(3, 2, 3)
"""The array: 3 sequences of 2 steps with 3 features each."""
UNITS = 2
PATTERNS = {
    "W": (0.1, -0.2, 0.2, 0.1, -0.1),
    "U": (0.3, -0.1, 0.2, -0.2, 0.1),
    "b": (0.1, -0.1, 0.2, -0.2, 0.3),
}
"""Made-up numbers, repeated to fill a weight: they are easy to work with on paper."""
DIGITS = 4
"""Decimals of the numbers on the page."""


@dataclass(frozen=True)
class ToyLayer:
    """A layer, its input, and all that it computes.

    Attributes:
        kind: the kind of layer.
        x: its input, ``(batch, timesteps, features)``.
        weights: kernel, recurrent kernel and bias, by their symbols, as Keras stores them.
        values: the results of its equations, ``(batch, timesteps, units)``, by symbol.
    """

    kind: Kind
    x: Floats
    weights: dict[str, Floats]
    values: Values


def work_through(kinds: Sequence[Kind]) -> list[ToyLayer]:
    """Let a stack of layers read the toy array; each reads the states of the previous one."""
    layers: list[ToyLayer] = []
    x: Floats = TOY
    for kind in kinds:
        weights = {
            name: np.resize(PATTERNS[name], shape)
            for name, shape in weight_shapes(kind, x.shape[-1]).items()
        }
        values = kind.run(x, *weights.values())
        layers.append(ToyLayer(kind, x, weights, values))
        x = values["h"]
    return layers


def weight_shapes(kind: Kind, features: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a layer of the toy, by their symbols."""
    width = UNITS * len(kind.gates)
    bias = (width,) if kind.bias_rows == 1 else (kind.bias_rows, width)
    return {"W": (features, width), "U": (UNITS, width), "b": bias}


def terms(layer: ToyLayer, sequence: int, step: int) -> dict[str, Floats]:
    """Return the value of each term of the equations at a step, ``(units,)``, by its text.

    ``sequence`` and ``step`` count from 0. Terms are products with weights, biases, states and
    other values.
    """
    kind, values = layer.kind, layer.values
    before = {
        f"{state.symbol}ₜ₋₁": values[state.symbol][sequence, step - 1] if step else np.zeros(UNITS)
        for state in kind.states
    }
    found = before | {f"{symbol}ₜ": value[sequence, step] for symbol, value in values.items()}
    for name, weight in weights_by_gate(layer).items():
        match name[0]:
            case "W":
                found[f"xₜ {name}"] = layer.x[sequence, step] @ weight
            case "U":
                found[f"hₜ₋₁ {name}"] = before["hₜ₋₁"] @ weight
            case _:
                found[name] = weight
    return found


def weights_by_gate(layer: ToyLayer) -> dict[str, Floats]:
    """Return the weights of each gate by their names in the equations, such as ``W_i``."""
    kernel, recurrent_kernel, bias = layer.weights.values()
    named = {"W": kernel, "U": recurrent_kernel}
    named |= {"b": bias} if bias.ndim == 1 else {"b": bias[0], "d": bias[1]}
    gates = layer.kind.gates
    if len(gates) == 1:
        return named
    parts = {name: np.split(weight, len(gates), axis=-1) for name, weight in named.items()}
    return {
        f"{name}_{gate}": split[position]
        for position, gate in enumerate(gates)
        for name, split in parts.items()
    }


def toy_facts(layers: Sequence[ToyLayer]) -> dict[str, Any]:
    """Return the facts that ``--json`` prints."""
    return {
        "x": TOY.tolist(),
        "layers": [
            {
                "layer": layer.kind.name,
                "x": layer.x.tolist(),
                "weights": {name: weight.tolist() for name, weight in layer.weights.items()},
                "values": {symbol: value.tolist() for symbol, value in layer.values.items()},
            }
            for layer in layers
        ],
        "output": layers[-1].values["h"][:, -1].tolist(),
    }


@dataclass(frozen=True)
class ToyPage:
    """A stack of layers working through the toy array, in ASCII where the encoding has only that.

    It is at most ``WIDTH`` columns wide.
    """

    layers: Sequence[ToyLayer]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        blocks = partial(_page, self.layers)
        return in_blocks(blocks, console, options, width=min(options.max_width, WIDTH))


def _page(layers: Sequence[ToyLayer], spell: Spell) -> Blocks:
    names = ", then ".join(layer.kind.keras_name for layer in layers)
    units = f"{UNITS} units" if len(layers) == 1 else f"{UNITS} units each"
    yield Text.assemble(("The toy array of the teaching notebook", "bold"), f": {names}, {units}")
    yield Text(
        "The weights are made up, to be easy to work with on paper. Numbers are rounded here; the "
        "option --code prints NumPy code that computes them."
    )
    yield Text(f"x, {TOY.shape}, (batch, timesteps, features)", HEADING)
    yield _indented(_grid(_rows_of(TOY, "sequence")))
    for number, layer in enumerate(layers, start=1):
        yield from _layer(layer, f"Layer {number}: " if len(layers) > 1 else "", spell)
    shape = layers[-1].values["h"].shape
    yield Text(
        f"With return_sequences=True the output is all of these states, {shape}; with False it is "
        f"only those after the last step, {(shape[0], shape[2])}. The larger the numbers in x, the "
        "closer gates are to 0 or 1, and tanh to -1 or 1, where almost no gradient passes. Word "
        "ids are larger still."
    )


def _layer(layer: ToyLayer, title: str, spell: Spell) -> Blocks:
    kind, shape = layer.kind, layer.x.shape
    reads = "x" if layer.x is TOY else "the states of the previous layer"
    yield Text(f"{title}{kind.keras_name} reads {reads}, {shape}", HEADING)
    weights = weights_by_gate(layer).items()
    yield _indented(_grid((name, _spelled(weight)) for name, weight in weights))
    for step in range(shape[1]):
        known = terms(layer, 0, step)
        title = f"Sequence 1, step {step + 1}: x = {_spelled(layer.x[0, step])}"
        before = (f", {one.name} {_spelled(known[one.symbol + 'ₜ₋₁'])}" for one in kind.states)
        yield _indented(Text.assemble((title, VALUE), *before))
        for equation in kind.equations:
            yield _indented(_worked(equation, known, spell))
    yield _indented(Text("The hidden state after each step", VALUE))
    yield _indented(_grid(_rows_of(layer.values["h"], "sequence")))


def _worked(equation: Equation, known: Mapping[str, Floats], spell: Spell) -> Group:
    """Return an equation with symbols, the same with numbers, and its result."""
    left, _, right = equation.text.partition(" = ")
    by_length = sorted(known, key=len, reverse=True)
    term = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in by_length))
    numbers = term.sub(lambda found: _spelled(known[found[0]]), right)
    grid = Table.grid(Column(no_wrap=True), Column(), padding=(0, 1))
    grid.add_row(Text(spell(left)), Text(f"= {spell(right)}"))
    grid.add_row("", Text(f"= {spell(numbers)}"))
    grid.add_row("", Text(f"= {_spelled(known[left])}", VALUE))
    return Group(Text(equation.meaning, ASIDE), grid)


def _rows_of(array: Floats, name: str) -> Iterator[tuple[str, ...]]:
    for number, rows in enumerate(array, start=1):
        yield (f"{name} {number}", *map(_spelled, rows))


def _spelled(array: Floats) -> str:
    """Return a vector in brackets, or the rows of a matrix."""
    if array.ndim > 1:
        return " ".join(map(_spelled, array))
    numbers = (round(float(number), DIGITS) + 0.0 for number in array)  # -0.0 becomes 0.0
    return f"[{' '.join(f'{number:g}' for number in numbers)}]"


def _grid(rows: Iterable[Sequence[str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*map(Text, row))
    return grid


def _indented(block: RenderableType) -> Padding:
    return Padding(block, (0, 0, 0, INDENT))
