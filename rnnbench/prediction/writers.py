"""Files of rows with answers: ``with open_writer(out, source, columns) as write: ...``.

``write(cells)`` adds a row. The format is that of the name of the file or, on standard
output, that of the source.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from io import TextIOWrapper
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.data.sources.tables import (
    DIALECTS,
    Layout,
    dialect_of,
    with_form,
    without_packing,
)
from rnnbench.data.sources.tables.packed import needed
from rnnbench.errors import UserError
from rnnbench.storage import atomic_write, temporary_folder
from rnnbench.text import encodable, visible

if TYPE_CHECKING:
    from pyarrow import Table

WRITABLE = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")  # the endings of tables
PARQUET = ".parquet"
ROWS_AT_ONCE = 2**13  # of a Parquet file
Write = Callable[[Sequence[object]], object]


def open_writer(
    out: Path | None, source: Path, columns: Sequence[str]
) -> AbstractContextManager[Write]:
    """Yield what writes a row to a file, or to standard output."""
    if out is not None and out.suffix.lower() == PARQUET:
        return _parquet_writer(out, columns)
    return _text_writer(out, source, columns)


def format_of(path: Path) -> str:
    """Return the ending of a table; answers to a folder of texts are a .csv."""
    if path.is_dir():
        return ".csv"
    return without_packing(path).suffix.lower()


class _VisibleText(TextIOWrapper):
    """Text for a terminal, whose characters cannot control it."""

    def write(self, text: str) -> int:
        """Write text with visible replacements of control characters."""
        return super().write(visible(text))


@contextmanager
def _text_writer(
    out: Path | None, source: Path, columns: Sequence[str]
) -> Iterator[Write]:
    """Yield what writes a row as text; the columns are written before."""
    ending = format_of(out or source)
    with _opened(out) as text:
        if ending in DIALECTS:
            dialect = DIALECTS[ending]
            if source.is_file() and ending == format_of(source):
                dialect = dialect_of(source, with_form(source, Layout()))
            write = csv.writer(text, dialect, lineterminator="\n").writerow
            write(columns)
            yield write
        else:
            to_json = json.JSONEncoder(ensure_ascii=False, default=str).encode

            def write_json(row: Sequence[object]) -> None:
                values = dict(zip(columns, row, strict=True))
                text.write(to_json(values) + "\n")

            yield write_json


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIOWrapper]:
    """Yield a new file, or standard output, as text."""
    with ExitStack() as stack:
        kind: type[TextIOWrapper] = TextIOWrapper
        if out:
            raw = stack.enter_context(atomic_write(out))
        else:
            raw = sys.stdout.buffer
            if sys.stdout.isatty():
                kind = _VisibleText
        text = kind(raw, "utf-8", errors="backslashreplace", newline="")
        stack.callback(text.detach)  # or it would close standard output
        yield text


@contextmanager
def _parquet_writer(out: Path, columns: Sequence[str]) -> Iterator[Write]:
    """Yield what writes a row to a Parquet file.

    The types of columns are known at the end, so blocks of rows are stored until then.
    """
    with needed(f"--out {out}:", "pyarrow", "parquet"):
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter, read_table, write_table
    rows: list[Sequence[object]] = []
    schemas: list[pa.Schema] = []
    with temporary_folder() as folder:

        def store() -> None:
            with _blamed_on_types(out):
                block = _arrow_table(rows, columns)
                write_table(block, folder / str(len(schemas)))
            schemas.append(block.schema)
            rows.clear()

        def write(row: Sequence[object]) -> None:
            rows.append(row)
            if len(rows) == ROWS_AT_ONCE:
                store()

        yield write
        if rows or not schemas:
            store()
        with _blamed_on_types(out), atomic_write(out) as file:
            schema = pa.unify_schemas(schemas, promote_options="permissive")
            empty = schema.empty_table()
            with ParquetWriter(file, schema) as writer:
                for number in range(len(schemas)):
                    tables = [empty, read_table(folder / str(number))]
                    block = pa.concat_tables(tables, promote_options="permissive")
                    writer.write(block)


@contextmanager
def _blamed_on_types(out: Path) -> Iterator[None]:
    """Raise ``UserError`` if Arrow has no type for a column."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        hint = "a column of a Parquet file has values of one type: use .jsonl"
        raise UserError(f"--out {out}: cannot be written: {error} ({hint})") from None


def _arrow_table(rows: Sequence[Sequence[object]], columns: Sequence[str]) -> "Table":
    """Return rows as a table of Arrow."""
    import pyarrow as pa

    of_type = None
    if not rows:
        of_type = pa.string()
    arrays = {}
    for position, name in enumerate(columns):
        cells = list(map(_storable, map(itemgetter(position), rows)))
        try:
            arrays[name] = pa.array(cells, of_type)
        except (pa.ArrowException, OverflowError, ValueError) as error:
            raise pa.ArrowException(f"{name}: {error}") from None
    return pa.table(arrays)


def _storable(cell: object) -> object:
    """Return a cell without characters that UTF-8 does not have."""
    match cell:
        case str():
            return encodable(cell)
    return cell
