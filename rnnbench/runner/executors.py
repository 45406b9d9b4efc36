"""Executors decide where trials run; here is that of this machine.

>>> executor = EXECUTORS["local"](jobs=2)
>>> outcomes = executor.run(trials, corpora, listener, Task())  # doctest: +SKIP
"""

import logging
import pickle
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import wait
from pathlib import Path
from typing import ClassVar, Self

from rnnbench.environment import processor
from rnnbench.errors import RnnbenchError, UserError, refused, shortened
from rnnbench.registry import Registry
from rnnbench.results.store import LOCK, place_of
from rnnbench.runner.events import WAITING, Listener, PhaseBegan, event_of
from rnnbench.runner.workers import DIED, Action, Died, Done, Worker
from rnnbench.storage import sha256_json, temporary_folder
from rnnbench.training.checkpoints import Checkpoint
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.epochs import keep_checkpoint
from rnnbench.training.trial import Trial, run_trial

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0  # how often to check whether workers are still alive, in seconds
MOST_AWAITED = 60  # workers at a time; Windows waits for 63 handles at most
LONGEST_REASON = 2_000  # characters; an error may print an array
LONGEST_TRACEBACK = 20_000
Outcomes = Generator[tuple[Trial, object], None, None]


@dataclass(frozen=True)
class TrialFailure:
    """Why a trial failed.

    It is text: exceptions of TensorFlow cannot be unpickled without TensorFlow.
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
    """Have the engine of a trial import what it needs, for its number of threads."""
    with ENGINES.blamed(trial.engine.name):
        trial.engine.prepare(trial.threads)
    if trial.model.learns_language:
        ENGINES["keras"].prepare(trial.threads)


@dataclass(frozen=True)
class Task:
    """The work for each trial, in the process that it is given to: usually training."""

    carry_out: Callable[[Trial, Path, OnEpoch], object] = run_trial
    """Called with the trial, the file of its corpus, and a function to call after each
    epoch; returns the outcome of the trial."""
    prepare: Callable[[Trial], None] = prepare_engine
    """Called first, with the trial, to import the libraries needed."""
    folder: Path | None = None
    """The folder of the run; without it, or out of reach, no checkpoint is written."""

    def attempt(
        self, trial: Trial, corpus: Path, on_start: Action, on_epoch: OnEpoch
    ) -> object:
        """Return the outcome of a trial; an exception, except Ctrl-C, is a failure."""
        is_prepared = False
        try:
            self.prepare(trial)
            is_prepared = True
            on_start()
            with keep_checkpoint(self._checkpoint(trial)):
                return self.carry_out(trial, corpus, on_epoch)
        except RnnbenchError as error:
            return TrialFailure(str(error), is_of_machine=not is_prepared)
        except KeyboardInterrupt:
            raise
        except (OSError, ImportError) as error:
            return _failure_of(error, is_of_machine=True)
        except BaseException as error:  # a model of the user's may call sys.exit()
            return _failure_of(error, is_of_machine=not is_prepared)

    def _checkpoint(self, trial: Trial) -> Checkpoint:
        """Return the checkpoint of a trial, on this processor."""
        if self.folder is None or not (self.folder / LOCK).exists():
            return Checkpoint()
        key = (trial.name, trial.seed, trial.fingerprint)
        file = place_of(self.folder, key).checkpoint
        here = processor().model_dump(exclude={"blas"})  # others round differently
        identity = [trial.fingerprint, here]
        return Checkpoint(file, sha256_json(identity))


def _failure_of(error: BaseException, *, is_of_machine: bool) -> TrialFailure:
    """Return an error that was not expected, unless the system refused something."""
    refusal = refused(error)
    if refusal:
        return TrialFailure(str(refusal), is_of_machine=True)
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    return TrialFailure(reason, traceback.format_exc(), is_of_machine=is_of_machine)


class Executor(ABC):
    """Carries out trials: in processes of this machine, or on others."""

    name: ClassVar[str]
    """By which ``--executor`` finds it."""
    jobs: int
    """The number of trials side by side; by default that of the cores."""
    threads: int
    """The threads of each process that trains; results may depend on it, because the
    order of sums does."""

    @abstractmethod
    def __init__(self, jobs: int | None = None):
        """Make an executor; nothing is started before ``run``."""

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:  # noqa: ARG003 - for those that override it
        """Return an executor of the machines at an address, or raise ``UserError``."""
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
        """Yield each trial when it ends, with what the task returns or a failure.

        A trial that fails does not keep others from being carried out. When the
        generator is closed, trials in progress are abandoned, and no process that it
        started keeps running.

        Args:
            trials: the trials to carry out, preferably started in this order.
            corpora: the file of each corpus here, by fingerprint; its content is needed
                there.
            listener: to call with each ``EpochEnded``; epoch 0 is the start of a
                trial.
            task: the work to be done for each trial.

        Raises:
            RnnbenchError: trials cannot be carried out at all.
        """


def usable_cores() -> int:
    """Return the cores that this process may use, by its affinity and container."""
    from joblib import cpu_count

    return int(cpu_count())


class LocalExecutor(Executor):
    """Worker processes on this machine, by default one per core; they share cores."""

    name = "local"

    def __init__(self, jobs: int | None = None, threads: int | None = None):
        cores = usable_cores()
        self.jobs = jobs or cores
        self.threads = threads or max(1, cores // self.jobs)
        self._all_threads = cores
        if threads:
            self._all_threads = self.jobs * threads

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with its outcome; see ``Executor``.

        If a worker dies, its trial is tried again, alone, after all others.
        """
        again = []
        with closing(self._side_by_side(trials, corpora, listener, task)) as outcomes:
            for trial, outcome in outcomes:
                match outcome:
                    case Died():
                        again.append(trial)
                        listener(PhaseBegan(trial, WAITING))
                        message = "%s: %s; it is tried again after all others, alone"
                        log.warning(message, trial, DIED)
                    case _:
                        yield trial, outcome
        for trial in again:  # alone: two trials may need more memory than there is
            ((_, outcome),) = self._side_by_side([trial], corpora, listener, task)
            match outcome:
                case Died(has_started=True):
                    yield trial, TrialFailure(str(outcome))
                case Died(last_words=last_words):  # others would not start either
                    message = f"{DIED} before it could start a trial\n{last_words}"
                    raise RnnbenchError(message.rstrip())
                case _:
                    yield trial, outcome

    def _side_by_side(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with its outcome, or with the death of its worker."""
        waiting = deque(trials)
        number = count()
        workers: list[Worker] = []

        def give_next(worker: Worker) -> None:
            worker.trial = waiting.popleft()
            corpus = corpora[worker.trial.corpus_fingerprint]
            worker.give(pickle.dumps((task, worker.trial, corpus)))

        def end(worker: Worker) -> None:
            workers.remove(worker)
            worker.end()

        def end_all() -> None:
            for worker in workers:
                worker.end()

        with temporary_folder() as folder, ExitStack() as ending:
            ending.callback(end_all)
            while workers or waiting:
                while waiting and len(workers) < self.jobs:
                    worker = Worker(self.threads, folder / f"{next(number)}.log")
                    workers.append(worker)
                    give_next(worker)
                    listener(PhaseBegan(worker.trial, "starting worker"))
                for worker in workers:  # those that are left share all cores
                    worker.use(self._all_threads // len(workers))
                for worker in _with_news(workers):
                    trial = worker.trial
                    match worker.receive():
                        case Done(outcome) if waiting:
                            give_next(worker)
                            yield trial, outcome
                        case Done(outcome):
                            end(worker)
                            yield trial, outcome
                        case Died() as death:
                            end(worker)
                            yield trial, death
                        case report:
                            listener(event_of(trial, report))


def _with_news(workers: Sequence[Worker]) -> list[Worker]:
    """Wait a while; return the workers that sent something or died."""
    ready = []
    parts = range(0, len(workers), MOST_AWAITED)
    for first in parts:
        part = workers[first : first + MOST_AWAITED]
        connections = [worker.connection for worker in part]
        ready += wait(connections, LOOK_SECONDS / len(parts))
    with_news = []
    for worker in workers:
        if worker.connection in ready or not worker.process.is_alive():
            with_news.append(worker)
    return with_news


EXECUTORS = Registry[type[Executor]](
    "executor", Executor, [LocalExecutor], holds_classes=True
)
