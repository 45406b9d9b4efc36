"""The work in Dask's thread: questions to the cluster, and messages to the run.

The functions here decide nothing. Each is a coroutine that calls ``tell`` with messages.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from rnnbench.environment import NOT_INSTALLED
from rnnbench.runner.executors.dask import worker
from rnnbench.runner.executors.dask.parcels import Parcels
from rnnbench.runner.executors.dask.placement import Place
from rnnbench.runner.executors.dask.worker import Site

LOOK_SECONDS = 1.0
"""Seconds between two looks at the workers of the cluster."""
SILENCE_SECONDS = 60.0
"""A scheduler that is silent for so long counts as lost: a busy one answers within seconds."""
ANSWER_SECONDS = 20.0
"""The time that a worker has to say what it is, before it is asked again."""
KEEP_SECONDS = 300.0
"""The time that workers have to take files."""


@dataclass(frozen=True)
class Seen:
    """A scheduler, by its id, has these workers, by address: their names and places."""

    scheduler: str
    workers: Mapping[str, tuple[str, Place]]


@dataclass(frozen=True)
class Described:
    """The answers of workers, by address.

    An answer is a site, or why files cannot be kept there, or ``None`` if there was none.
    """

    answers: Mapping[str, Site | str | None]


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


Message = Seen | Described | Told | Ended | Unreachable
Tell = Callable[[Message], None]


def in_background(client: Any, work: Coroutine[Any, Any, None], tell: Tell) -> "Future[None]":
    """Run a coroutine in the thread of a client; tell of an error that nobody expects."""

    def on_end(ended: "Future[None]") -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            tell(Unreachable(f"{type(error).__name__}: {error}"))

    running = asyncio.run_coroutine_threadsafe(work, client.loop.asyncio_loop)
    running.add_done_callback(on_end)
    return running


def tell_epochs(client: Any, tell: Tell) -> None:
    """Tell of all epochs that workers report, of other runs too."""

    def on_event(event: tuple[float, dict[str, Any]]) -> None:
        _, facts = event
        tell(Told(facts["key"], facts["report"]))

    client.subscribe_topic(worker.TOPIC, on_event)


async def watch(client: Any, tell: Tell) -> None:
    """Tell which workers there are, again and again, until the scheduler is lost."""
    while client.status == "running":
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
    tell(Unreachable("the connection to the scheduler is lost"))


def _places(workers: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, Place]]:
    """Return the name and place of each worker; one short of memory, or closing, takes nothing."""
    found = {}
    for address, facts in workers.items():
        slots = facts["nthreads"] if facts["status"] == "running" else 0
        found[address] = str(facts["name"]), Place(facts["host"], slots, facts["local_directory"])
    return found


async def describe(
    client: Any, workers: Sequence[str], packages: Sequence[str], parcels: Parcels, tell: Tell
) -> None:
    """Tell what workers are, after sending them the files that they lack."""
    asked = [_describe(client, address, packages, [*parcels.contents]) for address in workers]
    sites = dict(zip(workers, await asyncio.gather(*asked), strict=True))
    lacking = {address: site.lacking for address, site in sites.items() if site and site.lacking}
    answers: dict[str, Site | str | None] = {**sites}
    if lacking:
        names = {name for of_worker in lacking.values() for name in of_worker}
        files = {name: parcels.packed[name] for name in sorted(names)}
        faults = await _send(client, files, [*lacking])
        answers |= {address: fault for address, fault in faults.items() if fault != ""}
    tell(Described(answers))


async def _describe(
    client: Any, address: str, packages: Sequence[str], files: Sequence[str]
) -> Site | None:
    answer = await _ask(client, address, worker.describe, packages, files)
    if isinstance(answer, ImportError | AttributeError):  # none of ours, or an older one
        from importlib.metadata import version

        found = await _ask(client, address, version, "rnnbench")
        there = found if isinstance(found, str) else NOT_INSTALLED
        return Site("", "", "", {"rnnbench": there}, ())
    return answer if isinstance(answer, Site) else None


async def _ask(client: Any, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function in a worker, its exception, or ``None`` without an answer."""
    call = client.run(function, *arguments, workers=[address], on_error="return")
    try:
        return (await asyncio.wait_for(call, ANSWER_SECONDS)).get(address)
    except (OSError, KeyError):  # it is gone, or stalls
        return None


async def _send(
    client: Any, files: Mapping[str, bytes], workers: Sequence[str]
) -> dict[str, str | None]:
    """Send files to workers; return why each cannot keep them, "", or ``None`` for no answer."""
    call = client.run(worker.keep, files, workers=workers, on_error="return")
    try:
        answers = await asyncio.wait_for(call, KEEP_SECONDS)
    except (OSError, KeyError):
        answers = {}
    texts = ((address, answers.get(address)) for address in workers)
    return {address: text if isinstance(text, str) else None for address, text in texts}


async def follow(client: Any, key: str, address: str, work: Sequence[Any], tell: Tell) -> None:
    """Have a worker carry out a trial, and tell its outcome.

    Args:
        client: of the cluster.
        key: of the task.
        address: of the worker.
        work: the arguments of ``worker.carry_out``.
        tell: called with the end of the task.
    """
    future = client.submit(
        _carry_out(),
        *work,
        key=key,
        workers=[address],
        allow_other_workers=False,
        pure=False,
        retries=0,
    )
    try:
        outcome = await future
    except Exception as error:  # of Dask: whatever a trial raises is an outcome
        if client.status == "running":  # or ``watch`` says so
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


async def end_children(client: Any, run: str, workers: Sequence[str]) -> None:
    """End the children of a run in workers; those that do not answer are waited for."""
    await client.run(worker.end, run, workers=workers, on_error="ignore")
