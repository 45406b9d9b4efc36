"""Which trial runs where: trials that wait, workers with free cores, and trials that lost theirs.

Plain data, without any cluster: see ``dask`` for one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any

from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors.base import TrialFailure
from rnnbench.training.trial import Trial

ATTEMPTS = 3
"""A trial is tried, tried again on another machine, then alone on one: it may need the memory."""
ROW = 3
"""A worker that has lost so many trials in a row is suspected."""
LOOK_AHEAD = 100
"""Waiting trials that are looked at for one that shares a program."""


@dataclass(frozen=True)
class Place:
    """A worker of a cluster: its machine, and how many trials it takes side by side.

    Its local folder tells it from a later worker with the same address.
    """

    host: str
    slots: int
    folder: str = ""


@dataclass(frozen=True)
class Loss:
    """The machine and the worker that lost a trial, and whether no failure says why."""

    host: str
    address: str
    was_cut: bool


@dataclass(frozen=True, eq=False)
class Attempt:
    """A trial that waits or runs, and how it was lost before."""

    trial: Trial
    losses: tuple[Loss, ...] = ()

    @property
    def is_alone(self) -> bool:
        """Whether it is the last attempt, which has a machine to itself."""
        return len(self.losses) == ATTEMPTS - 1 and any(loss.was_cut for loss in self.losses)


class Placement:
    """The trials of a run and the workers that take them.

    A worker that loses trials quickly is always free again first. So one that has lost several in a
    row gets no more, as long as there are others. If all are like that, the trials are to blame.

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
        self._rows: dict[str, list[Trial]] = {}
        """The trials that each worker has lost since one had an outcome there."""
        self._has_started = False
        """Whether any trial has started on any worker."""

    @property
    def is_done(self) -> bool:
        """Whether no trial waits or runs."""
        return not (self._waiting or self.running)

    @property
    def suspects(self) -> set[str]:
        """The addresses of workers that get no trials, because others seem to do better."""
        found = {each for each in self.places if len(self._rows.get(each, ())) >= ROW}
        return found if self._with_slots().keys() - found else set()

    def next(self) -> tuple[Attempt, str] | None:
        """Return an attempt to be started now and the address of its worker, if there is one.

        The caller adds it to ``running``.
        """
        if self._limit is not None and len(self.running) >= self._limit:
            return None
        suspects = self.suspects
        usable = {each: at for each, at in self._with_slots().items() if each not in suspects}
        loads = Counter(address for _, address in self.running.values())
        free = {each: place.slots - loads[each] for each, place in usable.items()}
        for address in sorted(free, key=lambda each: -free[each]):
            if free[address] <= 0:
                break
            if (attempt := self._choose(address, usable)) is not None:
                self._waiting.remove(attempt)
                return attempt, address
        return None

    def finish(self, key: str) -> Trial:
        """Take note that an attempt has an outcome, and return its trial."""
        attempt, address = self.running.pop(key)
        self._programs[address] = attempt.trial.program
        self._rows.pop(address, None)
        self._has_started = True
        return attempt.trial

    def lose(
        self, key: str, reason: str, has_started: bool = True, failure: TrialFailure | None = None
    ) -> TrialFailure | None:
        """Have the trial of an attempt wait again; return its failure if it is not tried again.

        An attempt may have ended with a failure for which the machine may be to blame. It is final
        if there is no worker that has not tried.

        Raises:
            RnnbenchError: several attempts on each worker were lost before they could start.
        """
        attempt, address = self.running.pop(key)
        self._rows.setdefault(address, []).append(attempt.trial)
        self._has_started |= has_started
        if not self._has_started and all(len(self._rows.get(w, ())) >= ROW for w in self.places):
            raise RnnbenchError(remarked(reason, " before it could start a trial"))
        loss = Loss(self.places[address].host, address, was_cut=failure is None)
        losses = (*attempt.losses, loss)
        is_last = len(losses) == ATTEMPTS
        if failure is not None:
            is_last |= self._with_slots().keys() <= {each.address for each in losses}
        else:
            failure = TrialFailure(remarked(reason, f"; that was attempt {ATTEMPTS} of {ATTEMPTS}"))
        if is_last:  # no worker is to blame for a trial that was lost everywhere
            for row in self._rows.values():
                row[:] = [each for each in row if each is not attempt.trial]
            return failure
        lost = replace(attempt, losses=losses)
        self._waiting.insert(len(self._waiting) if lost.is_alone else 0, lost)
        return None

    def leave(self, address: str) -> None:
        """Forget a worker that is gone; its attempts have been lost."""
        self.places.pop(address, None)
        self._rows.pop(address, None)
        self._programs.pop(address, None)

    def _with_slots(self) -> dict[str, Place]:
        return {address: place for address, place in self.places.items() if place.slots}

    def _choose(self, address: str, usable: Mapping[str, Place]) -> Attempt | None:
        """Return the attempt that a worker with a free slot should be given.

        It is the first that may run there, or one as long whose program the worker has compiled.
        """
        if any(attempt.is_alone for attempt, _ in self._running_on(usable[address].host)):
            return None
        allowed = (each for each in self._waiting if self._may_run(each, address, usable))
        first = next(allowed, None)
        if first is None or first.is_alone:
            return first
        near = islice(allowed, LOOK_AHEAD)
        as_long = takewhile(lambda each: each.trial.length == first.trial.length, near)
        program = self._programs.get(address)
        same = (each for each in (first, *as_long) if each.trial.program == program)
        return next(same, first)

    def _may_run(self, attempt: Attempt, address: str, usable: Mapping[str, Place]) -> bool:
        """Return whether no worker would do better: on another machine, or at least another one."""
        host = usable[address].host
        if attempt.is_alone and (not self._waiting[0].is_alone or any(self._running_on(host))):
            return False
        hosts = {loss.host for loss in attempt.losses}
        addresses = {loss.address for loss in attempt.losses}
        if not hosts >= {place.host for place in usable.values()}:
            return host not in hosts
        return address not in addresses or addresses >= usable.keys()

    def _running_on(self, host: str) -> Iterator[tuple[Attempt, str]]:
        return (each for each in self.running.values() if self.places[each[1]].host == host)


def remarked(reason: str, remark: str) -> str:
    """Return a reason with a remark at the end of its first line; the rest are last words."""
    first_line, *others = reason.splitlines() or [""]
    return "\n".join([f"{first_line}{remark}", *others])
