"""A process that carries out trials, and the side of the executor that gives it trials.

It prints into a file, and ends with the process that started it.
"""

import gc
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.runner.events import EpochEnded, PhaseBegan
from rnnbench.runner.executors.base import Task
from rnnbench.runner.processes import last_words, print_to
from rnnbench.training.epochs import report_phases_to
from rnnbench.training.trial import Trial

DIED = "a worker process died (killed, or out of memory?)"


@dataclass(frozen=True)
class Done:
    """A child's message that its trial has ended, with the outcome."""

    outcome: Any


@dataclass(frozen=True)
class Died:
    """The death of a child at its trial.

    Attributes:
        has_started: whether all was prepared for the trial by then.
        last_words: the end of what the child printed.
        cause: in words.
    """

    has_started: bool
    last_words: str
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


class Child:
    """The executor's side of a process that carries out one trial after another.

    Args:
        connection: to the process.
        log: the file that receives everything that the process prints.

    Attributes:
        connection: becomes readable when the process says something or has ended. Its end may not
            be noticed this way while a process that it started still runs.
        trial: the trial that it is carrying out.
    """

    trial: Trial

    def __init__(self, connection: "Connection[Any, Any]", log: Path):
        self.connection = connection
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
        return Died(self._has_started, last_words(self._log))


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
        patience: seconds without a trial after which this function returns; by default never.
    """
    threading.Thread(target=_end_after, args=(wait_for_parent,), daemon=True).start()
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

    def on_phase(name: str) -> None:
        connection.send(Phase(name))

    folder = Path.cwd()
    with report_phases_to(on_phase):
        while connection.poll(patience):
            task, trial, corpus = connection.recv()
            os.chdir(folder)  # the model of another trial may have left it
            connection.send(Done(task.attempt(trial, corpus, on_start, on_epoch)))


@lru_cache(maxsize=1)
def _freeze_imports() -> None:
    """Keep the garbage collector from searching imported modules again, which costs seconds."""
    gc.freeze()


def _end_after(wait: Callable[[], object]) -> None:
    """End this process when ``wait`` returns."""
    wait()
    os._exit(1)
