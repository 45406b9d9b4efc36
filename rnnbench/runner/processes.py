"""Processes that are started for a run: they ignore Ctrl-C, and what they print goes to a file."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnbench.errors import uninterrupted

LAST_WORDS, LAST_BYTES = 10, 10_000
"""The number of last lines that are kept of a dead process's output."""


def start_process(
    work: Callable[..., None], *arguments: Any
) -> tuple["Connection[Any, Any]", BaseProcess]:
    """Start a process that calls ``work`` with the other end of a connection, and ``arguments``.

    Returns:
        Our end of the connection, which ends when the process does; and the process.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments))
    with uninterrupted(), _ignoring_ctrl_c(), _without_main():
        process.start()  # interrupted, it would end with a traceback
    theirs.close()  # or the death of the process would not be noticed
    return ours, process


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first moment, while the block runs.

    They inherit that it is blocked. This thread hears a Ctrl-C of that time after the block, but
    another thread may hear it at once: see ``uninterrupted``.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would end the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep new processes from importing the user's script, which may start a run of its own."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def print_to(file: Path) -> None:
    """Send the output of this process and its libraries, C++ ones too, to ``file``."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def last_words(log: Path) -> str:
    """Return the last lines of a log, which may be of any length, or not be there."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - LAST_BYTES, 0))
            lines = file.read(LAST_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LAST_WORDS:])
