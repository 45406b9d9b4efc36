"""A worker process of the local executor, which prints nothing and ignores Ctrl-C."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.runner.executors.base import Task
from rnnbench.training.trial import Trial

LAST_WORDS = 10
"""Lines that are kept of what a worker printed before it died."""


@dataclass(frozen=True)
class Done:
    """A worker's message that its trial has ended, with the outcome."""

    outcome: Any


@dataclass(frozen=True)
class Died:
    """The death of a worker at its trial.

    Attributes:
        has_started: whether all was prepared for the trial by then.
        last_words: the end of what the worker printed.
    """

    has_started: bool
    last_words: str


Report = tuple[int, float, float]
"""The number of a finished epoch (0 at the start of the trial), its loss and its accuracy."""


class Worker:
    """A process that carries out one trial after another.

    Args:
        threads: how many it may use.
        log: the file that receives everything it prints.

    Attributes:
        connection: becomes readable when ``receive`` has something to return.
        trial: the trial that it is carrying out.
    """

    trial: Trial

    def __init__(self, threads: int, log: Path):
        context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
        self.connection, theirs = context.Pipe()
        self._log, self._has_started = log, False
        self._process = context.Process(target=_work, args=(theirs, threads, log))
        with _deaf_children(), _without_main():
            self._process.start()
        theirs.close()  # or the death of the worker would not be noticed

    def give(self, task: Task[Any], trial: Trial, corpus: Path) -> None:
        """Have the worker carry out a trial."""
        self.trial, self._has_started = trial, False
        with suppress(BrokenPipeError):  # it died; ``receive`` says so
            self.connection.send((task, trial, corpus))

    def receive(self) -> Report | Done | Died:
        """Return the next message of the worker, or its death."""
        try:
            message: Report | Done = self.connection.recv()
        except (EOFError, OSError):
            lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
            return Died(self._has_started, "\n".join(lines[-LAST_WORDS:]))
        self._has_started = True
        return message

    def end(self) -> None:
        """End the process; a trial in progress is abandoned."""
        self._process.terminate()
        self._process.join(5)
        self._process.kill()
        self._process.join()
        self.connection.close()


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first moment, while the block runs."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change how signals are handled
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler or signal.SIG_DFL)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep new processes from importing the user's script, which may start a run of its own."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _work(connection: "Connection[Any, Any]", threads: int, log: Path) -> None:
    """Carry out the trials that come through ``connection``, in a process of its own."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _print_to(log)
    os.environ |= QUIET_ON_CPU | {"OMP_NUM_THREADS": str(threads)}

    def on_start() -> None:
        os.truncate(log, 0)  # what libraries print when they are imported explains nothing
        _freeze_imports()
        on_epoch(0, float("nan"), float("nan"))

    def on_epoch(epoch: int, loss: float, accuracy: float) -> None:
        connection.send((epoch, loss, accuracy))

    while True:
        task, trial, corpus = connection.recv()
        connection.send(Done(task.attempt(trial, corpus, on_start, on_epoch)))


@lru_cache(maxsize=1)
def _freeze_imports() -> None:
    """Keep the garbage collector from searching imported modules again, which costs seconds."""
    gc.freeze()


def _end_with_parent() -> None:
    """End this worker when its parent was killed and cannot end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _print_to(file: Path) -> None:
    """Send what this process and its libraries print, C++ ones too, to ``file``."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
