"""What the user sees while waiting: bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from rnnbench.cli.console import err
from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.data.fetch import silent
from rnnbench.runner.events import EpochEnded, Event, Failed, Finished, Listener, Planned
from rnnbench.training.trial import Trial

WIDE = 100
"""Columns from which on there is room for bars."""
DRAW_INTERVAL = 0.1
"""Seconds between two drawings of the bars."""
PLAIN_INTERVAL = 30.0
"""Seconds between two lines about trials in progress, where there is no terminal."""


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield what shows downloads: a bar on a terminal, a line at the start elsewhere."""
    if quiet:
        yield silent
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def on_bytes(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
            if err.is_terminal:
                bar.start()
            else:
                err.print(what, soft_wrap=True)
        bar.update(tasks[what], completed=done, total=total)

    try:
        yield on_bytes
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[Listener]:
    """Yield what shows running trials: a bar each on a terminal, plain lines elsewhere."""
    if quiet:
        yield lambda _: None
    elif err.is_terminal:
        bars = _Bars()
        with bars.progress:
            yield bars
    else:
        yield _Lines()


def _say_what_is_planned(plan: Planned) -> None:
    if plan.stored:
        trials = len(plan.stored) + len(plan.to_train)
        err.print(
            f"{len(plan.stored)} of {trials} trials are stored and not trained again "
            "(--fresh trains them)"
        )


def _say_what_ended(event: Finished | Failed) -> None:
    if isinstance(event, Failed):
        outcome = f"failed: {event.reason}"
    else:
        outcome = f"test accuracy {event.accuracy:.4f}, {event.seconds:.1f} s"
    err.print(f"{event.trial}: {outcome}", soft_wrap=True)


class Effort:
    """How much of the planned work is done: epochs, each weighed by its arithmetic.

    Attributes:
        trials: planned ones.
        epochs_planned: of all trials.
        epochs_done: so far.
        planned: the work of all epochs.
        done: the work of those that ended.
        left: epochs that each trial still has to train.
    """

    def __init__(self, trials: Sequence[Trial]):
        self.trials = len(trials)
        self.left = {trial: trial.epochs for trial in trials}
        self.epochs_planned = sum(self.left.values())
        self.planned = sum(epochs * trial.work for trial, epochs in self.left.items())
        self.epochs_done = self.done = 0

    def count(self, trial: Trial) -> None:
        """Note that an epoch of ``trial`` ended."""
        if self.left.get(trial):
            self.left[trial] -= 1
            self.epochs_done += 1
            self.done += trial.work

    def give_up(self, trial: Trial) -> None:
        """Note that ``trial`` failed: what is left of it will not be trained."""
        epochs = self.left.pop(trial, 0)
        self.epochs_planned -= epochs
        self.planned -= epochs * trial.work


class _Bars:
    """A bar for all epochs of all trials, and one for each running trial."""

    def __init__(self) -> None:
        is_wide = err.width >= WIDE
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            *([BarColumn(bar_width=24)] if is_wide else []),
            TextColumn("{task.fields[epochs]}", justify="right"),
            TextColumn("{task.fields[scores]}", markup=False),
            *([TimeElapsedColumn()] if is_wide else []),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            auto_refresh=False,  # a thread that draws would race with the lines that are printed
        )
        self.last_drawn = 0.0
        self.running: dict[Trial, TaskID] = {}
        self.finished = 0
        self.overall: TaskID | None = None
        self.effort = Effort([])

    def __call__(self, event: Event) -> None:
        self._note(event)
        now = time.monotonic()
        if now - self.last_drawn >= DRAW_INTERVAL or not isinstance(event, EpochEnded):
            self.last_drawn = now
            self.progress.refresh()

    def _note(self, event: Event) -> None:
        match event:
            case Planned(to_train):
                _say_what_is_planned(event)
                self.effort = Effort(to_train)
                self.overall = self.progress.add_task("", epochs="", scores="epochs in all")
                self._show_overall()
            case EpochEnded(trial, 0):
                self._take_away(trial)  # its bar of before, where its worker died
                epochs = _of(0, trial.epochs) if trial.epochs else ""
                self.running[trial] = self.progress.add_task(
                    str(trial), total=trial.epochs or None, epochs=epochs, scores="starting"
                )
            case EpochEnded(trial, epoch, loss, accuracy):
                self.effort.count(trial)
                # The last epoch may be told of after the trial's end.
                if trial in self.running:
                    self.progress.update(
                        self.running[trial],
                        completed=epoch,
                        epochs=_of(epoch, trial.epochs),
                        scores=f"loss {loss:.4f}  accuracy {accuracy:.4f}",
                    )
                self._show_overall()
            case Finished(trial) | Failed(trial):
                self._take_away(trial)
                if isinstance(event, Failed):
                    self.effort.give_up(trial)
                self.finished += 1
                self._show_overall()
                _say_what_ended(event)

    def _take_away(self, trial: Trial) -> None:
        if trial in self.running:
            self.progress.remove_task(self.running.pop(trial))

    def _show_overall(self) -> None:
        if self.overall is not None:
            self.progress.update(
                self.overall,
                description=f"{self.finished} of {self.effort.trials} trials",
                completed=self.effort.done,
                total=self.effort.planned,
                epochs=_of(self.effort.epochs_done, self.effort.epochs_planned),
            )


def _of(done: int, planned: int) -> str:
    """Return ``done/planned``, as wide at the start as at the end."""
    return f"{done:>{len(str(planned))}}/{planned}"


class _Lines:
    """A line when a trial starts and ends, and one now and then in between."""

    def __init__(self) -> None:
        self.start = 0.0
        self.last_line: dict[Trial, float] = {}
        self.effort = Effort([])

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        match event:
            case Planned(to_train):
                _say_what_is_planned(event)
                self.start = now
                self.effort = Effort(to_train)
            case EpochEnded(trial, 0):
                self.last_line[trial] = now
                err.print(f"{trial}: started", soft_wrap=True)
            case EpochEnded(trial, epoch, loss, accuracy):
                self.effort.count(trial)
                if now - self.last_line.get(trial, now) >= PLAIN_INTERVAL:
                    self.last_line[trial] = now
                    err.print(
                        f"{trial}: epoch {epoch} of {trial.epochs}, loss {loss:.4f}, "
                        f"accuracy {accuracy:.4f}; {self._seconds_left(now):.0f} s left in all",
                        soft_wrap=True,
                    )
            case Finished(trial) | Failed(trial):
                if isinstance(event, Failed):
                    self.effort.give_up(trial)
                _say_what_ended(event)

    def _seconds_left(self, now: float) -> float:
        return (now - self.start) * (self.effort.planned / max(self.effort.done, 1) - 1)
