"""A process that carries out trials, and the side of the executor that gives it trials.

It prints into a file, ignores Ctrl-C, and ends with the process that started it.
"""

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from rnnbench.errors import uninterrupted
from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.runner.executors.base import EpochEnded, PhaseBegan, Task
from rnnbench.training.epochs import report_phases_to
from rnnbench.training.trial import Trial

LAST_WORDS, LAST_BYTES = 10, 10_000
"""The number of last lines that are kept of a dead process's output."""
DIED = "a worker process died (killed, or out of memory?)"


@dataclass(frozen=True)
class Done:
    """A child's message that its trial has ended, with the outcome."""

    outcome: Any


@dataclass(frozen=True)
class Died:
    """The death of a child at its trial."""

    has_started: bool
    """Whether all was prepared for the trial by then."""
    last_words: str
    """The end of what the child printed."""
    cause: str = DIED

    def __str__(self) -> str:
        return f"{self.cause}\n{self.last_words}".rstrip()


class Phase(NamedTuple):
    """A child's message that a phase of its trial begins."""

    name: str


Report = tuple[int, float, float] | Phase
"""The number of a finished epoch (0 at the start of the trial), its loss and its accuracy; or a
phase."""


def event_of(trial: Trial, report: Sequence[Any], worker: str = "") -> EpochEnded | PhaseBegan:
    """Return the event that a report is about; ``worker`` is as in ``EpochEnded``.

    From a Dask worker, a report comes as a plain sequence, whatever it was.
    """
    if len(report) == 1:
        return PhaseBegan(trial, report[0], worker)
    epoch, loss, accuracy = report
    return EpochEnded(trial, epoch, loss, accuracy, worker)


def start_process(
    work: Callable[..., None], *arguments: Any
) -> tuple["Connection[Any, Any]", BaseProcess]:
    """Start a process that calls ``work`` with a connection and ``arguments``.

    Return our end of the connection, which ends when the process does, and the process.
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


class Child:
    """The executor's side of a process that carries out one trial after another."""

    trial: Trial

    def __init__(self, connection: "Connection[Any, Any]", log: Path):
        self.connection = connection
        """Becomes readable when the process says something or has ended. Its end may not be noticed
        this way while a process that it started still runs."""
        self._log, self._has_started = log, False

    def give(self, task: Task[Any], trial: Trial, corpus: Path) -> None:
        """Have the process carry out a trial."""
        self.trial, self._has_started = trial, False
        with suppress(ConnectionError):  # it died; ``receive`` says so
            self.connection.send((task, trial, corpus))

    def receive(self) -> Report | Done | Died:
        """Return the next message of the process, or its death if there is nothing to be read."""
        with suppress(EOFError, OSError):
            if self.connection.poll():
                message: Report | Done = self.connection.recv()
                # Some phases begin before all is prepared.
                self._has_started |= not isinstance(message, Phase)
                return message
        return Died(self._has_started, _last_words(self._log))


def _print_to(file: Path) -> None:
    """Send the output of this process and its libraries, C++ ones too, to ``file``."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _last_words(log: Path) -> str:
    """Return the last lines of a log, which may be of any length, or be missing."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - LAST_BYTES, 0))
            lines = file.read(LAST_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LAST_WORDS:])


def work(
    connection: "Connection[Any, Any]",
    threads: int,
    log: Path,
    wait_for_parent: Callable[[], object],
    patience: float | None = None,
) -> None:
    """Carry out the trials that come through ``connection``, in a process of its own.

    Args:
        connection: to the executor's side.
        threads: how many the process may use.
        log: the file that receives everything that is printed.
        wait_for_parent: returns when the process on the executor's side has ended.
        patience: seconds without a trial after which this function returns.
    """

    def end_with_parent() -> None:
        wait_for_parent()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    _print_to(log)
    # What libraries leave there when this process is killed is swept with the folder.
    os.environ["TMPDIR"] = tempfile.tempdir = str(log.parent)
    os.environ |= QUIET_ON_CPU | {"OMP_NUM_THREADS": str(threads)}

    def on_start() -> None:
        os.ftruncate(1, 0)  # the log: what libraries print when they are imported explains nothing
        _freeze_imports()
        on_epoch(0, float("nan"), float("nan"))

    def on_epoch(epoch: int, loss: float, accuracy: float) -> None:
        connection.send((epoch, loss, accuracy))

    folder = Path.cwd()
    with report_phases_to(lambda name: connection.send(Phase(name))):
        while connection.poll(patience):
            task, trial, corpus = connection.recv()
            os.chdir(folder)  # the model of another trial may have left it
            connection.send(Done(task.attempt(trial, corpus, on_start, on_epoch)))


@lru_cache(maxsize=1)
def _freeze_imports() -> None:
    """Keep the garbage collector from searching imported modules again, which costs seconds."""
    gc.freeze()
