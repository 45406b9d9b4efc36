"""Pages on layers in the terminal, to be read from top to bottom: an explained layer."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from rnnbench.plugins.teach.facts import Explanation, NumpyCheck

WIDTH = 80
"""Columns on every terminal: longer lines are tiring to read, shorter ones would cut numbers."""

HEADING, VALUE, ASIDE, GOOD, BAD = "bold cyan", "bold", "dim", "green", "bold red"

Blocks = Iterator[RenderableType]
"""Paragraphs and tables; a blank line separates them."""


def in_blocks(blocks: Blocks) -> Group:
    """Return the blocks of a page as one."""
    lines = [line for block in blocks for line in (block, "")]
    return Group(*lines[:-1])


def indented(block: RenderableType) -> Padding:
    """Return a block below a heading."""
    return Padding(block, (0, 0, 0, 3))


def grid(rows: Iterable[Sequence[str]], styles: Sequence[str] = ()) -> Table:
    """Return rows without lines, perhaps with a style for each column."""
    table = Table.grid(*(Column(style=style) for style in styles), padding=(0, 2))
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def explanation_page(explanation: "Explanation") -> Blocks:
    """Yield an explanation in six numbered parts, to be printed uncropped."""
    yield from _title(explanation)
    parts = {
        "The input has three axes": _input(explanation),
        "The output": _outputs(explanation),
        "The states carried from step to step": _states(explanation),
        "The equations": _equations(explanation),
        "The trainable parameters": _parameters(explanation),
        "The same in NumPy, step by step": _check(explanation.check),
    }
    for number, (heading, body) in enumerate(parts.items(), start=1):
        yield Text(f"{number}  {heading}", style=HEADING)
        yield from map(indented, body)


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
    yield grid(rows, ("", VALUE, ASIDE))


def _listed(names: Iterable[str]) -> str:
    return f"({', '.join(names)})"


def _outputs(explanation: "Explanation") -> Blocks:
    outputs = explanation.outputs
    rows = [
        (f"return_sequences={output.return_sequences}", str(output.shape), _listed(output.axes))
        for output in outputs
    ]
    yield grid(rows, ("", VALUE, ASIDE))
    meanings = (f"{output.return_sequences}: {output.meaning}" for output in outputs)
    yield Text("; ".join(meanings) + ".")


def _states(explanation: "Explanation") -> Blocks:
    rows = [
        (state.symbol, state.name, str(state.shape), state.meaning) for state in explanation.states
    ]
    yield grid(rows, (VALUE, "", VALUE, ASIDE))
    yield Text("(batch, units), zero before the first step; return_state=True gives the last.")


def _equations(explanation: "Explanation") -> Blocks:
    rows = [(equation.text, equation.meaning) for equation in explanation.equations]
    equations = grid(rows, (VALUE, ASIDE))
    equations.columns[0].no_wrap = True  # one in two lines is hard to read
    yield equations
    yield Text("\n".join(explanation.notes))


def _parameters(explanation: "Explanation") -> Blocks:
    sizes, formula = explanation.sizes, explanation.parameters.formula
    yield Text(f"units h = {sizes.units}, features i = {sizes.features}")
    counts = (Column(title, justify="right") for title in ("by formula", "in Keras"))
    table = _table("weight", "", "shape", "size", *counts)
    for weight in explanation.parameters.weights:
        size = weight.formula
        words = (weight.symbol, weight.name, str(weight.shape), size.text)
        table.add_row(*words, *_counts(size.value, weight.count))
    table.add_section()
    table.add_row("sum", "", "", "", *_counts(formula.value, explanation.parameters.count))
    yield table
    yield Text.assemble((formula.text, VALUE), f" = {formula.numbers} = {formula.value:,}")


def _counts(by_formula: int, in_keras: int) -> tuple[str, Text]:
    """Return the cells of two counts; the second is green if they are equal."""
    return f"{by_formula:,}", Text(f"{in_keras:,}", GOOD if by_formula == in_keras else BAD)


def _check(check: "NumpyCheck") -> Blocks:
    n_units = len(check.steps[0].numpy)
    units = "the only unit" if n_units == 1 else f"the first {n_units} units"
    yield Text(f"The hidden state of the first sequence, {units}; both in {check.dtype}:")
    table = _table(Column("\nstep", justify="right"))
    for library in ("NumPy", "Keras"):
        for unit in range(n_units):
            table.add_column(f"{'' if unit else library}\nunit {unit + 1}", justify="right")
    table.add_column("largest\ndifference", justify="right")
    for step in check.steps:
        values = [f"{value:.5f}" for value in (*step.numpy, *step.keras)]
        table.add_row(f"{step.step}", *values, f"{step.largest_difference:.1e}")
    yield table
    is_close = check.largest_difference <= check.tolerance
    yield Text.assemble(
        f"All {check.compared:,} numbers of the output: at most ",
        (f"{check.largest_difference:.1e}", GOOD if is_close else BAD),
        f" apart (allowed: {check.tolerance:.0e}).",
    )


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
