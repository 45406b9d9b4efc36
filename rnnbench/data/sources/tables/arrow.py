"""Rows of .arrow files, of which a data set has one or more in its folder.

``ARROW.read(Path("train/data-00000-of-00001.arrow"), Layout(), silent, None)``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.classes import class_names, classes_in
from rnnbench.data.sources.tables.layout import (
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
    Wanted,
)
from rnnbench.data.sources.tables.packed import (
    check_unpacked_size,
    faults_named,
    needed,
    open_table_file,
)
from rnnbench.data.sources.tables.parquet import header_of, rows_of
from rnnbench.storage import peek

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.ipc import Message

OF_FILE = b"ARROW1\0\0"
"""May stand before the messages of a file: its schema, dictionaries and batches."""
INFO = "dataset_info.json"
"""Stands beside the files of a data set, and names its classes."""


def read_arrow(
    path: Path, _layout: Layout, _progress: Progress, columns: Wanted
) -> TextTable:
    """Read the columns with texts, numbers or lists of these."""
    rows = _header_and_rows(path, columns)
    return TextTable(list(next(rows).values), rows)


def _header_and_rows(path: Path, columns: Wanted) -> Rows:
    """Yield the names of the columns, and then the rows; few are in memory at once."""
    with needed(f"{path}:", "pyarrow", "parquet"):
        from pyarrow import ipc

    with faults_named(path, "cannot be read as Arrow"), open_table_file(path) as raw:
        start = 0
        if raw.read(len(OF_FILE)) == OF_FILE:
            start = len(OF_FILE)
        raw.seek(start)
        n_bytes = 0
        for message in ipc.MessageReader.open_stream(raw):
            n_bytes += _unpacked_size(message)
            check_unpacked_size(path, n_bytes)
        raw.seek(start)
        file = ipc.open_stream(raw)
        header = header_of(path, file.schema, columns)
        yield Row(str(path), header)
        classes = class_names(peek(path.with_name(INFO)).get("features"))
        classes = classes or classes_in(file.schema.metadata)
        yield from rows_of(path, _selected(file, header), classes)


def _selected(
    batches: "Iterable[pyarrow.RecordBatch]", header: list[str]
) -> "Iterator[pyarrow.RecordBatch]":
    """Yield batches with some columns, checked: damaged ones could end the process."""
    for batch in batches:
        batch.validate(full=True)
        yield batch.select(header)


def _unpacked_size(message: "Message") -> int:
    """Return the bytes of a message after unpacking, which it declares.

    Its metadata are a FlatBuffer: https://arrow.apache.org/docs/format/Columnar.html
    """
    content = message.metadata.to_pybytes()
    batch = _target(content, _field(content, _target(content, 0), 2))
    if message.type == "dictionary batch":
        batch = _target(content, _field(content, batch, 1))
    elif message.type != "record batch":
        return 0
    if not _field(content, batch, 3):  # it is not compressed
        return len(message.body)
    buffers = _target(content, _field(content, batch, 2))
    n_numbers = 2 * _number(content, buffers)
    places = np.frombuffer(content, np.int64, n_numbers, buffers + 4)
    n_bytes = 0
    for place, size in places.reshape(-1, 2).tolist():
        if size:
            declared = message.body.slice(place, 8).to_pybytes()
            n_bytes += max(_number(declared, 0, 8), size)
    return n_bytes


def _field(content: bytes, table: int, number: int) -> int:
    """Return the place of a field of a table in a FlatBuffer, or 0."""
    fields = table - _number(content, table)
    place = 4 + 2 * number
    if place >= _number(content, fields, 2):
        return 0
    offset = _number(content, fields + place, 2)
    return offset and table + offset


def _target(content: bytes, place: int) -> int:
    """Return the place that an offset in a FlatBuffer leads to."""
    return place + _number(content, place)


def _number(content: bytes, place: int, size: int = 4) -> int:
    return int.from_bytes(content[place : place + size], "little", signed=True)


ARROW = TableKind(read_arrow, is_text=False)
