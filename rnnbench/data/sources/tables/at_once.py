"""Columns of a table with millions of rows, read at once.

``columns_at_once(Path("own.csv"), Layout(), ["label"])["label"]`` are the different
values, and the position of each row's value among them.
"""

from collections.abc import Sequence
from pathlib import Path

from rnnbench.data.sources.tables.layout import Layout
from rnnbench.data.sources.tables.lines import open_table_file
from rnnbench.data.sources.tables.opening import kind_of
from rnnbench.data.sources.tables.parquet import Coded, coded


def columns_at_once(
    path: Path, layout: Layout, columns: Sequence[str]
) -> dict[str, Coded] | None:
    """Return columns for millions of rows, or ``None`` if reading row by row is needed.

    It reads .csv files in UTF-8 without quotation marks, and Parquet without lists.
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
