"""Rows of .csv and .tsv files.

A bad row costs no more than its own lines: reading goes on after its first line.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rnnbench.data.fetch import Progress, silent
from rnnbench.data.sources.tables.contents import ending_of
from rnnbench.data.sources.tables.layout import (
    NOT_A_ROW,
    SAMPLE_ROWS,
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
    Wanted,
)
from rnnbench.data.sources.tables.lines import MAX_TEXT, codec_of, lines
from rnnbench.errors import UserError
from rnnbench.text import counted

if TYPE_CHECKING:
    import pyarrow

MOST_WRONG = 0.1  # the largest share of quoted fields that do not end in a quote
QUOTED = re.compile(r'(?:^|(?<=\t))"(?:((?:[^"]|"")*+)"(?=[\t\r\n]|\Z))?', re.MULTILINE)
"""A field that starts with a quotation mark; and what is inside if it ends with one,
too."""


class Dialect(csv.excel):
    """The characters between fields and around them, for ``csv``."""

    strict = True

    def __init__(self, delimiter: str, *, has_quotes: bool = True):
        self.delimiter = delimiter
        if not has_quotes:
            self.quoting = csv.QUOTE_NONE
            self.quotechar = None
        super().__init__()


DIALECTS = {  # by the end of the name of a file
    ".csv": Dialect(","),
    # Quotation marks are text, because no text may contain a tab or a new line; see
    # ``dialect_of``.
    ".tsv": Dialect("\t", has_quotes=False),
}
DIALECTS[".tab"] = DIALECTS[".tsv"]
BLOCK = 2**20  # bytes


def read_separated(
    path: Path, layout: Layout, progress: Progress, _columns: Wanted
) -> TextTable:
    """Read comma-separated or tab-separated values.

    Empty fields beyond the header are no fault.
    """
    rows = records(path, layout, progress)
    first = _first_of(rows)
    header = [name.strip() for name in first]
    return TextTable(header, _checked(rows, first))


def _first_of(rows: Rows) -> list[str]:
    """Return the fields of the header; none if the file is empty."""
    for number, (place, fields, _, fault) in enumerate(rows):
        if fault:
            raise UserError(f"{place}: the header {fault}")
        if number or fields[0].lower() != "sep=":  # Excel's own line
            return list(fields)
    return []


def _checked(rows: Rows, header: list[str]) -> Rows:
    """Yield rows with as many fields as the header has; others become bad rows."""
    n_columns = len(header)
    for record in rows:
        row = record
        if len(row.values) > n_columns:
            row = _without_empty_ends(row, n_columns)
        n_fields = len(row.values)
        if row.fault:
            yield row
        elif n_columns > 1 and row.values == header:
            yield row._replace(reason=NOT_A_ROW, fault="the header again")
        elif n_fields == n_columns:
            yield row
        else:
            fault = f"{counted(n_fields, 'field')}, but the header has {n_columns}"
            yield row._replace(reason=NOT_A_ROW, fault=fault)


def _without_empty_ends(row: Row, n_columns: int) -> Row:
    """Return a row without the empty fields at its end that have no column."""
    fields = list(row.values)
    while len(fields) > n_columns and not fields[-1]:
        fields.pop()
    return row._replace(values=fields)


def records(path: Path, layout: Layout, progress: Progress) -> Rows:
    """Yield the rows that are not empty, and a bad row for lines that start no row.

    A bad row may have many lines, each of which may start a row. So that no line is
    read more than twice, the lines of a bad row are read again one by one, except for
    the last, from which reading goes on as usual. A row that starts in one of these
    lines and does not end there is bad, too: it is inside quotation marks, like the bad
    row, and meets the same end.
    """
    dialect = dialect_of(path, layout)
    all_lines = lines(path, layout, progress)
    last_of_bad: list[str] = []
    taken: list[str] = []  # the lines of a row
    number = 1
    name = str(path)  # once, as there may be millions of rows
    before = csv.field_size_limit(MAX_TEXT)  # the limit is that of the process
    try:
        while True:
            next_lines = _taken(chain(last_of_bad, all_lines), taken)
            try:
                for row in csv.reader(next_lines, dialect):
                    if row:
                        yield Row(f"{name}:{number}", row)
                    number += len(taken)
                    taken.clear()
                return
            except csv.Error as error:
                yield _not_a_row(f"{name}:{number}", error)
            for line in taken[1:-1]:
                number += 1
                yield from _in_one_line(line, f"{name}:{number}", dialect)
            number += 1
            last_of_bad = taken[1:][-1:]
            taken.clear()
    finally:
        csv.field_size_limit(before)


def _taken(next_lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    """Yield lines, and add each to those of a row, which may be as long as a text."""
    size = 0
    for line in next_lines:
        if not taken:
            size = 0
        size += len(line)
        taken.append(line)
        if size > MAX_TEXT:
            raise csv.Error(f"longer than {MAX_TEXT:,} characters")
        yield line


def _in_one_line(line: str, place: str, dialect: Dialect) -> Rows:
    """Yield the row in a line, if it is not empty."""
    try:
        row = next(csv.reader([line], dialect), [])
    except csv.Error as error:
        yield _not_a_row(place, error)
        return
    if row:
        yield Row(place, row)


def _not_a_row(place: str, error: csv.Error) -> Row:
    return Row(place, (), NOT_A_ROW, f"cannot be read as a row: {error}")


def dialect_of(path: Path, layout: Layout) -> Dialect:
    """Return the dialect of a table; tabs are between quoted fields if it looks so."""
    if ending_of(path) == ".csv":
        return Dialect(layout.delimiter or ",")
    start = "".join(islice(lines(path, layout, silent), SAMPLE_ROWS))
    if _has_quoted_fields(start):
        return Dialect("\t")
    return DIALECTS[".tsv"]


def _has_quoted_fields(start: str) -> bool:
    """Return whether quotation marks at the start of a table are around fields."""
    contents = [field[1] for field in QUOTED.finditer(start)]
    if contents.count(None) > MOST_WRONG * len(contents):
        return False
    # Programs quote what needs it, and a quotation mark that is text seldom has a
    # partner.
    return start[:1] == '"' or any(_needs_quotes(inside) for inside in contents)


def _needs_quotes(inside: str | None) -> bool:
    """Return whether what is inside quotes needs them, unless it may be many fields."""
    if not inside or "\t" in inside:
        return False
    return "\n" in inside or '""' in inside


def _columns_at_once(
    raw: IO[bytes], layout: Layout, columns: Sequence[str]
) -> "pyarrow.Table | None":
    """Return columns of a file in UTF-8 without quotation marks."""
    import pyarrow
    from pyarrow import csv as arrow_csv

    if codec_of(layout) != "utf-8-sig":
        return None
    for block in iter(partial(raw.read, BLOCK), b""):
        if b'"' in block:
            return None
    raw.seek(0)
    kind = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    return arrow_csv.read_csv(
        raw,
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.delimiter or ",", quote_char=False
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, kind)
        ),
    )


COMMAS = TableKind(read_separated, is_delimited=True, at_once=_columns_at_once)
TABS = TableKind(read_separated)
