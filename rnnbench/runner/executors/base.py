"""The interface of executors, which decide where trials run, and the events that they report."""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from rnnbench.errors import RnnbenchError, UserError, refused, shortened
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial, run_trial

WAITING = "waiting to be tried again"
"""The phase of a trial whose process or worker was lost."""
LONGEST_REASON, LONGEST_TRACEBACK = 2_000, 20_000
"""The most characters that are kept of a failure; an exception may hold a whole array."""


@dataclass(frozen=True)
class Planned:
    """Some trials are to be trained, others were found stored."""

    to_train: list[Trial]
    stored: list[Trial]


@dataclass(frozen=True)
class Connected:
    """A cluster takes trials: its scheduler, its workers and cores, and its dashboard, if any."""

    scheduler: str
    workers: int
    cores: int
    dashboard: str


@dataclass(frozen=True)
class PhaseBegan:
    """A trial enters a phase, such as "compiling"; a phase may begin before epoch 0."""

    trial: Trial
    phase: str
    worker: str = ""


@dataclass(frozen=True)
class EpochEnded:
    """A running trial finished an epoch, counted from 1, with its loss and score in training.

    Epoch 0 is the start of the trial. ``worker`` is the name of the worker of a cluster, if any.
    """

    trial: Trial
    epoch: int
    loss: float
    score: float
    worker: str = ""


@dataclass(frozen=True)
class Finished:
    """A trial is done: its score, the seconds of its training, its result without weights."""

    trial: Trial
    score: float
    seconds: float
    result: TrialResult | None = None


@dataclass(frozen=True)
class Failed:
    """A trial could not be trained."""

    trial: Trial
    reason: str


Event = Planned | Connected | PhaseBegan | EpochEnded | Finished | Failed
Listener = Callable[[Event], None]


@dataclass(frozen=True)
class TrialFailure:
    """Why a trial failed, as text: TensorFlow's exceptions cannot be unpickled without it."""

    reason: str
    traceback: str = ""
    """Of the exception, if it was not expected."""
    is_of_machine: bool = False
    """Whether another machine may do better: the trial was not even prepared, or the system refused
    something."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", shortened(self.reason, LONGEST_REASON))
        object.__setattr__(self, "traceback", self.traceback[-LONGEST_TRACEBACK:])


def prepare_engine(trial: Trial) -> None:
    """Have the engine of a trial import what it needs, with the trial's number of threads."""
    with ENGINES.blamed(trial.engine.name):
        trial.engine.prepare(trial.threads)
    if trial.model.learns_language:
        ENGINES["keras"].prepare(trial.threads)


@dataclass(frozen=True)
class Task:
    """The work for each trial, in the process that the trial is given to; by default, training.

    Attributes:
        carry_out: called with the trial, the file of its corpus, and a function to be told of
            finished epochs; its result is the outcome of the trial.
        prepare: called first, with the trial, to import the libraries needed.
    """

    carry_out: Callable[[Trial, Path, OnEpoch], Any] = run_trial
    prepare: Callable[[Trial], None] = prepare_engine

    def attempt(
        self, trial: Trial, corpus: Path, on_start: Callable[[], None], on_epoch: OnEpoch
    ) -> Any:
        """Return the outcome of a trial; an exception other than Ctrl-C becomes a failure.

        ``on_start`` is called when everything is prepared, ``on_epoch`` after each epoch.
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
        except BaseException as error:  # a model of the user's own may even end in sys.exit()
            if found := refused(error):
                return TrialFailure(str(found), is_of_machine=True)
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            of_machine |= isinstance(error, OSError | ImportError)
            return TrialFailure(reason, traceback.format_exc(), is_of_machine=of_machine)


Outcomes = Generator[tuple[Trial, Any], None, None]


class Executor(ABC):
    """Carries out trials: in processes of this machine, or on others.

    Attributes:
        name: by which ``--executor`` finds it.
        jobs: how many trials run side by side; by default as many as there are cores.
        threads: the threads of each process that trains. Trials are planned with this number,
            because the order of sums, and so the results, depend on it.
    """

    name: ClassVar[str]
    jobs: int
    threads: int

    @abstractmethod
    def __init__(self, jobs: int | None = None):
        """Make an executor; nothing is started before ``run``."""

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:  # noqa: ARG003 - for those that override it
        """Return an executor that reaches its machines at an address.

        Raises:
            UserError: this executor takes no address.
        """
        raise UserError(f"--scheduler: the executor '{cls.name}' takes no address (use dask)")

    @abstractmethod
    def run(
        self, trials: Sequence[Trial], corpora: Mapping[str, Path], listener: Listener, task: Task
    ) -> Outcomes:
        """Yield each trial with its outcome as soon as there is one, in any order.

        It is what the task returns, or a ``TrialFailure``.

        A trial that fails does not keep others from being carried out. When the generator is
        closed, trials in progress are abandoned, and no process that it started keeps running.

        Args:
            trials: the trials to carry out, preferably started in this order.
            corpora: the file of each corpus on this machine, by fingerprint. Wherever a trial
                runs, the executor provides a file with the same content.
            listener: to be told of each ``EpochEnded``; epoch 0 is the start of a trial.
            task: the work to be done for each trial.

        Raises:
            RnnbenchError: trials cannot be carried out at all.
        """
