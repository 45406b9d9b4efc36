"""The child processes that train for a worker of a cluster, and the folder of a run in the worker.

A child carries out one trial after another. It ends with the worker.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import rnnbench
from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors.child import Child, work
from rnnbench.runner.executors.dask.arrivals import write_files

IDLE_SECONDS, MARGIN_SECONDS = 90.0, 30.0
"""A child without a trial ends after so long, and is not given one within the margin before."""
END_SECONDS = 3.0
"""The time that killed children have to be gone."""


class Process(Child):
    """A child process of a worker.

    Args:
        folder: for its temporary files and what it prints.
        place: its working folder, which modules are imported from after all installed ones.
    """

    def __init__(self, folder: Path, place: Path):
        self.program, self.idle_since = "", 0.0  # of its last trial; by the monotonic clock
        place.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="child-", dir=folder))
        ours, theirs = Pipe()
        # ``Popen``, because ``multiprocessing`` starts no process from a daemonic worker. Our end
        # of the second pipe closes when this process ends, however it ends.
        line, self._line = os.pipe()
        log = self._folder / "log"
        super().__init__(ours, log)
        numbers = [theirs.fileno(), line]
        # The child may not find rnnbench by itself: this process may have found it in its folder.
        path = str(Path(rnnbench.__file__).parents[1])
        code = f"import sys; sys.path.append({path!r}); from {__name__} import main; main()"
        arguments = [sys.executable, "-P", "-c", code, *map(str, numbers), str(log)]
        try:
            with log.open("ab") as printed:
                self._process = subprocess.Popen(  # noqa: S603
                    arguments,
                    cwd=place,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    pass_fds=numbers,
                    start_new_session=True,  # which hears no Ctrl-C of the worker's terminal
                )
        except OSError:
            self._close()
            raise
        finally:
            theirs.close()
            os.close(line)

    def is_fresh(self) -> bool:
        """Return whether it will live long enough to be given a trial."""
        age = time.monotonic() - self.idle_since
        return age < IDLE_SECONDS - MARGIN_SECONDS and not self.has_ended()

    def has_ended(self) -> bool:
        """Return whether the process has ended; those that it started are killed then."""
        if self._process.returncode is None and self._process.poll() is not None:
            self._kill_group()
        return self._process.returncode is not None

    def give_message(self, message: bytes) -> None:
        """Have the process carry out the trial in a pickled message."""
        self._has_started = False
        with suppress(ConnectionError):  # it died; ``receive`` says so
            self.connection.send_bytes(message)

    def kill(self) -> None:
        """Kill the process and those that it started; a trial in progress is abandoned."""
        if self._process.returncode is None:  # once it is reaped, its number may be another's
            self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait for the end of a process that was killed."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)

    def clear(self) -> None:
        """End the process, and remove its files."""
        self.kill()
        self.wait()
        self._close()

    def _close(self) -> None:
        self.connection.close()
        with suppress(OSError):
            os.close(self._line)
        shutil.rmtree(self._folder, ignore_errors=True)


def main() -> None:
    """Carry out trials in a child process; the command line has its pipes and its log."""
    connection, line, log = sys.argv[1:]
    wait = partial(_end_with_worker, int(line))
    work(Connection(int(connection)), 1, Path(log), wait, IDLE_SECONDS)


def _end_with_worker(line: int) -> None:
    """Wait until the worker ends; then kill this process and those that it started."""
    os.read(line, 1)
    os.killpg(0, signal.SIGKILL)


class Children:
    """The child processes and the files of one run, which has its own folder in this worker."""

    def __init__(self, folder: Path) -> None:
        self._has_ended = False
        self._folder, self._lock = folder, threading.Lock()
        self._idle: list[Process] = []
        self._busy: set[Process] = set()

    def keep(self, files: Mapping[str, bytes]) -> str:
        """Write files that trials need; return why it cannot be done, or ""."""
        if self._has_ended:
            return "the run is over"
        try:
            write_files(self._folder, files)
        except (OSError, RnnbenchError) as error:
            return str(error)
        if self._has_ended:
            self._sweep()
        return ""

    def take(self, program: str, modules: str) -> Process:
        """Return an idle child, best of all one that has compiled a program, or a new one."""
        with self._lock:
            if self._has_ended:
                raise RnnbenchError("the run is over")
            fresh = [each for each in self._idle if each.is_fresh()]
            stale = [each for each in self._idle if each not in fresh]
            fresh.sort(key=lambda each: each.program == program)
            self._idle = fresh
            child = fresh.pop() if fresh else Process(self._folder, self._folder / modules)
            child.program = program
            self._busy.add(child)
        for each in stale:
            each.clear()
        return child

    def put_back(self, child: Process) -> None:
        """Keep a child that has done its trial for the next."""
        with self._lock:
            self._busy.discard(child)
            if not self._has_ended:
                child.idle_since = time.monotonic()
                self._idle.append(child)
                return
        child.clear()

    def drop(self, child: Process) -> None:
        """End a child that is of no use any more."""
        with self._lock:
            self._busy.discard(child)
        child.clear()

    def end(self) -> None:
        """End all children, and remove all files of the run."""
        with self._lock:
            self._has_ended = True
            idle, self._idle = self._idle, []
            all_of_them = [*idle, *self._busy]
            for each in all_of_them:
                each.kill()
        for each in all_of_them:
            each.wait()
        for each in idle:  # the others are cleared by the threads that wait for them
            each.clear()
        self._sweep()

    def _sweep(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
