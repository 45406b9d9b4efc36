"""Reads a few files from a downloaded archive, within bounds on memory.

Nothing is unpacked to disk, so the paths and links in an archive do no harm.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import PurePosixPath

from rnnbench.errors import UserError

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 256 * 2**20
"""For scale: Reuters-21578 has 34 members of 28 MB in total, the largest of 1.5 MB."""

Member = tuple[str, int, Callable[[], bytes]]
"""Name, declared size in bytes, and a function that reads the content."""


class _RefusedError(Exception):
    """The reason for refusing an archive."""


def read_members(content: bytes, wanted: Collection[str], name: str) -> dict[str, bytes]:
    """Return the content of files in a tar (plain or compressed) or a zip, by base name.

    ``wanted`` holds base names, so the folders in the archive do not matter; ``name`` is the
    archive's name in messages.

    Raises:
        UserError: the archive is truncated, damaged or of another kind, contains a wanted file
            twice, or exceeds the limits on sizes and counts.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            return _read(_zip_members(content), wanted)
        return _read(_tar_members(_decompress(content)), wanted)
    except _RefusedError as refused:
        raise UserError(f"{name}: refused: {refused}") from None
    except Exception as error:  # damage makes the standard library raise almost anything
        reason = str(error) or type(error).__name__
        raise UserError(f"{name}: truncated, damaged or not an archive: {reason}") from error


def _read(members: Iterator[Member], wanted: Collection[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    for count, (path, size, read) in enumerate(members, start=1):
        total += size
        if count > MAX_MEMBERS:
            raise _RefusedError(f"it has more than {MAX_MEMBERS:,} members")
        if size > MAX_MEMBER_BYTES:
            raise _RefusedError(f"member '{path}' unpacks to {size:,} bytes")
        if total > MAX_TOTAL_BYTES:
            raise _RefusedError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
        base = PurePosixPath(path).name
        if base in wanted:
            if base in found:
                raise _RefusedError(f"it contains {base} twice")
            found[base] = read()
    return found


def _decompress(content: bytes) -> bytes:
    """Return the tar in ``content``, of which no more than ``MAX_TOTAL_BYTES`` are unpacked."""
    stream: io.BufferedIOBase = io.BytesIO(content)
    for magic, module in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ", lzma)):
        if content.startswith(magic):
            stream = module.open(stream)
    tar = stream.read(MAX_TOTAL_BYTES + 1)
    if len(tar) > MAX_TOTAL_BYTES:
        raise _RefusedError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
    return tar


def _tar_members(tar: bytes) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:

        def read(info: tarfile.TarInfo) -> bytes:
            file = archive.extractfile(info)
            content = file.read() if file else b""
            if len(content) != info.size:
                raise EOFError(f"{info.name} ends early")
            return content

        for info in archive:
            if info.isreg():
                yield info.name, info.size, partial(read, info)
        if tar[archive.offset : archive.offset + 512] != bytes(512):
            raise EOFError("the end-of-archive mark is missing")


def _zip_members(content: bytes) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:

        def read(info: zipfile.ZipInfo) -> bytes:
            # The other methods unpack without a bound, whatever size is declared.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _RefusedError(f"member '{info.filename}' is not compressed by deflate")
            with archive.open(info) as file:  # the extra byte makes zipfile check the content
                return file.read(info.file_size + 1)

        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, info.file_size, partial(read, info)
