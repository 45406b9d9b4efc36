"""Rows of the first sheet of an Excel workbook.

``EXCEL.read(Path("own.xlsx"), Layout(), silent, None).header``.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError, iterparse
from zipfile import ZipFile

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.layout import (
    SAMPLE_ROWS,
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
    Wanted,
    log_once,
)
from rnnbench.data.sources.tables.packed import (
    check_unpacked_size,
    faults_named,
    needed,
    open_table_file,
)
from rnnbench.storage import MAX_UNPACKED

log = logging.getLogger(__name__)
MAX_CELLS = 2**25
"""From the first to the last cell with a value, with the empty ones between them."""
PLACE = re.compile("([A-Z]{1,3})([0-9]{1,7})")
LETTERS = 26
MAX_DEPTH = 100
Sheet = tuple[int, Sequence[Sequence[object]]]
"""The number of rows above the first cell, and the cells by row."""
READ_PARTS = (".xml", ".rels")
TAG = 16
"""How many bytes an XML tag counts as, because it takes long to parse."""
NOT_EXCEL = "cannot be read as Excel (save it as .csv)"


def read_excel(
    path: Path, _layout: Layout, progress: Progress, _columns: Wanted
) -> TextTable:
    """Read all cells as texts."""
    progress(f"reading {path.name}", 0, None)
    status = path.stat()
    start, cells = _cells(path, status.st_mtime_ns, status.st_size)
    if not cells:
        return TextTable([], iter(()))
    above = _rows_above_header(cells)
    if above:
        log_once(path, f"row {start + above + 1} is the header, below a title")
    header = list(map(_as_text, cells[above]))
    start += above + 1
    return TextTable(header, _rows(path, start, cells[above + 1 :]))


def _rows_above_header(cells: Sequence[Sequence[object]]) -> int:
    """Return how many rows there are above the first full one, if there is a title.

    The first row of all is a title if it has one cell, and others have more. A column
    of row numbers may have no name.
    """
    with_several = []
    full = []
    for number, row in enumerate(cells[:SAMPLE_ROWS]):
        texts = list(map(_as_text, row))
        if len(texts) - texts.count("") > 1:
            with_several.append(number)
            if "" not in texts[1:]:
                full.append(number)
    if 0 in with_several:
        return 0
    return next(iter(full or with_several), 0)


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
    with needed(f"{path}: an Excel file", "python-calamine", "excel"):
        from python_calamine import CalamineWorkbook
    with faults_named(path, NOT_EXCEL), open_table_file(path) as raw:
        parts = _checked_parts(path, raw)
    with faults_named(path, NOT_EXCEL, (ValueError, LookupError, ParseError)):
        _check_cells(parts.values())
    with faults_named(path, NOT_EXCEL):
        workbook = CalamineWorkbook.from_filelike(_archive_of(parts))
        sheet = workbook.get_sheet_by_index(0)
        cells = sheet.to_python()
    n_sheets = len(workbook.sheet_names)
    if n_sheets > 1:
        log.warning("%s: the first of %d sheets, '%s'", path, n_sheets, sheet.name)
    return (sheet.start or (0, 0))[0], cells


def _checked_parts(path: Path, raw: IO[bytes]) -> dict[str, bytes]:
    """Return the parts of a workbook by name, or raise ``UserError`` for a bomb."""
    parts = {}
    n_bytes = 0
    with ZipFile(raw) as archive:
        for member in archive.infolist():
            if member.filename.endswith(READ_PARTS):
                check_unpacked_size(path, n_bytes + member.file_size)
                content = archive.read(member)
                n_bytes += len(content) + TAG * content.count(b"<")
                check_unpacked_size(path, n_bytes)
                parts[member.filename] = content
    return parts


def _archive_of(parts: Mapping[str, bytes]) -> IO[bytes]:
    """Return a workbook of checked parts for the reader.

    It is given no others, because it ends the process if the memory does not suffice.
    """
    copy = BytesIO()
    with ZipFile(copy, "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    copy.seek(0)
    return copy


def _check_cells(parts: Iterable[bytes]) -> None:
    """Raise ``ValueError`` if the cells of a workbook would take too much memory."""
    lengths = Counter[int]()  # of texts that many cells may share
    n_uses = Counter[int]()
    for content in parts:
        row = 0
        column = 0
        last_row = 0
        last_column = 0
        around = Element("")
        for event, element in _elements(content):
            match event, element.tag.rpartition("}")[2]:
                case "start", "sheetData" | "sst":
                    around = element
                case "start", "row":
                    row = int(element.get("r", row + 1))
                    column = 0
                case "start", "c":
                    row, column = _place_of(element.get("r"), row, column + 1)
                case "end", "c" if len(element):
                    last_row = max(last_row, row)
                    last_column = max(last_column, column)
                    if element.get("t") == "s":
                        n_uses[int(element.findtext("{*}v", "0"))] += 1
                case "end", "si":
                    lengths[len(lengths)] = sum(map(len, element.itertext()))
                    around.clear()
                case "end", "row":
                    around.clear()
        n_cells = last_row * last_column
        if n_cells > MAX_CELLS:
            raise ValueError(f"room for {n_cells:,} cells (allowed: {MAX_CELLS:,})")
    n_characters = sum(n * lengths[number] for number, n in n_uses.items())
    if n_characters > MAX_UNPACKED:
        raise ValueError(f"{n_characters:,} characters (allowed: {MAX_UNPACKED:,})")


def _elements(content: bytes) -> Iterator[tuple[str, Element]]:
    """Yield the starts and ends of the elements in a part of a workbook."""
    depth = 0
    events = iterparse(BytesIO(content), ("start", "end"))  # noqa: S314 - Expat bounds entities
    for event, element in events:
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} elements in one another")
        yield event, element


def _place_of(name: str | None, row: int, column: int) -> tuple[int, int]:
    """Return the row and the column of a cell such as ``B7``, or the next ones."""
    if name is None:
        return row, column
    letters_and_digits = PLACE.fullmatch(name.upper())
    if letters_and_digits is None:
        raise ValueError(f"there is no cell {name[:20]!r}")
    letters, digits = letters_and_digits.groups()
    column = 0
    for letter in letters:
        column = column * LETTERS + ord(letter) - ord("A") + 1
    return int(digits), column


EXCEL = TableKind(read_excel, is_text=False)
