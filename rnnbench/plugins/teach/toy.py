"""Stacks of layers: as numbers, on the toy array of the notebook; as code; as drawings.

>>> layers = work_through([KINDS["lstm"], KINDS["gru"]])  # doctest: +SKIP
>>> print(numpy_code([KINDS["lstm"]]))  # doctest: +SKIP
"""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from pydantic_core import to_jsonable_python
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Column, Table
from rich.text import Text

from rnnbench.plugin import find_template, grid, stacked
from rnnbench.plugins.teach.facts import ASIDE, VALUE, WIDTH, Spelled
from rnnbench.plugins.teach.kinds import Kind
from rnnbench.plugins.teach.recurrences import Floats, Values

PACKAGE = "rnnbench.plugins.teach"
# 3 sequences of 2 steps with 3 features each
TOY = np.arange(1.0, 19.0).reshape(3, 2, 3)
UNITS = 2
# Made-up numbers, repeated to fill a weight: they are easy to work with on paper
PATTERNS = {
    "W": (0.1, -0.2, 0.2, 0.1, -0.1),
    "U": (0.3, -0.1, 0.2, -0.2, 0.1),
    "b": (0.1, -0.1, 0.2, -0.2, 0.3),
}
DIGITS = 4  # decimals of the numbers on the page


class ToyLayer(NamedTuple):
    """A layer and all that it computes."""

    kind: Kind
    x: Floats  # (batch, timesteps, features)
    weights: dict[str, Floats]  # by symbol, as Keras stores them
    values: Values  # by symbol, (batch, timesteps, units)


def work_through(kinds: Sequence[Kind]) -> list[ToyLayer]:
    """Let layers read the toy array; each reads the states of the previous one."""
    layers: list[ToyLayer] = []
    x: Floats = TOY
    for kind in kinds:
        width = UNITS * len(kind.gates)
        bias: tuple[int, ...] = (width,)
        if kind.bias_rows > 1:
            bias = (kind.bias_rows, width)
        weights = {
            "W": np.resize(PATTERNS["W"], (x.shape[-1], width)),
            "U": np.resize(PATTERNS["U"], (UNITS, width)),
            "b": np.resize(PATTERNS["b"], bias),
        }
        values = kind.run(x, *weights.values())
        layers.append(ToyLayer(kind, x, weights, values))
        x = values["h"]
    return layers


def terms(layer: ToyLayer, sequence: int, step: int) -> dict[str, Floats]:
    """Return the value ``(units,)`` of each term of the equations, by its text."""
    values: Values = {}
    for state in layer.kind.states:
        before = np.zeros(UNITS)
        if step > 0:
            before = layer.values[state.symbol][sequence, step - 1]
        values[f"{state.symbol}ₜ₋₁"] = before
    for symbol, results in layer.values.items():
        values[f"{symbol}ₜ"] = results[sequence, step]
    x = layer.x[sequence, step]
    for name, weight in layer.kind.by_gate(*layer.weights.values()).items():
        if name.startswith("W"):
            values[f"xₜ {name}"] = x @ weight
        elif name.startswith("U"):
            values[f"hₜ₋₁ {name}"] = values["hₜ₋₁"] @ weight
        else:
            values[name] = weight
    return values


def toy_view(layers: Sequence[ToyLayer]) -> tuple[dict[str, object], RenderableType]:
    """Return the record and the page of layers that work through the toy array."""
    return _record(layers), Constrain(Spelled(_page(layers)), WIDTH)


def _record(layers: Sequence[ToyLayer]) -> dict[str, object]:
    records = []
    for layer in layers:
        record = {
            "layer": layer.kind.name,
            "x": layer.x,
            "weights": layer.weights,
            "values": layer.values,
        }
        records.append(record)
    arrays = {"x": TOY, "layers": records, "output": layers[-1].values["h"][:, -1]}
    plain: dict[str, object] = to_jsonable_python(arrays, fallback=np.ndarray.tolist)
    return plain


def _page(layers: Sequence[ToyLayer]) -> RenderableType:
    names = ", then ".join(layer.kind.keras_name for layer in layers)
    title: list[RenderableType] = [
        Text.assemble(("The toy array of the teaching notebook", VALUE), f": {names}"),
        Text(
            f"The weights of the {UNITS} units of a layer are made up, to be easy to "
            "work with on paper. Numbers are rounded here; --code prints NumPy code "
            "that computes them."
        ),
    ]
    x_heading = f"x, {TOY.shape}, (batch, timesteps, features)"
    parts: list[tuple[str, list[RenderableType]]] = [
        ("", title),
        (x_heading, [_sequences(TOY)]),
    ]
    for layer in layers:
        read = "the states of the previous layer"
        if layer.x is TOY:
            read = "x"
        heading = f"{layer.kind.keras_name} reads {read}, {layer.x.shape}"
        parts.append((heading, list(_steps(layer))))
    batch, steps, units = layers[-1].values["h"].shape
    ending = Text(
        "With return_sequences=True the output is all of these states, "
        f"{(batch, steps, units)}; with False it is only those after the last step, "
        f"{(batch, units)}. The larger the numbers in x, the closer gates are to 0 or "
        "1, and tanh to -1 or 1, where almost no gradient passes. Word ids are larger "
        "still."
    )
    return stacked([*parts, ("", [ending])])


def _steps(layer: ToyLayer) -> Iterator[RenderableType]:
    """Yield the weights of a layer, each step in numbers, and the states."""
    kind = layer.kind
    weights = kind.by_gate(*layer.weights.values())
    yield grid((name, _spelled(weight)) for name, weight in weights.items())
    for step in range(layer.x.shape[1]):
        values = terms(layer, 0, step)
        spelled = {name: _spelled(value) for name, value in values.items()}
        title = f"Sequence 1, step {step + 1}: x = {_spelled(layer.x[0, step])}"
        states = [
            f", {state.name} {spelled[f'{state.symbol}ₜ₋₁']}" for state in kind.states
        ]
        yield Text.assemble((title, VALUE), *states)
        for equation in kind.equations:
            lines = _in_numbers(equation.text, spelled)
            yield Group(Text(equation.meaning, ASIDE), lines)
    yield Text("The hidden state after each step", VALUE)
    yield _sequences(layer.values["h"])


def _in_numbers(equation: str, spelled: dict[str, str]) -> Table:
    """Return an equation with symbols, with numbers, and its result."""
    left, _, right = equation.partition(" = ")
    longest_first = sorted(spelled, key=len, reverse=True)
    symbols = "|".join(map(re.escape, longest_first))
    parts = re.split(rf"(?<!\w)({symbols})(?!\w)", right)
    numbers = "".join(spelled.get(part, part) for part in parts)
    lines = Table.grid(Column(no_wrap=True), Column(), padding=(0, 1))
    lines.add_row(Text(left), Text(f"= {right}"))
    lines.add_row("", Text(f"= {numbers}"))
    lines.add_row("", Text(f"= {spelled[left]}", VALUE))
    return lines


def _sequences(array: Floats) -> Table:
    rows = []
    for number, sequence in enumerate(array, start=1):
        rows.append((f"sequence {number}", *map(_spelled, sequence)))
    return grid(rows)


def _spelled(array: Floats) -> str:
    """Return a vector in brackets, or the rows of a matrix."""
    if array.ndim > 1:
        return " ".join(map(_spelled, array))
    numbers = []
    for number in array:
        rounded = round(float(number), DIGITS) + 0.0  # -0.0 becomes 0.0
        numbers.append(f"{rounded:g}")
    return f"[{' '.join(numbers)}]"


def numpy_code(kinds: Sequence[Kind]) -> str:
    """Return a program that computes what Keras layers with these weights do."""
    shapes = []
    for layer in work_through(kinds):
        weights = layer.weights.items()
        shapes.append({name: weight.shape for name, weight in weights})
    return find_template("numpy.py.j2", PACKAGE).render(
        kinds=kinds,
        distinct=list(dict.fromkeys(kinds)),
        has_gates=any(len(kind.gates) > 1 for kind in kinds),
        toy_shape=TOY.shape,
        patterns={name: list(pattern) for name, pattern in PATTERNS.items()},
        shapes=shapes,
    )


def draw(kinds: Sequence[Kind]) -> str:
    """Return an SVG of a step of a layer, or of a stack from the bottom up."""
    if len(kinds) == 1:
        drawing = files(PACKAGE) / f"drawings/{kinds[0].name}.svg"
        return drawing.read_text(encoding="utf-8")
    return find_template("stacking.svg.j2", PACKAGE).render(kinds=kinds)
