"""A run on a cluster: which trials it has, which workers take them, and how they end.

``ClusterRun(client, listener, task, limit=None).outcomes(trials, corpora)``.
"""

import asyncio
import logging
import pickle
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NoReturn, TypedDict, final
from uuid import uuid4

from rnnbench import OutOfReachError, RnnbenchError, UserError
from rnnbench.plugin import (
    WAITING,
    Connected,
    Died,
    Listener,
    Machine,
    Outcomes,
    Report,
    Task,
    Trial,
    TrialFailure,
    TrialResult,
    event_of,
    listed,
    plugins_of,
)
from rnnbench.plugins.dask import on_worker
from rnnbench.plugins.dask.connection import WorkerState
from rnnbench.plugins.dask.packing import pack
from rnnbench.plugins.dask.versions import describe_differences, grouped, installed

if TYPE_CHECKING:
    import distributed

log = logging.getLogger(__name__)
NO_WORKERS = (
    "{0}: the scheduler has no workers. "
    "Where rnnbench is installed, this starts four:\n"
    "  dask worker {0} --nthreads 1 --nworkers 4"
)
ATTEMPTS = 3
"""If children die, the last one is alone in the cluster: it may need the memory."""
FIRST_LOOKS_SECONDS = 0.1  # between two looks at the workers before a run begins
LOOK_SECONDS = 1.0  # between later ones
BEGIN_SECONDS = 20.0  # by then, a run begins without workers that say nothing
SILENCE_SECONDS = 60.0  # of a lost scheduler
FILES_SECONDS = 300.0  # more for workers to take files
END_SECONDS = 5.0  # for workers to end their children
LOST_CONNECTION = "the connection to the scheduler is lost"
Message = Callable[[], Outcomes | None]
"""A function for our thread to call; it may return outcomes."""


@final
class Refusal(TypedDict):
    """The message of a worker that takes no trials of a run."""

    run: str
    worker: str  # its address
    name: str
    differences: list[str]
    fault: str


@final
class Progress(TypedDict):
    """The message of a worker about a trial."""

    key: str  # of its task in Dask
    worker: str
    name: str
    report: Report


@dataclass(eq=False)
class Attempt:
    """A trial that waits or runs."""

    trial: Trial
    losses: list[str] = field(default_factory=list)  # addresses of workers that had it
    lost_child: bool = False  # a child has died at it
    at: str = ""  # the address of the worker that has it, if that is known
    worker: str = ""  # the name of that worker
    future: "distributed.Future | None" = None  # if it runs
    n_missed: int = 0  # how often in a row no worker was seen to have it

    @property
    def is_alone(self) -> bool:
        """Whether it is the last attempt, which has the cluster to itself."""
        return self.lost_child and len(self.losses) == ATTEMPTS - 1


class ClusterRun:
    """The state of a run on a cluster: ``DaskExecutor.run`` has the arguments."""

    def __init__(
        self,
        client: "distributed.Client",
        listener: Listener,
        task: Task,
        limit: int | None,
    ):
        self._client = client
        self._listener = listener
        self._task = task
        self._limit = limit
        self._id = f"rnnbench-{uuid4().hex[:12]}"
        self._address: str = client.scheduler.address
        self._dashboard = ""
        self._waiting: deque[Attempt] = deque()
        self._running: dict[str, Attempt] = {}  # by the keys of their tasks in Dask
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        # By address: the threads of workers that take trials now, and what those say
        # that take none.
        self._open: dict[str, int] = {}
        self._refused: dict[str, Refusal] = {}
        self._has_begun = False
        self._has_started = False  # any trial
        self._was_paused = False
        self._opened = time.monotonic()
        self._seen_able = self._opened

    def outcomes(
        self, trials: Sequence[Trial], corpora: Mapping[str, Path]
    ) -> Outcomes:
        """Yield each trial with its outcome."""
        self._packed = pack(trials, corpora)
        packages = set[str]()
        for trial in trials:
            packages.update(trial.packages, plugins_of(trial.model))
        self._here = installed(sorted(packages))
        self._waiting.extend(map(Attempt, trials))
        self._in_background(self._watch())
        while self._waiting or self._running:
            self._start_attempts()
            try:
                message = self._inbox.get(timeout=FILES_SECONDS + SILENCE_SECONDS)
            except Empty:  # not even ``_watch`` says anything
                self._fail("Dask has been silent for too long")
            yield from message() or ()

    def close(self) -> None:
        """End the run in the cluster; what is silent ends when our client goes."""
        if self._client.status == "running":
            with suppress(Exception):
                self._in_background(self._end()).result(END_SECONDS)

    async def _end(self) -> None:
        for attempt in self._running.values():
            if attempt.future is not None:
                attempt.future.release()
        self._client.unsubscribe_topic(on_worker.TOPIC)  # or we would stay a listener
        await self._client.unregister_worker_plugin(self._id)

    def _fail(self, reason: str) -> NoReturn:
        stored = "finished trials are stored"
        advice = f"{stored}, and --executor local continues without a cluster"
        raise OutOfReachError(f"{self._address}: {reason}; {advice}")

    # In Dask's thread, where nothing is decided: messages are functions for our thread
    # to call.

    def _in_background(self, work: Coroutine[object, object, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(work, self._client.loop.asyncio_loop)

    async def _watch(self) -> None:
        """Bring the run to the cluster, and look at it until the connection is lost."""
        client = self._client
        comm = client.scheduler_comm
        reason = LOST_CONNECTION
        try:
            await self._bring()
            while client.status == "running" and client.scheduler_comm is comm:
                identity = client.scheduler.identity(n_workers=-1)
                asking = asyncio.gather(identity, client.scheduler.processing())
                seen, tasks = await asyncio.wait_for(asking, SILENCE_SECONDS)
                placed = set[str]()
                for keys in tasks.values():
                    placed.update(keys)
                self._inbox.put(partial(self._look, seen["workers"], placed))
                seconds = LOOK_SECONDS if self._has_begun else FIRST_LOOKS_SECONDS
                await asyncio.sleep(seconds)
        except TimeoutError:
            reason = f"the scheduler has been silent for {SILENCE_SECONDS:.0f} s"
        except (OSError, AttributeError):  # a client that closes has no scheduler
            pass
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        self._inbox.put(partial(self._fail, reason))

    async def _bring(self) -> None:
        """Bring the run to the cluster, whose workers then send us their events."""
        from rnnbench.plugins.dask.plugins import RunOnScheduler, RunPlugin

        client = self._client

        def note(event: tuple[float, Refusal | Progress]) -> None:
            self._inbox.put(partial(self._note, event[1]))

        client.subscribe_topic(on_worker.TOPIC, note)
        with suppress(KeyError):
            self._dashboard = client.dashboard_link or ""
        packed = self._packed
        names = list(packed.names.values())
        on_workers = RunPlugin(self._id, self._here, packed.modules, names)
        plugin = RunOnScheduler(self._id, client.id, on_workers, packed.corpora)
        await asyncio.wait_for(client.register_plugin(plugin), FILES_SECONDS)

    async def _follow(self, key: str, attempt: Attempt) -> None:
        """Have a worker carry out an attempt, and say how it ends."""
        future = None
        machine: dict[str, str] = {}
        outcome: object
        try:
            future = self._submit(key, attempt)
            attempt.future = future
            # The cluster is trusted.
            packed, machine = pickle.loads(await future.result())  # noqa: S301
            outcome = pickle.loads(packed)  # noqa: S301
        except Exception as error:  # of Dask: whatever a trial raises is an outcome
            is_gone = getattr(error, "reason", "") == "scheduler-connection-lost"
            if is_gone or self._client.status != "running":
                self._inbox.put(partial(self._fail, LOST_CONNECTION))
                return
            said = f"its task was lost: {type(error).__name__}: {error}"
            said = said.partition("\n")[0]
            outcome = TrialFailure(said)
            # It is cancelled if somebody has all workers restarted.
            if getattr(future, "status", "") == "cancelled":
                outcome = Died(True, "", said)
        self._inbox.put(partial(self._end_attempt, key, outcome, machine))
        if future is not None:
            future.release()  # or the scheduler would keep the outcome

    def _submit(self, key: str, attempt: Attempt) -> "distributed.Future":
        """Give an attempt to a worker, preferably to one that has not had it."""

        # Pickled by value, because the scheduler unpickles it.
        def carry_out(run: str, message: bytes) -> bytes:
            from rnnbench.plugins.dask import on_worker

            return on_worker.carry_out(run, message)

        trial = attempt.trial
        corpus = Path("..", self._packed.names[trial.corpus_fingerprint])
        prepare = partial(
            on_worker.prepare, self._task.prepare, trial.fingerprint, corpus
        )
        task = replace(self._task, prepare=prepare)
        workers = None
        if attempt.losses:
            workers = [place for place in self._open if place not in attempt.losses]
        return self._client.submit(
            carry_out,
            self._id,
            pickle.dumps((task, trial, corpus)),
            key=key,
            resources={self._id: 1},
            workers=workers or None,
            pure=False,
        )

    # In our thread: the answers to messages, and what follows from them.

    def _start_attempts(self) -> None:
        """Start as many attempts as workers take now."""
        while self._can_start():
            attempt = self._waiting.popleft()
            attempt.at = ""
            attempt.future = None
            attempt.n_missed = 0
            key = f"rnnbench-{attempt.trial.fingerprint[:16]}-{uuid4().hex}"
            self._running[key] = attempt
            self._in_background(self._follow(key, attempt))

    def _can_start(self) -> bool:
        if not self._waiting or not self._has_begun:
            return False
        running = self._running.values()
        is_alone = self._waiting[0].is_alone
        if running and (is_alone or any(attempt.is_alone for attempt in running)):
            return False
        load = sum(not attempt.at or attempt.at in self._open for attempt in running)
        return load < sum(self._open.values()) and len(running) != self._limit

    def _note(self, event: Refusal | Progress) -> None:
        """Note what a worker says: that it takes no trials, or how far one is."""
        if "run" in event:
            if event["run"] == self._id:
                self._note_refusal(event)
            return
        attempt = self._running.get(event["key"])
        if attempt is None:
            return
        if attempt.at not in ("", event["worker"]):
            self._say_again(attempt)
        attempt.at = event["worker"]
        attempt.worker = event["name"]
        report = event["report"]
        self._has_started |= not isinstance(report, str)
        self._listener(event_of(attempt.trial, report, attempt.worker))

    def _note_refusal(self, event: Refusal) -> None:
        self._refused[event["worker"]] = event
        if event["fault"]:
            log.warning("%s takes no trials: %s", event["name"], event["fault"])
        elif self._has_begun:
            differences = {event["name"]: event["differences"]}
            text = describe_differences(differences, self._here)
            log.warning("%s; until then they take no trials", text)

    def _look(self, workers: Mapping[str, WorkerState], placed: set[str]) -> None:
        """Note which workers there are, and which of our tasks they have."""
        able = {}
        self._open = {}
        for address, state in workers.items():
            if state["resources"].get(self._id):
                able[address] = state
                if state["status"] == "running":
                    self._open[address] = state["nthreads"]
        for address in self._refused.keys() - workers.keys():
            del self._refused[address]
        if not self._has_begun:
            self._begin(workers, able)
        self._check_workers(able, n_silent=len(workers) - len(self._refused))
        for key, attempt in list(self._running.items()):
            if attempt.at and attempt.at not in workers:
                self._say_again(attempt)
            is_pending = getattr(attempt.future, "status", "") == "pending"
            if is_pending and key not in placed:
                attempt.n_missed += 1
            else:
                attempt.n_missed = 0
            # Dask tries no workers that got their resource later.
            if attempt.n_missed > 1 and attempt.future is not None:
                attempt.future.release()
                self._waiting.appendleft(self._running.pop(key))

    def _check_workers(self, able: Mapping[str, WorkerState], n_silent: int) -> None:
        """Fail if no worker takes trials, and warn if all are paused."""
        if not able:
            patience = SILENCE_SECONDS
            if n_silent > 0:
                patience += FILES_SECONDS
            if time.monotonic() - self._seen_able > patience:
                self._fail(f"no worker has taken trials for {patience:.0f} s")
            return
        self._seen_able = time.monotonic()
        if not self._open and not self._was_paused:
            self._was_paused = True
            names = listed([str(state["name"]) for state in able.values()])
            reason = "paused by Dask, because they are short of memory or closing"
            advice = "no trial starts until one of them resumes"
            log.warning("%s: %s; %s", names, reason, advice)

    def _begin(
        self, workers: Mapping[str, WorkerState], able: Mapping[str, WorkerState]
    ) -> None:
        """Begin the run when all workers were heard, or after some time."""
        if not workers:
            raise OutOfReachError(NO_WORKERS.format(self._address))
        is_late = time.monotonic() - self._opened > BEGIN_SECONDS
        if len(able) + len(self._refused) < len(workers) and not is_late:
            return
        differences = {}
        faults = {}
        for event in self._refused.values():
            differences[event["name"]] = event["differences"]
            faults[event["name"]] = [event["fault"]]
        if any(differences.values()):
            raise UserError(describe_differences(differences, self._here))
        if len(self._refused) == len(workers):
            lines = [f"{self._address}: no worker takes trials", *grouped(faults)]
            raise UserError("\n".join(lines))
        if able:
            self._has_begun = True
            cores = sum(state["nthreads"] for state in able.values())
            self._listener(Connected(self._address, len(able), cores, self._dashboard))

    def _say_again(self, attempt: Attempt, reason: str = "") -> None:
        """Say that a trial is tried again; by default because its worker was lost."""
        if not reason:
            reason = f"its worker {attempt.worker} was lost"
        first_line = reason.partition("\n")[0]
        log.warning("%s: %s; it is tried again", attempt.trial, first_line)
        self._listener(event_of(attempt.trial, WAITING))
        attempt.at = ""

    def _end_attempt(
        self, key: str, outcome: object, machine: dict[str, str]
    ) -> Outcomes:
        """Yield the outcome of a trial; or have it tried again, as a machine failed."""
        attempt = self._running.pop(key, None)
        if attempt is None:
            return
        attempt.at = machine.pop("address", attempt.at)
        worker = machine.get("worker", attempt.worker) or "a worker"
        match outcome:
            case Died(has_started):
                self._has_started |= has_started
                attempt.lost_child = True
                failure = TrialFailure(_remarked(str(outcome), f" on {worker}"))
                yield from self._try_again(attempt, failure)
                return
            case TrialFailure(reason):
                outcome = replace(outcome, reason=_remarked(reason, f" (on {worker})"))
                if outcome.is_of_machine:
                    yield from self._try_again(attempt, outcome)
                    return
            case TrialResult(record=record):
                record = record.model_copy(
                    update={"machine": Machine.model_validate(machine)}
                )
                outcome = replace(outcome, record=record)
        yield attempt.trial, outcome

    def _try_again(self, attempt: Attempt, failure: TrialFailure) -> Outcomes:
        """Have a trial tried again, or yield its failure if that was the last time."""
        attempt.losses.append(attempt.at)
        is_tried_by_all = bool(self._open) and self._open.keys() <= set(attempt.losses)
        is_hopeless = failure.is_of_machine and is_tried_by_all
        if len(attempt.losses) < ATTEMPTS and not is_hopeless:
            self._say_again(attempt, failure.reason)
            if attempt.is_alone:
                self._waiting.append(attempt)
            else:
                self._waiting.appendleft(attempt)
            return
        if not failure.is_of_machine:
            remark = f"; that was attempt {ATTEMPTS} of {ATTEMPTS}"
            if not self._has_started:
                remark = " before it could start a trial"
                raise RnnbenchError(_remarked(failure.reason, remark))
            failure = replace(failure, reason=_remarked(failure.reason, remark))
        yield attempt.trial, failure


def _remarked(reason: str, remark: str) -> str:
    """Return a reason with a remark at the end of its first line.

    The others are the last words of a process.
    """
    first_line, *others = reason.splitlines() or [""]
    return "\n".join([f"{first_line}{remark}", *others])
