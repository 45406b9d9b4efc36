"""The lock of a results folder, so that only one process at a time writes into it.

Trials are stored under their fingerprints, but there is one ``results.json``, one ``config.yaml``,
one set of tables and one ``environment.json``, which must all belong to the same run.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from rnnbench.errors import UserError
from rnnbench.records import Record
from rnnbench.storage import MAX_DOCUMENT, UnwritableError, acquire, read_file, sweep, write_text

LOCK, HOLDER = ".lock", ".lock.json"
"""The locked file, and the file that says who holds the lock."""


class Holder(Record):
    """The process that holds a lock."""

    pid: int
    host: str
    since: str
    """When it took the lock, in ISO 8601."""
    command: str


@contextmanager
def lock_folder(folder: Path, command: str) -> Iterator[None]:
    """Make ``folder`` and keep other processes from writing into it while the block runs.

    The operating system frees the lock of a process that has died.

    Args:
        folder: of a run.
        command: the command of this process, for the message to others.

    Raises:
        UserError: another process holds the lock.
        UnwritableError: the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        acquire(lock)
        holder = Holder(
            pid=os.getpid(),
            host=platform.node(),
            since=datetime.now().astimezone().isoformat(" ", "seconds"),
            command=command,
        )
        write_text(folder / HOLDER, holder.model_dump_json())
    except Timeout:
        raise UserError(
            f"{folder}: another process is writing there: {_holder_of(folder)}\n"
            "Wait until it has finished, or choose another folder for the results (--out)."
        ) from None
    except UnwritableError:
        lock.release()
        raise
    except OSError as error:
        raise UnwritableError(folder, error) from error
    sweep(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def _holder_of(folder: Path) -> str:
    try:
        holder = Holder.model_validate_json(read_file(folder / HOLDER, MAX_DOCUMENT))
    except (OSError, ValidationError):  # it has just begun, or is about to end
        return "it is not known which"
    return f"process {holder.pid} on {holder.host}, since {holder.since}: {holder.command}"
