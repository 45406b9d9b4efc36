"""Which workers of a cluster take trials: they are asked what they are, and sent files."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.runner.events import Connected, Listener
from rnnbench.runner.executors.dask import messages
from rnnbench.runner.executors.dask.connection import dashboard_of, no_workers
from rnnbench.runner.executors.dask.differences import (
    Site,
    Wanted,
    describe_differences,
    differences,
    grouped,
)
from rnnbench.runner.executors.dask.messages import (
    KEEP_SECONDS,
    SILENCE_SECONDS,
    Answered,
    Background,
)
from rnnbench.runner.executors.dask.placement import Place
from rnnbench.text import listed

log = logging.getLogger(__name__)


class Stage(Enum):
    """How far a worker is."""

    NEW = auto()
    ASKED = auto()  # what it is
    FIT = auto()  # it is what it should be
    SENT = auto()  # files
    SERVING = auto()  # it has the files, and takes trials
    REFUSED = auto()


@dataclass
class Member:
    """A worker of the cluster, by its name there."""

    name: str
    place: Place
    site: Site | None = None
    stage: Stage = Stage.NEW
    was_heard: bool = False
    """Whether it has said what it is, or has had the time to."""
    was_sent: bool = False
    """Whether it has been sent files, whatever became of them."""
    faults: Sequence[str] = ()
    """Why it is refused."""


class Admission:
    """The workers of a run, from the first sight to the first trial.

    The run begins when all workers that were there from the start were heard. They get its files,
    and have to have what is wanted.

    Attributes:
        workers: all of them, by address.
    """

    def __init__(
        self,
        run: str,
        background: Background,
        wanted: Wanted,
        files: Mapping[str, bytes],
        listener: Listener,
    ):
        self.workers: dict[str, Member] = {}
        self._run, self._background, self._wanted, self._files = run, background, wanted, files
        self._listener = listener
        self._address: str = background.client.scheduler.address
        self._has_begun = self._has_connected = self._has_served = False
        """Whether the first workers were heard, files were sent, and any worker took trials."""
        self._differing: dict[str, Sequence[str]] = {}
        """The differences of workers, by their names, until the run begins."""
        self._seen_serving = time.monotonic()
        self._was_paused = False

    def at(self, *stages: Stage) -> dict[str, Member]:
        """Return the workers at some stages."""
        return {each: member for each, member in self.workers.items() if member.stage in stages}

    def look(self, seen: Mapping[str, tuple[str, Place]]) -> dict[str, Member]:
        """Take over the workers that there are, and return those that are gone.

        A worker that has started again may have the same address, but has another folder.

        Raises:
            UserError: see ``take_answer``.
            OutOfReachError: there is no worker that takes trials, or may do so soon.
        """
        gone = {
            address: member
            for address, member in self.workers.items()
            if address not in seen or seen[address][1].folder != member.place.folder
        }
        for address in gone:
            del self.workers[address]
        for address, (name, place) in seen.items():
            self.workers.setdefault(address, Member(name, place)).place = place
        for address, member in self.at(Stage.NEW).items():
            member.stage = Stage.ASKED
            folder, packages = member.place.folder, self._wanted.packages
            asking = messages.describe(self._background, address, folder, packages)
            self._background.start(f"describe {address}", asking)
        self._check_service()
        self._go_on()
        return gone

    def take_answer(self, answered: Answered) -> bool:
        """Take note of what a worker says; return whether it takes trials from now on.

        Raises:
            UserError: workers that were there from the start differ from this machine, or all
                workers are refused.
        """
        member = self.workers.get(answered.address)
        if member is None or member.place.folder != answered.folder:
            return False  # it is gone by now
        member.was_heard = True
        match answered.answer:
            case None:
                member.stage = Stage.NEW  # it is asked again
            case Site() as site:
                self._compare(member, site)
            case "":
                member.stage, self._has_served = Stage.SERVING, True
            case fault:
                member.stage, member.faults = Stage.REFUSED, [fault]
                log.warning("%s takes no trials: %s", member.name, fault)
        self._go_on()
        return member.stage is Stage.SERVING

    def _check_service(self) -> None:
        now = time.monotonic()
        patience = SILENCE_SECONDS + (KEEP_SECONDS if self.at(Stage.SENT) else 0)
        if serving := self.at(Stage.SERVING):
            self._seen_serving = now
            self._name_paused(serving.values())
        elif not self._has_begun and not self.workers:
            raise OutOfReachError(no_workers(self._address))
        elif now - self._seen_serving > patience:
            reason = f"no worker has taken trials for {patience:.0f} s"
            raise messages.cluster_lost(self._address, reason)

    def _name_paused(self, serving: Collection[Member]) -> None:
        """Say once why no trial is started, if Dask has paused all workers that take trials."""
        if self._was_paused or any(member.place.slots for member in serving):
            return
        self._was_paused = True
        log.warning(
            "%s: paused by Dask, because they are short of memory or closing; no trial starts "
            "until one of them resumes",
            listed([member.name for member in serving]),
        )

    def _compare(self, member: Member, site: Site) -> None:
        member.site, member.stage = site, Stage.FIT
        if found := differences(site, self._wanted):
            member.stage, member.faults = Stage.REFUSED, found
            if not self._has_begun:
                self._differing[member.name] = found
            else:
                text = describe_differences({member.name: found}, self._wanted)
                log.warning("%s; until then they take no trials", text)

    def _go_on(self) -> None:
        """Begin if it is time to, and send files to workers that lack them."""
        self._has_begun |= all(each.was_heard for each in self.workers.values())
        if not self._has_begun:
            return
        self._check_hope()
        if fit := self.at(Stage.FIT):
            places = {address: member.place for address, member in fit.items()}
            if not self._has_connected:
                cores = sum(place.slots for place in places.values())
                dashboard = dashboard_of(self._background.client)
                self._listener(Connected(self._address, len(places), cores, dashboard))
                self._has_connected = True
            sending = messages.send(self._background, self._run, self._files, places)
            self._background.start(f"send to {min(fit)}", sending)
            for member in fit.values():
                member.stage, member.was_sent = Stage.SENT, True

    def _check_hope(self) -> None:
        """Make sure that workers do not differ, and that not all are refused.

        Raises:
            UserError: they are, before any has taken trials.
        """
        if self._differing:
            raise UserError(describe_differences(self._differing, self._wanted))
        if self.workers and not self._has_served and self.at(Stage.REFUSED) == self.workers:
            faults = {each.name: each.faults for each in self.workers.values()}
            lines = [f"{self._address}: no worker takes trials", *grouped(faults)]
            raise UserError("\n".join(lines))
