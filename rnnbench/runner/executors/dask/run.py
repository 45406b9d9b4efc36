"""A run on a cluster: what is done about each message, one after the other."""

import logging
import pickle
import platform
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from rnnbench.environment import versions
from rnnbench.models.code import code_of_rnnbench
from rnnbench.runner.events import Listener, PhaseBegan
from rnnbench.runner.executors.base import WAITING, Task, TrialFailure
from rnnbench.runner.executors.child import DIED, Died, event_of
from rnnbench.runner.executors.dask import messages, worker
from rnnbench.runner.executors.dask.admission import Admission, Member, Stage
from rnnbench.runner.executors.dask.differences import Wanted, packages_of
from rnnbench.runner.executors.dask.messages import Answered, Background, Ended, Seen, Told
from rnnbench.runner.executors.dask.parcels import Parcels
from rnnbench.runner.executors.dask.placement import ROW, Attempt, Placement, remarked
from rnnbench.training.outcome import Machine, TrialResult
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

END_SECONDS, CUT_SECONDS = 5.0, 1.0
"""The time that workers have to end their children, and if the connection was lost."""

Outcomes = Generator[tuple[Trial, Any], None, None]


class Run:
    """The state of a run on a cluster: ``DaskExecutor.run`` has the arguments."""

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
        self._id, self._address = uuid4().hex, client.scheduler.address
        self._background, self._placement = Background(client), Placement(trials, limit)
        packages = versions(packages_of(trials))
        wanted = Wanted(platform.python_version(), packages, code_of_rnnbench())
        self._admission = Admission(self._id, self._background, wanted, parcels.files, listener)
        self._workers = self._admission.workers
        self._scheduler = ""
        self._suspects: set[str] = set()
        """The names of the workers that are suspected."""

    def outcomes(self) -> Outcomes:
        """Yield each trial with its outcome; see ``DaskExecutor.run``."""
        self._background.start("watch", messages.watch(self._client, self._background.tell))
        while not self._placement.is_done:
            while (chosen := self._placement.next()) is not None:
                self._submit(*chosen)
            match self._background.next_message():
                case Ended(key) as ended if key in self._placement.running:
                    yield from self._end_attempt(ended)
                case Told(key, report) if key in self._placement.running:
                    attempt, address = self._placement.running[key]
                    name = self._workers[address].name
                    self._listener(event_of(attempt.trial, report, name))
                case Seen() as seen:
                    yield from self._look(seen)
                case Answered(address) as answered:
                    if self._admission.take_answer(answered):
                        self._placement.places[address] = self._workers[address].place
                case messages.Unreachable(reason):
                    raise messages.cluster_lost(self._address, reason)

    def end(self) -> None:
        """End everything of this run in the cluster, which stays usable for others."""
        self._background.cancel()
        with_files = [each for each, member in self._workers.items() if member.was_sent]
        seconds = END_SECONDS if self._client.status == "running" else CUT_SECONDS
        with suppress(Exception):  # workers that cannot be reached end their children by themselves
            ending = messages.end_run(self._client, self._id, with_files)
            self._background.start("end", ending).result(seconds)

    def _submit(self, attempt: Attempt, address: str) -> None:
        """Have a worker carry out a trial."""
        trial = attempt.trial
        key = f"rnnbench-{trial.fingerprint[:16]}-{uuid4().hex}"
        corpus = Path("..", self._parcels.corpora[trial.corpus_fingerprint])
        prepare = partial(worker.prepare, self._task.prepare, trial.fingerprint, address, corpus)
        message = pickle.dumps((replace(self._task, prepare=prepare), trial, corpus))
        work = self._id, self._parcels.modules, repr(trial.program), message
        self._placement.running[key] = attempt, address
        following = messages.follow(self._client, key, address, work, self._background.tell)
        self._background.start(key, following)

    def _end_attempt(self, ended: Ended) -> Outcomes:
        """Yield the outcome of a task, if it has one."""
        key = ended.key
        _, address = self._placement.running[key]
        member = self._workers[address]
        match ended.outcome:
            case _ if ended.lost:
                # The worker may be gone, too: it gets no other trial before it is seen again.
                self._placement.places[address] = replace(member.place, slots=0)
                yield from self._lose(key, f"its task on {member.name} was lost: {ended.lost}")
            case Died(has_started, last_words):
                reason = remarked(f"{DIED}\n{last_words}", f" on {member.name}")
                yield from self._lose(key, reason, has_started=has_started)
            case TrialFailure(reason, is_of_machine=of_machine) as failure:
                failure = replace(failure, reason=remarked(reason, f" (on {member.name})"))
                if of_machine:
                    yield from self._lose(key, failure.reason, failure=failure)
                else:
                    yield self._placement.finish(key), failure
            case outcome:
                yield self._placement.finish(key), _with_machine(outcome, member)
        self._name_suspects()

    def _lose(
        self,
        key: str,
        reason: str,
        *,
        has_started: bool = True,
        failure: TrialFailure | None = None,
    ) -> Outcomes:
        """Have a trial tried again, or yield its failure; see ``Placement.lose``."""
        trial = self._placement.running[key][0].trial
        final = self._placement.lose(key, reason, has_started=has_started, failure=failure)
        if final is None:
            log.warning("%s: %s; it is tried again", trial, reason.partition("\n")[0])
            self._listener(PhaseBegan(trial, WAITING))
        else:
            yield trial, final

    def _name_suspects(self) -> None:
        """Name workers that are given no more trials."""
        names = {self._workers[address].name for address in self._placement.suspects}
        for name in sorted(names - self._suspects):
            reason = f"it has lost {ROW} in a row, and other workers seem to do better"
            log.warning("%s takes no more trials: %s", name, reason)
        self._suspects |= names

    def _look(self, seen: Seen) -> Outcomes:
        """Have the trials of workers that are gone tried again, and take over what others are.

        Raises:
            OutOfReachError: there is none that takes trials, or the scheduler is another one.
        """
        if (self._scheduler or seen.scheduler) != seen.scheduler:
            raise messages.cluster_lost(self._address, "the scheduler was restarted")
        self._scheduler = seen.scheduler
        for address, member in self._admission.look(seen.workers).items():
            for key, (_, of_key) in [*self._placement.running.items()]:
                if of_key == address:
                    self._background.cancel(key)
                    yield from self._lose(key, f"its worker {member.name} was lost")
            self._placement.leave(address)
        for address, member in self._admission.at(Stage.SERVING).items():
            self._placement.places[address] = member.place


def _with_machine(outcome: Any, member: Member) -> Any:
    """Return an outcome; the record of a result gets the worker that trained it."""
    site = member.site
    if not isinstance(outcome, TrialResult) or site is None:
        return outcome
    machine = Machine(
        worker=member.name, host=site.host, python=site.python, platform=site.platform
    )
    return replace(outcome, record=outcome.record.model_copy(update={"machine": machine}))
