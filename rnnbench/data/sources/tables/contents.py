"""Kinds of files by their first bytes, whatever their names end in.

``ending_of(Path("own.csv.gz"))`` is ``.csv``; a PDF raises ``UserError``.
"""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from rnnbench.errors import UserError
from rnnbench.storage import open_regular
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
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLD = "of before 2007, or one with a password"
FOREIGN = {
    OLD_OFFICE: (f"an Excel file {OLD}", f"{SAVE_AS}, without a password"),
    b"%PDF-": ("a PDF", TO_TEXT),
    b"{\\rtf": ("an RTF document", TO_TEXT),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", UNPACK),
    b"Rar!\x1a\x07": ("a RAR archive", UNPACK),
    b"\xfd7zXZ\0": ("packed by xz", UNPACK),
    b"BZh91AY&SY": ("packed by bzip2", UNPACK),
    b"SQLite format 3\0": ("an SQLite database", EXPORT),
    b"\x89HDF\r\n": ("an HDF5 file", EXPORT),
    b"\x93NUMPY": ("a NumPy array", EXPORT),
    b"\x80\x04\x95": ("a pickle, which could run programs", EXPORT),
    b"\x80\x05\x95": ("a pickle, which could run programs", EXPORT),
    b"\x89PNG\r\n": ("an image", TO_TEXT),
    b"\xff\xd8\xff": ("an image", TO_TEXT),
    b"<html": ("a web page", EXPORT),
    b"<!doctype html": ("a web page", EXPORT),
    b"<!DOCTYPE html": ("a web page", EXPORT),
}
"""How files start that are not read, what they are, and what to do."""
KNOWN_STARTS = (*PACKED.values(), *ENDINGS, *FOREIGN)
OLD_WORD = (f"a Word document {OLD}", TO_TEXT)
WORKBOOK = "xl/workbook.xml"
"""Is in an archive that is an Excel file."""
EXCEL = "book.xlsx"
IN_ZIP = {
    "xl/workbook.bin": ("a binary Excel file", SAVE_AS),
    "word/document.xml": ("a Word document", TO_TEXT),
    "ppt/presentation.xml": ("a PowerPoint presentation", TO_TEXT),
    "content.xml": ("an OpenDocument file", SAVE_AS),
}
"""The same of archives, by the name of a file in them."""
MAX_MEMBERS = 100_000
BESIDE = (".txt", ".md", ".pdf", "")
"""Endings of files that explain a table in the same archive."""


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file; none if there is no such file."""
    if not path.is_file():
        return b""
    with open_regular(path, MAX_PACKED) as file:
        return file.read(16)


def foreign_kind(path: Path, start: bytes) -> tuple[str, str] | None:
    """Return what a file is that is not read, and what to do; ``None`` if it may be."""
    if start.startswith(OLD_OFFICE) and path.suffix.lower() == ".doc":
        return OLD_WORD
    for magic, kind in FOREIGN.items():
        if start.startswith(magic):
            return kind
    return None


def ending_of(path: Path) -> str:
    """Return the ending that says which kind of table a file is, unpacked."""
    start = start_of(path)
    kind = foreign_kind(path, start)
    if kind:
        raise refusal(path, kind)
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


def refusal(path: Path, kind: tuple[str, str]) -> UserError:
    """Return an error that says what a file is, and what to do."""
    return UserError(f"{path}: is {kind[0]} ({kind[1]})")


def table_in(path: Path) -> str:
    """Return the name of the table in a .zip; none if the file is a workbook."""
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"{path}: cannot be unpacked: {error}") from None
    if len(members) > MAX_MEMBERS:
        number = counted(len(members), "file")
        raise UserError(f"{path}: has {number} in it (allowed: one table)")
    tables = []
    others = []
    for member in members:
        name = member.filename
        if name == WORKBOOK:
            return ""
        if name in IN_ZIP:
            raise refusal(path, IN_ZIP[name])
        is_hidden = name.startswith("__MACOSX/") or Path(name).name.startswith(".")
        if member.is_dir() or is_hidden:
            continue
        if Path(name).suffix.lower() in BESIDE:
            others.append(name)
        else:
            tables.append(name)
    if len(tables) != 1:
        number = counted(len(tables + others), "file")
        hint = "allowed: one table; unpack it, and name a table or a folder in it"
        raise UserError(f"{encodable(str(path))}: has {number} in it ({hint})")
    return tables[0]
