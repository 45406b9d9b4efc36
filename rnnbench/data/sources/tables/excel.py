"""Rows of the first sheet of an Excel workbook.

``EXCEL.read(Path("own.xlsx"), Layout(), silent, None).header``.
"""

import logging
import zlib
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.layout import (
    Columns,
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
)
from rnnbench.data.sources.tables.packed import open_table_file
from rnnbench.data.sources.tables.workbook_size import WorkbookSize
from rnnbench.errors import UserError

log = logging.getLogger(__name__)
MAX_UNPACKED = 2**29  # bytes
Sheet = tuple[int, Sequence[Sequence[object]]]
"""The number of rows above the first cell, and the cells by row."""
READ_PARTS = (".xml", ".rels")
HINT = "save it as .csv"


def read_excel(
    path: Path, _layout: Layout, progress: Progress, _columns: Columns
) -> TextTable:
    """Read all cells as texts."""
    progress(f"reading {path.name}", 0, None)
    status = path.stat()
    start, cells = _cells(path, status.st_mtime_ns, status.st_size)
    if not cells:
        return TextTable([], iter(()))
    header = list(map(_as_text, cells[0]))
    return TextTable(header, _rows(path, start + 1, cells[1:]))


def _rows(path: Path, start: int, cells: Sequence[Sequence[object]]) -> Rows:
    place = str(path)
    for number, row in enumerate(cells, start + 1):
        values = list(map(_as_text, row))
        if any(values):
            yield Row(f"{place}, row {number}", values)


def _as_text(cell: object) -> str:
    """Return a cell as Excel writes it into a .csv file."""
    match cell:
        case float() if cell.is_integer():
            return str(int(cell))
        case bool():
            return str(cell).upper()
    return str(cell)


@lru_cache(maxsize=1)  # a table is opened to look at it, and to read it
def _cells(path: Path, _changed: int, _size: int) -> Sheet:
    """Return the first sheet of a workbook."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        needs = "needs python-calamine: pip install 'rnnbench[excel]'"
        raise UserError(f"{path}: an Excel file {needs}") from None
    try:
        with open_table_file(path) as raw, ZipFile(raw) as archive:
            workbook = CalamineWorkbook.from_filelike(_checked_copy(archive))
        sheet = workbook.get_sheet_by_index(0)
        cells = sheet.to_python()
    except (
        CalamineError,
        BadZipFile,
        ExpatError,
        ValueError,
        EOFError,
        RuntimeError,
        zlib.error,
    ) as error:
        reason = f"cannot be read as Excel: {error}"
        raise UserError(f"{path}: {reason} ({HINT})") from None
    n_sheets = len(workbook.sheet_names)
    if n_sheets > 1:
        log.warning("%s: the first of %d sheets, '%s'", path, n_sheets, sheet.name)
    return (sheet.start or (0, 0))[0], cells


def _checked_copy(archive: ZipFile) -> IO[bytes]:
    """Return a workbook that takes no more memory than it may, or raise ``ValueError``.

    The reader is given a copy of what was checked, because it ends the process if the
    memory does not suffice.
    """
    members = []
    n_bytes = 0
    for member in archive.infolist():
        if member.filename.endswith(READ_PARTS):
            members.append(member)
            n_bytes += member.file_size
    if n_bytes > MAX_UNPACKED:
        raise ValueError(f"it unpacks to {n_bytes:,} bytes (allowed: {MAX_UNPACKED:,})")
    copy = BytesIO()
    size = WorkbookSize()
    with ZipFile(copy, "w") as target:
        for member in members:
            with archive.open(member) as part:
                content = part.read()
            size.add(content)
            target.writestr(member.filename, content)
    size.check()
    copy.seek(0)
    return copy


EXCEL = TableKind(read_excel, is_text=False)
