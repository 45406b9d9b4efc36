"""A run in a worker of a Dask cluster: what it needs there, and the children that
train.
"""

import os
import pickle
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import rnnbench
from rnnbench.environment import versions
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models import code
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.runner.events import Report
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.workers import Child, Died, Done, work
from rnnbench.storage import sha256_file
from rnnbench.text import listed
from rnnbench.training.trial import Trial

TOPIC = "rnnbench"  # of the events of all runs: the scheduler keeps each topic for good
REPORT_SECONDS, LOOK_SECONDS = (
    0.5,
    1.0,
)  # between two events of a trial, and two looks at its child
END_SECONDS = 3.0  # for killed children to be gone
MOST_BYTES = 2**30  # sent to each worker; they pass through the scheduler's memory
PYTHON, CODE = "Python", "code of rnnbench"  # beside the names of packages
NO_PACKAGES = {PYTHON, CODE, "rnnbench"}  # whose versions are compared, too
MODULES = "modules"  # the folder of the modules that travel
OTHER_CODE = (
    "different rnnbench code (same version, but another commit or local changes)"
)


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions on this machine, and the SHA-256 of rnnbench's files, by
    name.
    """
    python, folder = (
        platform.python_version().rpartition(".")[0],
        Path(rnnbench.__file__).parent,
    )
    return {PYTHON: python, CODE: code.sha256_of(folder)} | versions(packages)


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return what differs at a worker, such as ``keras 3.10.0 (here: 3.11.0)``."""
    return [
        OTHER_CODE if name == CODE else f"{name} {there[name]} (here: {version})"
        for name, version in here.items()
        if there[name] != version
    ]


def describe_differences(
    found: Mapping[str, Sequence[str]], here: Mapping[str, str]
) -> str:
    """Return what differs at workers, by their names, and what to do."""
    names = dict.fromkeys(
        line.split()[0] for of_worker in found.values() for line in of_worker
    )
    exact = [
        f"{name}=={here[name]}" for name in names if name in here.keys() - NO_PACKAGES
    ]
    install = f" (pip install {shlex.join(exact)})" if exact else ""
    head = "workers differ from this machine in what can change results:"
    advice = f"use the same versions and the same commit there{install}"
    return "\n".join([head, *grouped(found), advice])


def grouped(found: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each thing that was found at workers, by their names."""
    workers: dict[str, list[str]] = {}
    for name, of_worker in found.items():
        for line in of_worker:
            workers.setdefault(line, []).append(name)
    return [f"  {line}: {listed(where, 3)}" for line, where in workers.items()]


def pack(
    trials: Sequence[Trial], corpora: Mapping[str, Path]
) -> tuple[bytes, dict[str, str]]:
    """Return a zip file of what trials need, and the name in it, a sha256, of each
    corpus.

    ``MODULES`` has the modules of ``python:`` models that are not installed, what they
    import from beside them, and all Python files of packages around them.
    """
    networks = (
        trial.model for trial in trials if isinstance(trial.model, PythonNetwork)
    )
    left = {network.python.partition(":")[0] for network in networks}
    own: set[str] = set()
    while left:
        if not code.is_installed(module := left.pop()):
            own.add(module)
            left |= set(code.imported_beside(module)) - own
    found = [item for module in own for item in code.files_of(module).items()]
    files = {f"{MODULES}/{name}": file for name, file in found}
    needed = {trial.corpus_fingerprint for trial in trials}
    names = {key: f"{sha256_file(corpora[key])}.npz" for key in needed}
    files |= {name: corpora[key] for key, name in names.items()}
    if (size := sum(file.stat().st_size for file in files.values())) > MOST_BYTES:
        hint = f"at most {MOST_BYTES:,} go to workers; use fewer documents, or run on this machine"
        raise UserError(f"corpora and modules have {size:,} bytes ({hint})")
    buffer = BytesIO()
    compressed: dict[str, Any] = {
        "compression": zipfile.ZIP_DEFLATED,
        "compresslevel": 1,
    }
    with zipfile.ZipFile(buffer, "w", strict_timestamps=False, **compressed) as opened:
        for name, file in files.items():
            opened.write(file, name)
    return buffer.getvalue(), names


class WorkerChild(Child):
    """A child process of a worker; it imports modules from ``place``, after all
    installed ones.
    """

    def __init__(self, folder: Path, place: Path):
        place.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="child-", dir=folder))
        log = self._folder / "log"
        ours, theirs = Pipe()
        super().__init__(ours, log)
        # Our end of the second pipe closes when this process ends, however it ends.
        line, self._line = Pipe(duplex=False)
        numbers = [theirs.fileno(), line.fileno()]
        # The child may not find rnnbench by itself: this process may have found it in
        # its folder.
        path = str(Path(rnnbench.__file__).parents[1])
        program = f"import sys; sys.path.append({path!r}); from {__name__} import main; main()"
        try:
            # ``multiprocessing`` starts no process from a daemonic worker.
            with log.open("ab") as printed:
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-P", "-c", program, *map(str, numbers), str(log)],
                    cwd=place,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    pass_fds=numbers,
                    # which hears no Ctrl-C of the worker's terminal
                    start_new_session=True,
                )
        finally:
            theirs.close()
            line.close()

    def carry_out(self, message: bytes, tell: Callable[[Report], None]) -> Done | Died:
        """Have it carry out a trial, and tell its progress, without most of many quick
        epochs.
        """
        self.give(message)
        held, last = None, 0.0
        while True:
            has_ended = (
                self._process.poll() is not None
            )  # before looking for a last report
            if not (self.connection.poll(LOOK_SECONDS) or has_ended):
                continue
            report, now = self.receive(), time.monotonic()
            if (
                isinstance(report, tuple)
                and report[0] > 0
                and now - last < REPORT_SECONDS
            ):
                held = report
                continue
            if held is not None and not isinstance(report, tuple | Died):
                tell(held)
            held, last = None, now
            if isinstance(report, Done | Died):
                return report
            tell(report)

    def end(self) -> None:
        """Kill the process and those that it started, and remove its files; once
        only.
        """
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)


def main() -> None:
    """Carry out trials in a child process; the command line has its pipes and its
    log.
    """
    connection, line, log = sys.argv[1:]

    def end_with_worker() -> None:
        os.read(int(line), 1)  # returns when the worker has ended
        os.killpg(0, signal.SIGKILL)

    work(Connection(int(connection)), 1, Path(log), end_with_worker)


class RunOnWorker:
    """The child processes and the files of one run, which has its own folder in this
    worker.
    """

    def __init__(self, folder: Path):
        self._folder, self._place = folder, folder / MODULES
        self._lock, self._has_ended = threading.Lock(), False
        self._children: set[WorkerChild] = set()
        self._idle: list[WorkerChild] = []

    def begin(self, needed: Mapping[str, str], files: bytes) -> tuple[list[str], str]:
        """Unpack files; return what differs here, and why they cannot be written, or
        "".
        """
        if found := differences(installed(needed.keys() - NO_PACKAGES), needed):
            return found, ""
        try:
            with zipfile.ZipFile(BytesIO(files)) as packed:
                packed.extractall(self._folder)
        except OSError as error:
            return [], f"{self._folder}: cannot be written: {error.strerror}"
        return [], ""

    def carry_out(self, message: bytes, tell: Callable[[Report], None]) -> Any | Died:
        """Return the outcome of a trial, or the death of its child; tell of its
        progress.
        """
        from distributed import Reschedule

        with self._lock:
            if self._has_ended:
                raise Reschedule  # to another worker: this one is about to close
            child = (
                self._idle.pop()
                if self._idle
                else WorkerChild(self._folder, self._place)
            )
            self._children.add(child)
        try:
            end = child.carry_out(message, tell)
            if isinstance(end, Done):
                self._idle.append(child)
                return end.outcome
            if self._has_ended:
                raise Reschedule
            return end
        finally:
            with self._lock:
                useless = self._children & {child} - {*self._idle}
                self._children -= useless
            for child in useless:
                child.end()

    def end(self) -> None:
        with self._lock:
            self._has_ended = True
            children, self._children = self._children, set()
        for child in children:
            child.end()
        shutil.rmtree(self._folder, ignore_errors=True)


def carry_out(run: str, message: bytes) -> bytes:
    """Have a child carry out a pickled task; return outcome and facts of ``Machine``,
    pickled.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    key, name = worker.get_current_task(), str(worker.name)

    def tell(report: Report) -> None:
        worker.log_event(TOPIC, {"key": key, "name": name, "report": report})

    try:
        # The client may be unable to read what a model of the user's own has made.
        outcome = pickle.dumps(worker.plugins[run].there.carry_out(message, tell))
    except Reschedule:
        raise
    except (
        Exception
    ) as error:  # a full disk, no more processes, an outcome that is none
        outcome = pickle.dumps(
            TrialFailure(f"{type(error).__name__}: {error}", is_of_machine=True)
        )
    here = {"worker": name, "address": worker.address, "host": platform.node()}
    here |= {"python": platform.python_version(), "platform": platform.platform()}
    return pickle.dumps((outcome, here))


def prepare(
    begin: Callable[[Trial], None], fingerprint: str, corpus: Path, trial: Trial
) -> None:
    """Prepare a trial in a child, if documents and code are those that it was planned
    with.
    """
    if not corpus.is_file() or sha256_file(corpus) != corpus.stem:
        raise RnnbenchError(f"{corpus.name} is gone, or was changed after it was sent")
    if (
        replace(trial).fingerprint != fingerprint
    ):  # it brought along that of the other machine
        reason = "the code of the model, or of its package, differs from that where the run was"
        raise UserError(f"{reason} started (install the same there)")
    begin(trial)
