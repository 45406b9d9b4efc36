"""Files whose bytes are packed by gzip, Zstandard or zip, read as if they were not.

``open_table_file(Path("own.csv.gz")).read(4)``.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, cast
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

MOST_PACKED = 50
"""How many bytes a byte of a packed file may stand for; texts have up to 20."""
ALWAYS_ALLOWED = 2**26  # unpacked bytes
BLOCK = 2**20


def open_table_file(path: Path) -> IO[bytes]:
    """Open a file to read its unpacked bytes, unless it is too large or no file."""
    size_of(path)
    return _opened(path)


def size_of(path: Path) -> int:
    """Return the number of bytes of a file, unpacked, or raise ``UserError``."""
    status = path.stat()
    if start_of(path).startswith((GZIP, ZSTD, ZIP)):
        return _size_of_packed(path, status.st_mtime_ns, status.st_size)
    return status.st_size


@lru_cache(maxsize=100)  # a table is opened several times
def _size_of_packed(path: Path, _changed: int, _size: int) -> int:
    return _unpacked_size(path, partial(_opened, path))


def _unpacked_size(path: Path, open_packed: Callable[[], IO[bytes]]) -> int:
    n_bytes = 0
    with faults_named(path, "cannot be unpacked"), open_packed() as file:
        for block in iter(partial(file.read, BLOCK), b""):
            n_bytes += len(block)
            check_unpacked_size(path, n_bytes)
    return n_bytes


@contextmanager
def faults_named(
    path: Path,
    fault: str,
    errors: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> Iterator[None]:
    """Raise ``UserError`` for what the library that reads a file says about damage."""
    try:
        yield
    except UserError:
        raise
    except errors as error:  # damage makes libraries raise almost anything
        if type(error) is MemoryError:
            raise
        reason = str(error) or type(error).__name__
        match error:
            case OSError(filename=str()):  # it cannot be opened
                raise
            case KeyError():
                reason = f"no {error}"
            case TypeError() | AttributeError() | StopIteration():
                reason = "a value does not have the form that such files have"
        raise UserError(f"{path}: {fault}: {reason}") from None


def check_unpacked_size(path: Path, n_bytes: int) -> None:
    """Raise ``UserError`` if a file unpacks to more bytes than texts would."""
    most = min(MAX_PACKED, max(ALWAYS_ALLOWED, MOST_PACKED * path.stat().st_size))
    if n_bytes > most:
        fault = f"unpacks to more than {most:,} bytes"
        raise UserError(f"{path}: {fault} (if it should, save it as .csv)")


def _opened(path: Path) -> IO[bytes]:
    start = start_of(path)
    if start.startswith(GZIP):
        return cast(IO[bytes], gzip.open(path))
    if start.startswith(ZSTD):
        with needed(f"{path}:", "backports.zstd", "zstd"):
            from backports import zstd
        return cast(IO[bytes], zstd.open(path))
    if start.startswith(ZIP):
        name = table_in(path)
        if name:
            return _open_member(path, ZipFile(path), name)
    return open_regular(path, MAX_PACKED)


def open_archive(path: Path) -> ZipFile:
    """Open a zip archive whose files may be packed by Zstandard."""
    with needed(f"{path}:", "backports.zstd", "zstd"):
        from backports.zstd import zipfile
    return cast(ZipFile, zipfile.ZipFile(path))


@contextmanager
def needed(user: str, package: str, extra: str) -> Iterator[None]:
    """Raise ``UserError`` if a package that a file or an option needs is missing."""
    try:
        yield
    except ImportError:
        needs = f"needs {package}: pip install 'rnnbench[{extra}]'"
        raise UserError(f"{user} {needs}") from None


def open_member(path: Path, archive: ZipFile, name: str) -> IO[bytes]:
    """Open a file in an archive to read its unpacked bytes, unless they are too many.

    Methods that make gigabytes of a few bytes at once are not allowed.
    """
    open_packed = partial(_open_member, path, archive, name)
    _unpacked_size(path, open_packed)
    return open_packed()


def _open_member(path: Path, archive: ZipFile, name: str) -> IO[bytes]:
    if archive.getinfo(name).compress_type in (ZIP_BZIP2, ZIP_LZMA):
        raise UserError(f"{path}: is packed by bzip2 or lzma (unpack it yourself)")
    return archive.open(name)
