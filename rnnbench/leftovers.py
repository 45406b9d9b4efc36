"""Removes temporary files and folders that killed processes left behind.

Each is locked while its process lives. Its name has a mark of the machine, since
another machine may not see the lock.
"""

import hashlib
import os
import platform
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rnnbench.errors import uninterrupted

try:
    import fcntl
except ImportError:  # a system without these locks, where nothing is removed
    HAS_LOCKS = False
else:
    HAS_LOCKS = True

HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
FILE_START = ".rnnbench-"
FILE_END = ".tmp"
FOLDER_START = f"rnnbench-{HOST}-"
HELD = ".held"  # the locked file in a temporary folder
LONG = 3_600.0  # seconds, after which a living process has certainly made that file
OURS = re.compile(rf"{re.escape(FILE_START)}{HOST}-[0-9a-f]{{16}}{re.escape(FILE_END)}")


class InUseError(OSError):
    """A living process holds a file."""


def open_temporary(folder: Path) -> tuple[Path, BinaryIO]:
    """Open a new file in a folder, and hold it until it is closed."""
    while True:
        path = folder / f"{FILE_START}{HOST}-{os.urandom(8).hex()}{FILE_END}"
        file = path.open("xb")
        if _hold(file, path):
            return path, file
        file.close()  # another process took it for a leftover, and removed it


@contextmanager
def held_folder() -> Iterator[Path]:
    """Make a temporary folder for the block, and hold it meanwhile."""
    while True:
        made = tempfile.TemporaryDirectory(
            prefix=FOLDER_START, ignore_cleanup_errors=True
        )
        marker = Path(made.name, HELD)
        with suppress(FileNotFoundError):
            file = marker.open("xb")
            if _hold(file, marker):
                break
            file.close()
        made.cleanup()
    try:
        yield Path(made.name)
    finally:
        with uninterrupted():
            if not HAS_LOCKS:
                file.close()  # Windows removes no file that is open
            made.cleanup()
            file.close()


def remove_files(folder: Path) -> None:
    """Remove the temporary files that killed processes of this user left."""
    with suppress(OSError):
        for file in folder.iterdir():
            if OURS.fullmatch(file.name):
                with suppress(OSError), _abandoned(file):
                    file.unlink()


def remove_folders() -> None:
    """Remove the temporary folders that killed processes of this user left."""
    if not HAS_LOCKS:
        return
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_START}*"):
            with suppress(OSError):
                _remove_folder(folder)


def _remove_folder(folder: Path) -> None:
    """Remove a temporary folder unless a living process holds it or may be about to."""
    status = folder.lstat()
    if not (stat.S_ISDIR(status.st_mode) and _is_of_this_user(status)):
        return
    try:
        with _abandoned(folder / HELD):
            shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:  # its process was killed before, or after
        if time.time() - status.st_mtime > LONG:
            shutil.rmtree(folder, ignore_errors=True)


def is_in_use(file: Path) -> bool:
    """Return whether a living process holds a temporary file."""
    try:
        with _abandoned(file):
            return False
    except InUseError:
        return True
    except OSError:
        return False


def _hold(file: BinaryIO, path: Path) -> bool:
    """Lock a new file; return whether it is still in its place."""
    if not HAS_LOCKS:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, where nothing is removed
        return True
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    return False


@contextmanager
def _abandoned(file: Path) -> Iterator[None]:
    """Lock a file of this user for the block, or raise ``OSError``."""
    if not HAS_LOCKS:
        raise OSError("this system has no locks")
    descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not (stat.S_ISREG(status.st_mode) and _is_of_this_user(status)):
            raise OSError("not a file of this user")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(str(file)) from error
        yield
    finally:
        os.close(descriptor)


def _is_of_this_user(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid()
