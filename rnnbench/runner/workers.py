"""Worker processes: one a job, with its share of the cores, silent, deaf to Ctrl-C."""

import gc
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import tempfile
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, TypeVar

from rnnbench.errors import RnnbenchError
from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.training.engines import OnEpoch
from rnnbench.training.trial import Trial

_T = TypeVar("_T")

Prepare = Callable[[int], None]

_reports: Queue | None = None
"""In a worker, where it reports its epochs."""


def usable_cores() -> int:
    """Return the cores this process may use, as affinity and container limits have it."""
    from joblib import cpu_count

    return cpu_count()


@dataclass(frozen=True)
class Workforce:
    """How many processes train side by side, and the threads of each."""

    jobs: int
    threads: int


def divide_cores(jobs: int | None) -> Workforce:
    """Return ``jobs`` processes, by default one a core, among which the cores are divided."""
    cores = usable_cores()
    jobs = jobs or cores
    return Workforce(jobs, max(1, cores // jobs))


@dataclass(frozen=True)
class Failure:
    """Why a trial failed, as plain text: TensorFlow's exceptions would bring TensorFlow along."""

    reason: str
    traceback: str


def attempt(function: Callable[[Trial, OnEpoch], Any], trial: Trial, file: Path) -> None:
    """Have a worker call ``function`` on a trial, reporting (trial, epoch, loss, accuracy).

    The file is there from its start, and holds in the end what was returned, or a ``Failure``. A
    pipe holds less: of a worker that was killed while it wrote, the pool would wait for the rest.
    """
    file.touch()
    file.write_bytes(pickle.dumps(_attempt(function, trial)))


def _attempt(function: Callable[[Trial, OnEpoch], _T], trial: Trial) -> _T | Failure:
    report = _reports.put if _reports else (lambda _: None)
    report((trial, 0, float("nan"), float("nan")))
    try:
        return function(trial, lambda epoch, loss, acc: report((trial, epoch, loss, acc)))
    except RnnbenchError as error:
        return Failure(str(error), "")
    except BaseException as error:  # SystemExit, too: code from outside may raise anything
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return Failure(reason, traceback.format_exc())


def take_outcome(file: Path) -> Any:
    """Return what ``attempt`` left in a file, and take the file away."""
    outcome = pickle.loads(file.read_bytes())  # noqa: S301 - a worker of ours wrote it
    file.unlink()
    return outcome


class Workers:
    """An executor of worker processes, their reports, and the folder of what they leave."""

    def __init__(self, executor: Executor, reports: Queue, folder: Path):
        self._executor, self._reports, self._folder = executor, reports, folder

    def submit(self, function: Callable[..., _T], *arguments: Any) -> "Future[_T]":
        """Have a worker call ``function``; a worker started for it ignores Ctrl-C from birth."""
        with _deaf_children():
            return self._executor.submit(function, *arguments)

    def new_file(self) -> Path:
        """Return a file for ``attempt``, which is not there yet."""
        return self._folder / uuid.uuid4().hex

    def reports(self) -> Iterator[tuple[Trial, int, float, float]]:
        """Yield what the workers have reported by now."""
        while True:
            try:
                yield self._reports.get_nowait()
            except queue.Empty:
                return

    def last_words(self) -> str:
        """Return the end of what the workers printed: why one died, perhaps."""
        texts = [file.read_text(errors="replace") for file in self._folder.glob("*.log")]
        lines = [line for text in texts for line in text.splitlines()]
        return "\n".join(lines[-10:])


@contextmanager
def start_workers(workforce: Workforce, prepare: Prepare) -> Iterator[Workers]:
    """Yield worker processes, which are gone when the block ends.

    Args:
        workforce: how many, and the threads of each.
        prepare: called in each with its number of threads, before it gets work.
    """
    context = multiprocessing.get_context("spawn")
    reports: Queue = context.Queue()
    others = set(multiprocessing.active_children())
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        pool = ProcessPoolExecutor(
            max_workers=workforce.jobs,
            mp_context=context,
            initializer=_start_worker,
            initargs=(reports, workforce.threads, Path(folder), prepare),
        )
        workers = Workers(pool, reports, Path(folder))
        try:
            # All processes start now: of one that is started later the pool may not notice the
            # death, for it watches those that there were when it was last given something to do.
            for _ in range(workforce.jobs):
                workers.submit(_do_nothing)
            yield workers
        finally:
            # Not waiting for trials in progress: after Ctrl-C nobody wants their results.
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            pool.shutdown(cancel_futures=True)


def _do_nothing() -> None:
    """Be called, so that there is a process to call it."""


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first moment, while the block runs."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change how signals are handled
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler or signal.SIG_DFL)


def _start_worker(reports: Queue, threads: int, folder: Path, prepare: Prepare) -> None:
    global _reports  # noqa: PLW0603 - a worker is a process of its own
    _reports = reports
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log = folder / f"{os.getpid()}.log"
    _print_to(log)
    os.environ |= QUIET_ON_CPU | {"OMP_NUM_THREADS": str(threads)}
    prepare(threads)
    os.truncate(log, 0)  # what TensorFlow says whenever it is imported explains nothing
    gc.freeze()  # what was imported stays; looking through it again and again costs seconds


def _end_with_parent() -> None:
    """Leave no worker behind when its parent is killed, and cannot end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _print_to(file: Path) -> None:
    """Send what this process and its libraries print, C++ ones too, to ``file``."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
