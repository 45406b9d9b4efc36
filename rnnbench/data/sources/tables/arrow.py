"""Rows of .arrow files, of which a data set has one or more in its folder.

``ARROW.read(Path("train/data-00000-of-00001.arrow"), Layout(), silent, None)``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.classes import class_names, classes_in
from rnnbench.data.sources.tables.layout import (
    Columns,
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
)
from rnnbench.data.sources.tables.packed import open_table_file
from rnnbench.data.sources.tables.parquet import faults_named, header_of, rows_of
from rnnbench.storage import peek

if TYPE_CHECKING:
    import pyarrow

FORM = "Arrow"
OF_FILE = b"ARROW1"
"""How a file starts that has its batches listed at its end; others are streams."""
INFO = "dataset_info.json"
"""Stands beside the files of a data set, and names its classes."""


def read_arrow(
    path: Path, _layout: Layout, _progress: Progress, columns: Columns
) -> TextTable:
    """Read the columns with texts, numbers or lists of these."""
    with faults_named(path, FORM):
        rows = _header_and_rows(path, columns)
        return TextTable(list(next(rows).values), rows)


def _header_and_rows(path: Path, columns: Columns) -> Rows:
    """Yield the names of the columns, and then the rows; few are in memory at once."""
    from pyarrow import ipc

    with faults_named(path, FORM), open_table_file(path) as raw:
        if raw.peek(len(OF_FILE)).startswith(OF_FILE):
            file = ipc.open_file(raw)
            batches = map(file.get_batch, range(file.num_record_batches))
        else:
            file = ipc.open_stream(raw)
            batches = iter(file)
        header = header_of(path, file.schema, columns)
        yield Row(str(path), header)
        classes = class_names(peek(path.with_name(INFO)).get("features"))
        classes = classes or classes_in(file.schema.metadata)
        yield from rows_of(path, _selected(batches, header), classes)


def _selected(
    batches: "Iterator[pyarrow.RecordBatch]", header: list[str]
) -> "Iterator[pyarrow.RecordBatch]":
    """Yield batches with some columns, checked: damaged ones could end the process."""
    for batch in batches:
        batch.validate(full=True)
        yield batch.select(header)


ARROW = TableKind(read_arrow, is_text=False)
