"""Which trial runs where: trials that wait, workers with free cores, and trials that lost theirs.

Plain data, without any cluster: see ``dask`` for one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any

from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors.base import TrialFailure
from rnnbench.training.trial import Trial

ATTEMPTS = 3
"""A trial is tried, tried again on another machine, then alone on one: it may need the memory."""
LOOK_AHEAD = 100
"""Waiting trials that are looked at for one that shares a program."""


@dataclass(frozen=True)
class Place:
    """A worker of a cluster.

    Attributes:
        host: its machine.
        slots: how many trials it takes side by side.
        folder: its local folder, which tells it from a later worker with the same address.
    """

    host: str
    slots: int
    folder: str = ""


@dataclass(frozen=True)
class Loss:
    """Why an attempt at a trial had no outcome.

    Attributes:
        host: the machine.
        reason: in words.
        has_started: whether the trial had started.
    """

    host: str
    reason: str
    has_started: bool = True


@dataclass(frozen=True, eq=False)
class Attempt:
    """A trial that waits or runs, and how it was lost before."""

    trial: Trial
    losses: tuple[Loss, ...] = ()

    @property
    def is_alone(self) -> bool:
        """Whether it is the last attempt, which has a machine to itself."""
        return len(self.losses) == ATTEMPTS - 1


class Placement:
    """The trials of a run and the workers that take them.

    Args:
        trials: in the order in which they should be started.
        limit: the most trials that run side by side; by default as many as the workers take.

    Attributes:
        places: the workers that may be given trials, by address.
        running: the attempts in progress and the addresses of their workers, by key.
    """

    def __init__(self, trials: Sequence[Trial], limit: int | None = None):
        self.places: dict[str, Place] = {}
        self.running: dict[str, tuple[Attempt, str]] = {}
        self._waiting = [Attempt(trial) for trial in trials]
        self._limit = limit
        self._programs: dict[str, tuple[Any, ...]] = {}
        """The program that each worker ran last."""

    @property
    def is_done(self) -> bool:
        """Whether no trial waits or runs."""
        return not (self._waiting or self.running)

    def next(self) -> tuple[Attempt, str] | None:
        """Return an attempt to be started now and the address of its worker, if there is one.

        The caller adds it to ``running``.
        """
        if self._limit is not None and len(self.running) >= self._limit:
            return None
        loads = Counter(address for _, address in self.running.values())
        free = {each: place.slots - loads[each] for each, place in self.places.items()}
        for address in sorted(free, key=lambda each: -free[each]):
            if free[address] <= 0:
                break
            if (attempt := self._choose(address)) is not None:
                self._waiting.remove(attempt)
                return attempt, address
        return None

    def finish(self, key: str) -> Trial:
        """Take note that an attempt has an outcome, and return its trial."""
        attempt, address = self.running.pop(key)
        self._programs[address] = attempt.trial.program
        return attempt.trial

    def lose(self, key: str, reason: str, *, has_started: bool = True) -> TrialFailure | None:
        """Have the trial of an attempt wait again; return its failure if it was the last attempt.

        Raises:
            RnnbenchError: the last attempt was lost before it could start: others would be, too.
        """
        attempt, address = self.running.pop(key)
        loss = Loss(self.places[address].host, reason, has_started)
        if attempt.is_alone:
            if not has_started:
                raise RnnbenchError(remarked(reason, " before it could start a trial"))
            return TrialFailure(remarked(reason, f"; that was attempt {ATTEMPTS} of {ATTEMPTS}"))
        lost = replace(attempt, losses=(*attempt.losses, loss))
        self._waiting.insert(len(self._waiting) if lost.is_alone else 0, lost)
        return None

    def _choose(self, address: str) -> Attempt | None:
        """Return the attempt that a worker with a free slot should be given.

        It is the first that may run there, or one as long whose program the worker has compiled.
        """
        host = self.places[address].host
        if any(attempt.is_alone for attempt, _ in self._running_on(host)):
            return None
        allowed = (each for each in self._waiting if self._may_run(each, host))
        first = next(allowed, None)
        if first is None or first.is_alone:
            return first
        near = islice(allowed, LOOK_AHEAD)
        as_long = takewhile(lambda each: each.trial.length == first.trial.length, near)
        program = self._programs.get(address)
        same = (each for each in (first, *as_long) if each.trial.program == program)
        return next(same, first)

    def _may_run(self, attempt: Attempt, host: str) -> bool:
        if attempt.is_alone:
            return self._waiting[0].is_alone and not any(self._running_on(host))
        seen = {loss.host for loss in attempt.losses}
        return host not in seen or seen >= {place.host for place in self.places.values()}

    def _running_on(self, host: str) -> Iterator[tuple[Attempt, str]]:
        return (each for each in self.running.values() if self.places[each[1]].host == host)


def remarked(reason: str, remark: str) -> str:
    """Return a reason with a remark at the end of its first line; the rest are last words."""
    first_line, *others = reason.splitlines() or [""]
    return "\n".join([f"{first_line}{remark}", *others])
