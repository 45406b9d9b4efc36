"""Trackers follow the events of a run, each in a thread, so that no training waits.

``with tell_trackers(benchmark, folder) as listener: ...``
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from contextvars import ContextVar
from math import nan
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from rnnbench.analysis.trial_metrics import metrics_of
from rnnbench.config.schema import Benchmark
from rnnbench.errors import RnnbenchError, leave_signals_to_main_thread, shortened
from rnnbench.registry import PluginError, blame
from rnnbench.runner.events import (
    Ended,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Listener,
    Planned,
)
from rnnbench.storage import TRACKING
from rnnbench.tracking import TRACKERS
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)
FINISH_SECONDS = 60.0  # the time that trackers have at the end of a run
NOTICE_SECONDS = 5.0  # after which a notice says what the run waits for
PRINTS_INTO: ContextVar[IO[str] | None] = ContextVar("prints into", default=None)
"""The file that gets what the thread of a tracker prints; each thread has its own."""
LONGEST_REASON = 500  # the most characters that are kept of a tracker's error


@contextmanager
def tell_trackers(benchmark: Benchmark, folder: Path) -> Iterator[Listener]:
    """Yield a listener that tells trackers; end them after the block.

    They write into ``tracking`` in ``folder``.
    """
    if not benchmark.tracking:
        yield lambda _: None
        return
    trackers = _Trackers(benchmark, folder / TRACKING)
    stdout = cast(IO[str], _ByThread(sys.stdout))
    stderr = cast(IO[str], _ByThread(sys.stderr))
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            yield trackers
        except KeyboardInterrupt:  # the second: the first ends a run in good order
            for thread in trackers.threads:
                thread.stop()
            trackers.threads.clear()
            raise
        finally:
            trackers.finish()


class _Trackers:
    """The trackers of a run.

    They hear of the start of each trial, of all its epochs, and of its end.
    """

    def __init__(self, benchmark: Benchmark, folder: Path):
        self._benchmark = benchmark
        self._folder = folder
        self.threads: list[TrackerThread] = []
        self._last: dict[Trial, int | None] = {}
        """The last epoch of each unfinished trial that they know; ``None`` before its
        start."""

    def __call__(self, event: Event) -> None:
        match event:
            case Planned(to_train) if to_train:
                self._last = dict.fromkeys(to_train)
                for name in self._benchmark.tracking:
                    thread = TrackerThread(name, self._folder)
                    thread.call("start", self._folder, self._benchmark, to_train)
                    thread.start()
                    self.threads.append(thread)
            case EpochEnded(trial, epoch, loss, score) if trial in self._last:
                if epoch == 0:  # perhaps again
                    self._last[trial] = None
                self._report_epochs(trial, (epoch, loss, score))
            case Finished(trial, result=result) if result and trial in self._last:
                self._report_epochs(trial, *_epochs_of(result))
                self._report("trial_finished", trial, result, metrics_of(result))
                del self._last[trial]
            case Failed(trial, reason) if trial in self._last:
                self._report_epochs(trial)
                self._report("trial_failed", trial, reason)
                del self._last[trial]
            case Ended():
                self.finish()

    def _report_epochs(self, trial: Trial, *epochs: tuple[int, float, float]) -> None:
        """Report the start of a trial and epochs that were not reported before."""
        last = self._last[trial]
        if last is None:
            last = 0
            self._report("trial_started", trial)
        for epoch, loss, score in epochs:
            # The executor may leave some out; the result has them all.
            if epoch == last + 1:
                self._report("epoch_ended", trial, epoch, loss, score)
                last = epoch
        self._last[trial] = last

    def _report(self, method: str, *arguments: object) -> None:
        for thread in list(self.threads):
            thread.call(method, *arguments)
            if thread.failure:
                self.threads.remove(thread)
                log.warning("%s; the run goes on without it", thread.failure)

    def finish(self) -> None:
        """Have the trackers close, and wait for them, but not for ever."""
        ending = list(self.threads)
        self.threads.clear()
        for thread in ending:
            thread.call("close")
            thread.stop()
        deadline = time.monotonic() + FINISH_SECONDS
        try:
            for thread in ending:
                thread.join(NOTICE_SECONDS)
                left = deadline - time.monotonic()
                if thread.is_alive() and left > 0:
                    message = "waiting for %s, for %.0f s at most, or until Ctrl-C"
                    log.warning(message, thread.label, left)
                    thread.join(left)
                if thread.is_alive():
                    message = "%s did not finish within %.0f s, and was left out"
                    log.warning(message, thread.label, FINISH_SECONDS)
                elif thread.failure:
                    log.warning("%s", thread.failure)
        except KeyboardInterrupt:  # nothing else is awaited: all trials are stored
            log.warning("trackers that had not finished were left out")


def _epochs_of(result: TrialResult) -> Iterator[tuple[int, float, float]]:
    """Yield the number, the loss and the score of each epoch of a training."""
    history = result.record.history
    curves = zip(history.loss, history.score, strict=False)
    for epoch, (loss, score) in enumerate(curves, start=1):
        yield epoch, _number(loss), _number(score)


def _number(value: float | None) -> float:
    return nan if value is None else value


class TrackerThread(threading.Thread):
    """Calls the methods of a tracker, one by one, until it is stopped or fails."""

    def __init__(self, name: str, folder: Path):
        # By its name, the end of a process knows it.
        super().__init__(daemon=True, name=f"tracker {name}")
        self.label = TRACKERS.label(name)
        self.failure = ""
        self._tracker = name
        self._folder = folder
        self._calls: SimpleQueue[tuple[str, tuple[object, ...]] | None] = SimpleQueue()

    def call(self, method: str, *arguments: object) -> None:
        """Have a method of the tracker called after those before."""
        self._calls.put((method, arguments))

    def stop(self) -> None:
        """Have the thread end after the calls before."""
        self._calls.put(None)

    def run(self) -> None:
        """Make the tracker and call it; keep the reason if that fails."""
        leave_signals_to_main_thread()  # they must wake it
        path = self._folder / f"{self._tracker}.log"
        try:
            with blame(self.label):
                self._folder.mkdir(parents=True, exist_ok=True)
                with path.open("w", buffering=1, encoding="utf-8") as file:
                    PRINTS_INTO.set(file)
                    try:
                        tracker = TRACKERS[self._tracker]()
                        for method, arguments in iter(self._calls.get, None):
                            getattr(tracker, method)(*arguments)
                    except BaseException:
                        traceback.print_exc()  # for whoever writes a tracker
                        raise
        except PluginError as error:  # it names the tracker
            self.failure = _in_short(error)
        except RnnbenchError as error:
            self.failure = f"{self.label} failed: {_in_short(error)}"
        finally:
            PRINTS_INTO.set(None)
            with suppress(OSError):
                if path.stat().st_size == 0:
                    path.unlink()


def _in_short(error: RnnbenchError) -> str:
    return shortened(str(error).partition("\n")[0], LONGEST_REASON)


class _ByThread:
    """A stream in place of which the threads of trackers have their logs."""

    def __init__(self, stream: IO[str]):
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._current(), name)

    def write(self, text: str) -> int:  # a method of its own, because libraries wrap it
        return self._current().write(text)

    def _current(self) -> IO[str]:
        return PRINTS_INTO.get() or self._stream
