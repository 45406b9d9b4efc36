"""Rows of Parquet files, of which a few bits in each row may be endless texts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.classes import classes_in, with_names
from rnnbench.data.sources.tables.layout import (
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
    Wanted,
    check_unique,
)
from rnnbench.data.sources.tables.packed import (
    check_unpacked_size,
    faults_named,
    needed,
    open_table_file,
)
from rnnbench.errors import UserError
from rnnbench.storage import MAX_UNPACKED

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetSchema

MAX_ROWS = 1_000  # the rows that are unpacked at once
MAX_CELLS = MAX_UNPACKED // 8  # that are read at once; each takes 8 bytes
TEXTS = ("string", "large_string", "string_view")
Coded = tuple[list[object], NDArray[np.int32]]
"""Values, and the position of each row's value among them."""


def read_parquet(
    path: Path, _layout: Layout, progress: Progress, columns: Wanted
) -> TextTable:
    """Read the columns with texts, numbers or lists of these."""
    rows = _header_and_rows(path, progress, columns)
    return TextTable(list(next(rows).values), rows)


def _header_and_rows(path: Path, progress: Progress, columns: Wanted) -> Rows:
    """Yield the names of the columns, and then the rows; only some are in memory."""
    with needed(f"{path}:", "pyarrow", "parquet"):
        from pyarrow.parquet import ParquetFile

    with faults_named(path, "cannot be read as Parquet"), open_table_file(path) as raw:
        file = ParquetFile(raw)
        header = header_of(path, file.schema_arrow, columns)
        yield Row(str(path), header)
        classes = classes_in(file.schema_arrow.metadata)
        repeated = _leaves(file.schema, header)
        n_rows = file.metadata.num_rows
        check_unpacked_size(path, n_rows * len(header))
        file = ParquetFile(raw, metadata=file.metadata, read_dictionary=repeated)
        batches = file.iter_batches(MAX_ROWS, columns=header)
        rows = rows_of(path, batches, classes)
        for number, row in enumerate(rows):
            if number % MAX_ROWS == 0:
                progress(f"reading the rows of {path.name}", number, n_rows)
            yield row


def rows_of(
    path: Path,
    batches: "Iterable[pyarrow.RecordBatch]",
    classes: Mapping[str, Sequence[str]],
) -> Rows:
    """Yield the rows of batches; numbers of ``classes`` become their names."""
    place = str(path)
    number = 0
    size = 0
    for batch in batches:
        values = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            unpacked = _unpacked(column)
            if name in classes:
                unpacked = with_names(unpacked, classes[name])
            values.append(unpacked)
        size += sum(map(_size, chain(*values)))
        if size > MAX_UNPACKED:
            fault = f"its texts unpack to more than {MAX_UNPACKED:,} characters"
            hint = "use a .csv or .jsonl file instead"
            raise UserError(f"{path}: {fault} ({hint})")
        check_unpacked_size(path, size)
        for row in zip(*values, strict=True):
            number += 1
            yield Row(f"{place}, row {number}", row)


def _columns_at_once(
    raw: IO[bytes], _layout: Layout, columns: Sequence[str]
) -> "pyarrow.Table | None":
    """Return columns of a file, unless they are too large."""
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(raw, read_dictionary=columns)
    if classes_in(file.schema_arrow.metadata):
        return None
    n_bytes = 0
    for number in range(file.metadata.num_row_groups):
        n_bytes += file.metadata.row_group(number).total_byte_size
    n_cells = file.metadata.num_rows * len(columns)
    if n_bytes > MAX_UNPACKED or n_cells > MAX_CELLS:
        return None
    return file.read(columns)


def header_of(path: Path, schema: "pyarrow.Schema", columns: Wanted) -> list[str]:
    """Return the names of the columns that can be read; or those of ``columns``."""
    plain = [field.name for field in schema if _is_plain(field.type)]
    header = plain
    if columns:
        wanted = set(columns)
        header = [name for name in schema.names if name in wanted]
    check_unique(header, schema.names, path)
    wrong = set(header) - set(plain)
    if wrong:
        raise UserError(f"{path}: {min(wrong)}: should be a text")
    return header


def _is_plain(kind: "pyarrow.DataType") -> bool:
    """Return whether values of a type are texts, numbers or lists of these."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    if types.is_dictionary(kind):
        kind = kind.value_type
    return types.is_primitive(kind) or str(kind) in TEXTS


def _leaves(schema: "ParquetSchema", names: Sequence[str]) -> list[str]:
    """Return the paths of columns; the path of a list leads to its values."""
    wanted = set(names)
    leaves = []
    for number in range(len(schema)):
        path = schema.column(number).path
        if path in wanted or path.split(".list.")[0] in wanted:
            leaves.append(path)
    return leaves


def _size(value: object) -> int:
    """Return the characters in a text, or those in a list and the number of texts."""
    match value:
        case str():
            return len(value)
        case list():
            return len(value) + sum(map(_size, value))
    return 0


def _unpacked(column: "pyarrow.Array") -> list[object]:
    """Return the values in a part of a column; equal ones are one object."""
    if not hasattr(column, "value_lengths"):
        values, codes = coded(column)
        return [values[code] for code in codes.tolist()]
    rest = iter(_unpacked(column.flatten()))  # of lists
    lists: list[object] = []
    for length in column.value_lengths().to_pylist():
        lists.append(None if length is None else list(islice(rest, length)))
    return lists


def coded(column: "pyarrow.Array") -> Coded:
    """Return the different values of a column, and which of them each row has."""
    column.validate(full=True)  # codes of a damaged file may be those of no value
    encoded = column.dictionary_encode()
    if hasattr(encoded, "chunks"):
        encoded = encoded.combine_chunks()
    values = [*encoded.dictionary.to_pylist(), None]
    codes = encoded.indices
    if codes.null_count:
        codes = codes.fill_null(len(values) - 1)
    return values, codes.to_numpy()


PARQUET = TableKind(read_parquet, is_text=False, at_once=_columns_at_once)
