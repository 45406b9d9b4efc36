"""The executor of this machine, and the processes that carry out trials, here and elsewhere.

They print into a file, and end with the process that started them, which alone hears signals.
"""

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnbench.errors import RnnbenchError, uninterrupted
from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.runner.executors.base import (
    WAITING,
    EpochEnded,
    Executor,
    Listener,
    Outcomes,
    PhaseBegan,
    Task,
    TrialFailure,
)
from rnnbench.storage import temporary_folder
from rnnbench.training.epochs import ask_for_threads, report_phases_to
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

LAST_WORDS, LAST_BYTES = 10, 10_000
"""The number of last lines that are kept of a dead process's output."""
DIED = "a worker process died (killed, or out of memory?)"
LOOK_SECONDS = 1.0
"""How often to check whether workers are still alive, in seconds."""


def usable_cores() -> int:
    """Return the cores this process may use, within its affinity and container limits."""
    from joblib import cpu_count

    return int(cpu_count())


class LocalExecutor(Executor):
    """Worker processes on this machine, by default one per core, which share its cores."""

    name = "local"

    def __init__(self, jobs: int | None = None, threads: int | None = None):
        cores = usable_cores()
        self.jobs = jobs or cores
        self.threads = threads or max(1, cores // self.jobs)
        self._all_threads = self.jobs * threads if threads else cores

    def run(
        self, trials: Sequence[Trial], corpora: Mapping[str, Path], listener: Listener, task: Task
    ) -> Outcomes:
        """Yield each trial with its outcome; when a worker dies, a new one takes its place.

        The trial of a dead worker is tried again after all others, alone: two trials may need more
        memory than there is. If its worker dies again, the trial has failed.

        Raises:
            RnnbenchError: workers die before they can start a trial.
        """
        again = []
        with closing(self._side_by_side(trials, corpora, listener, task)) as outcomes:
            for trial, outcome in outcomes:
                if isinstance(outcome, Died):
                    again.append(trial)
                    listener(PhaseBegan(trial, WAITING))
                    log.warning("%s: %s; it is tried again after all others, alone", trial, DIED)
                else:
                    yield trial, outcome
        for trial in again:
            ((_, outcome),) = self._side_by_side([trial], corpora, listener, task)
            if not isinstance(outcome, Died):
                yield trial, outcome
            elif outcome.has_started:
                yield trial, TrialFailure(str(outcome))
            else:  # others would not start either
                message = f"{DIED} before it could start a trial\n{outcome.last_words}"
                raise RnnbenchError(message.rstrip())

    def _side_by_side(
        self, trials: Sequence[Trial], corpora: Mapping[str, Path], listener: Listener, task: Task
    ) -> Outcomes:
        """Yield each trial with its outcome, or with the death of its worker."""
        waiting, number = deque(trials), count()
        workers: dict[Any, Worker] = {}

        def give_next(worker: Worker) -> None:
            worker.trial = trial = waiting.popleft()
            worker.give(pickle.dumps((task, trial, corpora[trial.corpus_fingerprint])))

        with temporary_folder() as folder:
            try:
                while workers or waiting:
                    while waiting and len(workers) < self.jobs:
                        worker = Worker(self.threads, folder / f"{next(number)}.log")
                        workers[worker.connection] = worker
                        give_next(worker)
                        listener(PhaseBegan(worker.trial, "starting worker"))
                    for worker in workers.values():  # those that are left share all cores
                        worker.use(self._all_threads // len(workers))
                    ready = wait(list(workers), LOOK_SECONDS)
                    ended = {key for key, it in workers.items() if not it.process.is_alive()}
                    for connection in ended.union(ready):
                        worker = workers[connection]
                        trial, message = worker.trial, worker.receive()
                        if isinstance(message, tuple | str):
                            listener(event_of(trial, message))
                            continue
                        if isinstance(message, Done) and waiting:
                            give_next(worker)
                        else:
                            workers.pop(connection).end()
                        yield trial, message.outcome if isinstance(message, Done) else message
            finally:
                for worker in workers.values():
                    worker.end()


@dataclass(frozen=True)
class Done:
    """A child's message that its trial has ended, with the outcome."""

    outcome: Any


@dataclass(frozen=True)
class Died:
    """The death of a child at its trial, with the end of what it printed."""

    has_started: bool
    """Whether all was prepared for the trial by then."""
    last_words: str
    cause: str = DIED

    def __str__(self) -> str:
        return f"{self.cause}\n{self.last_words}".rstrip()


Report = tuple[int, float, float] | str
"""The number of a finished epoch (0 at the start of the trial), its loss and its score; or the
name of a phase that begins."""


def event_of(trial: Trial, report: Report, worker: str = "") -> EpochEnded | PhaseBegan:
    """Return the event that a report, which Dask hands on as a list, is about."""
    if isinstance(report, str):
        return PhaseBegan(trial, report, worker)
    return EpochEnded(trial, *report, worker)


def start_process(
    work: Callable[..., None], *arguments: Any
) -> tuple["Connection[Any, Any]", BaseProcess]:
    """Start a process that calls ``work`` with a connection and ``arguments``.

    From the first moment, it ignores Ctrl-C and all signals to a whole group of processes: it
    inherits that they are blocked. Nor does it import the user's script, which may start a run.
    Return our end of the connection, which ends when the process does, and the process.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments))
    can_block = hasattr(signal, "pthread_sigmask")  # not on Windows
    with uninterrupted():  # another thread may hear a Ctrl-C at once, this one after the start
        if can_block:
            resource_tracker.ensure_running()  # its start would end the block
            ending = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
            before = signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            process.start()  # interrupted, it would end with a traceback
        finally:
            sys.modules["__main__"] = main
            if can_block:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()  # or the death of the process would not be noticed
    return ours, process


class Child:
    """The executor's side of a process that carries out one trial after another."""

    def __init__(self, connection: "Connection[Any, Any]", log: Path):
        self.connection = connection
        """Becomes readable when the process says something or has ended. Its end may not be noticed
        this way while a process that it started still runs."""
        self._log, self._has_started = log, False

    def give(self, message: bytes) -> None:
        """Have the process carry out a trial: a pickled task, trial and corpus file."""
        self._has_started = False
        with suppress(ConnectionError):  # it died; ``receive`` says so
            self.connection.send_bytes(message)

    def receive(self) -> Report | Done | Died:
        """Return the next message of the process, or its death if there is nothing to be read."""
        with suppress(EOFError, OSError):
            if self.connection.poll():
                message: Report | Done = self.connection.recv()
                # Some phases begin before all is prepared.
                self._has_started |= not isinstance(message, str)
                return message
        lines = []
        with suppress(OSError), self._log.open("rb") as file:  # it may be missing, or of any length
            file.seek(max(file.seek(0, os.SEEK_END) - LAST_BYTES, 0))
            lines = file.read(LAST_BYTES).decode(errors="replace").splitlines()
        return Died(self._has_started, "\n".join(lines[-LAST_WORDS:]))


def _end_with_parent() -> None:
    """End this process when its parent has ended; a parent that was killed cannot do it."""
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


def work(
    connection: "Connection[Any, Any]",
    threads: int,
    log: Path,
    end_with_parent: Callable[[], None] = _end_with_parent,
) -> None:
    """Carry out the trials from ``connection``, printing into ``log``, until the parent ends."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)  # so what libraries in C++ print goes there, too
    os.dup2(descriptor, 2)
    os.close(descriptor)
    # What libraries leave there when this process is killed is swept with the folder.
    os.environ["TMPDIR"] = tempfile.tempdir = str(log.parent)
    os.environ |= QUIET_ON_CPU | {"OMP_NUM_THREADS": str(threads)}

    def on_start() -> None:
        os.ftruncate(1, 0)  # the log: what libraries print when they are imported explains nothing
        if not gc.get_freeze_count():
            gc.freeze()  # searching imported modules for garbage again costs seconds
        on_epoch(0, float("nan"), float("nan"))

    def on_epoch(epoch: int, loss: float, score: float) -> None:
        connection.send((epoch, loss, score))

    def threads_now() -> int:
        nonlocal threads
        while connection.poll():  # nothing else comes during a trial
            threads = connection.recv()
        return threads

    folder = Path.cwd()
    with report_phases_to(connection.send), ask_for_threads(threads_now):
        while True:
            while isinstance(message := connection.recv(), int):  # too late for the last trial
                pass
            task, trial, corpus = message
            os.chdir(folder)  # the model of another trial may have left it
            connection.send(Done(task.attempt(trial, corpus, on_start, on_epoch)))


class Worker(Child):
    """A process of this machine that carries out one trial after another."""

    trial: Trial

    def __init__(self, threads: int, log: Path):
        connection, self.process = start_process(work, threads, log)
        super().__init__(connection, log)
        self._threads = threads

    def use(self, threads: int) -> None:
        """Let its trial use more threads from the next epoch on, if that changes no result."""
        if threads > self._threads:
            self._threads = threads
            with suppress(ConnectionError):  # it died; ``receive`` says so
                self.connection.send(threads)

    def end(self) -> None:
        """End the process; a trial in progress is abandoned."""
        self.process.kill()  # other signals are blocked
        self.process.join()
        self.connection.close()
