"""The toy array, worked through in the terminal: each equation with its numbers."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from rnnbench.explain.kinds import Equation, in_ascii
from rnnbench.explain.page import ASIDE, HEADING, INDENT, VALUE, WIDTH, Blocks, Spell
from rnnbench.explain.recurrences import Floats
from rnnbench.explain.toy import TOY, UNITS, ToyLayer, terms, weights_by_gate

DIGITS = 4
"""Decimals of the numbers shown."""


@dataclass(frozen=True)
class ToyPage:
    """A stack of layers working through the toy array, in ASCII where the encoding has only that.

    It is at most ``WIDTH`` columns wide.
    """

    layers: Sequence[ToyLayer]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        spell = in_ascii if options.ascii_only else str
        lines = [line for block in _page(self.layers, spell) for line in (block, "")]
        width = min(options.max_width, WIDTH)
        yield from console.render(Group(*lines[:-1]), options.update(width=width))


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
    yield _indented(_grid((weight, _spelled(each)) for weight, each in weights))
    for step in range(shape[1]):
        known = terms(layer, 0, step)
        title = f"Sequence 1, step {step + 1}: x = {_spelled(layer.x[0, step])}"
        before = (f", {each.name} {_spelled(known[each.symbol + 'ₜ₋₁'])}" for each in kind.states)
        yield _indented(Text.assemble((title, VALUE), *before))
        for equation in kind.equations:
            yield _indented(_worked(equation, known, spell))
    yield _indented(Text("The hidden state after each step", VALUE))
    yield _indented(_grid(_rows_of(layer.values["h"], "sequence")))


def _worked(equation: Equation, known: Mapping[str, Floats], spell: Spell) -> Group:
    """Return an equation with symbols, the same with numbers, and its result."""
    left, _, right = equation.text.partition(" = ")
    by_length = sorted(known, key=len, reverse=True)
    term = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in by_length))
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
