"""Downloads by HTTP and pip, and the files in archives, within bounds on time and size.

``read_members(get("https://host/texts.zip"), ["a.txt"], "texts.zip")["a.txt"]``.
"""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse
import zipfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import temporary_folder, write_text

if TYPE_CHECKING:
    from http.client import HTTPResponse

PATIENCE = 10.0
"""Seconds to wait for the first answer, and for every further part of it."""
SLOWEST = 1_000  # bytes per second, below which a download is abandoned
LONGEST = 900.0  # seconds that pip may take for all it does
MAX_BYTES = 64 * 2**20  # of a response; the largest file needed has 8 MB
MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 256 * 2**20
"""For scale: Reuters-21578 has 34 members of 28 MB in total, the largest of 1.5 MB."""

Progress = Callable[[str, int, int | None], None]
"""Called with what is done, how far, and the total if it is known."""
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others unpack without a bound, whatever size is declared."""


class Member(NamedTuple):
    """A file in an archive: its path, its declared size, and what opens it."""

    path: str
    size: int
    open: Callable[[], Any] | None  # unless it would have no bound


def silent(doing: str, done: int, total: int | None) -> None:
    """Show no progress."""


def get(url: str, progress: Progress = silent, *, patience: float = PATIENCE) -> bytes:
    """Return the content of ``url``; ``OutOfReachError`` names the server."""
    # It takes a while, and most commands download nothing.
    from http.client import HTTPException

    try:
        with _open(url, patience) as response:
            return _content_of(response, partial(progress, f"downloading {url}"))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        fault = getattr(reason, "strerror", None) or str(reason)
        host = urllib.parse.urlsplit(url).hostname
        raise OutOfReachError(f"{host}: {fault or type(reason).__name__}") from error


def _content_of(
    response: "HTTPResponse", progress: Callable[[int, int | None], None]
) -> bytes:
    """Return the content of a response, or raise ``OSError`` if that takes too long."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    content = bytearray()
    start = time.monotonic()
    for chunk in iter(partial(response.read1, 1 << 16), b""):
        content += chunk
        progress(len(content), total)
        if len(content) > MAX_BYTES:
            raise OSError(f"it sends more than {MAX_BYTES:,} bytes")
        seconds = time.monotonic() - start
        if seconds >= PATIENCE and len(content) < SLOWEST * seconds:
            rate = len(content) / seconds
            raise OSError(f"it sends {rate:,.0f} bytes per second")
    if total is not None and len(content) < total:
        raise OSError(f"it broke off after {len(content):,} of {total:,} bytes")
    return bytes(content)


def _open(url: str, patience: float) -> "HTTPResponse":
    """Call ``urlopen``, and limit the time for resolving the host name too."""
    from urllib.request import urlopen

    answer: Future[HTTPResponse] = Future()

    def run() -> None:
        try:
            answer.set_result(urlopen(url, timeout=PATIENCE))  # noqa: S310
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return answer.result(timeout=patience)
    except TimeoutError:
        raise TimeoutError(f"no answer in {patience:.0f} s") from None


@contextmanager
def pip_download(
    requirement: str, sha256: str, progress: Progress = silent
) -> Iterator[Path]:
    """Download a wheel through pip for a block; ``OutOfReachError`` if that fails."""
    doing = f"downloading {requirement} through pip"
    progress(doing, 0, None)
    with temporary_folder() as folder:
        pinned = folder / "requirements.txt"
        write_text(pinned, f"{requirement} --hash=sha256:{sha256}\n")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            f"--dest={folder}",
            "--no-input",
            f"--requirement={pinned}",
            f"--timeout={PATIENCE}",
            "--retries=1",
            "--no-deps",
            "--only-binary=:all:",
            "--progress-bar=off",
            "--disable-pip-version-check",
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=LONGEST)  # noqa: S603
        except subprocess.TimeoutExpired:
            reason = f"it took more than {LONGEST:,.0f} s"
            raise OutOfReachError(f"{doing}: {reason}") from None
        except subprocess.CalledProcessError as error:
            reason = _reason_in(error.stderr.decode(errors="replace"))
            raise OutOfReachError(f"{doing}: {reason}") from None
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise OutOfReachError(f"{doing}: pip left no wheel")
        yield wheels[0]


def _reason_in(output: str) -> str:
    """Return the last error that pip printed or, if there is none, its last line."""
    lines = output.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["failed"])[-1]


def read_members(
    content: bytes, wanted: Collection[str], name: str
) -> dict[str, bytes]:
    """Return the ``wanted`` files in a tar or a zip, by base name.

    ``UserError`` is raised if the archive ``name`` is damaged, of another kind or too
    large, or has a file twice. A tar may be compressed.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            return _wanted_of(_zip_members(content), wanted)
        return _wanted_of(_tar_members(content), wanted)
    except UserError as refused:
        raise UserError(f"{name}: refused: {refused}") from None
    except Exception as error:  # damage makes the libraries raise almost anything
        reason = str(error) or type(error).__name__
        fault = "truncated, damaged or not an archive"
        raise UserError(f"{name}: {fault}: {reason}") from error


def _wanted_of(members: Iterator[Member], wanted: Collection[str]) -> dict[str, bytes]:
    """Return the ``wanted`` files among the members of an archive, by base name."""
    files: dict[str, bytes] = {}
    total = 0
    for count, member in enumerate(members, start=1):
        total += member.size
        if count > MAX_MEMBERS:
            raise UserError(f"it has more than {MAX_MEMBERS:,} members")
        if member.size > MAX_MEMBER_BYTES:
            raise UserError(f"member '{member.path}' unpacks to {member.size:,} bytes")
        if total > MAX_TOTAL_BYTES:
            raise UserError(f"it unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
        base = PurePosixPath(member.path).name
        if base not in wanted:
            continue
        if base in files:
            raise UserError(f"it contains {base} twice")
        if member.open is None:
            raise UserError(f"member '{member.path}' is not compressed by deflate")
        with member.open() as file:
            # The extra byte makes zipfile check the content.
            files[base] = file.read(member.size + 1)
    return files


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
                yield Member(info.name, info.size, partial(archive.extractfile, info))
        if tar[archive.offset : archive.offset + 512] != bytes(512):
            raise EOFError("the end-of-archive mark is missing")


def _zip_members(content: bytes) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            opened = None
            if info.compress_type in ZIP_METHODS:
                opened = partial(archive.open, info)
            yield Member(info.filename, info.file_size, opened)
