"""The executor that runs trials on a Dask cluster.

Plugins of Dask bring a run to the workers, and end it there however its client goes. A
worker whose versions, code and files are right gets a resource, which trials ask for.
Dask chooses the worker of each trial, and has the trials of lost workers tried again.
"""

import asyncio
import ipaddress
import json
import logging
import pickle
import socket
import time
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit
from uuid import uuid4

from rnnbench.errors import OutOfReachError, RnnbenchError, UserError
from rnnbench.models.code import plugins_of
from rnnbench.plugins.dask import on_worker
from rnnbench.runner import events
from rnnbench.runner.events import Listener
from rnnbench.runner.executors import Executor, Outcomes, Task, TrialFailure
from rnnbench.runner.workers import Died
from rnnbench.text import listed
from rnnbench.training.outcome import Machine, TrialResult
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)
CONNECT_SECONDS, CLOSE_SECONDS = (
    10.0,
    2.0,
)  # for a scheduler to answer, and to take leave of us
RETRIES = 3  # of the connection for a result: this costs less than training again
# Dask's messages are many, and look like errors of ours.
LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
NO_WORKERS = """{0}: the scheduler has no workers. Where rnnbench is installed, this starts four:
  dask worker {0} --nthreads 1 --nworkers 4"""
OPEN = """%s: not encrypted: whoever reaches this port can run code on the cluster and read the \
documents (tls:// with certificates is safe)"""
EXAMPLE = "should be tcp://HOST:8786, tls://HOST:8786 or a scheduler file"
ATTEMPTS = (
    3  # if children die, the last one is alone in the cluster: it may need the memory
)
LOOK_SECONDS, FIRST_LOOKS_SECONDS = (
    1.0,
    0.1,
)  # between two looks at the workers, and at first
BEGIN_SECONDS = 20.0  # by then, a run begins without workers that say nothing
SILENCE_SECONDS, FILES_SECONDS = (
    60.0,
    300.0,
)  # of a lost scheduler; more for workers to take files
END_SECONDS = 5.0  # for workers to end their children
LOST_CONNECTION = "the connection to the scheduler is lost"


class DaskExecutor(Executor):
    """The workers of a Dask cluster; ``jobs`` limits how many trials they take at a
    time.
    """

    name = "dask"
    threads = 1

    def __init__(self, jobs: int | None = None, address: str | None = None):
        self._limit, self._address = jobs, address

    @classmethod
    def at(cls, address: str, jobs: int | None) -> Self:
        return cls(jobs, address)

    @cached_property
    def jobs(self) -> int:  # type: ignore[override]
        with connected(self._address) as (client, identity):
            if not (
                cores := sum(
                    int(facts["nthreads"]) for facts in identity["workers"].values()
                )
            ):
                raise OutOfReachError(NO_WORKERS.format(client.scheduler.address))
        return min(cores, self._limit or cores)

    def run(
        self,
        trials: Sequence[Trial],
        corpora: Mapping[str, Path],
        listener: Listener,
        task: Task,
    ) -> Outcomes:
        """Yield each trial with its outcome; those of lost workers and dead children
        are repeated.

        ``OutOfReachError`` is raised if the scheduler or all workers are lost, or there
        are none.
        """
        if not trials:
            return
        with connected(self._address) as (client, identity):
            warn_if_open(client.scheduler.address, identity["address"])
            with closing(ClusterRun(client, listener, task, self._limit)) as run:
                yield from run.outcomes(trials, corpora)


@contextmanager
def connected(address: str | None) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Yield a client, and what the Dask scheduler at an address, or in its
    configuration, says.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise UserError(
            f"dask: needs pip install 'rnnbench[dask]' ({error})"
        ) from error
    configured = (
        dask.config.get(f"scheduler-{name}", None) for name in ("address", "file")
    )
    found = _address_in(address or next(filter(None, configured), ""))
    with (
        ExitStack() as stack,
        dask.config.set({"distributed.comm.retry.count": RETRIES}),
    ):
        for logger in map(logging.getLogger, LOGGERS):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        client, identity = _connect(distributed, found)
        try:
            yield client, identity
        finally:
            with suppress(Exception):
                client.close(timeout=CLOSE_SECONDS)
            # Otherwise it would be closed again, and take its time, when it is
            # collected.
            client.status = "closed"


def _address_in(given: str) -> str:
    if not given:
        how = "--scheduler tcp://HOST:8786 (or a scheduler file), or set DASK_SCHEDULER_ADDRESS"
        need = f"needs a scheduler: give {how}; `dask scheduler` starts one"
        raise UserError(f"the executor 'dask' {need}")
    if "://" in given or (":" in given and not Path(given).exists()):
        return given if "://" in given else f"tcp://{given}"
    try:
        return str(json.loads(Path(given).read_text())["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--scheduler {given}: has no address: {error} ({EXAMPLE})"
        ) from error


def _connect(distributed: Any, address: str) -> tuple[Any, Mapping[str, Any]]:
    """Return a client; ask first what listens, because a client waits for ever if it is
    silent.
    """
    try:
        distributed.comm.resolve_address(address)
    except ValueError as error:
        raise UserError(f"--scheduler {address}: {error} ({EXAMPLE})") from error
    except OSError as error:
        raise _out_of_reach(address, error) from error
    security = _certificates(distributed.Security(), address)

    async def identify() -> Mapping[str, Any]:
        async with asyncio.timeout(CONNECT_SECONDS):
            comm = await distributed.comm.connect(
                address, timeout=CONNECT_SECONDS, **security
            )
            try:
                found: Mapping[str, Any] = await distributed.core.send_recv(
                    comm, op="identity"
                )
            finally:
                comm.abort()
        if "workers" not in found:
            raise OSError(f"a Dask {found.get('type', 'server').lower()} listens there")
        return found

    try:
        with ThreadPoolExecutor(
            1
        ) as pool:  # for notebooks, whose thread has a loop of its own
            identity = pool.submit(asyncio.run, identify()).result()
        options = {"set_as_default": False, "direct_to_workers": False}
        return distributed.Client(address, timeout=CONNECT_SECONDS, **options), identity
    except ImportError as error:  # Dask's versions, or something that it needs
        raise UserError(f"{address}: {error}") from error
    except Exception as error:  # what else listens there may say anything
        raise _out_of_reach(address, error) from error


def _certificates(security: Any, address: str) -> Mapping[str, Any]:
    """Return what a connection needs of Dask's configuration."""
    where = f"--scheduler {address}: distributed.comm.tls in Dask's configuration"
    try:
        found: Mapping[str, Any] = security.get_connection_args("client")
    except (OSError, ValueError) as error:  # which names no file
        named = security.get_tls_config_for_role("client")
        files = [named[key] or "" for key in ("ca_file", "cert", "key")]
        paths = ", ".join(file for file in files if "\n" not in file)  # or a key itself
        raise UserError(f"{where}: {error} ({paths})") from error
    if urlsplit(address).scheme in {"tls", "wss"} and found.get("ssl_context") is None:
        raise UserError(
            f"{where}: names no certificates (ca-file, client.cert and client.key)"
        )
    return found


def _out_of_reach(address: str, error: Exception) -> OutOfReachError:
    reason = (
        str(error).partition("\n")[0] or f"no answer within {CONNECT_SECONDS:.0f} s"
    )
    return OutOfReachError(f"{address}: no Dask scheduler can be reached: {reason}")


def warn_if_open(*addresses: str) -> None:
    """Warn if other machines can reach a scheduler, by one of its addresses,
    unencrypted.
    """
    for address in addresses:
        parts, is_loopback = urlsplit(address), False
        if parts.scheme in {"tls", "wss", "inproc"}:
            continue
        with suppress(OSError):  # there is no such host
            found = {
                facts[4][0] for facts in socket.getaddrinfo(parts.hostname or "", None)
            }
            is_loopback = all(
                ipaddress.ip_address(str(host)).is_loopback for host in found
            )
        if not is_loopback:
            log.warning(OPEN, address)
            return


@dataclass(eq=False)
class Attempt:
    """A trial that waits or runs."""

    trial: Trial
    losses: list[str] = field(default_factory=list)  # addresses of workers that had it
    lost_child: bool = False  # a child has died at it
    at: str = ""  # the address of the worker that has it, if that is known
    worker: str = ""  # the name of that worker
    future: Any = None  # Dask's, if it runs
    n_missed: int = 0  # how often in a row no worker was seen to have it

    @property
    def is_alone(self) -> bool:
        """Whether it is the last attempt, which has the cluster to itself."""
        return self.lost_child and len(self.losses) == ATTEMPTS - 1


class ClusterRun:
    """The state of a run on a cluster: ``DaskExecutor.run`` has the arguments."""

    def __init__(self, client: Any, listener: Listener, task: Task, limit: int | None):
        self._client, self._listener, self._task = client, listener, task
        self._id, self._limit = f"rnnbench-{uuid4().hex[:12]}", limit
        self._address, self._dashboard = client.scheduler.address, ""
        self._waiting: deque[Attempt] = deque()
        self._running: dict[str, Attempt] = {}
        self._inbox: SimpleQueue[tuple[Any, ...]] = (
            SimpleQueue()
        )  # functions and arguments
        self._open: dict[
            str, int
        ] = {}  # threads of the workers that take trials now, by address
        self._refused: dict[
            str, Mapping[str, Any]
        ] = {}  # what workers say that take none
        self._has_begun = self._has_started = self._was_paused = (
            False  # any trial, if started
        )
        self._opened = self._seen_able = time.monotonic()

    def outcomes(
        self, trials: Sequence[Trial], corpora: Mapping[str, Path]
    ) -> Outcomes:
        self._files, self._corpora = on_worker.pack(trials, corpora)
        needed = {
            name for it in trials for name in (*it.packages, *plugins_of(it.model))
        }
        self._here = on_worker.installed(sorted(needed))
        self._waiting.extend(map(Attempt, trials))
        self._in_background(self._watch())
        while self._waiting or self._running:
            while (attempt := self._next()) is not None:
                key = f"rnnbench-{attempt.trial.fingerprint[:16]}-{uuid4().hex}"
                attempt.at, attempt.future, attempt.n_missed = "", None, 0
                self._running[key] = attempt
                self._in_background(self._follow(key, attempt))
            try:
                answer, *arguments = self._inbox.get(
                    timeout=FILES_SECONDS + SILENCE_SECONDS
                )
            except Empty:  # not even ``_watch`` says anything
                self._fail("Dask has been silent for too long")
            yield from answer(*arguments) or ()

    def close(self) -> None:
        """End the run in the cluster; what does not answer ends when our client is
        gone.
        """

        async def end() -> None:
            for attempt in self._running.values():
                if attempt.future is not None:
                    attempt.future.release()
            self._client.unsubscribe_topic(
                on_worker.TOPIC
            )  # or we would stay a listener
            await self._client.unregister_worker_plugin(self._id)

        if self._client.status == "running":
            with suppress(Exception):
                self._in_background(end()).result(END_SECONDS)

    def _fail(self, reason: str) -> NoReturn:
        advice = "finished trials are stored, and --executor local continues without a cluster"
        raise OutOfReachError(f"{self._address}: {reason}; {advice}")

    # In Dask's thread, where nothing is decided: messages are functions for our thread
    # to call.

    def _in_background(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(work, self._client.loop.asyncio_loop)

    async def _watch(self) -> None:
        """Bring the run to the cluster, and tell what is seen until the connection is
        lost.
        """
        from rnnbench.plugins.dask.plugins import RunOnScheduler, RunPlugin

        client, comm, tell = self._client, self._client.scheduler_comm, self._inbox.put
        reason = LOST_CONNECTION
        try:
            client.subscribe_topic(
                on_worker.TOPIC, lambda event: tell((self._note, event[1]))
            )
            with suppress(KeyError):
                self._dashboard = client.dashboard_link or ""
            on_workers = RunPlugin(self._id, self._here, self._files)
            plugin = RunOnScheduler(self._id, client.id, on_workers)
            await asyncio.wait_for(client.register_plugin(plugin), FILES_SECONDS)
            while client.status == "running" and client.scheduler_comm is comm:
                asking = (
                    client.scheduler.identity(n_workers=-1),
                    client.scheduler.processing(),
                )
                seen, tasks = await asyncio.wait_for(
                    asyncio.gather(*asking), SILENCE_SECONDS
                )
                placed = {key for keys in tasks.values() for key in keys}
                tell((self._look, seen["workers"], placed))
                await asyncio.sleep(
                    LOOK_SECONDS if self._has_begun else FIRST_LOOKS_SECONDS
                )
        except TimeoutError:
            reason = f"the scheduler has been silent for {SILENCE_SECONDS:.0f} s"
        except (OSError, AttributeError):  # a client that closes has no scheduler
            pass
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        tell((self._fail, reason))

    async def _follow(self, key: str, attempt: Attempt) -> None:
        """Have a worker, preferably one that has not had it, carry out an attempt; tell
        its end.
        """

        def carry_out(
            *work: Any,
        ) -> Any:  # pickled by value, because the scheduler unpickles it
            from rnnbench.plugins.dask import on_worker

            return on_worker.carry_out(*work)

        trial, client, future, machine = attempt.trial, self._client, None, {}
        others = [address for address in self._open if address not in attempt.losses]
        corpus = Path("..", self._corpora[trial.corpus_fingerprint])
        outcome: Any
        try:
            prepare = partial(
                on_worker.prepare, self._task.prepare, trial.fingerprint, corpus
            )
            message = pickle.dumps(
                (replace(self._task, prepare=prepare), trial, corpus)
            )
            where = (others or None) if attempt.losses else None
            options = {
                "key": key,
                "resources": {self._id: 1},
                "workers": where,
                "pure": False,
            }
            attempt.future = future = client.submit(
                carry_out, self._id, message, **options
            )
            packed, machine = pickle.loads(await future.result())  # noqa: S301 - trusted
            outcome = pickle.loads(packed)  # noqa: S301 - from a cluster that is trusted
        except Exception as error:  # of Dask: whatever a trial raises is an outcome
            reason = getattr(error, "reason", "")
            if client.status != "running" or reason == "scheduler-connection-lost":
                self._inbox.put((self._fail, LOST_CONNECTION))
                return
            said = f"its task was lost: {type(error).__name__}: {error}".partition(
                "\n"
            )[0]
            # It is cancelled if somebody has all workers restarted.
            is_cancelled = getattr(future, "status", "") == "cancelled"
            outcome = Died(True, "", said) if is_cancelled else TrialFailure(said)
        self._inbox.put((self._end_attempt, key, outcome, machine))
        if future is not None:
            future.release()  # or the scheduler would keep the outcome

    # In our thread: the answers to messages, and what follows from them.

    def _next(self) -> Attempt | None:
        if not (self._waiting and self._has_begun):
            return None
        running = self._running.values()
        is_alone = any(attempt.is_alone for attempt in (self._waiting[0], *running))
        load = sum(not attempt.at or attempt.at in self._open for attempt in running)
        is_full = load >= sum(self._open.values()) or len(running) == self._limit
        return None if is_full or (running and is_alone) else self._waiting.popleft()

    def _note(self, facts: Mapping[str, Any]) -> None:
        if facts.get("run") == self._id:
            self._refused[facts["worker"]] = facts
            if facts["fault"]:
                log.warning("%s takes no trials: %s", facts["name"], facts["fault"])
            elif self._has_begun:
                found = {facts["name"]: facts["differences"]}
                text = on_worker.describe_differences(found, self._here)
                log.warning("%s; until then they take no trials", text)
        elif (attempt := self._running.get(facts.get("key", ""))) is not None:
            if attempt.at not in ("", facts["worker"]):
                self._say_again(attempt)
            attempt.at, attempt.worker = facts["worker"], facts["name"]
            self._has_started |= not isinstance(facts["report"], str)
            self._listener(
                events.event_of(attempt.trial, facts["report"], facts["name"])
            )

    def _look(self, workers: Mapping[str, Mapping[str, Any]], placed: set[str]) -> None:
        able = {
            at: facts
            for at, facts in workers.items()
            if facts["resources"].get(self._id)
        }
        self._open = {
            at: of["nthreads"] for at, of in able.items() if of["status"] == "running"
        }
        self._refused = {
            at: facts for at, facts in self._refused.items() if at in workers
        }
        if not self._has_begun:
            self._begin(workers, able)
        patience = SILENCE_SECONDS + FILES_SECONDS * (len(workers) > len(self._refused))
        if able:
            self._seen_able = time.monotonic()
        elif time.monotonic() - self._seen_able > patience:
            self._fail(f"no worker has taken trials for {patience:.0f} s")
        if able and not (self._open or self._was_paused):
            self._was_paused = True
            reason = "paused by Dask, because they are short of memory or closing"
            names = listed([str(facts["name"]) for facts in able.values()])
            log.warning(
                "%s: %s; no trial starts until one of them resumes", names, reason
            )
        for key, attempt in [*self._running.items()]:
            if attempt.at and attempt.at not in workers:
                self._say_again(attempt)
            is_missed = (
                key not in placed and getattr(attempt.future, "status", "") == "pending"
            )
            attempt.n_missed = attempt.n_missed + 1 if is_missed else 0
            if (
                attempt.n_missed > 1
            ):  # Dask tries no workers that got their resource later
                attempt.future.release()
                self._waiting.appendleft(self._running.pop(key))

    def _begin(
        self, workers: Mapping[str, Any], able: Mapping[str, Mapping[str, Any]]
    ) -> None:
        if not workers:
            raise OutOfReachError(NO_WORKERS.format(self._address))
        is_late = time.monotonic() - self._opened > BEGIN_SECONDS
        if len(able) + len(self._refused) < len(workers) and not is_late:
            return  # until all were heard
        found = {
            facts["name"]: facts["differences"] for facts in self._refused.values()
        }
        if any(found.values()):
            raise UserError(on_worker.describe_differences(found, self._here))
        if len(self._refused) == len(workers):
            faults = {
                facts["name"]: [facts["fault"]] for facts in self._refused.values()
            }
            lines = [
                f"{self._address}: no worker takes trials",
                *on_worker.grouped(faults),
            ]
            raise UserError("\n".join(lines))
        if able:
            self._has_begun = True
            cores = sum(facts["nthreads"] for facts in able.values())
            self._listener(
                events.Connected(self._address, len(able), cores, self._dashboard)
            )

    def _say_again(self, attempt: Attempt, reason: str = "") -> None:
        """Say that a trial is tried again; by default because its worker was lost."""
        said = (reason or f"its worker {attempt.worker} was lost").partition("\n")[0]
        log.warning("%s: %s; it is tried again", attempt.trial, said)
        self._listener(events.PhaseBegan(attempt.trial, events.WAITING))
        attempt.at = ""

    def _end_attempt(self, key: str, outcome: Any, machine: dict[str, Any]) -> Outcomes:
        """Yield the outcome of a trial, or have it tried again if a machine is to
        blame.
        """
        if (attempt := self._running.pop(key, None)) is None:
            return
        attempt.at = machine.pop("address", attempt.at)
        worker = machine.get("worker", attempt.worker) or "a worker"
        failure: TrialFailure | None = None  # that of a machine
        match outcome:
            case Died(has_started):
                self._has_started |= has_started
                attempt.lost_child = True
                failure = TrialFailure(_remarked(str(outcome), f" on {worker}"))
            case TrialFailure(reason):
                outcome = replace(outcome, reason=_remarked(reason, f" (on {worker})"))
                failure = outcome if outcome.is_of_machine else None
            case TrialResult(record=record):
                record = record.model_copy(update={"machine": Machine(**machine)})
                outcome = replace(outcome, record=record)
        if failure is None:
            yield attempt.trial, outcome
            return
        attempt.losses.append(attempt.at)
        is_tried_by_all = bool(self._open) and self._open.keys() <= {*attempt.losses}
        if len(attempt.losses) < ATTEMPTS and not (
            failure.is_of_machine and is_tried_by_all
        ):
            self._say_again(attempt, failure.reason)
            (self._waiting.append if attempt.is_alone else self._waiting.appendleft)(
                attempt
            )
        elif failure.is_of_machine or self._has_started:
            remark = (
                ""
                if failure.is_of_machine
                else f"; that was attempt {ATTEMPTS} of {ATTEMPTS}"
            )
            yield (
                attempt.trial,
                replace(failure, reason=_remarked(failure.reason, remark)),
            )
        else:
            raise RnnbenchError(
                _remarked(failure.reason, " before it could start a trial")
            )


def _remarked(reason: str, remark: str) -> str:
    """Return a reason with a remark at the end of its first line; the rest are last
    words.
    """
    first_line, *others = reason.splitlines() or [""]
    return "\n".join([f"{first_line}{remark}", *others])
