"""Downloads by HTTP and through pip, and the files in a downloaded archive.

Archives are read within bounds on memory, and never unpacked to disk.
"""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import time
import urllib.parse
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import temporary_folder, write_text

PATIENCE = 10.0  # seconds to wait for the answer of a server, and for every further part of it
SLOWEST = 1_000  # bytes per second, below which a download is abandoned
LONGEST = 900.0  # seconds that pip may take; 8 MB then come at 9,000 bytes per second
MAX_BYTES = 64 * 2**20  # of a response; the largest file needed has 8 MB
MAX_MEMBERS, MAX_MEMBER_BYTES, MAX_TOTAL_BYTES = 10_000, 64 * 2**20, 256 * 2**20
"""For scale: Reuters-21578 has 34 members of 28 MB in total, the largest of 1.5 MB."""

Progress = Callable[[str, int, int | None], None]
"""Called with a description of the download, the bytes received, and the total if known."""


def silent(doing: str, done: int, total: int | None) -> None:
    """Show no progress."""


def get(url: str, progress: Progress = silent, *, patience: float = PATIENCE) -> bytes:
    """Return the content of ``url``, or raise ``OutOfReachError``, which names the server."""
    from http.client import HTTPException  # takes a while, and most commands download nothing
    from urllib.request import urlopen

    content = bytearray()
    try:
        with urlopen(url, timeout=patience) as response:  # noqa: S310
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            start = time.monotonic()
            while chunk := response.read1(1 << 16):
                content += chunk
                progress(f"downloading {url}", len(content), total)
                if len(content) > MAX_BYTES:
                    raise OSError(f"it sends more than {MAX_BYTES:,} bytes")
                seconds = time.monotonic() - start
                if seconds >= PATIENCE and len(content) < SLOWEST * seconds:
                    raise OSError(f"it sends {len(content) / seconds:,.0f} bytes per second")
        if total is not None and len(content) < total:
            raise OSError(f"it broke off after {len(content):,} of {total:,} bytes")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise OutOfReachError(f"{urllib.parse.urlsplit(url).hostname}: {words}") from error
    return bytes(content)


@contextmanager
def pip_download(requirement: str, sha256: str, progress: Progress = silent) -> Iterator[Path]:
    """Download one wheel by pip, with the user's settings; it exists until the block ends.

    ``OutOfReachError`` is raised if no wheel with this hash comes in time.
    """
    with temporary_folder() as folder:
        pinned, doing = folder / "requirements.txt", f"downloading {requirement} through pip"
        write_text(pinned, f"{requirement} --hash=sha256:{sha256}\n")
        progress(doing, 0, None)
        command = [sys.executable, "-m", "pip", "download", f"--timeout={PATIENCE}", "--retries=1"]
        command += ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
        command += ["--dest", str(folder), "--requirement", str(pinned)]
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        try:
            done = subprocess.run(  # noqa: S603 - the command is ours
                command, check=False, stdout=pipe, stderr=both, errors="replace", timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            raise OutOfReachError(f"{doing}: it took more than {LONGEST:,.0f} s") from None
        if done.returncode != 0:
            lines = done.stdout.splitlines() or ["failed"]
            errors = [line for line in lines if line.startswith("ERROR")] or lines
            raise OutOfReachError(f"{doing}: {errors[-1]}")
        yield next(folder.glob("*.whl"))


Member = tuple[str, int, Callable[[], Any]]  # name, size in bytes, what opens it


def read_members(content: bytes, wanted: Collection[str], name: str) -> dict[str, bytes]:
    """Return the ``wanted`` files in a tar (plain or compressed) or a zip, by base name.

    ``UserError`` refuses an archive, called ``name``, that is damaged or of another kind, has a
    wanted file twice, or exceeds the limits on sizes and counts.
    """
    found: dict[str, bytes] = {}
    total = 0
    try:
        is_zip = zipfile.is_zipfile(io.BytesIO(content))
        members = _zip_members(content) if is_zip else _tar_members(content)
        for count, (path, size, opened) in enumerate(members, start=1):
            total += size
            if count > MAX_MEMBERS:
                raise UserError(f"it has more than {MAX_MEMBERS:,} members")
            if size > MAX_MEMBER_BYTES:
                raise UserError(f"member '{path}' unpacks to {size:,} bytes")
            if total > MAX_TOTAL_BYTES:
                raise UserError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
            base = PurePosixPath(path).name
            if base in wanted:
                if base in found:
                    raise UserError(f"it contains {base} twice")
                with opened() as file:  # the extra byte makes zipfile check the content
                    found[base] = file.read(size + 1)
    except UserError as refused:
        raise UserError(f"{name}: refused: {refused}") from None
    except Exception as error:  # damage makes the standard library raise almost anything
        reason = str(error) or type(error).__name__
        raise UserError(f"{name}: truncated, damaged or not an archive: {reason}") from error
    return found


def _tar_members(content: bytes) -> Iterator[Member]:
    stream: io.BufferedIOBase = io.BytesIO(content)
    for magic, module in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ", lzma)):
        if content.startswith(magic):
            stream = module.open(stream)
    tar = stream.read(MAX_TOTAL_BYTES + 1)
    if len(tar) > MAX_TOTAL_BYTES:
        raise UserError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        for info in archive:  # which fails at a member that ends early
            if info.isreg():
                yield info.name, info.size, partial(archive.extractfile, info)
        if tar[archive.offset : archive.offset + 512] != bytes(512):
            raise EOFError("the end-of-archive mark is missing")


def _zip_members(content: bytes) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:

        def opened(info: zipfile.ZipInfo) -> IO[bytes]:
            # The other methods unpack without a bound, whatever size is declared.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UserError(f"member '{info.filename}' is not compressed by deflate")
            return archive.open(info)

        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, info.file_size, partial(opened, info)
