"""The progress of downloads and trainings: bars on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.data.fetch import silent
from rnnbench.runner.events import Connected, EpochEnded, Event, Failed, Finished, Listener, Planned
from rnnbench.terminal.console import err
from rnnbench.training.trial import Trial
from rnnbench.words import counted

WIDE, MEDIUM = 100, 72
"""The widths, in columns, from which there is room for bars, and for loss and accuracy."""
DRAW_INTERVAL = 0.1
"""Seconds between two updates of the bars."""
PLAIN_INTERVAL = 30.0
"""Seconds between two lines about a running trial, if there is no terminal."""


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield a callback that shows downloads: as bars on a terminal, else as a line at the start."""
    if quiet:
        yield silent
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    description = TextColumn("{task.description}", markup=False)
    tasks: dict[str, TaskID] = {}
    bars = Progress(description, *columns, console=err, transient=True)

    def on_bytes(download: str, done: int, total: int | None) -> None:
        if download not in tasks:
            tasks[download] = bars.add_task(download, total=total)
            if not err.is_terminal:
                err.print(download, soft_wrap=True)
        bars.update(tasks[download], completed=done, total=total)

    with bars if err.is_terminal else nullcontext():
        yield on_bytes


@contextmanager
def show_steps(what: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback that shows which step begins: in a bar on a terminal, else as a line.

    It takes the name of the step, its number from 1, and the number of all steps.
    """
    if quiet:
        yield lambda *_: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    description = TextColumn("{task.description}", markup=False)
    bar = Progress(description, *columns, console=err, transient=True)
    task = bar.add_task(what, total=None)

    def on_step(name: str, number: int, total: int) -> None:
        bar.update(task, description=f"{what} {name}", completed=number - 1, total=total)
        if not err.is_terminal:
            err.print(f"{what} {number} of {total}: {name}", soft_wrap=True)

    with bar if err.is_terminal else nullcontext():
        yield on_step


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[Listener]:
    """Yield a listener that shows running trials: as bars on a terminal, else as lines."""
    if quiet:
        yield lambda _: None
    elif err.is_terminal:
        bars = _Bars()
        with bars.progress:
            yield bars
    else:
        yield _Lines()


class Effort:
    """How much of the planned training is done; both counters hold the epochs of each trial."""

    def __init__(self) -> None:
        self.planned: Counter[Trial] = Counter()
        self.done: Counter[Trial] = Counter()

    def note(self, event: Event) -> None:
        """Take an event into account; the rest of a failed trial is no longer planned."""
        match event:
            case Planned(to_train):
                self.planned.update({trial: trial.epochs for trial in to_train})
            case EpochEnded(trial, epoch):
                self.done[trial] = min(epoch, self.planned[trial])
            case Failed(trial):
                self.planned[trial] = self.done[trial]

    def work(self) -> tuple[int, int]:
        """Return how much is done and planned: epochs, weighted by the arithmetic of each."""
        done, planned = (
            sum(epochs * trial.work for trial, epochs in counts.items())
            for counts in (self.done, self.planned)
        )
        return done, planned


def _message(event: Event) -> str | None:
    match event:
        case Planned(to_train, stored) if stored:
            return (
                f"{len(stored)} of {len(stored) + len(to_train)} trials are stored already and are "
                "not trained again (--fresh trains them again)"
            )
        case Connected(scheduler, workers, cores, dashboard):
            link = f"; {dashboard}" if dashboard else ""
            return f"{scheduler}: {counted(workers, 'worker')} with {counted(cores, 'core')}{link}"
        case Finished(trial, accuracy, seconds):
            documents = "" if trial.part else "test "
            return f"{trial}: {documents}accuracy {accuracy:.4f}, {seconds:.1f} s"
        case Failed(trial, reason):
            return f"{trial}: failed: {reason}"
    return None


class _Bars:
    """A bar for all epochs of all trials, and one for each running trial."""

    def __init__(self) -> None:
        is_wide = err.width >= WIDE
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            *([BarColumn(bar_width=24)] if is_wide else []),
            TextColumn("{task.fields[epochs]}", justify="right"),
            *([TextColumn("{task.fields[scores]}", markup=False)] if err.width >= MEDIUM else []),
            *([TimeElapsedColumn()] if is_wide else []),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            auto_refresh=False,  # a thread that draws would race with the lines that are printed
        )
        self.last_drawn = 0.0
        self.running: dict[Trial, TaskID] = {}
        self.ended = 0
        self.overall: TaskID | None = None
        self.effort = Effort()

    def __call__(self, event: Event) -> None:
        self.effort.note(event)
        self._update_trial(event)
        self._update_overall()
        if message := _message(event):
            err.print(message, soft_wrap=True)
        now = time.monotonic()
        if now - self.last_drawn >= DRAW_INTERVAL or not isinstance(event, EpochEnded):
            self.last_drawn = now
            self.progress.refresh()

    def _update_trial(self, event: Event) -> None:
        match event:
            case Planned() if self.overall is None:  # a search plans again and again
                self.overall = self.progress.add_task("", epochs="", scores="epochs in all")
            case EpochEnded(trial, 0, worker=worker):
                self._remove(trial)  # it starts again if its worker died
                epochs = _of(0, trial.epochs) if trial.epochs else ""
                self.running[trial] = self.progress.add_task(
                    _on(trial, worker), total=trial.epochs or None, epochs=epochs, scores="starting"
                )
            case EpochEnded(trial, epoch, loss, accuracy) if trial in self.running:
                # The last epoch may be reported after the end of its trial.
                self.progress.update(
                    self.running[trial],
                    completed=epoch,
                    epochs=_of(epoch, trial.epochs),
                    scores=f"loss {loss:.4f}  accuracy {accuracy:.4f}",
                )
            case Finished(trial) | Failed(trial):
                self._remove(trial)
                self.ended += 1

    def _remove(self, trial: Trial) -> None:
        if trial in self.running:
            self.progress.remove_task(self.running.pop(trial))

    def _update_overall(self) -> None:
        if self.overall is not None:
            done, planned = self.effort.work()
            self.progress.update(
                self.overall,
                description=f"{self.ended} of {len(self.effort.planned)} trials",
                completed=done,
                total=planned,
                epochs=_of(self.effort.done.total(), self.effort.planned.total()),
            )


def _on(trial: Trial, worker: str) -> str:
    """Return the name of a trial, with its worker in a cluster, if there is one."""
    return f"{trial} on {worker}" if worker else str(trial)


def _of(done: int, planned: int) -> str:
    """Return ``done/planned``, padded to a constant width."""
    return f"{done:>{len(str(planned))}}/{planned}"


class _Lines:
    """A line when a trial starts and ends, and one now and then in between."""

    def __init__(self) -> None:
        self.start = 0.0
        self.last_line: dict[Trial, float] = {}
        self.effort = Effort()

    def __call__(self, event: Event) -> None:
        self.effort.note(event)
        now, message = time.monotonic(), _message(event)
        match event:
            case Planned():
                self.start = self.start or now
            case EpochEnded(trial, 0, worker=worker):
                self.last_line[trial] = now
                message = f"{_on(trial, worker)}: started"
            case EpochEnded(trial, epoch, loss, accuracy):
                if now - self.last_line.get(trial, now) >= PLAIN_INTERVAL:
                    self.last_line[trial] = now
                    message = (
                        f"{trial}: epoch {epoch} of {trial.epochs}, loss {loss:.4f}, "
                        f"accuracy {accuracy:.4f}; {self._seconds_left(now):.0f} s left in total"
                    )
        if message:
            err.print(message, soft_wrap=True)

    def _seconds_left(self, now: float) -> float:
        done, planned = self.effort.work()
        return (now - self.start) * (planned / max(done, 1) - 1)
