"""An explained layer in the terminal, to be read from top to bottom."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from rnnbench.plugins.teach.kinds import in_ascii

if TYPE_CHECKING:
    from rnnbench.plugins.teach.facts import Explanation, NumpyCheck, Parameters, Step

WIDTH = 80
"""Columns on every terminal: longer lines are tiring to read, shorter ones would cut numbers."""
INDENT = 3

HEADING, VALUE, ASIDE, GOOD, BAD = "bold cyan", "bold", "dim", "green", "bold red"

Blocks = Iterator[RenderableType]
"""Paragraphs and tables; a blank line separates them."""
Spell = Callable[[str], str]
"""Returns an equation or a formula as it is shown."""


def in_blocks(
    page: Callable[[Spell], Blocks], console: Console, options: ConsoleOptions, width: int
) -> RenderResult:
    """Render the blocks of a page, in ASCII where the encoding has only that."""
    spell = in_ascii if options.ascii_only else str
    lines = [line for block in page(spell) for line in (block, "")]
    yield from console.render(Group(*lines[:-1]), options.update(width=width))


def explanation_page(explanation: "Explanation", spell: Spell) -> Blocks:
    """Yield an explanation in six numbered parts, to be printed uncropped."""
    yield from _title(explanation)
    parts = {
        "The input has three axes": _input(explanation),
        "The output": _outputs(explanation),
        "The states carried from step to step": _states(explanation),
        "The equations": _equations(explanation, spell),
        "The trainable parameters": _parameters(explanation, spell),
        "The same in NumPy, step by step": _check(explanation.check),
    }
    for number, (heading, body) in enumerate(parts.items(), start=1):
        yield Text(f"{number}  {heading}", style=HEADING)
        for block in body:
            yield Padding(block, (0, 0, 0, INDENT))


def _title(explanation: "Explanation") -> Blocks:
    name, units = explanation.keras_name, explanation.sizes.units
    title, source = f", {explanation.title}\n", explanation.source
    yield Text.assemble((name, "bold"), title, (source, ASIDE))
    yield Text(
        f"Shapes, weights and values are those of a keras.layers.{name}({units}), Keras "
        f"{explanation.keras_version}, with random weights and biases, called on random input."
    )


def _input(explanation: "Explanation") -> Blocks:
    axes = explanation.axes
    shape, names = tuple(axis.size for axis in axes), _listed(axis.name for axis in axes)
    yield Text.assemble("x  ", (str(shape), VALUE), (f"  {names}", ASIDE))
    width = len(str(max(shape)))
    rows = [(axis.name, f"{axis.size:>{width}}", axis.meaning) for axis in axes]
    yield _grid(rows, ("", VALUE, ASIDE))


def _listed(names: Iterable[str]) -> str:
    return f"({', '.join(names)})"


def _outputs(explanation: "Explanation") -> Blocks:
    outputs = explanation.outputs
    rows = [
        (f"return_sequences={output.return_sequences}", str(output.shape), _listed(output.axes))
        for output in outputs
    ]
    yield _grid(rows, ("", VALUE, ASIDE))
    meanings = (f"{output.return_sequences}: {output.meaning}" for output in outputs)
    yield Text("; ".join(meanings) + ".")


def _states(explanation: "Explanation") -> Blocks:
    rows = [
        (state.symbol, state.name, str(state.shape), state.meaning) for state in explanation.states
    ]
    yield _grid(rows, (VALUE, "", VALUE, ASIDE))
    yield Text("(batch, units), zero before the first step; return_state=True gives the last.")


def _equations(explanation: "Explanation", spell: Spell) -> Blocks:
    rows = [(spell(equation.text), equation.meaning) for equation in explanation.equations]
    grid = _grid(rows, (VALUE, ASIDE))
    grid.columns[0].no_wrap = True  # an equation in two lines is hard to read
    yield grid
    yield Text("\n".join(map(spell, explanation.notes)))


def _parameters(explanation: "Explanation", spell: Spell) -> Blocks:
    sizes, formula = explanation.sizes, explanation.parameters.formula
    yield Text(f"units h = {sizes.units}, features i = {sizes.features}")
    yield _weights(explanation.parameters, spell)
    numbers = spell(formula.numbers)
    yield Text.assemble((spell(formula.text), VALUE), f" = {numbers} = {formula.value:,}")


def _weights(parameters: "Parameters", spell: Spell) -> Table:
    table = _table("weight", "", "shape", "size")
    table.add_column("by formula", justify="right")
    table.add_column("in Keras", justify="right")
    for weight in parameters.weights:
        formula = weight.formula
        counts = _counts(formula.value, weight.count)
        table.add_row(weight.symbol, weight.name, str(weight.shape), spell(formula.text), *counts)
    table.add_section()
    table.add_row("sum", "", "", "", *_counts(parameters.formula.value, parameters.count))
    return table


def _counts(by_formula: int, in_keras: int) -> tuple[str, Text]:
    """Return the cells of two counts; the second is green if they are equal."""
    return f"{by_formula:,}", Text(f"{in_keras:,}", GOOD if by_formula == in_keras else BAD)


def _check(check: "NumpyCheck") -> Blocks:
    n_units = len(check.steps[0].numpy)
    units = "the only unit" if n_units == 1 else f"the first {n_units} units"
    yield Text(f"The hidden state of the first sequence, {units}; both in {check.dtype}:")
    yield _steps(check.steps)
    is_close = check.largest_difference <= check.tolerance
    yield Text.assemble(
        f"All {check.compared:,} numbers of the output: at most ",
        (f"{check.largest_difference:.1e}", GOOD if is_close else BAD),
        f" apart (allowed: {check.tolerance:.0e}).",
    )


def _steps(steps: Sequence["Step"]) -> Table:
    table = _table(Column("\nstep", justify="right"))
    for library in ("NumPy", "Keras"):
        for unit in range(len(steps[0].numpy)):
            table.add_column(f"{'' if unit else library}\nunit {unit + 1}", justify="right")
    table.add_column("largest\ndifference", justify="right")
    for step in steps:
        values = [f"{value:.5f}" for value in (*step.numpy, *step.keras)]
        table.add_row(f"{step.step}", *values, f"{step.largest_difference:.1e}")
    return table


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)


def _grid(rows: Iterable[Sequence[str]], styles: Iterable[str]) -> Table:
    """Return rows without lines, with a style for each column."""
    grid = Table.grid(*(Column(style=style) for style in styles), padding=(0, 2))
    for row in rows:
        grid.add_row(*map(Text, row))
    return grid
