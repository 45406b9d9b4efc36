"""A table as text, and its Markdown; ``layout`` fits it to a terminal.

>>> table = Table(["model", "score"], [["lstm", "0.9"]], "One seed.")
>>> print(to_markdown(table))
| model | score |
| --- | ---: |
| lstm | 0.9 |
<BLANKLINE>
One seed.
<BLANKLINE>
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from rnnbench.points import model_of, values_of
from rnnbench.text import for_markdown

T = TypeVar("T")
Columns = dict[str, Callable[[T], str]]
"""The cell of an item, by the header of its column."""

MISSING = "-"
"""Stands for a value that there is not."""
ADDRESS = re.compile(r":(?=//)|(?<=www)\.|@", re.IGNORECASE)
"""Characters that make a link of their neighbours in Markdown."""


@dataclass(frozen=True)
class Table:
    """A table as text."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    """The words that a reader needs beside the numbers."""
    is_last_apart: bool = False
    """Whether a line stands above the last row, such as that of the majority
    baseline."""
    text_columns: int = 1
    """How many of the first columns are text; all others are numbers."""
    keys: int = 1
    """How many of the first columns tell the rows apart."""
    models: Sequence[Sequence[str]] = ()
    """Those that each row is about, where rows are about models."""
    n_optional: int = 0
    """How many of the last columns a terminal shows only if all fit beside each
    other."""
    links: Mapping[str, str] = field(default_factory=dict)
    """The addresses that cells of one column lead to on a page, by the text of the
    cell."""
    linked: int = 0
    """The position of that column."""


def table_of(
    items: Sequence[T],
    columns: Columns[T],
    caption: str,
    *,
    models: Sequence[Sequence[str]] = (),
) -> Table:
    """Return a table with a row for each item; ``columns`` makes its cells."""
    rows = [[cell(item) for cell in columns.values()] for item in items]
    return Table(list(columns), rows, caption, models=models)


def with_points(table: Table, position: int = 0) -> Table:
    """Return ``table`` with a column for each parameter of grids.

    The column at ``position`` has the names of models, with their parameters.
    """
    after = position + 1
    names = [row[position] for row in table.rows]
    parameters = list(dict.fromkeys(key for name in names for key in values_of(name)))
    rows = []
    for row, name in zip(table.rows, names, strict=True):
        values = values_of(name)
        cells = [values.get(key, MISSING) for key in parameters]
        rows.append([*row[:position], model_of(name), *cells, *row[after:]])
    text_columns = table.text_columns
    if after < text_columns:
        text_columns += len(parameters)
    return replace(
        table,
        headers=[*table.headers[:after], *parameters, *table.headers[after:]],
        rows=rows,
        text_columns=text_columns,
        keys=max(table.keys, after) + len(parameters),
        models=[[name] for name in names],
    )


def pick_columns(table: Table, positions: Sequence[int], n_text: int) -> Table:
    """Return ``table`` with some columns, the first ``n_text`` of which are text."""
    return replace(
        table,
        headers=[table.headers[position] for position in positions],
        rows=[[row[position] for position in positions] for row in table.rows],
        text_columns=n_text,
    )


def number_first(table: Table, deciding: str = "") -> Table:
    """Return ``table`` as a phone shows it best: the names, and what decides.

    These are the column with the header ``deciding``, if there is one, and the first
    number.
    """
    order = list(range(len(table.headers)))
    order.insert(1, order.pop(max(table.text_columns, table.keys)))
    for position in order[2:]:
        if table.headers[position] == deciding:
            order.remove(position)
            order.insert(1, position)
    return replace(pick_columns(table, order, 1), keys=1)


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown, its caption below."""
    n_numbers = len(table.headers) - table.text_columns
    alignment = ["---"] * table.text_columns + ["---:"] * n_numbers
    lines = [_line(map(_for_cell, table.headers)), _line(alignment)]
    for row in table.rows:
        lines.append(_line(map(_for_cell, row)))
    return "\n".join([*lines, "", for_markdown(table.caption), ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _for_cell(text: str) -> str:
    """Return text that GitHub's Markdown shows as it is, with no address a link."""
    return ADDRESS.sub(lambda match: f"&#{ord(match[0])};", for_markdown(text))
