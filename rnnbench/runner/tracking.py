"""Trackers are told of the events of a run, and named if they fail, which does not end the run."""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnbench.analysis.summary import metrics_of
from rnnbench.config.schema import Benchmark
from rnnbench.runner.events import EpochEnded, Event, Failed, Finished, Listener, Planned
from rnnbench.runner.tracker_process import TrackerProcess
from rnnbench.storage import TRACKING
from rnnbench.tracking import TRACKERS
from rnnbench.training.outcome import History
from rnnbench.training.trial import Trial

log = logging.getLogger(__name__)

FINISH_SECONDS = 60.0
"""The time that trackers have at the end of a run."""
NOTICE_SECONDS = 5.0
"""The time after which the user is told what the run waits for."""


@contextmanager
def tell_trackers(benchmark: Benchmark, folder: Path) -> Iterator[Listener]:
    """Yield a listener that tells the trackers of a benchmark what happens, and end them after it.

    Args:
        benchmark: names its trackers.
        folder: of the run; trackers write into ``tracking`` in it.
    """
    if not benchmark.tracking:
        yield lambda _: None
        return
    trackers = _Trackers(benchmark, folder / TRACKING)
    try:
        yield trackers
    except KeyboardInterrupt:  # a second one; the first one ends a run in good order
        raise
    except BaseException:
        trackers.finish()
        raise
    else:
        trackers.finish()
    finally:
        trackers.end()


class _Trackers:
    """The trackers of a run.

    Whatever an executor reports or leaves out, they are told of the start of each trial, then of
    all its epochs in their order, then of its end.
    """

    def __init__(self, benchmark: Benchmark, folder: Path):
        self._benchmark, self._folder = benchmark, folder
        self._processes: list[TrackerProcess] = []
        self._places: dict[Trial, int] = {}
        """The positions of the trials that have not ended."""
        self._told: dict[Trial, int] = {}
        """The last epoch of each running trial that the trackers were told of."""

    def __call__(self, event: Event) -> None:
        match event:
            case Planned(to_train) if to_train:
                self._start(to_train)
            case EpochEnded(trial, epoch, loss, accuracy) if trial in self._places:
                if epoch == 0 or trial not in self._told:
                    self._begin(trial)
                if epoch == self._told[trial] + 1:
                    self._tell_epoch(trial, loss, accuracy)
            case Finished(trial, result=result) if result is not None:
                self._catch_up(trial, result.record.history)
                self._end(trial, "trial_finished", result, metrics_of(result))
            case Failed(trial, reason):
                self._catch_up(trial, History())
                self._end(trial, "trial_failed", reason)

    def _start(self, trials: Sequence[Trial]) -> None:
        self._places = {trial: place for place, trial in enumerate(trials)}
        for name in self._benchmark.tracking:
            try:
                process = TrackerProcess(name, self._folder, self._benchmark, trials)
            except OSError as error:
                log.warning("%s failed: no process: %s", TRACKERS.label(name), error.strerror)
            else:
                self._processes.append(process)

    def _begin(self, trial: Trial) -> None:
        self._told[trial] = 0
        self._tell(trial, "trial_started")

    def _tell_epoch(self, trial: Trial, loss: float, accuracy: float) -> None:
        self._told[trial] += 1
        self._tell(trial, "epoch_ended", self._told[trial], loss, accuracy)

    def _catch_up(self, trial: Trial, history: History) -> None:
        """Tell of the start and of the epochs that the executor has left out."""
        if trial not in self._told:
            self._begin(trial)
        epochs = list(zip(history.loss, history.accuracy, strict=True))
        for scores in epochs[self._told[trial] :]:
            self._tell_epoch(trial, *(math.nan if score is None else score for score in scores))

    def _end(self, trial: Trial, method: str, *arguments: Any) -> None:
        self._tell(trial, method, *arguments)
        del self._told[trial], self._places[trial]

    def _tell(self, trial: Trial, method: str, *arguments: Any) -> None:
        for process in list(self._processes):
            process.call(method, self._places[trial], *arguments)
            if (failure := process.answer()) is not None:
                self._processes.remove(process)
                process.end()
                log.warning("%s; the run goes on without it", failure)

    def finish(self) -> None:
        """Have all trackers finish, and wait for them."""
        deadline = time.monotonic() + FINISH_SECONDS
        for process in self._processes:
            process.close()
        for process in self._processes:
            if failure := _last_answer(process, deadline):
                log.warning("%s", failure)

    def end(self) -> None:
        """End the processes of all trackers."""
        for process in self._processes:
            process.end()


def _last_answer(process: TrackerProcess, deadline: float) -> str:
    """Return why a tracker failed, or "" if it has finished."""
    answer = process.answer(NOTICE_SECONDS)
    left = max(deadline - time.monotonic(), 0.0)
    if answer is None and left:
        log.warning("waiting for %s, for %.0f s at most", process.label, left)
        answer = process.answer(left)
    if answer is None:
        return f"{process.label} did not finish within {FINISH_SECONDS:.0f} s, and was ended"
    return answer
