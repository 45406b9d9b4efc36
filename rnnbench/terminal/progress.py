"""How far a run has come, from its events: plain data, without a terminal or a clock."""

from collections import Counter
from dataclasses import dataclass
from math import nan

from rnnbench.runner.events import EpochEnded, Event, Failed, Finished, PhaseBegan, Planned
from rnnbench.training.epochs import TRAINING
from rnnbench.training.trial import Trial


@dataclass
class RunningTrial:
    """A trial in progress. All times are seconds by the same clock.

    Attributes:
        trial: the trial.
        worker: the name of its worker in a cluster; else empty.
        phase: the phase that it is in.
        since: when the phase began.
        epoch: the last epoch that ended.
        loss: the training loss of that epoch.
        accuracy: the training accuracy of that epoch.
        epoch_ended: when that epoch ended.
        timed_from: the epoch and the time from which epochs are timed, after compilation.
    """

    trial: Trial
    worker: str
    phase: str
    since: float
    epoch: int = 0
    loss: float = nan
    accuracy: float = nan
    epoch_ended: float = 0.0
    timed_from: tuple[int, float] | None = None

    def begin(self, worker: str, phase: str, now: float) -> None:
        """Enter a phase."""
        self.worker, self.phase, self.since = worker, phase, now
        if not self.epoch:
            self.timed_from = (0, now) if phase == TRAINING else None

    def end_epoch(self, event: EpochEnded, now: float) -> None:
        """Record the end of an epoch; the first one may have included compilation."""
        if self.phase != TRAINING:
            self.phase, self.since = TRAINING, now
        self.timed_from = self.timed_from or (event.epoch, now)
        self.epoch, self.loss, self.accuracy = event.epoch, event.loss, event.accuracy
        self.epoch_ended = now

    def timed(self) -> tuple[int, float]:
        """Return how many epochs were timed, and the seconds that they took."""
        if self.timed_from is None or self.epoch <= self.timed_from[0]:
            return 0, 0.0
        epoch, start = self.timed_from
        return self.epoch - epoch, self.epoch_ended - start

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds that its epochs still take; ``None`` if none has been timed."""
        epochs, seconds = self.timed()
        if not epochs:
            return None
        left = (self.trial.epochs - self.epoch) * seconds / epochs - (now - self.epoch_ended)
        return left if left > 0 else None


class RunProgress:
    """How far the trials of a run, or of several in a row, have come.

    Attributes:
        planned: the epochs of each trial to train; a failed one lacks those that it did not reach.
        done: the epochs of each trial that have ended.
        running: the trials in progress, in the order of their start.
        ended: how many have ended.
        start: when the first trials were planned; ``None`` before.
    """

    def __init__(self) -> None:
        self.planned: Counter[Trial] = Counter()
        self.done: Counter[Trial] = Counter()
        self.running: dict[Trial, RunningTrial] = {}
        self.ended = 0
        self.start: float | None = None
        self._timed_work, self._timed_seconds = 0, 0.0
        """The arithmetic of all timed epochs of trials that are over, and how long it took."""
        self._compilations: list[float] = []
        """The seconds of each phase that ended with the first epoch."""
        self._last_end = 0.0
        """When the last epoch or trial ended."""

    def note(self, event: Event, now: float) -> None:
        """Take an event into account."""
        match event:
            case Planned(to_train):
                self.planned.update({trial: trial.epochs for trial in to_train})
                self.start = now if self.start is None else self.start
            case PhaseBegan(trial, phase, worker):
                running = self.running.setdefault(trial, RunningTrial(trial, worker, phase, now))
                running.begin(worker, phase, now)
            case EpochEnded(trial, 0, worker=worker):
                self.done[trial] = 0
                self._keep_times(trial)  # it starts again if its worker died
                self.running[trial] = RunningTrial(trial, worker, "starting", now)
            case EpochEnded(trial, epoch):
                self.done[trial] = min(epoch, self.planned[trial])
                if trial in self.running:  # the last epoch may be reported after the end
                    self._end_epoch(self.running[trial], event, now)
            case Finished(trial) | Failed(trial):
                if isinstance(event, Failed):
                    self.planned[trial] = self.done[trial]
                self._keep_times(trial)
                self.running.pop(trial, None)
                self.ended += 1
                self._last_end = now

    def _end_epoch(self, running: RunningTrial, event: EpochEnded, now: float) -> None:
        if running.timed_from is None:
            self._compilations.append(now - running.since)
        running.end_epoch(event, now)
        self._last_end = now

    def _keep_times(self, trial: Trial) -> None:
        if trial in self.running:
            epochs, seconds = self.running[trial].timed()
            self._timed_work += epochs * trial.work
            self._timed_seconds += seconds

    @property
    def n_trials(self) -> int:
        """The number of trials to train, including those that have ended."""
        return len(self.planned)

    def work(self) -> tuple[int, int]:
        """Return how much is done and planned: epochs, each weighted by its arithmetic."""
        done, planned = (
            sum(epochs * trial.work for trial, epochs in counts.items())
            for counts in (self.done, self.planned)
        )
        return done, planned

    def share(self) -> float:
        """Return the share of the work that is done; without networks, of the trials."""
        done, planned = self.work()
        return done / planned if planned else self.ended / max(self.n_trials, 1)

    def seconds_left(self, now: float) -> float | None:
        """Return an estimate of the time left; ``None`` if nothing has been timed.

        The arithmetic left is assumed to go on at the speed of the epochs so far, in as many trials
        side by side as are running now. Each program still to be compiled is assumed to take as
        long as those so far. Without networks, each trial left takes as long as those that ended.
        """
        done, planned = self.work()
        if not planned and self.ended and self.start is not None:
            left = (self._last_end - self.start) * (self.n_trials - self.ended) / self.ended
        elif (speed := self._speed()) and done < planned:
            left = (planned - done) / speed + self._seconds_to_compile()
            left /= max(len(self.running), 1)
        else:
            return None
        of_trials = (trial.seconds_left(now) or 0.0 for trial in self.running.values())
        return max(left - (now - self._last_end), *of_trials, 0.0) or None

    def _speed(self) -> float:
        """Return the arithmetic per second in one trial; 0 before an epoch is timed."""
        work, seconds = self._timed_work, self._timed_seconds
        for running in self.running.values():
            epochs, its_seconds = running.timed()
            work, seconds = work + epochs * running.trial.work, seconds + its_seconds
        return work / seconds if seconds else 0.0

    def _seconds_to_compile(self) -> float:
        """Return an estimate of the time to compile the programs that no epoch has run yet."""
        if not self._compilations:
            return 0.0
        done = self.done
        to_come = {trial.program for trial, n in self.planned.items() if n and not done[trial]}
        compiled = {trial.program for trial, epochs in done.items() if epochs}
        mean = sum(self._compilations) / len(self._compilations)
        return len(to_come - compiled) * mean
