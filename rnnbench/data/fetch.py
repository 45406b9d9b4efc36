"""Downloads by HTTP and pip, and the files in archives, within bounds on time and
memory.
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
from typing import TYPE_CHECKING, Any

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import temporary_folder, write_text

if TYPE_CHECKING:
    from http.client import HTTPResponse

PATIENCE = (
    10.0  # seconds to wait for the first answer, and for every further part of it
)
SLOWEST = 1_000  # bytes per second, below which a download is abandoned
LONGEST = 900.0  # seconds that pip may take for all it does
MAX_BYTES = 64 * 2**20  # of a response; the largest file needed has 8 MB
MAX_MEMBERS, MAX_MEMBER_BYTES, MAX_TOTAL_BYTES = 10_000, 64 * 2**20, 256 * 2**20
"""For scale: Reuters-21578 has 34 members of 28 MB in total, the largest of 1.5 MB."""

Progress = Callable[[str, int, int | None], None]
"""Called with a description of the download, the bytes received, and the total if
known."""
Member = tuple[str, int, Callable[[], Any] | None]
"""The name of a file in an archive, its declared size, and what opens it, if that is
bounded."""


def silent(doing: str, done: int, total: int | None) -> None:
    """Show no progress."""


def get(url: str, progress: Progress = silent, *, patience: float = PATIENCE) -> bytes:
    """Return the content of ``url``, or raise ``OutOfReachError``, which names the
    server.
    """
    from http.client import (
        HTTPException,
    )  # takes a while, and most commands download nothing

    content = bytearray()
    try:
        with _open(url, patience) as response:
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
                    raise OSError(
                        f"it sends {len(content) / seconds:,.0f} bytes per second"
                    )
        if total is not None and len(content) < total:
            raise OSError(f"it broke off after {len(content):,} of {total:,} bytes")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        words = (
            getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        )
        raise OutOfReachError(
            f"{urllib.parse.urlsplit(url).hostname}: {words}"
        ) from error
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
    """Download one wheel through pip for a block; ``OutOfReachError`` if it does not
    come.
    """
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
        ]
        command += [
            f"--requirement={pinned}",
            f"--timeout={PATIENCE}",
            "--retries=1",
            "--no-deps",
        ]
        command += [
            "--only-binary=:all:",
            "--progress-bar=off",
            "--disable-pip-version-check",
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=LONGEST)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise OutOfReachError(
                f"{doing}: it took more than {LONGEST:,.0f} s"
            ) from None
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode(errors="replace").splitlines()
            errors = [line for line in lines if line.startswith("ERROR")] or [
                *lines,
                "failed",
            ]
            raise OutOfReachError(f"{doing}: {errors[-1]}") from None
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise OutOfReachError(f"{doing}: pip left no wheel")
        yield wheels[0]


def read_members(
    content: bytes, wanted: Collection[str], name: str
) -> dict[str, bytes]:
    """Return the ``wanted`` files in a tar (plain or compressed) or a zip, by base
    name.

    ``UserError``: archive ``name`` is damaged, of another kind or too large, or has a
    file twice.
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
                if not opened:
                    raise UserError(f"member '{path}' is not compressed by deflate")
                with opened() as file:  # the extra byte makes zipfile check the content
                    found[base] = file.read(size + 1)
    except UserError as refused:
        raise UserError(f"{name}: refused: {refused}") from None
    except (
        Exception
    ) as error:  # damage makes the standard library raise almost anything
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{name}: truncated, damaged or not an archive: {reason}"
        ) from error
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
        for info in archive.infolist():
            # The other methods unpack without a bound, whatever size is declared.
            has_bound = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if not info.is_dir():
                opened = partial(archive.open, info) if has_bound else None
                yield info.filename, info.file_size, opened
