"""The lock of a results folder, whose ``results.json``, tables and the like belong to one run.

A folder is locked only if it is new or empty, or if rnnbench wrote what is in it.
"""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rnnbench.errors import UserError
from rnnbench.results.store import CHOICE, ENVIRONMENT, RESULTS
from rnnbench.storage import (
    PREDICTIONS,
    TRACKING,
    TRIALS,
    UnwritableError,
    acquire,
    peek,
    sweep,
    write_text,
)
from rnnbench.text import listed

SPEED, SITE = "speed.json", "site.json"
KINDS = {RESULTS: "a run", CHOICE: "a choice", SPEED: "a speed benchmark", SITE: "a site"}
"""The kinds of folders, by the file that only folders of that kind have."""
HINT = "use --out to name a new or empty folder"
OWN_TEXTS = "texts.jsonl"
"""The texts that a call in Python was given."""
LOCK, HOLDER = ".lock", ".lock.json"
"""The locked file, and the file that says who holds the lock."""


def check_folder(folder: Path, record: str) -> None:
    """Raise ``UserError`` unless a folder is new, is empty or holds the kind of ``record``.

    Hidden files, such as those of Git, do not count. A run or a choice may have been interrupted
    before it was finished.
    """
    names = {path.name for path in folder.glob("[!.]*")} - {OWN_TEXTS}
    if not names or _is_ours(folder / record):
        return
    what = next((kind for name, kind in KINDS.items() if _is_ours(folder / name)), None)
    if record in (RESULTS, CHOICE) and not what:
        # It may hold only what is written before ``environment.json``.
        first = {TRIALS, PREDICTIONS}
        is_first = names <= first or first <= names <= {*first, TRACKING, "config.yaml"}
        has_trials = any(any((folder / name).glob("[!.]*")) for name in first)
        if _is_ours(folder / ENVIRONMENT) or (is_first and not has_trials):
            return
    what = what or f"something other than {KINDS[record]}: {listed(sorted(names))}"
    raise UserError(f"{folder}: holds {what} ({HINT})")


def _is_ours(file: Path) -> bool:
    """Return whether rnnbench, of whatever version, wrote a JSON document."""
    found = peek(file)
    return "schema_version" in found and ("checksum" in found or "contenders" in found)


@contextmanager
def lock_folder(folder: Path, command: str, record: str = RESULTS) -> Iterator[None]:
    """Make ``folder`` and keep other processes from writing into it while the block runs.

    The operating system frees the lock of a process that has died. The ``command`` of this process
    is for the message to others; ``record`` is the file of this kind of result in ``KINDS``.
    """
    check_folder(folder, record)
    file, holder_file = folder / LOCK, folder / HOLDER
    lock = FileLock(file, timeout=0)
    not_ours = "rnnbench did not write it (move it away, or use another folder)"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Without system calls for locks, it has content while another process holds it.
        if file.is_file() and file.stat().st_size and not holder_file.exists():
            raise UserError(f"{file}: {not_ours}")
        acquire(lock)
        if holder_file.is_file() and _holder_in_words(holder_file) is None:
            raise UserError(f"{holder_file}: {not_ours}")
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        holder = {"pid": os.getpid(), "host": platform.node(), "since": now, "command": command}
        write_text(holder_file, json.dumps(holder))
    except Timeout:
        other = _holder_in_words(holder_file) or "it is not known which"  # it just begins, or ends
        raise UserError(
            f"{folder}: another process is writing there: {other}\n"
            "Wait until it has finished, or choose another folder for the results (--out)."
        ) from None
    except UserError:
        lock.release()
        raise
    except OSError as error:
        raise UnwritableError(folder, error) from error
    sweep(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            holder_file.unlink()
        lock.release()


def _holder_in_words(file: Path) -> str | None:
    """Return who holds a lock, if it is rnnbench that wrote the file."""
    with suppress(KeyError):
        return "process {pid} on {host}, since {since}: {command}".format(**peek(file))
    return None
