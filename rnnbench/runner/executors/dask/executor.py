"""The executor that runs trials on a Dask cluster: the side of the machine that starts the run.

It places trials itself: one on each core of each worker, by address, so that Dask never has to
move or repeat one. What happens in the cluster arrives as messages, one after the other.
"""

import logging
import pickle
import platform
import time
from collections.abc import Coroutine, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self
from uuid import uuid4

from rnnbench.environment import versions
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.runner.events import Connected, Listener
from rnnbench.runner.executors.base import Executor, T, Task, TrialFailure
from rnnbench.runner.executors.child import DIED, Died, event_of
from rnnbench.runner.executors.dask import messages, worker
from rnnbench.runner.executors.dask.connection import connected, warn_if_open
from rnnbench.runner.executors.dask.differences import (
    Wanted,
    describe_differences,
    differences,
    packages_of,
)
from rnnbench.runner.executors.dask.messages import (
    SILENCE_SECONDS,
    Described,
    Ended,
    Message,
    Seen,
    Told,
    Unreachable,
)
from rnnbench.runner.executors.dask.parcels import Parcels, pack
from rnnbench.runner.executors.dask.placement import Attempt, Place, Placement, remarked
from rnnbench.runner.executors.dask.worker import Abandoned, Site
from rnnbench.training.outcome import Machine, TrialResult
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

END_SECONDS = 5.0
"""The time that workers have to end their children."""


class DaskExecutor(Executor):
    """The workers of a Dask cluster, each of whose threads takes one trial at a time.

    Args:
        jobs: the most trials that run side by side; by default one per thread of the workers.
        address: of the scheduler, or its scheduler file; by default that of Dask's configuration.
    """

    name = "dask"
    threads = 1

    def __init__(self, jobs: int | None = None, address: str | None = None):
        self._limit, self._address = jobs, address

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:
        """Return the executor for the scheduler at ``address``."""
        return cls(jobs, address)

    @cached_property
    def jobs(self) -> int:  # type: ignore[override]
        """How many trials run side by side when the run starts.

        Raises:
            UserError: it is not said where the cluster is.
            OutOfReachError: no scheduler answers, or it has no workers.
        """
        with connected(self._address) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            cores: int = sum(facts["nthreads"] for facts in workers)
            if not cores:
                raise OutOfReachError(no_workers(client.scheduler.address))
        return min(cores, self._limit or cores)

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task[T],
    ) -> Generator[tuple[Trial, T | TrialFailure], None, None]:
        """Yield each trial with its outcome.

        The trial of a dead child, or of a worker that is lost, is tried again elsewhere, and then
        alone on a machine.

        Raises:
            UserError: workers differ from this machine in what can change results.
            OutOfReachError: the scheduler or all workers are lost, or there are none.
            RnnbenchError: children die before they can start a trial.
        """
        if not trials:
            return
        parcels = pack(trials, corpora)
        with connected(self._address) as client:
            warn_if_open(client.scheduler.address)
            run = _Run(client, trials, parcels, listener, task, self._limit)
            try:
                with closing(run.outcomes()) as outcomes:
                    yield from outcomes
            finally:
                run.end()


class _Run:
    """The state of a run on a cluster."""

    def __init__(
        self,
        client: Any,
        trials: Sequence[Trial],
        parcels: Parcels,
        listener: Listener,
        task: Task[Any],
        limit: int | None,
    ):
        self._client, self._parcels, self._listener, self._task = client, parcels, listener, task
        self._address: str = client.scheduler.address
        self._id = uuid4().hex
        self._packages = packages_of(trials)
        self._wanted = Wanted(platform.python_version(), versions(self._packages))
        self._placement = Placement(trials, limit)
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._background: dict[str, Future[None]] = {}
        """The work in Dask's thread, by the key of a task, or by another name."""
        self._scheduler = ""
        self._workers: dict[str, tuple[str, Place]] = {}
        """The name and place of each worker that was seen last, by address."""
        self._sites: dict[str, Site] = {}
        """The descriptions of the workers that take trials, by address."""
        self._passed_over: set[str] = set()
        """Those that are not to be asked what they are: they were, or cannot be used."""
        self._is_started = False
        self._served = time.monotonic()
        """When a worker that takes trials was last seen."""

    def outcomes(self) -> Generator[tuple[Trial, Any], None, None]:
        """Yield each trial with its outcome; see ``DaskExecutor.run``."""
        messages.tell_epochs(self._client, self._inbox.put)
        self._start("watch", messages.watch(self._client, self._inbox.put))
        while not self._placement.is_done:
            while self._is_started and (chosen := self._placement.next()) is not None:
                self._submit(*chosen)
            match self._next_message():
                case Ended(key) as ended if key in self._placement.running:
                    yield from self._end_attempt(ended)
                case Told(key, report) if key in self._placement.running:
                    attempt, address = self._placement.running[key]
                    name, _ = self._workers[address]
                    self._listener(event_of(attempt.trial, report, name))
                case Seen(scheduler, workers):
                    yield from self._look(scheduler, workers)
                case Described(answers):
                    self._take_in(answers)
                case Unreachable(reason):
                    raise self._lost(reason)

    def end(self) -> None:
        """End everything of this run in the cluster, which stays usable for others."""
        for each in self._background.values():
            each.cancel()
        if self._client.status != "running":
            return
        with suppress(Exception):  # workers that cannot be reached end their children by themselves
            ending = messages.end_children(self._client, self._id, [*self._sites])
            messages.in_background(self._client, ending, self._inbox.put).result(END_SECONDS)

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._background[name] = messages.in_background(self._client, work, self._inbox.put)

    def _next_message(self) -> Message:
        try:
            return self._inbox.get(timeout=2 * SILENCE_SECONDS)
        except Empty:  # not even ``watch`` says anything
            raise self._lost("Dask has been silent for too long") from None

    def _lost(self, reason: str) -> OutOfReachError:
        return OutOfReachError(
            f"{self._address}: {reason}; finished trials are stored, and the same "
            "command continues from there"
        )

    def _submit(self, attempt: Attempt, address: str) -> None:
        """Have a worker carry out a trial."""
        trial = attempt.trial
        key = f"rnnbench-{trial.fingerprint[:16]}-{uuid4().hex}"
        prepare = partial(worker.prepare, self._task.prepare, trial.fingerprint, address)
        corpus = Path("..", self._parcels.corpora[trial.corpus_fingerprint])
        message = pickle.dumps((replace(self._task, prepare=prepare), trial, corpus))
        work = self._id, self._parcels.modules, repr(trial.program), message
        self._placement.running[key] = attempt, address
        self._start(key, messages.follow(self._client, key, address, work, self._inbox.put))

    def _end_attempt(self, ended: Ended) -> Generator[tuple[Trial, Any], None, None]:
        """Yield the outcome of a task, if it has one."""
        key = ended.key
        del self._background[key]
        _, address = self._placement.running[key]
        name, _ = self._workers[address]
        match ended.outcome:
            case _ if ended.lost:
                yield from self._lose(key, f"its task on {name} was lost: {ended.lost}")
            case Abandoned():
                yield from self._lose(key, f"its task on {name} was cancelled by somebody else")
            case Died(has_started, last_words):
                reason = remarked(f"{DIED}\n{last_words}", f" on {name}")
                yield from self._lose(key, reason, has_started=has_started)
            case TrialFailure() as failure:
                reason = remarked(failure.reason, f" (on {name})")
                yield self._placement.finish(key), replace(failure, reason=reason)
            case outcome:
                result = _with_machine(outcome, name, self._sites[address])
                yield self._placement.finish(key), result

    def _lose(
        self, key: str, reason: str, *, has_started: bool = True
    ) -> Generator[tuple[Trial, TrialFailure], None, None]:
        """Have a trial tried again, or yield its failure."""
        attempt, _ = self._placement.running[key]
        failure = self._placement.lose(key, reason, has_started=has_started)
        if failure is None:
            log.warning("%s: %s; it is tried again", attempt.trial, reason.partition("\n")[0])
        else:
            yield attempt.trial, failure

    def _look(
        self, scheduler: str, workers: Mapping[str, tuple[str, Place]]
    ) -> Generator[tuple[Trial, TrialFailure], None, None]:
        """Compare the workers that there are with those that there were.

        Raises:
            OutOfReachError: there is none that takes trials, or the scheduler is another one.
        """
        if (self._scheduler or scheduler) != scheduler:
            raise self._lost("the scheduler was restarted")
        self._scheduler = scheduler
        gone = [
            address
            for address, (_, place) in self._workers.items()
            if address not in workers or workers[address][1].folder != place.folder
        ]
        yield from self._take_leave(gone)
        self._workers = dict(workers)
        for address in self._sites:
            self._placement.places[address] = workers[address][1]
        new = workers.keys() - self._passed_over
        if new:
            self._passed_over |= new
            asking = messages.describe(
                self._client, sorted(new), self._packages, self._parcels, self._inbox.put
            )
            self._start(f"describe {min(new)}", asking)
        self._check_service()

    def _take_leave(self, gone: Iterable[str]) -> Generator[tuple[Trial, TrialFailure], None, None]:
        """Have the trials of workers that are gone tried again."""
        for address in gone:
            name, _ = self._workers[address]
            for key, (_, of_key) in [*self._placement.running.items()]:
                if of_key == address:
                    self._background.pop(key).cancel()
                    yield from self._lose(key, f"its worker {name} was lost")
            self._placement.places.pop(address, None)
            self._sites.pop(address, None)
            self._passed_over.discard(address)

    def _check_service(self) -> None:
        """Make sure that some worker takes trials, or may do so soon.

        Raises:
            OutOfReachError: there is none.
        """
        now = time.monotonic()
        if self._sites:
            self._served = now
        elif not self._is_started and not self._workers:
            raise OutOfReachError(no_workers(self._address))
        elif now - self._served > SILENCE_SECONDS:
            raise self._lost(f"there has been no worker for {SILENCE_SECONDS:.0f} s")

    def _take_in(self, answers: Mapping[str, Site | str | None]) -> None:
        """Use the workers that can be used; say which cannot.

        Raises:
            UserError: workers that were there from the start differ from this machine.
            OutOfReachError: none of them can be used.
        """
        differing = {}
        for address, answer in answers.items():
            if address not in self._workers:  # it is gone by now
                continue
            name, place = self._workers[address]
            if answer is None:
                self._passed_over.discard(address)
            elif isinstance(answer, str):
                log.warning("%s takes no trials: %s", name, answer)
            elif found := differences(answer, self._wanted):
                differing[name] = found
            else:
                self._sites[address], self._placement.places[address] = answer, place
        if differing:
            text = describe_differences(differing, self._wanted)
            if not self._is_started:
                raise UserError(text)
            log.warning("%s; until then they take no trials", text)
        if not self._is_started:
            self._begin()

    def _begin(self) -> None:
        """Begin to place trials, if there is a worker that takes them.

        Raises:
            OutOfReachError: no worker has room for the documents.
        """
        if self._sites:
            self._is_started = True
            cores = sum(place.slots for place in self._placement.places.values())
            dashboard = _dashboard_of(self._client)
            self._listener(Connected(self._address, len(self._sites), cores, dashboard))
        elif self._passed_over >= self._workers.keys():
            raise OutOfReachError(f"{self._address}: no worker has room for the documents")


def _dashboard_of(client: Any) -> str:
    """Return the address of the scheduler's dashboard; empty if there is none."""
    try:
        return client.dashboard_link or ""
    except KeyError:
        return ""


def _with_machine(outcome: Any, name: str, site: Site) -> Any:
    """Return an outcome; the record of a result gets the worker that trained it."""
    if not isinstance(outcome, TrialResult):
        return outcome
    machine = Machine(worker=name, host=site.host, python=site.python, platform=site.platform)
    return replace(outcome, record=outcome.record.model_copy(update={"machine": machine}))


def no_workers(address: str) -> str:
    """Return what to say of a scheduler that has no workers."""
    return (
        f"{address}: the scheduler has no workers. Where rnnbench is installed, this starts four:\n"
        f"  dask worker {address} --nthreads 1 --nworkers 4"
    )
