"""Processes that carry out one trial after another, and what they send.

``worker.give(message)`` starts a trial; ``worker.receive()`` returns a report of it, or
how it ended: ``Done`` or ``Died``.
"""

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from rnnbench.errors import SIGNALS, uninterrupted
from rnnbench.models.quiet import TENSORFLOW_VARIABLES
from rnnbench.runner.events import Report
from rnnbench.training.epochs import ask_for_threads, report_phases_to
from rnnbench.training.trial import Trial

DIED = "a worker process died (killed, or out of memory?)"
LAST_WORDS = 10  # lines that are kept of what a dead process printed
LAST_BYTES = 10_000
Action = Callable[[], None]


@dataclass(frozen=True)
class Done:
    """A child's message that its trial has ended, with the outcome."""

    outcome: object


@dataclass(frozen=True)
class Died:
    """The death of a child at its trial, with the end of what it printed."""

    has_started: bool  # whether all was prepared for the trial by then
    last_words: str
    cause: str = DIED

    def __str__(self) -> str:
        return f"{self.cause}\n{self.last_words}".rstrip()


def start_process(
    work: Callable[..., None], *arguments: object
) -> tuple[Connection, BaseProcess]:
    """Start a process that calls ``work``; return our end of its connection, and it.

    ``work`` gets the other end, and ``arguments``. From the first moment, the process
    ignores Ctrl-C and all signals to a whole group of processes: it inherits that they
    are blocked. Nor does it import the user's script, which may start a run.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments))
    # Another thread may hear a Ctrl-C at once, this one after the start.
    with uninterrupted(), ExitStack() as after:
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            resource_tracker.ensure_running()  # its start would end the block
            before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            after.callback(signal.pthread_sigmask, signal.SIG_SETMASK, before)
        after.callback(sys.modules.update, __main__=sys.modules["__main__"])
        sys.modules["__main__"] = ModuleType("__main__")
        process.start()  # interrupted, it would end with a traceback
    theirs.close()  # or the death of the process would not be noticed
    return ours, process


class Child:
    """Our side of a process that carries out one trial after another."""

    def __init__(self, connection: Connection, log: Path):
        # It may stay open while a process that the child started lives.
        self.connection = connection
        self._log = log
        self._has_started = False

    def give(self, message: bytes) -> None:
        """Have the process carry out a trial: a pickled task, trial and corpus file."""
        self._has_started = False
        with suppress(ConnectionError):  # it died; ``receive`` says so
            self.connection.send_bytes(message)

    def receive(self) -> Report | Done | Died:
        """Return the next message of the process; if there is none, it has died."""
        with suppress(EOFError, OSError):
            if self.connection.poll():
                message: Report | Done = self.connection.recv()
                # Phases may begin before the trial.
                self._has_started |= not isinstance(message, str)
                return message
        return Died(self._has_started, self._last_words())

    def _last_words(self) -> str:
        """Return the end of the log, which may be missing, or of any length."""
        try:
            with self._log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - LAST_BYTES, 0))
                end = file.read(LAST_BYTES)
        except OSError:
            return ""
        lines = end.decode(errors="replace").splitlines()
        return "\n".join(lines[-LAST_WORDS:])


def _end_with_parent() -> None:
    """End this process when its parent has; one that was killed cannot do it."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)


def work(
    connection: Connection, threads: int, log: Path, watch: Action = _end_with_parent
) -> None:
    """Carry out trials until the parent ends; what they print goes into ``log``."""
    threading.Thread(target=watch, daemon=True).start()
    _print_into(log)
    # What libraries leave there when this process is killed goes with the folder of the
    # run.
    tempfile.tempdir = str(log.parent)
    os.environ["TMPDIR"] = tempfile.tempdir
    os.environ.update(TENSORFLOW_VARIABLES)
    os.environ["OMP_NUM_THREADS"] = str(threads)

    def on_epoch(epoch: int, loss: float, score: float) -> None:
        connection.send((epoch, loss, score))

    def on_start() -> None:
        # What libraries print when they are imported explains nothing.
        os.ftruncate(1, 0)
        if not gc.get_freeze_count():
            gc.freeze()  # searching imported modules for garbage again costs seconds
        on_epoch(0, float("nan"), float("nan"))

    def threads_now() -> int:
        nonlocal threads
        while connection.poll():  # nothing else comes during a trial
            threads = connection.recv()
        return threads

    folder = Path.cwd()
    with report_phases_to(connection.send), ask_for_threads(threads_now):
        while True:
            match connection.recv():
                case int():  # threads, too late for the last trial
                    continue
                case (task, trial, corpus):
                    os.chdir(folder)  # the model of another trial may have left it
                    outcome = task.attempt(trial, corpus, on_start, on_epoch)
                    connection.send(Done(outcome))


def _print_into(log: Path) -> None:
    """Have this process print into a file; so do libraries in C++."""
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


class Worker(Child):
    """A process of this machine that carries out one trial after another."""

    trial: Trial

    def __init__(self, threads: int, log: Path):
        connection, self.process = start_process(work, threads, log)
        super().__init__(connection, log)
        self._threads = threads

    def use(self, threads: int) -> None:
        """Let its trial use more threads from the next epoch on, if that changes no
        result.
        """
        if threads > self._threads:
            self._threads = threads
            with suppress(ConnectionError):  # it died; ``receive`` says so
                self.connection.send(threads)

    def end(self) -> None:
        """End the process, if it has not ended; a trial in progress is abandoned."""
        self.process.kill()  # other signals are blocked
        self.process.join()
        self.connection.close()
