"""Tables of each kind, told by the ends of the names of files: their rows or columns.

A new kind is a module with a ``TableKind``, and a line in ``READERS``.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from rnnbench.data.fetch import Progress, silent
from rnnbench.data.sources.tables.arrow import ARROW
from rnnbench.data.sources.tables.contents import (
    KNOWN_STARTS,
    PACKED,
    ending_of,
    start_of,
)
from rnnbench.data.sources.tables.excel import EXCEL
from rnnbench.data.sources.tables.json_rows import JSON_ARRAY, JSON_LINES
from rnnbench.data.sources.tables.layout import Layout, TableKind, TextTable, Wanted
from rnnbench.data.sources.tables.packed import open_table_file
from rnnbench.data.sources.tables.parquet import PARQUET, Coded, coded
from rnnbench.data.sources.tables.separated import COMMAS, TABS
from rnnbench.data.sources.tables.tab import ORANGE
from rnnbench.errors import UserError, did_you_mean
from rnnbench.text import counted

MAX_COLUMNS = 20_000
READERS: dict[str, TableKind] = {
    ".csv": COMMAS,
    ".tsv": TABS,
    ".tab": ORANGE,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": JSON_ARRAY,
    ".parquet": PARQUET,
    ".xlsx": EXCEL,
    ".arrow": ARROW,
}

TABLE_ENDINGS = tuple(map("".join, product(READERS, ["", *PACKED])))
"""How the names of tables end, packed or not."""


def kind_of(path: Path) -> TableKind:
    """Return the kind of a file; one that refuses to read it if it is no table."""
    return READERS.get(ending_of(path), NO_TABLE)


def has_table_name(path: Path) -> bool:
    """Return whether the name of a file is that of a table, which may be packed."""
    return path.name.lower().endswith(TABLE_ENDINGS)


def is_table(path: Path) -> bool:
    """Return whether a file is a table, or one that is refused as what it is."""
    if not path.is_file():
        return False
    return has_table_name(path) or start_of(path).startswith(KNOWN_STARTS)


def _refuse(path: Path, *_: object) -> TextTable:
    hint = did_you_mean(path.suffix or path.name, READERS)
    raise UserError(f"{path}: not a table of texts ({hint}; or a folder)")


NO_TABLE = TableKind(_refuse)


def open_table(
    path: Path, layout: Layout, progress: Progress = silent, columns: Wanted = None
) -> TextTable:
    """Return the header of a table, or of some ``columns``, and the rows."""
    table = open_wide(path, layout, progress, columns)
    n_columns = len(table.header)
    if n_columns > MAX_COLUMNS:
        allowed = f"allowed: {MAX_COLUMNS:,}; keep those with texts and labels"
        raise UserError(f"{path}: {counted(n_columns, 'column')} ({allowed})")
    return table


def open_wide(
    path: Path, layout: Layout, progress: Progress = silent, columns: Wanted = None
) -> TextTable:
    """Return the same of a table with any number of columns."""
    table = kind_of(path).read(path, layout, progress, columns)
    if not table.header:
        raise UserError(f"{path}: it is empty")
    return table


def columns_at_once(
    path: Path, layout: Layout, columns: Sequence[str]
) -> dict[str, Coded] | None:
    """Return columns for millions of rows, or ``None`` if reading row by row is needed.

    Each has the different values, and the position of each row's value among them. This
    reads .csv files in UTF-8 without quotation marks, and Parquet without lists.
    """
    try:
        from pyarrow import ArrowException
    except ImportError:
        return None
    read = kind_of(path).at_once
    if read is None:
        return None
    try:
        with open_table_file(path) as raw:
            table = read(raw, layout, columns)
        if table is None:
            return None
        coded_columns = {}
        for name in columns:
            values, codes = coded(table.column(name).unify_dictionaries())
            if name in values:  # the header again
                return None
            coded_columns[name] = values, codes
        return coded_columns
    except (ArrowException, ValueError, KeyError, OverflowError, OSError):
        return None  # reading row by row tells the fault
