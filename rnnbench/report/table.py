"""A table for a terminal, a notebook or Markdown, and the numbers in it as text."""

import io
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from rnnbench.points import model_of, values_of
from rnnbench.text import for_markdown, visible

if TYPE_CHECKING:
    from jinja2 import Template

T = TypeVar("T")
Columns = dict[
    str, Callable[[T], str]
]  # the cell of an item, by the header of its column

MISSING = "-"  # stands for a value that there is not
HEADER_WIDTHS, CELL_WIDTHS = (60, 30, 20, 12, 0), (34, 20)  # that are tried, in columns
NO_BREAK = "\N{NO-BREAK SPACE}"
ADDRESS = re.compile(
    r":(?=//)|(?<=www)\.|@", re.IGNORECASE
)  # makes a link of its neighbours
WIDTH = 80  # of text, in columns, where the width of the terminal is not known


@dataclass(frozen=True)
class Table:
    """A table as text."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    """The facts that a reader needs beside the numbers."""
    is_last_apart: bool = False
    """Whether a line stands above the last row, such as that of the majority
    baseline."""
    text_columns: int = 1
    """How many of the first columns are text; all others are numbers."""
    keys: int = 1
    """How many of the first columns tell the rows apart."""
    models: Sequence[Sequence[str]] = ()
    """Those that each row is about, where rows are about models."""
    links: Mapping[str, str] = field(default_factory=dict)
    """The addresses that cells of one column lead to on a page, by the text of the
    cell."""
    linked: int = 0
    """The position of that column."""


def table_of(
    items: Sequence[T], columns: Columns[T], caption: str, **facts: Any
) -> Table:
    """Return a table with a row for each item; ``columns`` gives the cell under each
    header.
    """
    rows = [[cell(item) for cell in columns.values()] for item in items]
    return Table(list(columns), rows, caption, **facts)


def with_points(table: Table, position: int = 0) -> Table:
    """Return ``table`` with a column for each parameter of grids; ``position`` has the
    names.
    """
    names, end = [row[position] for row in table.rows], position + 1
    parameters = list(dict.fromkeys(key for name in names for key in values_of(name)))
    rows = []
    for row, name in zip(table.rows, names, strict=True):
        values = [values_of(name).get(key, MISSING) for key in parameters]
        rows.append([*row[:position], model_of(name), *values, *row[end:]])
    return replace(
        table,
        headers=[*table.headers[:end], *parameters, *table.headers[end:]],
        rows=rows,
        text_columns=table.text_columns + len(parameters) * (end < table.text_columns),
        keys=max(table.keys, end) + len(parameters),
        models=[[name] for name in names],
    )


def pick_columns(table: Table, places: Sequence[int], n_text: int) -> Table:
    """Return ``table`` with the columns at these places, the first ``n_text`` of which
    are text.
    """
    headers, *rows = [
        [cells[place] for place in places] for cells in (table.headers, *table.rows)
    ]
    return replace(table, headers=headers, rows=rows, text_columns=n_text)


def number_first(table: Table) -> Table:
    """Return ``table`` with its first number beside its first column: a phone shows two
    columns.
    """
    n = max(table.text_columns, table.keys)
    order = [0, n, *range(1, n), *range(n + 1, len(table.headers))]
    return replace(pick_columns(table, order, 1), keys=1)


def to_rich(table: Table, console: Console) -> RenderableType:
    """Return the table for a terminal, in the first layout that fits its width.

    Headers and long cells are broken first; then columns stand in groups, and at last
    each cell has a line of its own. No number is broken.
    """
    headers = [*map(visible, table.headers)]
    shown = replace(
        table, headers=headers, rows=[[*map(visible, row)] for row in table.rows]
    )
    folded = [
        replace(
            shown, rows=[[_fold(cell, width) for cell in row] for row in shown.rows]
        )
        for width in CELL_WIDTHS
    ]
    tried = product((_in_one, _in_groups), (shown, *folded))
    layouts = (lay_out(candidate, console.width) for lay_out, candidate in tried)
    cells = [zip(headers, row, strict=True) for row in shown.rows]
    in_lines = [Text(_in_lines(row, console.width)) for row in cells]
    body: Sequence[RenderableType] = next(filter(None, layouts), in_lines)
    caption = _fill(visible(table.caption), min(console.width, 100))
    return Group(*body, *[Text(caption)] * bool(caption))


def _in_lines(row: Iterable[tuple[str, str]], width: int) -> str:
    """Return the cells of a row that are not empty, each with its header in lines of
    its own.
    """
    lines = []
    for header, cell in row:
        whole = cell.replace(" ", NO_BREAK) if len(cell) <= width else cell
        lines += [_fill(f"{header}: {whole}" if header else whole, width)] * bool(cell)
    return "\n".join([*lines, ""])


def _fold(cell: str, width: int) -> str:
    """Return a cell in lines; words are broken after punctuation, numbers never."""
    if re.match(r"[-+]?\d", cell):
        return re.sub(r" (\(\d+ of )", r"\n\1", cell)
    lines = [""]
    for part in re.split(r"(?<=[ /])|(?<=[a-z]\.)(?=\w)", cell):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(map(str.rstrip, lines))


def _in_one(table: Table, width: int) -> list[RichTable]:
    """Return the table as a grid with the widest headers that fit; ``[]`` without
    room.
    """
    columns = zip(
        *[[_fill(header, 1) for header in table.headers], *table.rows], strict=True
    )
    narrowest = [max(map(cell_len, "\n".join(cells).split("\n"))) for cells in columns]
    for limit in HEADER_WIDTHS:
        headers = list(
            map(_fill, table.headers, (max(least, limit) for least in narrowest))
        )
        of_headers = (max(map(cell_len, header.split("\n"))) for header in headers)
        widths = list(map(max, narrowest, of_headers))
        if sum(widths) + 2 * len(widths) <= width:  # with a space on both sides
            break
    else:
        return []
    grid = RichTable(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for index, header in enumerate(headers):
        side: Any = "left" if index < table.text_columns else "right"
        grid.add_column(header, justify=side, vertical="bottom", no_wrap=True)
    for place, row in enumerate(table.rows, start=2):
        grid.add_row(*row, end_section=table.is_last_apart and place == len(table.rows))
    return [grid]


def _in_groups(table: Table, width: int) -> list[RichTable]:
    """Return groups of columns, each with the keys, as grids; ``[]`` if a column has no
    room.
    """
    grids: list[RichTable] = []
    keys, rest = [*range(table.keys)], [*range(table.keys, len(table.headers))]
    while rest:
        for n in range(len(rest), 0, -1):
            places = [*keys, *rest[:n]]
            n_text = sum(place < table.text_columns for place in places)
            if grid := _in_one(pick_columns(table, places, n_text), width):
                grids, rest = [*grids, *grid], rest[n:]
                break
        else:
            return []
    return grids


def _fill(text: str, width: int) -> str:
    """Return a text in lines of up to ``width``; words and percentages are not
    broken.
    """
    text = text.replace(" %", f"{NO_BREAK}%")
    return textwrap.fill(text, width, break_long_words=False).replace(NO_BREAK, " ")


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown, its caption below."""
    n_text = table.text_columns
    alignment = ["---"] * n_text + ["---:"] * (len(table.headers) - n_text)
    rows = (map(_for_cell, row) for row in (table.headers, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"| {' | '.join(alignment)} |")
    return "\n".join([*lines, "", for_markdown(table.caption), ""])


def _for_cell(text: str) -> str:
    """Return text that GitHub's Markdown shows as it is, without making links of
    addresses.
    """
    return ADDRESS.sub(lambda match: f"&#{ord(match[0])};", for_markdown(text))


def grid(rows: Iterable[Sequence[str | Text]], styles: Sequence[str] = ()) -> RichTable:
    """Return rows as a table without lines for a terminal; columns may have
    ``styles``.
    """
    columns = (Column(style=style, overflow="fold") for style in styles)
    table = RichTable.grid(*columns, padding=(0, 2))
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def stacked(parts: Iterable[tuple[str, Sequence[RenderableType]]]) -> Group:
    """Return blocks with a blank line between them; those below a heading are
    indented.
    """
    blocks: list[RenderableType] = []
    for heading, body in parts:
        below = [Padding(block, (0, 0, 0, 3)) for block in body]
        blocks += [Text(heading, "bold cyan"), *below] if heading else body
    return Group(*[line for block in blocks for line in (block, "")][:-1])


class Shown(ABC):
    """A result whose ``repr`` is its tables, as text or, in a notebook, as HTML."""

    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """Return the tables that show the result."""

    def __repr__(self) -> str:
        return as_text(*self.tables()).rstrip("\n")

    __str__ = __repr__

    def _repr_html_(self) -> str:
        template = find_template("table.html.j2")
        return visible("".join(template.render(table=table) for table in self.tables()))


def as_text(*views: Table | RenderableType, width: int | None = None) -> str:
    """Return what a console prints, as plain text even in a notebook, where Rich writes
    HTML.
    """
    text = io.StringIO()
    off = ("force_terminal", "force_jupyter", "markup", "highlight", "emoji")
    plain: dict[str, Any] = dict.fromkeys(off, False)
    console = Console(file=text, width=width, **plain)
    if console.width == 0:  # a notebook's server may set COLUMNS=0
        console.width = WIDTH
    for view in views:
        console.print(
            to_rich(view, console) if isinstance(view, Table) else view, crop=False
        )
    return text.getvalue()


def find_template(
    name: str, package: str = "rnnbench.report", **options: Any
) -> "Template":
    """Return a template of a package, which escapes all text unless it is for
    Python.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape([], ["py.j2"], default=True),
        finalize=options.pop("finalize", None),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= options
    return environment.get_template(name)
