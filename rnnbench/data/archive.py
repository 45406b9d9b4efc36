"""Reading wanted files out of archives from outside, which are hostile until checked.

Nothing is ever unpacked to disk, memory use is bounded, and every member is checked, the
unwanted ones too: an archive with one hostile member is refused whole.
"""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from rnnbench.errors import UserError

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 256 * 2**20
"""For scale: Reuters-21578 has 34 members of 28 MB in all, the largest of 1.5 MB."""


class _HostileError(Exception):
    """Why an archive is refused."""


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    kind: Literal["file", "folder", "link", "device"]
    read: Callable[[], bytes]


def read_members(file: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the wanted members of a tar (plain or compressed) or zip archive.

    Args:
        file: the archive.
        wanted: tells by its base name whether a member is to be read.

    Returns:
        base name -> content.

    Raises:
        UserError: the archive is truncated, damaged, of another kind, or hostile: a member is
            absolute, leads out of the archive by ``..``, is a link or a device, comes twice,
            or would unpack to an absurd size.
    """
    return read_members_of(file.read_bytes(), wanted, str(file))


def read_members_of(content: bytes, wanted: Callable[[str], bool], name: str) -> dict[str, bytes]:
    """Do as ``read_members`` with an archive in memory, called ``name`` in messages."""
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            return _read(_zip_members(content), wanted)
        return _read(_tar_members(_decompress(content)), wanted)
    except _HostileError as hostile:
        raise UserError(f"{name}: refused as hostile: {hostile}") from None
    except Exception as error:  # there is no end to what damage makes the standard library raise
        reason = str(error) or type(error).__name__
        raise UserError(f"{name}: truncated or damaged, or no archive: {reason}") from error


def _read(members: Iterator[_Member], wanted: Callable[[str], bool]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    for count, member in enumerate(members, start=1):
        total += member.size
        if count > MAX_MEMBERS:
            raise _HostileError(f"it has more than {MAX_MEMBERS:,} members")
        if total > MAX_TOTAL_BYTES:
            raise _HostileError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
        _check(member)
        base = PurePosixPath(member.name).name
        if member.kind == "file" and wanted(base):
            if base in found:
                raise _HostileError(f"{base} comes twice")
            found[base] = member.read()
    return found


def _check(member: _Member) -> None:
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or (path.parts and path.parts[0].endswith(":")):
        raise _HostileError(f"member '{member.name}' has an absolute path")
    if ".." in path.parts:
        raise _HostileError(f"member '{member.name}' leads out of the archive")
    if member.kind in ("link", "device"):
        raise _HostileError(f"member '{member.name}' is a {member.kind}")
    if member.size > MAX_MEMBER_BYTES:
        raise _HostileError(f"member '{member.name}' unpacks to {member.size:,} bytes")


def _decompress(content: bytes) -> bytes:
    """Return the tar in ``content``, never more than a bounded number of bytes of it."""
    stream: io.BufferedIOBase = io.BytesIO(content)
    for magic, module in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ", lzma)):
        if content.startswith(magic):
            stream = module.open(stream)
    tar = stream.read(MAX_TOTAL_BYTES + 1)
    if len(tar) > MAX_TOTAL_BYTES:
        raise _HostileError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
    return tar


def _tar_members(tar: bytes) -> Iterator[_Member]:
    def read(info: tarfile.TarInfo) -> bytes:
        content = archive.extractfile(info).read()
        if len(content) != info.size:
            raise EOFError(f"{info.name} ends early")
        return content

    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        for info in archive:
            if info.issym() or info.islnk():
                kind = "link"
            else:
                kind = "file" if info.isreg() else "folder" if info.isdir() else "device"
            yield _Member(info.name, info.size, kind, lambda info=info: read(info))
        if tar[archive.offset : archive.offset + 512] != bytes(512):
            raise EOFError("it ends without the mark of its end")


def _zip_members(content: bytes) -> Iterator[_Member]:
    def read(info: zipfile.ZipInfo) -> bytes:
        with archive.open(info) as file:  # one byte more than was declared makes it check all
            return file.read(info.file_size + 1)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            # The others unpack without a bound, whatever size is declared.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _HostileError(f"member '{info.filename}' is not compressed by deflate")
            is_link = stat.S_ISLNK(info.external_attr >> 16)
            kind = "link" if is_link else "folder" if info.is_dir() else "file"
            yield _Member(info.filename, info.file_size, kind, lambda info=info: read(info))
