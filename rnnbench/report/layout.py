"""Tables and blocks of text for a terminal, in the layout that fits its width.

``to_rich(table, console)`` is what a console prints, ``as_text(table)`` the same as
plain text.
"""

import io
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from rnnbench.report.table import Table, pick_columns
from rnnbench.text import visible

HEADER_WIDTHS = (60, 30, 20, 12, 0)
CELL_WIDTHS = (34, 20)
"""Widths that are tried, in columns."""
CAPTION_WIDTH = 100
NO_BREAK = "\N{NO-BREAK SPACE}"
WIDTH = 80
"""The width of text, in columns, where that of the terminal is not known."""
View = tuple[Mapping[str, object], *tuple[Table | RenderableType, ...]]
"""The record of something, which ``--json`` prints, and what people see of it."""


def to_rich(view: Table | RenderableType, console: Console) -> RenderableType:
    """Return a table for a terminal, in the first layout that fits its width.

    Headers are broken first; then optional columns are left out, and long cells broken;
    then columns stand in groups, and at last each cell has a line of its own. No number
    is broken. Other views are returned as they are.
    """
    if not isinstance(view, Table):
        return view
    table = replace(
        view,
        headers=[visible(header) for header in view.headers],
        rows=[[visible(cell) for cell in row] for row in view.rows],
    )
    body = _body(table, console.width)
    caption = _fill(visible(view.caption), min(console.width, CAPTION_WIDTH))
    if caption:
        return Group(*body, Text(caption))
    return Group(*body)


def _body(table: Table, width: int) -> Sequence[RenderableType]:
    if table.n_optional and not _in_one(table, width):
        needed = range(len(table.headers) - table.n_optional)
        table = pick_columns(table, needed, table.text_columns)
    candidates = [table]
    for cell_width in CELL_WIDTHS:
        rows = [[_fold(cell, cell_width) for cell in row] for row in table.rows]
        candidates.append(replace(table, rows=rows))
    for candidate in candidates:
        grid = _in_one(candidate, width)
        if grid:
            return [grid]
    for candidate in candidates:
        grids = _in_groups(candidate, width)
        if grids:
            return grids
    return [Text(_in_lines(table.headers, row, width)) for row in table.rows]


def _in_one(table: Table, width: int) -> RichTable | None:
    """Return the table as a grid with the widest headers that fit, if any do."""
    headers = _fitting_headers(table, width)
    if headers is None:
        return None
    grid = RichTable(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for position, header in enumerate(headers):
        grid.add_column(
            header,
            justify="left" if position < table.text_columns else "right",
            vertical="bottom",
            no_wrap=True,
        )
    for number, row in enumerate(table.rows, start=2):
        is_line_below = table.is_last_apart and number == len(table.rows)
        grid.add_row(*row, end_section=is_line_below)
    return grid


def _fitting_headers(table: Table, width: int) -> list[str] | None:
    """Return headers in lines of the first of ``HEADER_WIDTHS`` with which all fits."""
    narrowest = []
    for position, header in enumerate(table.headers):
        cells = [_fill(header, 1), *(row[position] for row in table.rows)]
        narrowest.append(_width("\n".join(cells)))
    for limit in HEADER_WIDTHS:
        headers = []
        widths = []
        for header, least in zip(table.headers, narrowest, strict=True):
            filled = _fill(header, max(least, limit))
            headers.append(filled)
            widths.append(max(least, _width(filled)))
        if sum(widths) + 2 * len(widths) <= width:  # with a space on both sides
            return headers
    return None


def _width(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _in_groups(table: Table, width: int) -> list[RichTable] | None:
    """Return grids of some columns and the keys; ``None`` if a column has no room."""
    grids = []
    keys = list(range(table.keys))
    start = table.keys
    while start < len(table.headers):
        for end in range(len(table.headers), start, -1):
            positions = [*keys, *range(start, end)]
            n_text = sum(position < table.text_columns for position in positions)
            grid = _in_one(pick_columns(table, positions, n_text), width)
            if grid:
                grids.append(grid)
                start = end
                break
        else:
            return None
    return grids


def _in_lines(headers: Sequence[str], row: Sequence[str], width: int) -> str:
    """Return the cells of a row that are not empty, each in lines of its own."""
    lines = []
    for header, cell in zip(headers, row, strict=True):
        if not cell:
            continue
        text = cell
        if len(cell) <= width:
            text = cell.replace(" ", NO_BREAK)
        if header:
            text = f"{header}: {text}"
        lines.append(_fill(text, width))
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


def _fill(text: str, width: int) -> str:
    """Return text in lines of this width; words and percentages are not broken."""
    text = text.replace(" %", f"{NO_BREAK}%")
    return textwrap.fill(text, width, break_long_words=False).replace(NO_BREAK, " ")


def grid(rows: Iterable[Sequence[str | Text]], styles: Sequence[str] = ()) -> RichTable:
    """Return rows as a table without lines; columns may have ``styles``."""
    columns = [Column(style=style, overflow="fold") for style in styles]
    table = RichTable.grid(*columns, padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def stacked(parts: Iterable[tuple[str, Sequence[RenderableType]]]) -> Group:
    """Return blocks with a blank line between them, indented below headings."""
    blocks: list[RenderableType] = []
    for heading, body in parts:
        if heading:
            blocks.append(Text(heading, "bold cyan"))
            blocks += [Padding(block, (0, 0, 0, 3)) for block in body]
        else:
            blocks += body
    lines: list[RenderableType] = []
    for block in blocks:
        lines += [block, ""]
    return Group(*lines[:-1])


def as_text(*views: Table | RenderableType, width: int | None = None) -> str:
    """Return what a console prints, as plain text even in a notebook."""
    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        force_terminal=False,
        force_jupyter=False,  # or Rich would write HTML
        markup=False,
        highlight=False,
        emoji=False,
    )
    if console.width == 0:  # a notebook's server may set COLUMNS=0
        console.width = WIDTH
    for view in views:
        console.print(to_rich(view, console), crop=False)
    return text.getvalue()
