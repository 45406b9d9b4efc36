"""The part of the executor ``dask`` that runs in the workers of a cluster.

A worker keeps the files that trials need in its local folder, by content, and gives each trial to
a child process, which lives on for the next. It imports no TensorFlow itself.
"""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rnnbench.environment import versions
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.code import code_of
from rnnbench.runner.executors.child import Child, Died, Done, Phase, Report, work
from rnnbench.storage import atomic_write, sha256_file
from rnnbench.training.trial import Trial

TOPIC = "rnnbench"
"""The topic of the events that tell of epochs. It is one for all runs: the scheduler keeps the last
events of each topic for good."""
REPORT_SECONDS = 0.5
"""Seconds between two events of a trial; its start and its last epoch are always told."""
LOOK_SECONDS = 1.0
"""Seconds between two looks at whether anybody still wants the outcome of a trial."""
IDLE_SECONDS, MARGIN_SECONDS = 90.0, 30.0
"""A child without a trial ends after so long, and is not given one within the margin before."""
END_SECONDS = 3.0
"""The time that killed children have to be gone."""


@dataclass(frozen=True)
class Abandoned:
    """Stands for the outcome of a trial that nobody wants any more."""


@dataclass(frozen=True)
class Site:
    """The description that a worker gives of itself before it is given trials.

    Attributes:
        host: the name of its machine.
        python: the version of Python.
        platform: the system.
        versions: of the packages that were asked for, by name.
        lacking: those of the files that were asked for that it does not have.
    """

    host: str
    python: str
    platform: str
    versions: Mapping[str, str]
    lacking: tuple[str, ...]


async def describe(packages: Collection[str], files: Collection[str], dask_worker: Any) -> Site:
    """Return what a worker is and has.

    Args:
        packages: those whose versions can change a result.
        files: names of files that ``keep`` writes.
        dask_worker: the worker, which Dask fills in.
    """
    folder = _folder(dask_worker)
    lacking = await asyncio.to_thread(_lacking, folder, files)
    return Site(
        platform.node(), platform.python_version(), platform.platform(), versions(packages), lacking
    )


async def keep(files: Mapping[str, bytes], dask_worker: Any) -> str:
    """Write files into a worker's local folder; return why it cannot be done, or "".

    Args:
        files: by name, which is the sha256 of the content with the ending ``.npz``, or ``.zip`` for
            modules, which are unpacked beside it. The content is compressed by ``zlib``.
        dask_worker: the worker, which Dask fills in.
    """
    try:
        await asyncio.to_thread(_write, _folder(dask_worker), files)
    except (OSError, RnnbenchError) as error:
        return str(error)
    return ""


def _folder(worker: Any) -> Path:
    return Path(worker.local_directory, "rnnbench")


def _lacking(folder: Path, files: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in files if not _is_whole(folder / name))


def _is_whole(file: Path) -> bool:
    try:
        return sha256_file(file) == file.stem
    except OSError:
        return False


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, packed in files.items():
        content = zlib.decompress(packed)
        if name.endswith(".zip"):
            with zipfile.ZipFile(BytesIO(content)) as modules:
                modules.extractall(folder / Path(name).stem)
        with atomic_write(folder / name) as file:
            file.write(content)


class _Process(Child):
    """A child process of a worker.

    Args:
        folder: for its temporary files and what it prints.
        place: its working folder, which modules are imported from after all installed ones.

    Attributes:
        program: of the trials that it last carried out.
        idle_since: when it became idle, by the monotonic clock.
    """

    def __init__(self, folder: Path, place: Path):
        self.program, self.idle_since = "", 0.0
        folder.mkdir(parents=True, exist_ok=True)
        place.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="child-", dir=folder))
        ours, theirs = Pipe()
        # ``Popen``, because ``multiprocessing`` starts no process from a daemonic worker. Our end
        # of the second pipe closes when this process ends, however it ends.
        line, self._line = os.pipe()
        numbers = [theirs.fileno(), line]
        code = f"from {__name__} import main; main()"
        log = self._folder / "log"
        arguments = [sys.executable, "-P", "-c", code, *map(str, numbers), str(log)]
        self._process = subprocess.Popen(  # noqa: S603
            arguments,
            cwd=place,
            stdin=subprocess.DEVNULL,
            pass_fds=numbers,
            start_new_session=True,  # which hears no Ctrl-C of the worker's terminal
        )
        theirs.close()
        os.close(line)
        super().__init__(ours, log)

    def is_fresh(self) -> bool:
        """Return whether it will live long enough to be given a trial."""
        age = time.monotonic() - self.idle_since
        return self._process.poll() is None and age < IDLE_SECONDS - MARGIN_SECONDS

    def give_message(self, message: bytes) -> None:
        """Have the process carry out the trial in a pickled message."""
        self._has_started = False
        with suppress(BrokenPipeError):  # it died; ``receive`` says so
            self.connection.send_bytes(message)

    def kill(self) -> None:
        """Kill the process; a trial in progress is abandoned."""
        self._process.kill()

    def clear(self) -> None:
        """Wait for the end of a process that was killed, and remove its files."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self.connection.close()
        with suppress(OSError):
            os.close(self._line)
        shutil.rmtree(self._folder, ignore_errors=True)


def main() -> None:
    """Carry out trials in a child process; the command line has its pipes and its log."""
    connection, line, log = sys.argv[1:]
    wait = partial(os.read, int(line), 1)
    work(Connection(int(connection)), 1, Path(log), wait, IDLE_SECONDS)


class _Children:
    """The child processes of one run in this worker.

    Attributes:
        has_ended: whether the run is over; nothing is started any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self.has_ended = False

    def take(self, program: str, start: Callable[[], _Process]) -> _Process | None:
        """Return an idle child, best of all one that has compiled ``program``, or a new one.

        ``None`` if the run is over.
        """
        with self._lock:
            if self.has_ended:
                return None
            stale = [each for each in self._idle if not each.is_fresh()]
            fresh = [each for each in self._idle if each.is_fresh()]
            fresh.sort(key=lambda each: each.program == program)
            child = fresh.pop() if fresh else start()
            child.program = program
            self._idle = fresh
            self._busy.add(child)
        for each in stale:
            each.clear()
        return child

    def put_back(self, child: _Process) -> None:
        """Keep a child that has done its trial for the next."""
        with self._lock:
            self._busy.discard(child)
            if not self.has_ended:
                child.idle_since = time.monotonic()
                self._idle.append(child)
                return
        child.clear()

    def drop(self, child: _Process) -> None:
        """End a child that is of no use any more."""
        with self._lock:
            self._busy.discard(child)
        child.clear()

    def end(self) -> None:
        """End all children; those at a trial are cleared by the thread that waits for it."""
        with self._lock:
            self.has_ended = True
            idle, self._idle = self._idle, []
            for each in (*idle, *self._busy):
                each.kill()
        for each in idle:
            each.clear()


_RUNS: dict[str, _Children] = {}
"""The children of each run that this process has worked for."""


async def end(run: str) -> None:
    """End the children of a run in this worker, and start no more."""
    await asyncio.to_thread(_RUNS.setdefault(run, _Children()).end)


def carry_out(run: str, modules: str, program: str, message: bytes) -> Any:
    """Have a child carry out a trial, and return its outcome, or the death of the child.

    Args:
        run: whose children are used.
        modules: the name of the folder with the user's modules.
        program: trials of the same one can share a compiled program.
        message: the pickled task, trial and file of the corpus, seen from the folder of modules.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    folder = _folder(worker)
    children = _RUNS.setdefault(run, _Children())
    child = children.take(program, partial(_Process, folder, folder / modules))
    if child is None:
        return Abandoned()
    child.give_message(message)
    outcome: Done | Died | Abandoned = Abandoned()
    for each in _told(_messages(child, partial(_is_wanted, worker, key))):
        if isinstance(each, tuple):
            worker.log_event(TOPIC, {"key": key, "report": each})
        else:
            outcome = each
    if isinstance(outcome, Done):
        children.put_back(child)
        return outcome.outcome
    children.drop(child)
    return outcome


def _messages(child: _Process, is_wanted: Callable[[], bool]) -> Iterator[Report | Done | Died]:
    """Yield the messages about a trial, until it has ended or nobody wants its outcome."""
    while is_wanted():
        if child.connection.poll(LOOK_SECONDS):
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
    """Return whether the scheduler has not cancelled a task, as when its client was killed."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


def prepare(
    prepare_task: Callable[[Trial], None], fingerprint: str, address: str, trial: Trial
) -> None:
    """Prepare a trial in a child process, if its outcome there would be the one that was planned.

    Args:
        prepare_task: of the task to be done.
        fingerprint: that the trial was planned with.
        address: of the worker.
        trial: the trial.

    Raises:
        UserError: code or versions differ from those of the machine that planned the trial.
    """
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
