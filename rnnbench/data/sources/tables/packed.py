"""Files whose bytes are packed by gzip, Zstandard or zip, read as if they were not.

``open_table_file(Path("own.csv.gz")).read(4)``.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, SEEK_SET, BufferedReader, RawIOBase, UnsupportedOperation
from os import fstat
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZipFile

from rnnbench.data.sources.tables.contents import (
    GZIP,
    MAX_PACKED,
    ZIP,
    ZSTD,
    start_of,
    table_in,
)
from rnnbench.errors import UserError
from rnnbench.storage import open_regular

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_PACKED = 50
"""How many bytes a byte of a packed file may stand for; texts have up to 20."""
ALWAYS_ALLOWED = 2**26  # unpacked bytes
BLOCK = 2**20


class Unpacked(RawIOBase):
    """The unpacked bytes of a file, which may not be endless."""

    def __init__(self, path: Path, stream: IO[bytes]):
        self._path = path
        self._stream = stream
        size = path.stat().st_size
        self._allowed = min(MAX_PACKED, max(ALWAYS_ALLOWED, MOST_PACKED * size))

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read again."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read the next bytes, or raise ``UserError``."""
        view = memoryview(buffer)
        try:
            content = self._stream.read(len(view))
        except Exception as error:  # damage makes the libraries raise almost anything
            reason = str(error) or type(error).__name__
            raise UserError(f"{self._path}: cannot be unpacked: {reason}") from None
        if self._stream.tell() > self._allowed:
            fault = f"unpacks to more than {self._allowed:,} bytes"
            raise UserError(f"{self._path}: {fault} (unpack it yourself, if it should)")
        view[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go to a position."""
        if whence == SEEK_END:  # known only after reading to there, within bounds
            while self.read(BLOCK):
                pass
            offset += self._stream.tell()
            whence = SEEK_SET
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the file, too."""
        self._stream.close()
        super().close()


def open_table_file(path: Path) -> BufferedReader:
    """Open a file to read its unpacked bytes, unless it is too large or no file."""
    start = start_of(path)
    if start.startswith(GZIP):
        return BufferedReader(Unpacked(path, cast(IO[bytes], gzip.open(path))))
    if start.startswith(ZSTD):
        return BufferedReader(Unpacked(path, _open_zstd(path)))
    if start.startswith(ZIP):
        name = table_in(path)
        if name:
            return open_member(path, ZipFile(path), name)
    return open_regular(path, MAX_PACKED)


def _open_zstd(path: Path) -> IO[bytes]:
    with _zstd_needed(path):
        from backports import zstd
    return cast(IO[bytes], zstd.open(path))


def open_archive(path: Path) -> ZipFile:
    """Open a zip archive whose files may be packed by Zstandard."""
    with _zstd_needed(path):
        from backports.zstd import zipfile
    return cast(ZipFile, zipfile.ZipFile(path))


@contextmanager
def _zstd_needed(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError:
        needs = "needs backports.zstd: pip install 'rnnbench[zstd]'"
        raise UserError(f"{path}: {needs}") from None


def open_member(path: Path, archive: ZipFile, name: str) -> BufferedReader:
    """Open a file in an archive to read its unpacked bytes.

    Methods that make gigabytes of a few bytes at once are not allowed.
    """
    method = archive.getinfo(name).compress_type
    if method in (ZIP_BZIP2, ZIP_LZMA):
        raise UserError(f"{path}: is packed by bzip2 or lzma (unpack it yourself)")
    try:
        return BufferedReader(Unpacked(path, archive.open(name)))
    except (NotImplementedError, RuntimeError, ValueError) as error:
        hint = "unpack it yourself"
        raise UserError(f"{path}: cannot be unpacked: {error} ({hint})") from None


def size_of(file: BufferedReader) -> int | None:
    """Return the bytes of a file, unpacked, if that is known without reading it."""
    try:
        return fstat(file.fileno()).st_size
    except UnsupportedOperation:
        return None
