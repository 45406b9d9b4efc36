"""The executor of this machine: worker processes, one per job, that share its cores."""

import logging
import multiprocessing
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors.base import (
    WAITING,
    Executor,
    Listener,
    PhaseBegan,
    T,
    Task,
    TrialFailure,
)
from rnnbench.runner.executors.child import DIED, Child, Died, Done, event_of, start_process, work
from rnnbench.storage import temporary_folder
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

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
                    listener(PhaseBegan(trial, WAITING))
                    log.warning("%s: %s; it is tried again after all others, alone", trial, DIED)
                else:
                    yield trial, outcome
        for trial in again:
            with closing(self._side_by_side([trial], corpora, listener, task)) as outcomes:
                for _, outcome in outcomes:
                    yield trial, _failure_of(outcome) if isinstance(outcome, Died) else outcome

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
                        listener(PhaseBegan(worker.trial, "starting worker"))
                    ready = wait(list(workers), LOOK_SECONDS)
                    ended = [
                        key for key, worker in workers.items() if not worker.process.is_alive()
                    ]
                    for connection in {*ready, *ended}:
                        worker = workers[connection]
                        trial, message = worker.trial, worker.receive()
                        if isinstance(message, tuple):
                            listener(event_of(trial, message))
                            continue
                        if isinstance(message, Done) and waiting:
                            give_next(worker)
                        else:
                            workers.pop(connection).end()
                        yield trial, message.outcome if isinstance(message, Done) else message
            finally:
                for worker in workers.values():  # all at once, in case of a second Ctrl-C
                    worker.process.terminate()
                for worker in workers.values():
                    worker.end()


def _failure_of(death: Died) -> TrialFailure:
    """Return the failure of a trial whose worker died when no other ran."""
    if not death.has_started:  # others would not either
        raise RnnbenchError(f"{DIED} before it could start a trial\n{death.last_words}".rstrip())
    return TrialFailure(str(death))


class Worker(Child):
    """A process of this machine that carries out one trial after another."""

    def __init__(self, threads: int, log: Path):
        connection, self.process = start_process(_work, threads, log)
        super().__init__(connection, log)

    def end(self) -> None:
        """End the process; a trial in progress is abandoned."""
        self.process.terminate()
        self.process.join(5)
        self.process.kill()
        self.process.join()
        self.connection.close()


def _work(connection: "Connection[Any, Any]", threads: int, log: Path) -> None:
    work(connection, threads, log, _wait_for_parent)


def _wait_for_parent() -> None:
    """Return when the parent has ended: it may have been killed, and cannot end this process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
