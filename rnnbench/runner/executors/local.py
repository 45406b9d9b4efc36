"""The executor of this machine: worker processes, one per job, that share its cores.

Workers print nothing, ignore Ctrl-C, and end with their parent.
"""

import gc
import logging
import multiprocessing
import os
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from rnnbench.errors import RnnbenchError
from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.runner.events import EpochEnded, Listener
from rnnbench.runner.executors.base import Executor, T, Task, TrialFailure
from rnnbench.runner.processes import last_words, print_to, start_process
from rnnbench.storage import temporary_folder
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

DIED = "a worker process died (killed, or out of memory?)"


def usable_cores() -> int:
    """Return the cores this process may use, within its affinity and container limits."""
    from joblib import cpu_count

    cores: int = cpu_count()
    return cores


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


class LocalExecutor(Executor):
    """Worker processes on this machine, among which its cores are divided.

    Args:
        jobs: the number of processes; by default one per core.
        threads: of each process; by default its share of the cores.
    """

    name = "local"

    def __init__(self, jobs: int | None = None, threads: int | None = None):
        cores = usable_cores()
        self.jobs = jobs or cores
        self.threads = threads or max(1, cores // self.jobs)

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task[T],
    ) -> Generator[tuple[Trial, T | TrialFailure], None, None]:
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
                    log.warning("%s: %s; it is tried again after all others, alone", trial, DIED)
                else:
                    yield trial, outcome
        for trial in again:
            with closing(self._side_by_side([trial], corpora, listener, task)) as outcomes:
                for _, outcome in outcomes:
                    yield trial, _failure(outcome) if isinstance(outcome, Died) else outcome

    def _side_by_side(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task[Any],
    ) -> Generator[tuple[Trial, Any], None, None]:
        """Yield each trial with its outcome, or with the death of its worker."""
        waiting, number = deque(trials), count()
        workers: dict[Any, Worker] = {}

        def give_next(worker: Worker) -> None:
            trial = waiting.popleft()
            worker.give(task, trial, corpora[trial.corpus_fingerprint])

        with temporary_folder() as folder:
            try:
                while workers or waiting:
                    while waiting and len(workers) < self.jobs:
                        worker = Worker(self.threads, folder / f"{next(number)}.log")
                        workers[worker.connection] = worker
                        give_next(worker)
                    for connection in wait(list(workers)):
                        worker = workers[connection]
                        trial, message = worker.trial, worker.receive()
                        if isinstance(message, tuple):
                            listener(EpochEnded(trial, *message))
                            continue
                        if isinstance(message, Done) and waiting:
                            give_next(worker)
                        else:
                            workers.pop(connection).end()
                        yield trial, message.outcome if isinstance(message, Done) else message
            finally:
                for worker in workers.values():  # all at once, in case of a second Ctrl-C
                    worker.terminate()
                for worker in workers.values():
                    worker.end()


def _failure(death: Died) -> TrialFailure:
    """Return the failure of a trial whose worker died when no other ran.

    Raises:
        RnnbenchError: the worker died before it could start the trial: others would, too.
    """
    if not death.has_started:
        raise RnnbenchError(f"{DIED} before it could start a trial\n{death.last_words}".rstrip())
    return TrialFailure(f"{DIED}\n{death.last_words}".rstrip())


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
        self.connection, self._process = start_process(_work, threads, log)
        self._log, self._has_started = log, False

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
            return Died(self._has_started, last_words(self._log))
        self._has_started = True
        return message

    def terminate(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def end(self) -> None:
        """End the process; a trial in progress is abandoned."""
        self.terminate()
        self._process.join(5)
        self._process.kill()
        self._process.join()
        self.connection.close()


def _work(connection: "Connection[Any, Any]", threads: int, log: Path) -> None:
    """Carry out the trials that come through ``connection``, in a process of its own."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print_to(log)
    # What libraries leave there when this process is killed is swept with the folder.
    os.environ["TMPDIR"] = tempfile.tempdir = str(log.parent)
    os.environ |= QUIET_ON_CPU | {"OMP_NUM_THREADS": str(threads)}

    def on_start() -> None:
        os.ftruncate(1, 0)  # the log: what libraries print when they are imported explains nothing
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
