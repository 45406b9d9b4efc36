"""The progress of downloads and trainings: bars on a terminal, plain lines elsewhere."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.segment import ControlType
from rich.table import Column

from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.data.fetch import silent
from rnnbench.runner.events import Connected, EpochEnded, Event, Failed, Finished, Listener, Planned
from rnnbench.terminal.console import DRAWING, err
from rnnbench.terminal.progress import RunProgress
from rnnbench.terminal.rows import ASCII, UNICODE, frame, without_middle
from rnnbench.text import counted
from rnnbench.training.phases import TRAINING
from rnnbench.training.trial import Trial

TICK_SECONDS = 0.5
"""Seconds between two updates of the rows. A slow terminal delays only these, not the training."""
LONG_PHASE = 5.0
"""Seconds after which a phase is named, if there is no terminal."""
SPEED_WIDTH = 80
"""The width from which downloads are shown with their speed and the time left."""
PLAIN_INTERVAL = 30.0
"""Seconds between two lines about a running trial, if there is no terminal."""


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield a callback that shows downloads: as bars on a terminal, else as a line at the start."""
    if quiet:
        yield silent
        return
    tasks: dict[str, TaskID] = {}
    columns = _download_columns(err.width)
    bars = Progress(*columns, console=err, transient=True, auto_refresh=False)

    def on_bytes(download: str, done: int, total: int | None) -> None:
        if download not in tasks:
            with DRAWING:
                tasks[download] = bars.add_task(download, total=total)
            if not can_draw():
                err.print(download, soft_wrap=True)
        bars.update(tasks[download], completed=done, total=total)

    with _drawn(bars):
        yield on_bytes


def _download_columns(width: int) -> list[ProgressColumn]:
    """Return what is shown of a download, on one line of a terminal of some width."""
    name = Column(no_wrap=True, overflow="ellipsis", max_width=width // 2)
    whole = Column(no_wrap=True)
    figures: list[ProgressColumn] = [DownloadColumn(table_column=whole)]
    if width >= SPEED_WIDTH:
        figures.append(TransferSpeedColumn(table_column=whole.copy()))
        figures.append(TimeRemainingColumn(table_column=whole.copy()))
    description = TextColumn("{task.description}", markup=False, table_column=name)
    return [description, BarColumn(None), *figures]


@contextmanager
def show_steps(what: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback that shows which step begins: in a bar on a terminal, else as a line.

    It takes the name of the step, its number from 1, and the number of steps.
    """
    if quiet:
        yield lambda *_: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    description = TextColumn("{task.description}", markup=False)
    bar = Progress(description, *columns, console=err, transient=True, auto_refresh=False)
    task = bar.add_task(what, total=None)

    def on_step(name: str, number: int, total: int) -> None:
        shown = without_middle(name, err.width // 3, "…")  # or there is no room for the numbers
        bar.update(task, description=f"{what} {shown}", completed=number - 1, total=total)
        if not can_draw():
            err.print(f"{what} {number} of {total}: {name}", soft_wrap=True)

    with _drawn(bar):
        yield on_step


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[Listener]:
    """Yield a listener that shows running trials: as bars on a terminal, else as lines."""
    if quiet:
        yield lambda _: None
        return
    with _Screen() if can_draw() else nullcontext(_Lines()) as view, _again_and_again(view.tick):
        yield view


@contextmanager
def _drawn(bars: Progress) -> Iterator[None]:
    """Draw bars on a terminal while the block runs.

    As everywhere, ``DRAWING`` is locked before Rich's own lock: otherwise a thread that draws and
    one that prints could wait for each other for ever.
    """
    if not can_draw():
        yield
        return

    def tick() -> None:
        with DRAWING:
            bars.refresh()

    with DRAWING:
        bars.start()
    try:
        with _again_and_again(tick):
            yield
    finally:
        with DRAWING:
            bars.stop()


def can_draw() -> bool:
    """Return whether rows can be redrawn in place where messages go."""
    return err.is_terminal and not err.is_dumb_terminal


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


class _Screen:
    """A row for the whole run, and one for each running trial."""

    def __init__(self) -> None:
        self._progress = RunProgress()
        self._changing = threading.Lock()
        self._drawn: list[int] = []
        """The widths of the lines that were drawn last."""
        # Not refreshed by Rich: its thread would race with the lines that are printed.
        self._live = Live(self, console=err, transient=True, auto_refresh=False)

    def __call__(self, event: Event) -> None:
        with self._changing:
            self._progress.note(event, time.monotonic())
        if message := _message(event):
            self.tick()
            err.print(message)  # wrapped between words, not within a number

    def __enter__(self) -> Self:
        with DRAWING:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        with DRAWING:
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        symbols = ASCII if options.ascii_only else UNICODE
        with self._changing:
            lines = frame(self._progress, time.monotonic(), *console.size, symbols)
        self._drawn = [line.cell_len for line in lines]
        yield from lines
        yield ""  # the cursor waits here, so that an echoed ^C wraps no row

    def tick(self) -> None:
        """Draw the rows as they are now."""
        with DRAWING:
            self._erase_what_wrapped()
            self._live.refresh()

    def _erase_what_wrapped(self) -> None:
        """Erase the lines that the rows take in addition since the terminal became narrower.

        Rich erases only as many lines as it has drawn.
        """
        width = max(err.width, 1)
        if more := sum(max(-(-length // width), 1) - 1 for length in self._drawn):
            erase = ControlType.ERASE_IN_LINE, 2
            up = (ControlType.CURSOR_UP, 1), erase
            err.control(Control(ControlType.CARRIAGE_RETURN, erase, *(up * more)))


class _Lines:
    """A line when a trial starts and ends, one for each long phase, and one now and then."""

    def __init__(self) -> None:
        self._progress = RunProgress()
        self._changing = threading.Lock()
        self._last_line: dict[Trial, float] = {}
        self._named: set[tuple[Trial, str]] = set()
        """The phases that have been named."""

    def __call__(self, event: Event) -> None:
        now, message = time.monotonic(), _message(event)
        with self._changing:
            self._progress.note(event, now)
        match event:
            case EpochEnded(trial, 0, worker=worker):
                self._last_line[trial] = now
                message = f"{_on(trial, worker)}: started"
            case EpochEnded(trial) if now - self._last_line.get(trial, now) >= PLAIN_INTERVAL:
                self._last_line[trial] = now
                message = _epoch_in_words(event) + self._left_in_words(now)
        if message:
            err.print(message, soft_wrap=True)

    def tick(self) -> None:
        """Name each phase that has taken long, once."""
        now = time.monotonic()
        with self._changing:
            running = list(self._progress.running.values())
        for one in running:
            is_long = one.phase != TRAINING and now - one.since >= LONG_PHASE
            if is_long and (one.trial, one.phase) not in self._named:
                self._named.add((one.trial, one.phase))
                err.print(f"{_on(one.trial, one.worker)}: {one.phase}", soft_wrap=True)

    def _left_in_words(self, now: float) -> str:
        left = self._progress.seconds_left(now)
        return "" if left is None else f"; {left:.0f} s left in total"


def _epoch_in_words(event: EpochEnded) -> str:
    return (
        f"{event.trial}: epoch {event.epoch} of {event.trial.epochs}, loss {event.loss:.4f}, "
        f"accuracy {event.accuracy:.4f}"
    )


def _on(trial: Trial, worker: str) -> str:
    """Return the name of a trial, with its worker in a cluster, if there is one."""
    return f"{trial} on {worker}" if worker else str(trial)


@contextmanager
def _again_and_again(tick: Callable[[], None]) -> Iterator[None]:
    """Call a function from time to time while the block runs."""
    is_over = threading.Event()

    def work() -> None:
        if hasattr(signal, "pthread_sigmask"):  # Ctrl-C must wake the main thread, not this one
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
        while not is_over.wait(TICK_SECONDS):
            tick()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
