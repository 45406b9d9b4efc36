"""A run in a worker of a Dask cluster: its files, and the children that train.

``carry_out`` is what Dask calls for each trial.
"""

import os
import pickle
import platform
import shutil
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from filelock import FileLock, Timeout

from rnnbench import RnnbenchError, UserError
from rnnbench.plugin import Done, Report, Trial, TrialFailure, sha256_file
from rnnbench.plugins.dask.packing import MODULES
from rnnbench.plugins.dask.versions import NO_PACKAGES, differences, installed
from rnnbench.plugins.dask.worker_child import WorkerChild

LOCK_SECONDS = 60.0  # to wait for another worker, which may stall
TOPIC = "rnnbench"  # of the events of all runs: the scheduler keeps each topic for good


class RunOnWorker:
    """The child processes and the files of one run, in its own folder in a worker."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._shared = folder.parents[2]  # by the workers of a machine
        self._lock_file = self._shared / f"{folder.name}.lock"
        self._lock = threading.Lock()
        self._has_ended = False
        self._children: set[WorkerChild] = set()
        self._idle: list[WorkerChild] = []

    def begin(
        self,
        needed: Mapping[str, str],
        modules: bytes,
        names: Sequence[str],
        ask_for_corpora: Callable[[], bytes],
    ) -> tuple[list[str], str]:
        """Get the files; return what differs here, and why they cannot be written.

        Both are empty if the run can begin. Of the workers of a machine, one after
        another looks for corpora of these names, and only the first asks for them.
        """
        here = installed(needed.keys() - NO_PACKAGES)
        lines = differences(here, needed)
        if lines:
            return lines, ""
        try:
            # A worker that was restarted must not write into files that others share.
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            self._unpack(modules)
            lock = FileLock(self._lock_file)
            with suppress(Timeout):
                lock.acquire(LOCK_SECONDS)
            try:
                if not all(map(self._link, names)):
                    self._unpack(ask_for_corpora())
            finally:
                lock.release()
        except OSError as error:
            return [], f"{self._folder}: cannot be written: {error.strerror}"
        return [], ""

    def _unpack(self, files: bytes) -> None:
        with zipfile.ZipFile(BytesIO(files)) as packed:
            packed.extractall(self._folder)

    def _link(self, name: str) -> bool:
        """Share the corpus of another worker in the same place; return whether it has
        one.
        """
        for corpus in self._shared.glob(f"*/rnnbench/{self._folder.name}/{name}"):
            with suppress(OSError):  # that worker has ended, or there are no links
                if sha256_file(corpus) == corpus.stem:
                    os.link(corpus, self._folder / name)
                    return True
        return False

    def carry_out(self, message: bytes, tell: Callable[[Report], None]) -> object:
        """Return the outcome of a trial, or the death of its child."""
        from distributed import Reschedule

        child = self._take_child()
        is_idle = False
        try:
            match child.carry_out(message, tell):
                case Done(outcome):
                    is_idle = True
                    return outcome
                case died:
                    if self._has_ended:
                        raise Reschedule
                    return died
        finally:
            self._give_back(child, is_idle=is_idle)

    def _take_child(self) -> WorkerChild:
        from distributed import Reschedule

        with self._lock:
            if self._has_ended:
                raise Reschedule  # to another worker: this one is about to close
            if self._idle:
                return self._idle.pop()
            child = WorkerChild(self._folder, self._folder / MODULES)
            self._children.add(child)
            return child

    def _give_back(self, child: WorkerChild, *, is_idle: bool) -> None:
        """Keep an idle child for the next trial, and end any other, once only."""
        with self._lock:
            if is_idle:
                self._idle.append(child)
                return
            if child not in self._children:
                return
            self._children.remove(child)
        child.end()

    def end(self) -> None:
        """End all children, and remove the files."""
        with self._lock:
            self._has_ended = True
            children = list(self._children)
            self._children.clear()
        for child in children:
            child.end()
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # another worker may need it, or have removed it
            self._lock_file.unlink()


def carry_out(run: str, message: bytes) -> bytes:
    """Have a child carry out a pickled task.

    Return the outcome, pickled, and the facts of ``Machine``, pickled together.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    key = worker.get_current_task()
    name = str(worker.name)

    def tell(report: Report) -> None:
        worker.log_event(TOPIC, {"key": key, "name": name, "report": report})

    try:
        # The client may be unable to read what a model of the user's own has made.
        outcome = pickle.dumps(worker.plugins[run].there.carry_out(message, tell))
    except Reschedule:
        raise
    except Exception as error:  # a full disk, no more processes, no real outcome
        reason = f"{type(error).__name__}: {error}"
        outcome = pickle.dumps(TrialFailure(reason, is_of_machine=True))
    machine = {
        "worker": name,
        "address": worker.address,
        "host": platform.node(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    return pickle.dumps((outcome, machine))


def prepare(
    begin: Callable[[Trial], None], fingerprint: str, corpus: Path, trial: Trial
) -> None:
    """Prepare a trial in a child, if it is the one that was planned.

    Its documents and its code must be the same as where the run was started.
    """
    if not corpus.is_file() or sha256_file(corpus) != corpus.stem:
        raise RnnbenchError(f"{corpus.name} is gone, or was changed after it was sent")
    here = replace(trial)  # which does not know the fingerprint of the other machine
    if here.fingerprint != fingerprint:
        reason = "the code of the model, or of its package, differs from that where"
        raise UserError(f"{reason} the run was started (install the same there)")
    begin(trial)
