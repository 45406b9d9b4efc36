"""Kinds of files by their first bytes, whatever their names end in.

``ending_of(Path("own.csv.gz"))`` is ``.csv``; a PDF raises ``UserError``.
"""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from rnnbench.errors import UserError
from rnnbench.text import counted, encodable

MAX_PACKED = 4 * 2**30  # the size of the largest file that is read, in bytes
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZIP = b"PK\x03\x04"
PACKED = {".gz": GZIP, ".zst": ZSTD, ".zip": ZIP}
"""Endings of packed tables, and how these files start."""
ENDINGS = {b"PAR1": ".parquet", b"ARROW1": ".arrow"}
SAVE_AS = "save it as .xlsx or .csv"
TO_TEXT = "copy its texts into a table, or into a .txt file each"
EXPORT = "export the table as .csv or .jsonl"
UNPACK = "unpack it, and name the table in it"
PICKLE = f"a pickle, which could run programs ({EXPORT})"
WEB_PAGE = "a web page (save a text as .txt, and a table as .csv or .jsonl)"
FOREIGN = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel or Word file of before 2007, "
    f"or one with a password ({SAVE_AS}, without a password)",
    b"PK\x05\x06": "an archive with nothing in it (pack the table again)",
    b"%PDF-": f"a PDF ({TO_TEXT})",
    b"{\\rtf": f"an RTF document ({TO_TEXT})",
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive ({UNPACK})",
    b"Rar!\x1a\x07": f"a RAR archive ({UNPACK})",
    b"\xfd7zXZ\0": f"packed by xz ({UNPACK})",
    b"BZh91AY&SY": f"packed by bzip2 ({UNPACK})",
    b"SQLite format 3\0": f"an SQLite database ({EXPORT})",
    b"\x89HDF\r\n": f"an HDF5 file ({EXPORT})",
    b"\x93NUMPY": f"a NumPy array ({EXPORT})",
    b"\x80\x04\x95": PICKLE,
    b"\x80\x05\x95": PICKLE,
    b"\x89PNG\r\n": f"an image ({TO_TEXT})",
    b"\xff\xd8\xff": f"an image ({TO_TEXT})",
    b"<html": WEB_PAGE,
    b"<!doctype html": WEB_PAGE,
    b"<!DOCTYPE html": WEB_PAGE,
}
"""How files start that are not read, what they are, and what to do."""
KNOWN_STARTS = (*PACKED.values(), *ENDINGS, *FOREIGN)
WORKBOOK = "xl/workbook.xml"
"""Is in an archive that is an Excel file."""
EXCEL = "book.xlsx"
IN_ZIP = {
    "xl/workbook.bin": f"a binary Excel file ({SAVE_AS})",
    "word/document.xml": f"a Word document ({TO_TEXT})",
    "ppt/presentation.xml": f"a PowerPoint presentation ({TO_TEXT})",
    "content.xml": f"an OpenDocument file ({SAVE_AS})",
}
"""The same of archives, by the name of a file in them."""
BESIDE = (".txt", ".md", ".pdf", "")
"""Endings of files that explain a table in the same archive."""


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file; none if there is no such file."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(16)


def foreign_kind(start: bytes) -> str:
    """Return what a file is that is not read, and what to do; empty if it may be."""
    for magic, kind in FOREIGN.items():
        if start.startswith(magic):
            return kind
    return ""


def ending_of(path: Path) -> str:
    """Return the ending that says which kind of table a file is, unpacked."""
    start = start_of(path)
    kind = foreign_kind(start)
    if kind:
        raise UserError(f"{path}: is {kind}")
    if start.startswith(ZIP):
        return Path(table_in(path) or EXCEL).suffix.lower()
    for magic, ending in ENDINGS.items():
        if start.startswith(magic):
            return ending
    return without_packing(path).suffix.lower()


def without_packing(path: Path) -> Path:
    """Return a path without an ending that says how the file is packed."""
    if path.suffix.lower() in PACKED:
        return path.with_suffix("")
    return path


def table_in(path: Path) -> str:
    """Return the name of the table in a .zip; none if the file is a workbook."""
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"{path}: cannot be unpacked: {error}") from None
    tables = []
    for name in names:
        if name == WORKBOOK:
            return ""
        if name in IN_ZIP:
            raise UserError(f"{path}: is {IN_ZIP[name]}")
        is_hidden = name.startswith("__MACOSX/") or Path(name).name.startswith(".")
        is_beside = name.endswith("/") or Path(name).suffix.lower() in BESIDE
        if not (is_hidden or is_beside):
            tables.append(name)
    if len(tables) != 1:
        number = counted(len(names), "file")
        hint = "allowed: one table; unpack it, and name a table or a folder in it"
        raise UserError(f"{encodable(str(path))}: has {number} in it ({hint})")
    return tables[0]
