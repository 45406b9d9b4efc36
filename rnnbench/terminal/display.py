"""The progress of downloads and trainings: Rich's bars on a terminal, plain lines elsewhere."""

import math
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.data.fetch import silent
from rnnbench.runner.events import Connected, EpochEnded, Event, Failed, Finished, Listener, Planned
from rnnbench.terminal.console import DRAWING, err
from rnnbench.terminal.progress import RunningTrial, RunProgress
from rnnbench.text import counted, visible
from rnnbench.training.epochs import TRAINING
from rnnbench.training.trial import Trial

TICK_SECONDS = 0.5
"""Seconds between two updates of the bars. A slow terminal delays only these, not the training."""
LONG_PHASE = 5.0
"""Seconds after which a phase is named, if there is no terminal."""
SPEED_WIDTH = 80
"""The width from which downloads are shown with their speed and the time left."""
PLAIN_INTERVAL = 30.0
"""Seconds between two lines about a running trial, if there is no terminal."""
WIDTHS = {
    "seed": 0,
    "worker": 100,
    "bar": 0,
    "phase": 0,
    "scores": 120,
    "elapsed": 70,
    "left": 0,
}
"""What is shown of a trial beside its name, each from this width of the terminal."""
STYLES = {"elapsed": "progress.elapsed", "left": "progress.remaining"}


class _Bars(Progress):
    """Bars with a line below, where the cursor waits: an echoed ^C would wrap a full line."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield ""


def _bars(*columns: ProgressColumn) -> Progress:
    # Not refreshed by Rich: its thread would race with the lines that are printed.
    return _Bars(*columns, console=err, transient=True, auto_refresh=False)


class _Line(TextColumn):
    """A text on one line, which is cut if there is no room; Rich cuts it before other columns."""

    def __init__(self, text: str, style: str = "none", max_width: int | None = None) -> None:
        column = Column(max_width=max_width)
        super().__init__(text, style=style, markup=False, table_column=column)

    def render(self, task: Task) -> Text:
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


@contextmanager
def _drawn(bars: Progress, tick: Callable[[], None] | None = None) -> Iterator[None]:
    """Draw bars on a terminal while the block runs; ``tick`` draws them again.

    As everywhere, ``DRAWING`` is locked before Rich's own lock: otherwise a thread that draws and
    one that prints could wait for each other for ever.
    """
    if not can_draw():
        yield
        return

    def refresh() -> None:
        with DRAWING:
            bars.refresh()

    with DRAWING:
        bars.start()
    try:
        with _repeated(tick or refresh):
            yield
    finally:
        with DRAWING:
            bars.stop()


@contextmanager
def _repeated(tick: Callable[[], None]) -> Iterator[None]:
    """Call a function from time to time while the block runs."""
    is_over = threading.Event()

    def call_until_over() -> None:
        if hasattr(signal, "pthread_sigmask"):  # Ctrl-C must wake the main thread, not this one
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
        while not is_over.wait(TICK_SECONDS):
            tick()

    thread = threading.Thread(target=call_until_over, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def can_draw() -> bool:
    """Return whether bars can be redrawn in place where messages go."""
    return err.is_terminal and not err.is_dumb_terminal


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield a callback that shows downloads: as bars on a terminal, else as a line at the start."""
    if quiet:
        yield silent
        return
    tasks: dict[str, TaskID] = {}
    whole = Column(no_wrap=True)
    figures: list[ProgressColumn] = [DownloadColumn(table_column=whole)]
    if err.width >= SPEED_WIDTH:
        figures.append(TransferSpeedColumn(table_column=whole.copy()))
        figures.append(TimeRemainingColumn(table_column=whole.copy()))
    name = _Line("{task.description}", max_width=err.width // 2)
    bars = _bars(name, BarColumn(None), *figures)

    def on_bytes(download: str, done: int, total: int | None) -> None:
        if download not in tasks:
            with DRAWING:
                tasks[download] = bars.add_task(download, total=total)
            if not can_draw():
                err.print(download, soft_wrap=True)
        bars.update(tasks[download], completed=done, total=total)

    with _drawn(bars):
        yield on_bytes


@contextmanager
def show_steps(what: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback that shows which step begins: in a bar on a terminal, else as a line.

    It takes the name of the step, its number from 1, and the number of steps.
    """
    if quiet:
        yield lambda *_: None
        return
    name = _Line("{task.description}", max_width=err.width // 3)
    bars = _bars(name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    task = bars.add_task(what, total=None)

    def on_step(name: str, number: int, total: int) -> None:
        bars.update(task, description=f"{what} {name}", completed=number - 1, total=total)
        if not can_draw():
            err.print(f"{what} {number} of {total}: {name}", soft_wrap=True)

    with _drawn(bars):
        yield on_step


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[Listener]:
    """Yield a listener that shows running trials: as bars on a terminal, else as lines."""
    if quiet:
        yield lambda _: None
    elif can_draw():
        screen = _Screen()
        with _drawn(screen.bars, screen.tick):
            yield screen
    else:
        lines = _Lines()
        with _repeated(lines.tick):
            yield lines


class _Screen:
    """A bar for the whole run, and one for each running trial."""

    def __init__(self) -> None:
        self.bars = _bars()
        self._progress = RunProgress()
        self._tasks: dict[Trial | None, TaskID] = {}
        self._changing = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._changing:
            self._progress.note(event, time.monotonic())
        if message := _message(event):
            self.tick()
            err.print(message)  # wrapped between words, not within a number

    def tick(self) -> None:
        """Draw the bars as they are now."""
        with DRAWING:
            with self._changing:
                rows = rows_of(self._progress, time.monotonic())
            self.bars.columns = _columns(err.width, rows.values())
            for ended in self._tasks.keys() - rows.keys():
                self.bars.remove_task(self._tasks.pop(ended))
            for trial, row in rows.items():
                if trial in self._tasks:
                    self.bars.update(self._tasks[trial], **row)
                else:
                    self._tasks[trial] = self.bars.add_task(**row)
            self.bars.refresh()


def _columns(width: int, rows: Collection[Mapping[str, Any]]) -> tuple[ProgressColumn, ...]:
    """Return what is shown of rows on a terminal of some width; empty columns are left out."""
    shown = [
        _column(field, width)
        for field, least_width in WIDTHS.items()
        if width >= least_width and (field == "bar" or any(row[field] for row in rows))
    ]
    return _Line("{task.description}"), *shown


def _column(field: str, width: int) -> ProgressColumn:
    if field == "bar":
        return BarColumn(None, table_column=Column(max_width=max(width // 8, 4)))
    most = max(width // 4, len("epoch 1000/2000")) if field == "phase" else None
    column = Column(no_wrap=True, overflow="ellipsis", max_width=most)
    text, style = f"{{task.fields[{field}]}}", STYLES.get(field, "none")
    return TextColumn(text, style=style, markup=False, table_column=column)


def rows_of(run: RunProgress, now: float) -> dict[Trial | None, dict[str, Any]]:
    """Return what is shown of each running trial, and under ``None`` of the whole run.

    These are the arguments of ``Progress.update``; there are none before trials are planned.
    """
    if run.start is None:
        return {}
    total = {
        "description": f"{run.ended}/{run.n_trials} trials",
        "completed": run.share(),
        "total": 1,
        **dict.fromkeys(WIDTHS, ""),
        "elapsed": _clock(now - run.start),
        "left": _eta(run.seconds_left(now)),
    }
    return {None: total} | {trial: _row(running, now) for trial, running in run.running.items()}


def _row(running: RunningTrial, now: float) -> dict[str, Any]:
    trial = running.trial
    is_training = trial.epochs and running.phase == TRAINING
    epoch = f"epoch {running.epoch}/{trial.epochs}"
    scores = f"loss {running.loss:.4f} accuracy {running.accuracy:.4f}"
    return {
        "description": visible(trial.name),
        "seed": visible(str(trial).removeprefix(trial.name).lstrip()),
        "worker": visible(f"on {running.worker}") if running.worker else "",
        "completed": running.epoch,
        "total": trial.epochs or 1,
        "phase": epoch if is_training else running.phase,
        "scores": scores if is_training and running.epoch else "",
        "elapsed": _clock(now - running.since),
        "left": _eta(running.seconds_left(now)) if is_training else "",
    }


def _eta(seconds: float | None) -> str:
    return "" if seconds is None else f"ETA {_clock(math.ceil(seconds))}"


def _clock(seconds: float) -> str:
    """Return a time as a stopwatch shows it: 0:07, 1:23 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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
                message = f"{_on(str(trial), worker)}: started"
            case EpochEnded(trial) if now - self._last_line.get(trial, now) >= PLAIN_INTERVAL:
                self._last_line[trial] = now
                left = self._progress.seconds_left(now)
                message = (
                    f"{trial}: epoch {event.epoch} of {trial.epochs}, loss {event.loss:.4f}, "
                    f"accuracy {event.accuracy:.4f}"
                    + ("" if left is None else f"; {left:.0f} s left in total")
                )
        if message:
            err.print(message, soft_wrap=True)

    def tick(self) -> None:
        """Name each phase that has taken long, once."""
        now = time.monotonic()
        with self._changing:
            running = list(self._progress.running.values())
        for it in running:
            is_long = it.phase != TRAINING and now - it.since >= LONG_PHASE
            if is_long and (it.trial, it.phase) not in self._named:
                self._named.add((it.trial, it.phase))
                err.print(f"{_on(str(it.trial), it.worker)}: {it.phase}", soft_wrap=True)


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


def _on(name: str, worker: str) -> str:
    """Return the name of a trial, with its worker in a cluster, if there is one."""
    return f"{name} on {worker}" if worker else name
