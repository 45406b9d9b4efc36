"""Stacks of layers as numbers, on the toy array of the notebook, as NumPy code, and as
drawings.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from pydantic_core import to_jsonable_python
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Column, Table
from rich.text import Text

from rnnbench.plugins.teach.facts import ASIDE, VALUE, WIDTH, Spelled
from rnnbench.plugins.teach.kinds import Floats, Kind, Values
from rnnbench.report.layout import grid, stacked
from rnnbench.report.template import find_template

PACKAGE = "rnnbench.plugins.teach"
TOY = np.arange(1.0, 19.0).reshape(
    3, 2, 3
)  # 3 sequences of 2 steps with 3 features each
UNITS = 2
# made-up numbers, repeated to fill a weight: they are easy to work with on paper
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
    """Let a stack of layers read the toy array; each reads the states of the previous
    one.
    """
    layers: list[ToyLayer] = []
    x: Floats = TOY
    for kind in kinds:
        width = UNITS * len(kind.gates)
        bias = (width,) if kind.bias_rows == 1 else (kind.bias_rows, width)
        shapes = {"W": (x.shape[-1], width), "U": (UNITS, width), "b": bias}
        weights = {
            name: np.resize(PATTERNS[name], shape) for name, shape in shapes.items()
        }
        values = kind.run(x, *weights.values())
        layers.append(ToyLayer(kind, x, weights, values))
        x = values["h"]
    return layers


def terms(layer: ToyLayer, sequence: int, step: int) -> dict[str, Floats]:
    """Return the value of each term of the equations at a step, ``(units,)``, by its
    text.
    """
    kind, values = layer.kind, layer.values
    before = {
        f"{state.symbol}ₜ₋₁": values[state.symbol][sequence, step - 1]
        if step
        else np.zeros(UNITS)
        for state in kind.states
    }
    factors = {"W": ("xₜ ", layer.x[sequence, step]), "U": ("hₜ₋₁ ", before["hₜ₋₁"])}
    found = before | {
        f"{symbol}ₜ": value[sequence, step] for symbol, value in values.items()
    }
    for name, weight in kind.by_gate(*layer.weights.values()).items():
        factor, value = factors.get(name[0], ("", None))
        found[factor + name] = weight if value is None else value @ weight
    return found


def toy_view(layers: Sequence[ToyLayer]) -> tuple[dict[str, Any], RenderableType]:
    """Return the record and the page of a stack of layers that works through the toy
    array.
    """
    states = layers[-1].values["h"]
    facts = [
        {
            "layer": one.kind.name,
            "x": one.x,
            "weights": one.weights,
            "values": one.values,
        }
        for one in layers
    ]
    arrays = {"x": TOY, "layers": facts, "output": states[:, -1]}
    record = to_jsonable_python(arrays, fallback=np.ndarray.tolist)
    names, shape = ", then ".join(one.kind.keras_name for one in layers), states.shape
    title: list[RenderableType] = [
        Text.assemble(("The toy array of the teaching notebook", VALUE), f": {names}"),
        Text(
            f"The weights of the {UNITS} units of a layer are made up, to be easy to work with on "
            "paper. Numbers are rounded here; --code prints NumPy code that computes them."
        ),
    ]
    of_x = f"x, {TOY.shape}, (batch, timesteps, features)"
    parts: list[tuple[str, list[RenderableType]]] = [
        ("", title),
        (of_x, [_sequences(TOY)]),
    ]
    for layer in layers:
        reads = "x" if layer.x is TOY else "the states of the previous layer"
        heading = f"{layer.kind.keras_name} reads {reads}, {layer.x.shape}"
        parts.append((heading, list(_steps(layer))))
    ending = Text(
        f"With return_sequences=True the output is all of these states, {shape}; with False it is "
        f"only those after the last step, {(shape[0], shape[2])}. The larger the numbers in x, the "
        "closer gates are to 0 or 1, and tanh to -1 or 1, where almost no gradient passes. Word "
        "ids are larger still."
    )
    return record, Constrain(Spelled(stacked([*parts, ("", [ending])])), WIDTH)


def _steps(layer: ToyLayer) -> Iterator[RenderableType]:
    """Yield the weights of a layer, each equation with symbols and with numbers, and
    the states.
    """
    kind = layer.kind
    weights = kind.by_gate(*layer.weights.values()).items()
    yield grid((name, _spelled(weight)) for name, weight in weights)
    for step in range(layer.x.shape[1]):
        spelled = {
            name: _spelled(value) for name, value in terms(layer, 0, step).items()
        }
        by_length = sorted(spelled, key=len, reverse=True)
        term = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, by_length))})(?!\w)")
        title = f"Sequence 1, step {step + 1}: x = {_spelled(layer.x[0, step])}"
        before = (f", {one.name} {spelled[one.symbol + 'ₜ₋₁']}" for one in kind.states)
        yield Text.assemble((title, VALUE), *before)
        for equation in kind.equations:
            left, _, right = equation.text.partition(" = ")
            numbers = "".join(spelled.get(part, part) for part in term.split(right))
            lines = Table.grid(Column(no_wrap=True), Column(), padding=(0, 1))
            lines.add_row(Text(left), Text(f"= {right}"))
            lines.add_row("", Text(f"= {numbers}"))
            lines.add_row("", Text(f"= {spelled[left]}", VALUE))
            yield Group(Text(equation.meaning, ASIDE), lines)
    yield Text("The hidden state after each step", VALUE)
    yield _sequences(layer.values["h"])


def _sequences(array: Floats) -> Table:
    return grid(
        (f"sequence {n}", *map(_spelled, rows)) for n, rows in enumerate(array, start=1)
    )


def _spelled(array: Floats) -> str:
    """Return a vector in brackets, or the rows of a matrix."""
    if array.ndim > 1:
        return " ".join(map(_spelled, array))
    numbers = (
        round(float(number), DIGITS) + 0.0 for number in array
    )  # -0.0 becomes 0.0
    return f"[{' '.join(f'{number:g}' for number in numbers)}]"


def numpy_code(kinds: Sequence[Kind]) -> str:
    """Return a program that computes what a stack of Keras layers with these weights
    does.
    """
    layers = work_through(kinds)
    return find_template("numpy.py.j2", PACKAGE).render(
        kinds=kinds,
        distinct=list(dict.fromkeys(kinds)),
        has_gates=any(len(kind.gates) > 1 for kind in kinds),
        toy_shape=TOY.shape,
        patterns={name: list(pattern) for name, pattern in PATTERNS.items()},
        shapes=[
            {name: own.shape for name, own in layer.weights.items()} for layer in layers
        ],
    )


def draw(kinds: Sequence[Kind]) -> str:
    """Return a step of a layer, or a stack, from the bottom up, over four steps, as
    SVG.
    """
    if len(kinds) == 1:
        return (files(PACKAGE) / f"drawings/{kinds[0].name}.svg").read_text(
            encoding="utf-8"
        )
    return find_template("stacking.svg.j2", PACKAGE).render(kinds=kinds)
