"""A table, for a terminal or as Markdown."""

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from rnnbench.escape import for_markdown, visible
from rnnbench.points import model_of, values_of
from rnnbench.report.numbers import MISSING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

T = TypeVar("T")
Columns = dict[str, Callable[[T], str]]
"""The cell of an item, by the header of its column."""

FAILED = "failed"
"""How the cell of a model that failed begins."""


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        headers: of the columns.
        rows: one for each model, the baseline last.
        caption: the facts that a reader needs beside the numbers.
        is_last_apart: whether a line stands above the last row.
        text_columns: how many of the first columns are text; all others are numbers.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    is_last_apart: bool = False
    text_columns: int = 1


def table_of(items: Sequence[T], columns: Columns[T], caption: str) -> Table:
    """Return a table with a row for each item; ``columns`` gives the cell under each header."""
    rows = [[cell(item) for cell in columns.values()] for item in items]
    return Table(list(columns), rows, caption)


def with_points(table: Table, position: int = 0) -> Table:
    """Return ``table`` with a column for each parameter in which the points of grids differ.

    The names of the models are in the column ``position``.
    """
    names = [row[position] for row in table.rows]
    parameters = list(dict.fromkeys(key for name in names for key in values_of(name)))

    def spread(row: Sequence[str]) -> list[str]:
        values = values_of(row[position])
        cells = [model_of(row[position]), *(values.get(key, MISSING) for key in parameters)]
        return [*row[:position], *cells, *row[position + 1 :]]

    headers = [*table.headers[: position + 1], *parameters, *table.headers[position + 1 :]]
    is_inside_text = position + 1 < table.text_columns
    return replace(
        table,
        headers=headers,
        rows=list(map(spread, table.rows)),
        text_columns=table.text_columns + (len(parameters) if is_inside_text else 0),
    )


def to_rich(table: Table, console: "Console") -> "RichTable":
    """Return the table for a terminal; on a narrow one, each ± is put below its mean."""
    from rich import box
    from rich.table import Table as RichTable

    def build(rows: Sequence[Sequence[str]]) -> "RichTable":
        rich = RichTable(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        rich.caption, rich.caption_justify = visible(table.caption), "left"
        for index, header in enumerate(map(visible, table.headers)):
            lines = [line for row in rows for line in row[index].split("\n")]
            words = textwrap.wrap(header, 1, break_long_words=False)
            narrowest = max(len(text) for text in (*lines, *words))
            rich.add_column(
                textwrap.fill(header, narrowest),
                justify="left" if index < table.text_columns else "right",
                vertical="bottom",
                no_wrap=True,
            )
        for position, row in enumerate(rows, start=1):
            is_above = table.is_last_apart and position == len(rows) - 1
            rich.add_row(*row, end_section=is_above)
        return rich

    shown = [[visible(cell) for cell in row] for row in table.rows]
    wide = build(shown)
    if console.measure(wide, options=console.options.update(width=1000)).maximum <= console.width:
        return wide
    narrow = build([[_folded(cell) for cell in row] for row in shown])
    narrow.width = console.measure(narrow, options=console.options.update(width=1000)).maximum
    return narrow


def _folded(cell: str) -> str:
    """Return a cell of a narrow table, in several lines."""
    if cell.startswith(FAILED):
        return textwrap.fill(cell, 20, break_long_words=False, break_on_hyphens=False)
    return re.sub(r" (± |\(\d+ of )", r"\n\1", cell)


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown, its caption below."""
    n_text = table.text_columns
    alignment = ["---"] * n_text + ["---:"] * (len(table.headers) - n_text)
    rows = (map(for_markdown, row) for row in (table.headers, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"| {' | '.join(alignment)} |")
    return "\n".join([*lines, "", for_markdown(table.caption), ""])
