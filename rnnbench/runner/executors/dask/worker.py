"""The functions that the workers of a cluster run for the executor ``dask``.

A worker keeps the files of a run in its local folder, and gives each trial to a child process. It
imports no TensorFlow itself. What it returns is plain data: nothing that the other side would have
to import before it knows whom it talks to.
"""

import asyncio
import pickle
import platform
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rnnbench.environment import versions
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.code import code_of, code_of_rnnbench
from rnnbench.runner.executors.base import TrialFailure
from rnnbench.runner.executors.child import Died, Done, Phase, Report
from rnnbench.runner.executors.dask.children import Children, Process
from rnnbench.storage import sha256_file
from rnnbench.training.trial import Trial

TOPIC = "rnnbench"
"""The topic of the events that tell of epochs. It is one for all runs: the scheduler keeps the last
events of each topic for good."""
REPORT_SECONDS = 0.5
"""Seconds between two events of a trial; its start and its last epoch are always told."""
LOOK_SECONDS = 1.0
"""Seconds between two looks at whether anybody still wants the outcome of a trial."""
CLOSING = {"closing", "closed", "failed", "stopping", "stopped"}
"""The states of a worker that takes leave of its scheduler, or has lost it."""


_RUNS: dict[Path, Children] = {}
"""The children of each run that this process has worked for, by the folder of the run."""


def _of(run: str, worker: Any) -> Children:
    """Return the children of a run in a worker."""
    folder = Path(worker.local_directory, "rnnbench", run)
    return _RUNS.setdefault(folder, Children(folder))


def describe(packages: Collection[str]) -> dict[str, Any]:
    """Return a description of this worker: the arguments of ``Site``."""
    return {
        "code": code_of_rnnbench(),
        "host": platform.node(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(packages),
    }


async def keep(run: str, files: Mapping[str, bytes], dask_worker: Any) -> str:
    """Write files of a run into a worker's local folder; return why it cannot be done, or "".

    Dask fills in the worker.
    """
    return await asyncio.to_thread(_of(run, dask_worker).keep, files)


async def end(run: str, dask_worker: Any) -> None:
    """End the children of a run in a worker, remove its files, and start and write no more."""
    await asyncio.to_thread(_of(run, dask_worker).end)


def carry_out(run: str, modules: str, program: str, message: bytes) -> bytes:
    """Have a child carry out a trial, and return its outcome, pickled.

    The message is the pickled task, trial and file of the corpus, seen from the folder of modules;
    trials with the same program can share a compiled one.
    """
    from distributed import get_worker

    worker = get_worker()
    try:
        outcome = _outcome(worker, _of(run, worker), modules, program, message)
        return pickle.dumps(outcome)
    except Exception as error:  # a full disk, no more processes, an outcome that is none
        reason = f"{type(error).__name__}: {error}"
        return pickle.dumps(TrialFailure(reason, is_of_machine=True))


def _outcome(
    worker: Any, children: Children, modules: str, program: str, message: bytes
) -> Any | Died:
    """Return the outcome of a trial, or the death of its child; tell of its epochs."""
    key = worker.get_current_task()
    child = children.take(program, modules)
    is_idle = False
    try:
        child.give_message(message)
        for each in _told(_messages(child, partial(_is_wanted, worker, key))):
            if isinstance(each, Done):
                is_idle = True
                return each.outcome
            if isinstance(each, Died):
                return each
            worker.log_event(TOPIC, {"key": key, "report": each})
        raise RnnbenchError("nobody wants the outcome of the trial any more")
    finally:
        (children.put_back if is_idle else children.drop)(child)


def _messages(child: Process, is_wanted: Callable[[], bool]) -> Iterator[Report | Done | Died]:
    """Yield the messages about a trial, until it has ended or nobody wants its outcome."""
    while is_wanted():
        has_ended = child.has_ended()  # before polling, so that no last message is missed
        if child.connection.poll(LOOK_SECONDS) or has_ended:
            message = child.receive()
            yield message
            if not isinstance(message, tuple):
                return


def _told(messages: Iterator[Report | Done | Died]) -> Iterator[Report | Done | Died]:
    """Yield messages without most of the epochs that follow each other quickly."""
    held, last = None, 0.0
    for message in messages:
        now = time.monotonic()
        is_quick = now - last < REPORT_SECONDS
        if is_quick and not isinstance(message, Phase | Done | Died) and message[0] > 0:
            held = message
            continue
        if held is not None and isinstance(message, Done | Phase):
            yield held
        held, last = None, now
        yield message


def _is_wanted(worker: Any, key: str) -> bool:
    """Return whether anybody waits for the outcome of a task.

    The scheduler cancels it when its client was killed, and a worker closes when it has lost the
    scheduler; it would wait for the task then.
    """
    if worker.status.name in CLOSING:
        return False
    try:
        task = worker.state.tasks.get(key)  # Dask has no public name for it
    except AttributeError:
        return True
    return task is not None and task.state != "cancelled"


def prepare(
    prepare_task: Callable[[Trial], None],
    fingerprint: str,
    address: str,
    corpus: Path,
    trial: Trial,
) -> None:
    """Prepare a trial in a child of the worker at ``address``, if its outcome is that planned.

    Raises:
        UserError: code or versions differ from those of the machine that planned the trial.
        RnnbenchError: the file of the corpus is not as it was sent.
    """
    if not corpus.is_file() or sha256_file(corpus) != corpus.stem:
        raise RnnbenchError(f"{address}: {corpus.name} is gone, or was changed after it was sent")
    there = replace(trial)  # without the fingerprint that it brought along
    if there.fingerprint != fingerprint:
        named = "".join(
            f"; there, {name} is {version}" for name, version in code_of(there.model).items()
        )
        raise UserError(
            f"{address}: the code of the model, or of its package, differs from that where the run "
            f"was started (install the same there){named}"
        )
    prepare_task(trial)
