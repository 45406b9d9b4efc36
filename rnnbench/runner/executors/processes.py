"""Worker processes of the local executor: silent, and deaf to Ctrl-C."""

import gc
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.runner.executors.base import Task
from rnnbench.training.trial import Trial

Report = tuple[Trial, int, float, float]
"""A trial, the number of a finished epoch (0 at the start), its loss and its accuracy."""

_reports: "Queue[Report]"
"""In a worker, where it reports its epochs."""


class Workers:
    """A pool of worker processes, their reports, and the folder of the files they leave."""

    def __init__(self, pool: ProcessPoolExecutor, reports: "Queue[Report]", folder: Path):
        self._pool, self._reports, self._folder = pool, reports, folder

    def start(self, task: Task[Any], trial: Trial, corpus: Path, file: Path) -> "Future[None]":
        """Have a worker leave the outcome of a trial in ``file``."""
        return self.submit(_carry_out, task, trial, corpus, file)

    def submit(self, function: Callable[..., None], *arguments: Any) -> "Future[None]":
        """Have a worker call ``function``; a worker started for it ignores Ctrl-C from birth."""
        with _deaf_children():
            return self._pool.submit(function, *arguments)

    def new_file(self) -> Path:
        """Return a file for ``start``, which does not exist yet."""
        return self._folder / uuid.uuid4().hex

    def take_outcome(self, file: Path) -> Any:
        """Return the outcome that a worker left in a file, and remove the file."""
        outcome = pickle.loads(file.read_bytes())  # noqa: S301 - a worker of ours wrote it
        file.unlink()
        return outcome

    def reports(self) -> Iterator[Report]:
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
def start_workers(jobs: int, threads: int) -> Iterator[Workers]:
    """Yield ``jobs`` worker processes of ``threads`` threads; they end with the block."""
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    reports: Queue[Report] = context.Queue()
    others = set(multiprocessing.active_children())
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        pool = ProcessPoolExecutor(
            max_workers=jobs,
            mp_context=context,
            initializer=_start_worker,
            initargs=(reports, threads, Path(folder)),
        )
        workers = Workers(pool, reports, Path(folder))
        try:
            # All processes start now. The pool watches those that existed when it was last given
            # work; it might not notice the death of one that was started later.
            for _ in range(jobs):
                workers.submit(_do_nothing)
            yield workers
        finally:
            # Trials in progress are given up: after Ctrl-C nobody wants their results.
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            pool.shutdown(cancel_futures=True)


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


def _do_nothing() -> None:
    """Be called, so that there is a process to call it."""


def _carry_out(task: Task[Any], trial: Trial, corpus: Path, file: Path) -> None:
    """Leave the outcome of a trial in ``file``, which exists from its start.

    Outcomes do not go through the pool's pipe: if a worker were killed while it wrote to it, the
    pool would wait for the rest for ever.
    """

    def on_start() -> None:
        file.touch()
        os.truncate(_log_in(file.parent), 0)  # what libraries print on import explains nothing
        _freeze_imports()
        _reports.put((trial, 0, float("nan"), float("nan")))

    def on_epoch(epoch: int, loss: float, accuracy: float) -> None:
        _reports.put((trial, epoch, loss, accuracy))

    file.write_bytes(pickle.dumps(task.attempt(trial, corpus, on_start, on_epoch)))


@lru_cache(maxsize=1)
def _freeze_imports() -> None:
    """Keep the collector from searching imported modules over and over, which costs seconds."""
    gc.freeze()


def _start_worker(reports: "Queue[Report]", threads: int, folder: Path) -> None:
    global _reports  # noqa: PLW0603 - a worker is a process of its own
    _reports = reports
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _print_to(_log_in(folder))
    os.environ |= QUIET_ON_CPU | {"OMP_NUM_THREADS": str(threads)}


def _log_in(folder: Path) -> Path:
    """Return the file that this process prints to."""
    return folder / f"{os.getpid()}.log"


def _end_with_parent() -> None:
    """End this worker when its parent was killed and cannot end it."""
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
