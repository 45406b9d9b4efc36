"""An explained layer for people, to be read from top to bottom, and for machines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from rnnbench.explain.facts import Check, Explanation, Parameters, Step

SCHEMA_VERSION = 1
WIDTH = 80
"""Columns on every terminal: longer lines are tiring to read, shorter ones would cut numbers."""
INDENT = 3

HEADING, VALUE, ASIDE, GOOD, BAD = "bold cyan", "bold", "dim", "green", "bold red"


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        **asdict(explanation),
        "failures": explanation.failures(),
    }


def explanation_text(explanation: Explanation) -> RenderableType:
    """Return the explanation in six numbered parts, below each other; print it uncropped."""
    parts = {
        "The input has three axes": _input(explanation),
        "What comes out": _outputs(explanation),
        "What it carries from step to step": _states(explanation),
        "Its equations": _equations(explanation),
        "Its trainable parameters": _parameters(explanation),
        "The same in NumPy, step by step": _check(explanation.check),
    }
    numbered = (
        part
        for number, (heading, body) in enumerate(parts.items(), start=1)
        for part in _part(number, heading, body)
    )
    return _Page(Group(*_title(explanation), *numbered))


@dataclass(frozen=True)
class _Page:
    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.content, options.update(width=WIDTH))


def _title(explanation: Explanation) -> Iterator[RenderableType]:
    name, units = explanation.keras_name, explanation.sizes.units
    yield Text.assemble((name, "bold"), f", {explanation.title}")
    yield Text(explanation.source, style=ASIDE)
    yield ""
    yield Text(
        f"Shapes, weights and values are those of a keras.layers.{name}({units}), Keras "
        f"{explanation.keras_version}, with random weights and biases, called on random input."
    )


def _part(number: int, heading: str, body: Iterable[RenderableType]) -> Iterator[RenderableType]:
    yield ""
    yield Text(f"{number}  {heading}", style=HEADING)
    yield ""
    yield Padding(Group(*body), (0, 0, 0, INDENT))


def _input(explanation: Explanation) -> Iterator[RenderableType]:
    shape = tuple(axis.size for axis in explanation.axes)
    names = ", ".join(axis.name for axis in explanation.axes)
    yield Text.assemble("x  ", (str(shape), VALUE), (f"  ({names})", ASIDE))
    yield ""
    yield _grid(
        (
            (Text(axis.name), Text(f"{axis.size}", VALUE), Text(axis.meaning, ASIDE))
            for axis in explanation.axes
        ),
        right=(1,),
    )


def _outputs(explanation: Explanation) -> Iterator[RenderableType]:
    yield _grid(
        (
            Text(f"return_sequences={each.return_sequences}"),
            Text(str(each.shape), VALUE),
            Text(f"({', '.join(each.axes)})", ASIDE),
        )
        for each in explanation.outputs
    )
    yield ""
    meanings = (f"{each.return_sequences}: {each.meaning}" for each in explanation.outputs)
    yield Text("; ".join(meanings) + ".")


def _states(explanation: Explanation) -> Iterator[RenderableType]:
    yield _grid(
        (
            Text(each.symbol, VALUE),
            Text(each.name),
            Text(str(each.shape), VALUE),
            Text(each.meaning, ASIDE),
        )
        for each in explanation.states
    )
    yield ""
    yield Text("(batch, units), zero before the first step; return_state=True gives the last.")


def _equations(explanation: Explanation) -> Iterator[RenderableType]:
    yield _grid(
        (Text(each.text, VALUE), Text(each.meaning, ASIDE)) for each in explanation.equations
    )
    yield ""
    yield from map(Text, explanation.notes)


def _parameters(explanation: Explanation) -> Iterator[RenderableType]:
    sizes, parameters = explanation.sizes, explanation.parameters
    formula = parameters.formula
    yield Text(f"units h = {sizes.units}, features i = {sizes.features}")
    yield ""
    yield _weights(parameters)
    yield ""
    yield Text.assemble((formula.text, VALUE), f" = {formula.numbers} = {formula.value:,}")


def _weights(parameters: Parameters) -> Table:
    table = _table(Column("weight"), Column(""), Column("shape"), Column("size"))
    table.add_column("by formula", justify="right")
    table.add_column("in Keras", justify="right")
    for weight in parameters.weights:
        formula = weight.formula
        counts = _beside(formula.value, weight.count)
        table.add_row(weight.symbol, weight.name, str(weight.shape), formula.text, *counts)
    table.add_section()
    table.add_row("sum", "", "", "", *_beside(parameters.formula.value, parameters.count))
    return table


def _beside(by_formula: int, in_keras: int) -> tuple[str, Text]:
    """Return the cells of two counts, the second green if it is the first."""
    return f"{by_formula:,}", Text(f"{in_keras:,}", GOOD if by_formula == in_keras else BAD)


def _check(check: Check) -> Iterator[RenderableType]:
    n_units = len(check.steps[0].numpy)
    units = "the only unit" if n_units == 1 else f"the first {n_units} units"
    yield Text(f"The hidden state of the first sequence, {units}; both in {check.dtype}:")
    yield ""
    yield _steps(check.steps)
    yield ""
    is_close = check.largest_difference <= check.tolerance
    yield Text.assemble(
        f"All {check.compared:,} numbers that it gives: at most ",
        (f"{check.largest_difference:.1e}", GOOD if is_close else BAD),
        f" apart (allowed: {check.tolerance:.0e}).",
    )


def _steps(steps: Sequence[Step]) -> Table:
    table = _table(Column("\nstep", justify="right"))
    for whose in ("NumPy", "Keras"):
        for unit in range(len(steps[0].numpy)):
            above = "" if unit else whose
            table.add_column(f"{above}\nunit {unit + 1}", justify="right")
    table.add_column("largest\ndifference", justify="right")
    for step in steps:
        values = [f"{value:.5f}" for value in (*step.numpy, *step.keras)]
        table.add_row(f"{step.step}", *values, f"{step.largest_difference:.1e}")
    return table


def _table(*columns: Column) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)


def _grid(rows: Iterable[Sequence[Text]], right: Sequence[int] = ()) -> Table:
    """Return rows without lines, the columns ``right`` aligned so."""
    table = Table.grid(padding=(0, 2))
    for index, row in enumerate(rows):
        if not index:
            for position in range(len(row)):
                table.add_column(justify="right" if position in right else "left")
        table.add_row(*row)
    return table
