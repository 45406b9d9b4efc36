"""The readers of tables, by the ends of the names of files."""

from collections.abc import Callable
from pathlib import Path

from rnnbench.data.fetch import Progress, silent
from rnnbench.data.sources.tables.json_rows import read_json_array, read_json_lines
from rnnbench.data.sources.tables.layout import Columns, Layout, TextTable
from rnnbench.data.sources.tables.parquet import read_parquet
from rnnbench.data.sources.tables.separated import read_separated
from rnnbench.errors import UserError, did_you_mean
from rnnbench.text import counted

MAX_COLUMNS = 20_000
READERS: dict[str, Callable[[Path, Layout, Progress, Columns], TextTable]] = {
    ".csv": read_separated,
    ".tsv": read_separated,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_array,
    ".parquet": read_parquet,
}


def open_table(
    path: Path, layout: Layout, progress: Progress = silent, columns: Columns = None
) -> TextTable:
    """Return the header of a table, or of some ``columns``, and the rows."""
    table = open_wide(path, layout, progress, columns)
    n_columns = len(table.header)
    if n_columns > MAX_COLUMNS:
        allowed = f"allowed: {MAX_COLUMNS:,}; keep those with texts and labels"
        raise UserError(f"{path}: {counted(n_columns, 'column')} ({allowed})")
    return table


def open_wide(
    path: Path, layout: Layout, progress: Progress = silent, columns: Columns = None
) -> TextTable:
    """Return the same of a table with any number of columns."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        hint = did_you_mean(path.suffix or path.name, READERS)
        raise UserError(f"{path}: not a table of texts ({hint}; or a folder)")
    table = reader(path, layout, progress, columns)
    if not table.header:
        raise UserError(f"{path}: it is empty")
    return table
