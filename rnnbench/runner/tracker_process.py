"""A tracker in a process of its own.

So it may print, wait for a server, or die: the trainings go on, and standard output has the
results alone.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rnnbench.config.schema import Benchmark
from rnnbench.errors import RnnbenchError, shortened
from rnnbench.registry import PluginError, blame
from rnnbench.runner.processes import last_words, print_to, start_process
from rnnbench.tracking import TRACKERS
from rnnbench.training.trial import Trial

LEAVE_SECONDS = 5.0
"""The time that a process has to end after its tracker has finished or failed."""
ORPHAN_SECONDS = 10.0
"""The time that a tracker has to finish when the process of the run was killed."""
LONGEST_REASON = 500
"""The most characters that are kept of a tracker's error."""
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
"""Those that terminals and schedulers send to all processes: that of the run ends the trackers."""

Call = tuple[str, int, tuple[Any, ...]]
"""The name of a method of ``Tracker``, the position of a trial, and the other arguments."""


class TrackerProcess:
    """Calls the methods of a tracker, one after the other, without keeping the caller waiting.

    Args:
        name: of the tracker.
        folder: that it writes into; made if it is missing.
        benchmark: the config.
        trials: those that are to be trained.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, name: str, folder: Path, benchmark: Benchmark, trials: Sequence[Trial]):
        self.label = TRACKERS.label(name)
        self._log = _log_of(name, folder)
        self._connection, self._process = start_process(_work, name, folder)
        self._answer: str | None = None
        self._unsent: SimpleQueue[Any] = SimpleQueue()
        self._unsent.put((benchmark, trials))
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def call(self, method: str, place: int, *arguments: Any) -> None:
        """Call a method with the trial at a position, and with other arguments."""
        self._unsent.put((method, place, arguments))

    def close(self) -> None:
        """Have the tracker finish; nothing may be called after this."""
        self._unsent.put(None)

    def answer(self, seconds: float = 0.0) -> str | None:
        """Return why the tracker has failed, or "" if it has finished.

        ``None`` if it is still at work after ``seconds``.
        """
        try:
            if self._answer is None and self._connection.poll(seconds):
                self._answer = self._connection.recv()
        except (EOFError, OSError):
            died = f"{self.label} failed: its process died (killed, or out of memory?)"
            self._answer = f"{died}\n{last_words(self._log)}".rstrip()
        return self._answer

    def end(self) -> None:
        """End the process; one that has answered is about to end by itself."""
        if self.answer() is not None:
            self._process.join(LEAVE_SECONDS)
        self._process.kill()
        self._process.join()
        self.close()
        self._sender.join(LEAVE_SECONDS)
        self._connection.close()
        _remove_empty(self._log)

    def _send(self) -> None:
        """Send everything that there is to send; a tracker that is busy takes it later."""
        with suppress(OSError):  # it has died: ``answer`` says so
            message = self._unsent.get()
            while message is not None:
                self._connection.send(message)
                message = self._unsent.get()
            self._connection.send(None)


def _log_of(name: str, folder: Path) -> Path:
    """Return the file that receives everything that a tracker prints."""
    return folder / f"{name}.log"


def _remove_empty(log: Path) -> None:
    with suppress(OSError):
        if log.stat().st_size == 0:
            log.unlink()


def _work(connection: "Connection[Any, Any]", name: str, folder: Path) -> None:
    """Make the tracker, and call what comes through ``connection``, in a process of its own."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_after_parent, daemon=True).start()
    answer = _failure(connection, name, folder) or ""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    _remove_empty(_log_of(name, folder))
    with suppress(OSError):  # nobody is there any more
        connection.send(answer)


def _failure(connection: "Connection[Any, Any]", name: str, folder: Path) -> str | None:
    """Return why the tracker failed; ``None`` if it has finished."""
    try:
        with blame(TRACKERS.label(name)):
            folder.mkdir(parents=True, exist_ok=True)
            log = _log_of(name, folder)
            log.unlink(missing_ok=True)
            print_to(log)
            _serve(connection, name, folder)
    except RnnbenchError as error:
        text = shortened(str(error).partition("\n")[0], LONGEST_REASON)
        return text if isinstance(error, PluginError) else f"{TRACKERS.label(name)} failed: {text}"
    return None


def _serve(connection: "Connection[Any, Any]", name: str, folder: Path) -> None:
    try:
        tracker = TRACKERS[name]()
        benchmark, trials = connection.recv()
        tracker.start(folder, benchmark, trials)
        for method, place, arguments in _calls(connection):
            getattr(tracker, method)(trials[place], *arguments)
        tracker.close()
    except BaseException:
        traceback.print_exc()  # for whoever writes a tracker
        raise


def _calls(connection: "Connection[Any, Any]") -> Iterator[Call]:
    """Yield calls until the run is over, also when its process was killed."""
    while True:
        try:
            call = connection.recv()
        except (EOFError, OSError):
            return
        if call is None:
            return
        yield call


def _end_after_parent() -> None:
    """End this process some time after that of the run was killed, whatever the tracker does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        time.sleep(ORPHAN_SECONDS)
        os._exit(1)
