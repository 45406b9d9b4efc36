"""Columns of a table with millions of rows, read at once."""

from collections.abc import Sequence
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.data.sources.tables.layout import Layout
from rnnbench.data.sources.tables.lines import MAX_FILE, codec_of
from rnnbench.data.sources.tables.parquet import Coded, coded
from rnnbench.storage import MAX_UNPACKED, open_regular

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import FileMetaData

MAX_CELLS = MAX_UNPACKED // 8  # each takes 8 bytes
BLOCK = 2**20  # bytes


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
    ending = path.suffix.lower()
    try:
        with open_regular(path, MAX_FILE) as raw:
            if ending == ".parquet":
                table = _of_parquet(raw, columns)
            elif ending == ".csv" and codec_of(layout) == "utf-8-sig":
                table = _of_csv(raw, layout.delimiter or ",", columns)
            else:
                table = None
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


def _of_parquet(raw: BufferedReader, columns: Sequence[str]) -> "pyarrow.Table | None":
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(raw, read_dictionary=columns)
    return file.read(columns) if _fits(file.metadata, len(columns)) else None


def _of_csv(
    raw: BufferedReader, delimiter: str, columns: Sequence[str]
) -> "pyarrow.Table | None":
    import pyarrow
    from pyarrow import csv

    for block in iter(partial(raw.read, BLOCK), b""):
        if b'"' in block:
            return None
    raw.seek(0)
    kind = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    return csv.read_csv(
        raw,
        parse_options=csv.ParseOptions(delimiter=delimiter, quote_char=False),
        convert_options=csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, kind)
        ),
    )


def _fits(metadata: "FileMetaData", n_columns: int) -> bool:
    """Return whether some columns of a Parquet file can be read at once."""
    n_bytes = 0
    for number in range(metadata.num_row_groups):
        n_bytes += metadata.row_group(number).total_byte_size
    return n_bytes <= MAX_UNPACKED and metadata.num_rows * n_columns <= MAX_CELLS
