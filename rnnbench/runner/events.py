"""Events of a running benchmark, for whoever shows its progress or tracks it."""

from collections.abc import Callable
from dataclasses import dataclass

from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial


@dataclass(frozen=True)
class Planned:
    """The trials that are to be trained, and those that were found stored."""

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
    """A running trial finished an epoch, counted from 1, with its loss and accuracy in training.

    Epoch 0 is the start of the trial. ``worker`` is the name of the worker of a cluster, if any.
    """

    trial: Trial
    epoch: int
    loss: float
    accuracy: float
    worker: str = ""


@dataclass(frozen=True)
class Finished:
    """A trial is done: its test accuracy, and the seconds that its training took.

    ``result`` is its result without the trained model, where there is one.
    """

    trial: Trial
    accuracy: float
    seconds: float
    result: TrialResult | None = None


@dataclass(frozen=True)
class Failed:
    """A trial could not be trained."""

    trial: Trial
    reason: str


Event = Planned | Connected | PhaseBegan | EpochEnded | Finished | Failed
Listener = Callable[[Event], None]


def all_of(*listeners: Listener) -> Listener:
    """Return a listener that tells others, in this order."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
