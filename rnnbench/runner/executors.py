"""Executors decide where trials run, and report events; here is that of this
machine.
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
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

from rnnbench.errors import RnnbenchError, UserError, refused, shortened, uninterrupted
from rnnbench.models.quiet import TENSORFLOW_VARIABLES
from rnnbench.registry import Registry
from rnnbench.storage import temporary_folder
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.epochs import ask_for_threads, report_phases_to
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial, run_trial

log = logging.getLogger(__name__)
WAITING = (
    "waiting to be tried again"  # the phase of a trial whose process or worker was lost
)
DIED = "a worker process died (killed, or out of memory?)"
LAST_WORDS, LAST_BYTES = 10, 10_000  # lines and bytes kept of a dead process's output
LOOK_SECONDS = 1.0  # how often to check whether workers are still alive, in seconds
LONGEST_REASON, LONGEST_TRACEBACK = (
    2_000,
    20_000,
)  # characters; an error may print an array


class Planned(NamedTuple):
    """Some trials are to be trained, others were found stored."""

    to_train: list[Trial]
    stored: list[Trial]


class Connected(NamedTuple):
    """A cluster takes trials: its scheduler, its workers and cores, and its dashboard,
    if any.
    """

    scheduler: str
    workers: int
    cores: int
    dashboard: str


class PhaseBegan(NamedTuple):
    """A trial enters a phase, such as "compiling"; a phase may begin before epoch 0."""

    trial: Trial
    phase: str
    worker: str = ""


@dataclass(frozen=True)
class EpochEnded:
    """A trial started (epoch 0), or finished an epoch with its loss and score in
    training.
    """

    trial: Trial
    epoch: int
    loss: float
    score: float
    worker: str = ""  # of a cluster, if any


class Finished(NamedTuple):
    """A trial is done: its score, the seconds of its training, its result without
    weights.
    """

    trial: Trial
    score: float
    seconds: float
    result: TrialResult | None = None


class Failed(NamedTuple):
    """A trial could not be trained."""

    trial: Trial
    reason: str


class Ended(NamedTuple):
    """A run is over and written; its folder is still locked."""


Event = Planned | Connected | PhaseBegan | EpochEnded | Finished | Failed | Ended
Listener = Callable[[Event], None]
Outcomes = Generator[tuple[Trial, Any], None, None]
Action = Callable[[], None]
Report = (
    tuple[int, float, float] | str
)  # an epoch (0: the start), loss and score; or a phase
Channel: TypeAlias = "Connection[Any, Any]"


@dataclass(frozen=True)
class TrialFailure:
    """Why a trial failed, as text: TensorFlow's exceptions cannot be unpickled without
    it.
    """

    reason: str
    traceback: str = ""
    """Of the exception, if it was not expected."""
    is_of_machine: bool = False
    """Whether another machine may do better: nothing was trained, or the system refused
    it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", shortened(self.reason, LONGEST_REASON))
        object.__setattr__(self, "traceback", self.traceback[-LONGEST_TRACEBACK:])


def prepare_engine(trial: Trial) -> None:
    """Have the engine of a trial import what it needs, with the trial's number of
    threads.
    """
    with ENGINES.blamed(trial.engine.name):
        trial.engine.prepare(trial.threads)
    if trial.model.learns_language:
        ENGINES["keras"].prepare(trial.threads)


@dataclass(frozen=True)
class Task:
    """The work for each trial, in the process that the trial is given to; by default,
    training.
    """

    carry_out: Callable[[Trial, Path, OnEpoch], Any] = run_trial
    """Called with the trial, the file of its corpus, and a function to be told of
    finished epochs; returns the outcome of the trial."""
    prepare: Callable[[Trial], None] = prepare_engine
    """Called first, with the trial, to import the libraries needed."""

    def attempt(
        self, trial: Trial, corpus: Path, on_start: Action, on_epoch: OnEpoch
    ) -> Any:
        """Return the outcome of a trial; an exception other than Ctrl-C becomes a
        failure.
        """
        of_machine = True
        try:
            self.prepare(trial)
            of_machine = False
            on_start()
            return self.carry_out(trial, corpus, on_epoch)
        except RnnbenchError as error:
            return TrialFailure(str(error), is_of_machine=of_machine)
        except KeyboardInterrupt:
            raise
        except (
            BaseException
        ) as error:  # a model of the user's own may even end in sys.exit()
            if found := refused(error):
                return TrialFailure(str(found), is_of_machine=True)
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            of_machine |= isinstance(error, OSError | ImportError)
            return TrialFailure(
                reason, traceback.format_exc(), is_of_machine=of_machine
            )


class Executor(ABC):
    """Carries out trials: in processes of this machine, or on others."""

    name: ClassVar[str]
    """By which ``--executor`` finds it."""
    jobs: int
    """The number of trials side by side; by default that of the cores."""
    threads: int
    """The threads of each process that trains; the order of sums, and so results,
    depend on it."""

    @abstractmethod
    def __init__(self, jobs: int | None = None):
        """Make an executor; nothing is started before ``run``."""

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:  # noqa: ARG003 - for those that override it
        """Return an executor that reaches its machines at an address, or raise
        ``UserError``.
        """
        raise UserError(
            f"--scheduler: the executor '{cls.name}' takes no address (use dask)"
        )

    @abstractmethod
    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with what the task returns, or a ``TrialFailure``, as soon
        as it ends.

        A trial that fails does not keep others from being carried out. When the
        generator is closed, trials in progress are abandoned, and no process that it
        started keeps running.

        Args:
            trials: the trials to carry out, preferably started in this order.
            corpora: the file of each corpus here, by fingerprint; its content is needed
                there.
            listener: to be told of each ``EpochEnded``; epoch 0 is the start of a
                trial.
            task: the work to be done for each trial.

        Raises:
            RnnbenchError: trials cannot be carried out at all.
        """


def usable_cores() -> int:
    """Return the cores this process may use, within its affinity and container
    limits.
    """
    from joblib import cpu_count

    return int(cpu_count())


class LocalExecutor(Executor):
    """Worker processes on this machine, by default one per core, which share its
    cores.
    """

    name = "local"

    def __init__(self, jobs: int | None = None, threads: int | None = None):
        cores = usable_cores()
        self.jobs = jobs or cores
        self.threads = threads or max(1, cores // self.jobs)
        self._all_threads = self.jobs * threads if threads else cores

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with its outcome; if its worker dies, it is tried again,
        alone, last.
        """
        again = []
        with closing(self._side_by_side(trials, corpora, listener, task)) as outcomes:
            for trial, outcome in outcomes:
                if isinstance(outcome, Died):
                    again.append(trial)
                    listener(PhaseBegan(trial, WAITING))
                    log.warning(
                        "%s: %s; it is tried again after all others, alone", trial, DIED
                    )
                else:
                    yield trial, outcome
        for trial in again:  # alone: two trials may need more memory than there is
            ((_, outcome),) = self._side_by_side([trial], corpora, listener, task)
            if not isinstance(outcome, Died):
                yield trial, outcome
            elif outcome.has_started:
                yield trial, TrialFailure(str(outcome))
            else:  # others would not start either
                message = f"{DIED} before it could start a trial\n{outcome.last_words}"
                raise RnnbenchError(message.rstrip())

    def _side_by_side(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with its outcome, or with the death of its worker."""
        waiting, number = deque(trials), count()
        workers: dict[Any, Worker] = {}

        def give_next(worker: Worker) -> None:
            worker.trial = trial = waiting.popleft()
            worker.give(pickle.dumps((task, trial, corpora[trial.corpus_fingerprint])))

        def end_all() -> None:
            for worker in workers.values():
                worker.end()

        with temporary_folder() as folder, ExitStack() as ending:
            ending.callback(end_all)
            while workers or waiting:
                while waiting and len(workers) < self.jobs:
                    worker = Worker(self.threads, folder / f"{next(number)}.log")
                    workers[worker.connection] = worker
                    give_next(worker)
                    listener(PhaseBegan(worker.trial, "starting worker"))
                for worker in workers.values():  # those that are left share all cores
                    worker.use(self._all_threads // len(workers))
                ready = wait(list(workers), LOOK_SECONDS)
                ended = {
                    key for key, it in workers.items() if not it.process.is_alive()
                }
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
                    yield (
                        trial,
                        message.outcome if isinstance(message, Done) else message,
                    )


@dataclass(frozen=True)
class Done:
    """A child's message that its trial has ended, with the outcome."""

    outcome: Any


@dataclass(frozen=True)
class Died:
    """The death of a child at its trial, with the end of what it printed."""

    has_started: bool  # whether all was prepared for the trial by then
    last_words: str
    cause: str = DIED

    def __str__(self) -> str:
        return f"{self.cause}\n{self.last_words}".rstrip()


def event_of(trial: Trial, report: Report, worker: str = "") -> EpochEnded | PhaseBegan:
    """Return the event that a report, which Dask hands on as a list, is about."""
    if isinstance(report, str):
        return PhaseBegan(trial, report, worker)
    return EpochEnded(trial, *report, worker)


def start_process(
    work: Callable[..., None], *arguments: Any
) -> tuple[Channel, BaseProcess]:
    """Start a process that calls ``work`` with a connection and ``arguments``; return
    both.

    From the first moment, it ignores Ctrl-C and all signals to a whole group of
    processes: it inherits that they are blocked. Nor does it import the user's script,
    which may start a run.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments))
    # Another thread may hear a Ctrl-C at once, this one after the start.
    with uninterrupted(), ExitStack() as after:
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            resource_tracker.ensure_running()  # its start would end the block
            ending = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
            before = signal.pthread_sigmask(signal.SIG_BLOCK, ending)
            after.callback(signal.pthread_sigmask, signal.SIG_SETMASK, before)
        after.callback(sys.modules.update, __main__=sys.modules["__main__"])
        sys.modules["__main__"] = ModuleType("__main__")
        process.start()  # interrupted, it would end with a traceback
    theirs.close()  # or the death of the process would not be noticed
    return ours, process


class Child:
    """The executor's side of a process that carries out one trial after another."""

    def __init__(self, connection: Channel, log: Path):
        self.connection = (
            connection  # may stay open while a process that the child started lives
        )
        self._log, self._has_started = log, False

    def give(self, message: bytes) -> None:
        """Have the process carry out a trial: a pickled task, trial and corpus file."""
        self._has_started = False
        with suppress(ConnectionError):  # it died; ``receive`` says so
            self.connection.send_bytes(message)

    def receive(self) -> Report | Done | Died:
        """Return the next message of the process, or its death if there is nothing to
        be read.
        """
        with suppress(EOFError, OSError):
            if self.connection.poll():
                message: Report | Done = self.connection.recv()
                # Some phases begin before all is prepared.
                self._has_started |= not isinstance(message, str)
                return message
        lines = []
        with (
            suppress(OSError),
            self._log.open("rb") as file,
        ):  # it may be missing, or of any length
            file.seek(max(file.seek(0, os.SEEK_END) - LAST_BYTES, 0))
            lines = file.read(LAST_BYTES).decode(errors="replace").splitlines()
        return Died(self._has_started, "\n".join(lines[-LAST_WORDS:]))


def _end_with_parent() -> None:
    """End this process when its parent has ended; a parent that was killed cannot do
    it.
    """
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


def work(
    connection: Channel, threads: int, log: Path, watch: Action = _end_with_parent
) -> None:
    """Carry out the trials from ``connection``, printing into ``log``, until the parent
    ends.
    """
    threading.Thread(target=watch, daemon=True).start()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)  # so what libraries in C++ print goes there, too
    os.dup2(descriptor, 2)
    os.close(descriptor)
    # What libraries leave there when this process is killed goes with the folder of the
    # run.
    os.environ["TMPDIR"] = tempfile.tempdir = str(log.parent)
    os.environ |= TENSORFLOW_VARIABLES | {"OMP_NUM_THREADS": str(threads)}

    def on_start() -> None:
        os.ftruncate(
            1, 0
        )  # the log: what libraries print when they are imported explains nothing
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
            while isinstance(
                message := connection.recv(), int
            ):  # too late for the last trial
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


EXECUTORS = Registry[type[Executor]](
    "executor", Executor, [LocalExecutor], holds_classes=True
)
