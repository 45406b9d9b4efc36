"""The work in Dask's thread: questions to the cluster, and messages to the run.

The functions here decide nothing. Each is a coroutine that calls ``tell`` with messages.
"""

import asyncio
import pickle
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import Any

import rnnbench
from rnnbench.errors import OutOfReachError
from rnnbench.runner.executors.dask import worker
from rnnbench.runner.executors.dask.connection import in_thread
from rnnbench.runner.executors.dask.differences import Site
from rnnbench.runner.executors.dask.placement import Place

LOOK_SECONDS = 1.0
"""Seconds between two looks at the workers of the cluster."""
SILENCE_SECONDS = 60.0
"""A scheduler that is silent for so long counts as lost: a busy one answers within seconds."""
ANSWER_SECONDS = 20.0
"""The time that a worker has to say what it is, before it is asked again."""
KEEP_SECONDS = 300.0
"""The time that workers have to take files."""
SENT_AT_ONCE = 4
"""Machines that are sent files at the same time."""
LOST_CONNECTION = "the connection to the scheduler is lost"


@dataclass(frozen=True)
class Seen:
    """A scheduler, by its id, has these workers, by address: their names and places."""

    scheduler: str
    workers: Mapping[str, tuple[str, Place]]


@dataclass(frozen=True)
class Answered:
    """A worker, whose local folder was this, has said what it is, or whether it has taken files.

    The answer is its description, or "" if it has the files, or why it cannot be used, or ``None``
    if it said nothing.
    """

    address: str
    folder: str
    answer: Site | str | None


@dataclass(frozen=True)
class Told:
    """An epoch of a task has ended, or the task has started."""

    key: str
    report: Sequence[Any]


@dataclass(frozen=True)
class Ended:
    """A task has ended with an outcome, or without one: then ``lost`` says why."""

    key: str
    outcome: Any = None
    lost: str = ""


@dataclass(frozen=True)
class Unreachable:
    """The scheduler is lost."""

    reason: str


def cluster_lost(address: str, reason: str) -> OutOfReachError:
    """Return the error that ends a run whose cluster is lost."""
    advice = "finished trials are stored, and --executor local continues without a cluster"
    return OutOfReachError(f"{address}: {reason}; {advice}")


Message = Seen | Answered | Told | Ended | Unreachable
Tell = Callable[[Message], None]


class Background:
    """The work in the thread of a client of a cluster, and the messages that it sends."""

    def __init__(self, client: Any):
        self.client = client
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._taken: list[Message] = []
        """Messages that were in the inbox, but have to wait."""
        self._work: dict[str, Future[None]] = {}
        self.tell = self._inbox.put

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> "Future[None]":
        """Run a coroutine; tell of an error that nobody expects."""
        self._work[name] = running = in_thread(self.client, work)
        running.add_done_callback(partial(self._on_end, name))
        return running

    def _on_end(self, name: str, ended: "Future[None]") -> None:
        if self._work.get(name) is ended:
            del self._work[name]
        if ended.cancelled():
            self.tell(Ended(name, lost="it was cancelled"))  # this matters if we did not cancel it
        elif (error := ended.exception()) is not None:
            self.tell(Unreachable(f"{type(error).__name__}: {error}"))

    def cancel(self, *names: str) -> None:
        """Cancel work by its names; all work if none is named."""
        for name in names or [*self._work]:
            if work := self._work.get(name):
                work.cancel()

    def next_message(self) -> Message:
        """Wait for a message, and return it; those that may cost trials come last."""
        with suppress(Empty):
            if not self._taken:
                self._taken.append(self._inbox.get(timeout=2 * SILENCE_SECONDS))
            while True:
                self._taken.append(self._inbox.get_nowait())
        if not self._taken:  # not even ``watch`` says anything
            return Unreachable("Dask has been silent for too long")
        self._taken.sort(key=_may_cost_trials)
        return self._taken.pop(0)


def _may_cost_trials(message: Message) -> bool:
    """Return whether trials may be lost by a message, or the run may end."""
    if isinstance(message, Ended):
        return bool(message.lost)
    return isinstance(message, Seen | Unreachable)


async def watch(client: Any, tell: Tell) -> None:
    """Tell which workers there are, again and again, until the scheduler is lost.

    Tell also of all epochs that workers report, of other runs too.
    """

    def on_event(event: tuple[float, dict[str, Any]]) -> None:
        _, facts = event
        tell(Told(facts["key"], facts["report"]))

    while client.status == "running":
        client.subscribe_topic(worker.TOPIC, on_event)  # again: Dask may have connected again
        try:
            identity = client.scheduler.identity(n_workers=-1)
            facts = await asyncio.wait_for(identity, SILENCE_SECONDS)
        except TimeoutError:
            tell(Unreachable(f"the scheduler has been silent for {SILENCE_SECONDS:.0f} s"))
            return
        except (OSError, AttributeError):  # the client, which is closing, has no scheduler
            break
        tell(Seen(facts["id"], _places(facts["workers"])))
        await asyncio.sleep(LOOK_SECONDS)
    tell(Unreachable(LOST_CONNECTION))


def _places(workers: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, Place]]:
    """Return the name and place of each worker; one short of memory, or closing, takes nothing."""
    found = {}
    for address, facts in workers.items():
        slots = facts["nthreads"] if facts["status"] == "running" else 0
        found[address] = str(facts["name"]), Place(facts["host"], slots, facts["local_directory"])
    return found


async def describe(
    background: Background, address: str, folder: str, packages: Sequence[str]
) -> None:
    """Tell what a worker is."""
    answer = await _ask(background.client, address, worker.describe, packages)
    if answer is not None:
        try:
            answer = Site(**answer)
        except TypeError:  # it is an exception, or what another version of rnnbench answers
            answer = await _explained(background.client, address, answer)
    background.tell(Answered(address, folder, answer))


async def _explained(client: Any, address: str, answer: Any) -> Site | str | None:
    """Return why a worker does not say what it is."""
    found = await _ask(client, address, version, "rnnbench")
    if isinstance(found, str) and found != rnnbench.__version__:
        return Site("", "", "", {"rnnbench": found})
    reason = str(answer).partition("\n")[0]
    what = "not installed" if isinstance(found, ImportError) else f"not usable there: {reason}"
    install = "pip install -e '.[dask]' in a repository at the same commit installs it"
    return None if found is None else f"rnnbench is {what}; {install}"


async def _ask(client: Any, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function in a worker, its exception, or ``None`` without an answer."""
    from distributed.comm import CommClosedError

    call = client.run(function, *arguments, workers=[address], on_error="return")
    try:
        answer = (await asyncio.wait_for(call, ANSWER_SECONDS)).get(address)
    except OSError:  # the scheduler is gone, or the worker stalls
        return None
    except Exception as error:  # an answer that cannot be unpickled here
        return error
    return None if isinstance(answer, CommClosedError) else answer


async def send(
    background: Background, run: str, files: Mapping[str, bytes], workers: Mapping[str, Place]
) -> None:
    """Send files of a run to workers, once for all workers of a machine, and tell who has them."""
    hosts: dict[str, list[str]] = {}
    for address, place in workers.items():
        hosts.setdefault(place.host, []).append(address)
    free = asyncio.Semaphore(SENT_AT_ONCE)

    async def send_to(addresses: Sequence[str]) -> None:
        async with free:
            call = background.client.run(
                worker.keep, run, files, workers=addresses, on_error="return"
            )
            try:
                answers = await asyncio.wait_for(call, KEEP_SECONDS)
            except OSError:
                answers = {}
        for address in addresses:
            answer = answers.get(address)
            if isinstance(answer, Exception):  # if the connection failed, it is asked again
                is_cut = isinstance(answer, OSError)
                answer = None if is_cut else f"{type(answer).__name__}: {answer}"
            background.tell(Answered(address, workers[address].folder, answer))

    await asyncio.gather(*map(send_to, hosts.values()))


async def follow(client: Any, key: str, address: str, work: Sequence[Any], tell: Tell) -> None:
    """Have a worker carry out a trial, with the arguments of ``carry_out``; tell its outcome."""
    options = {"workers": [address], "allow_other_workers": False, "pure": False, "retries": 0}
    future = client.submit(_carry_out(), *work, key=key, **options)
    try:
        # Dask fetches results of several tasks at once: cancelling one must not cancel the others.
        fetched = await asyncio.shield(future.result())
        outcome = pickle.loads(fetched)  # noqa: S301 - from a cluster that is trusted
    except Exception as error:  # of Dask: whatever a trial raises is an outcome
        reason = getattr(error, "reason", "")
        if client.status != "running" or reason == "scheduler-connection-lost":
            # Dask connects again, if it can, but the tasks are gone.
            tell(Unreachable(LOST_CONNECTION))
        else:
            tell(Ended(key, lost=f"{type(error).__name__}: {error}".partition("\n")[0]))
    else:
        tell(Ended(key, outcome))
    finally:
        future.release()  # or the scheduler would keep the outcome


def _carry_out() -> Callable[..., Any]:
    """Return ``worker.carry_out`` as a function that is pickled by value.

    The scheduler unpickles it, too, and so needs no rnnbench.
    """

    def carry_out(*work: Any) -> Any:
        from rnnbench.runner.executors.dask import worker

        return worker.carry_out(*work)

    return carry_out


async def end_run(client: Any, run: str, workers: Sequence[str]) -> None:
    """End the children of a run in workers, and remove its files; wait for those that answer."""
    if client.status == "running":
        client.unsubscribe_topic(worker.TOPIC)  # or the scheduler would keep us as a listener
    await client.run(worker.end, run, workers=workers, on_error="ignore")
