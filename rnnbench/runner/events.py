"""The events of a run, as a listener hears of them.

``listener(Failed(trial, "no room"))``
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

WAITING = "waiting to be tried again"
"""The phase of a trial whose process or worker was lost."""


class Planned(NamedTuple):
    """Some trials are to be trained, others were found stored."""

    to_train: list[Trial]
    stored: list[Trial]
    forecast: str = ""  # what a long run needs


class Connected(NamedTuple):
    """A cluster takes trials; its dashboard has an address, if there is one."""

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
    """A trial started (epoch 0), or finished an epoch.

    The loss and the score are those in training.
    """

    trial: Trial
    epoch: int
    loss: float
    score: float
    worker: str = ""  # of a cluster, if any


class Finished(NamedTuple):
    """A trial is done, after so many seconds of training."""

    trial: Trial
    score: float
    seconds: float
    result: TrialResult | None = None  # without weights


class Failed(NamedTuple):
    """A trial could not be trained."""

    trial: Trial
    reason: str


class Ended(NamedTuple):
    """A run is over and written; its folder is still locked."""


Event = Planned | Connected | PhaseBegan | EpochEnded | Finished | Failed | Ended
Listener = Callable[[Event], None]
Report = tuple[int, float, float] | str
"""An epoch of a trial (0: the start) with its loss and score; or a phase."""


def event_of(trial: Trial, report: Report, worker: str = "") -> EpochEnded | PhaseBegan:
    """Return the event that a report, which Dask hands on as a list, is about."""
    match report:
        case str(phase):
            return PhaseBegan(trial, phase, worker)
        case (epoch, loss, score):
            return EpochEnded(trial, epoch, loss, score, worker)
