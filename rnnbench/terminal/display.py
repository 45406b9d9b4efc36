"""The progress of downloads and trainings: Rich's bars on a terminal, plain lines elsewhere."""

import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from typing import Any

from rich import progress
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.runner.executors import base as events
from rnnbench.terminal.console import DRAWING, IN_NOTEBOOK, err
from rnnbench.text import counted, visible
from rnnbench.training.epochs import TRAINING
from rnnbench.training.trial import Trial

TICK_SECONDS = 0.5
"""Seconds between two updates of the bars. A slow terminal delays only these, not the training."""
LONG_PHASE, PLAIN_INTERVAL = 5.0, 30.0
"""Seconds after which a phase is named, and between two lines about a trial, without a terminal."""
COLUMNS: dict[str, tuple[int, dict[str, Any]]] = {
    "seed": (0, {}),
    "worker": (100, {}),
    "bar": (60, {"width": 4, "ratio": 1}),  # or wider: it takes the room that is left
    "phase": (0, {}),
    "scores": (120, {}),
    "elapsed": (70, {"style": "progress.elapsed"}),
    "left": (0, {"style": "progress.remaining"}),
}
"""The columns beside the name of a trial, each with the least terminal width that shows it."""


def _bars(name_width: int, *figures: progress.ProgressColumn) -> progress.Progress:
    """Return bars between their names and some figures."""
    column = Column(no_wrap=True, overflow="ellipsis", max_width=name_width)
    name = progress.TextColumn("{task.description}", markup=False, table_column=column)
    return progress.Progress(name, progress.BarColumn(None), *figures)


@contextmanager
def _drawn(
    draw: Callable[[], RenderableType], *, quiet: bool = False
) -> Iterator[Callable[[], None]]:
    """Draw something repeatedly, where that is possible; yield a function that redraws at once.

    As everywhere, ``DRAWING`` is locked before Rich's own lock: otherwise a thread that draws and
    one that prints could wait for each other for ever. Rich's own thread would not lock it.
    """
    if quiet or not can_draw():
        yield lambda: None
        return

    if IN_NOTEBOOK:
        from IPython.display import display

        shown = display({"text/html": ""}, raw=True, display_id=True)

        def update() -> None:
            page = Console(record=True, file=StringIO(), width=err.width, force_jupyter=False)
            page.print(draw())
            piece = '<pre style="line-height: normal">{code}</pre>'
            html = page.export_html(inline_styles=True, code_format=piece)
            shown.update({"text/html": html}, raw=True)

        with _repeated(update):
            yield update
        shown.update({"text/html": ""}, raw=True)
        return

    def with_line_of_cursor() -> Group:
        return Group(draw(), "")  # an echoed ^C would wrap a full line

    def locked(act: Callable[[], None]) -> None:
        with DRAWING:
            act()

    options: dict[str, Any] = {"console": err, "transient": True, "auto_refresh": False}
    live = Live(get_renderable=with_line_of_cursor, **options)
    redraw = partial(locked, live.refresh)
    locked(live.start)
    try:
        with _repeated(redraw):
            yield redraw
    finally:
        locked(live.stop)


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
    return IN_NOTEBOOK or (err.is_terminal and not err.is_dumb_terminal)


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield a callback that shows downloads: as bars on a terminal, else as a line at the start."""
    tasks: dict[str, progress.TaskID] = {}
    figures = [progress.DownloadColumn, progress.TransferSpeedColumn, progress.TimeRemainingColumn]
    shown = figures if err.width >= 80 else figures[:1]
    bars = _bars(err.width // 2, *(kind(table_column=Column(no_wrap=True)) for kind in shown))

    def on_bytes(download: str, done: int, total: int | None) -> None:
        if download not in tasks:
            tasks[download] = bars.add_task(download, total=total)
            if not (quiet or can_draw()):
                err.print(download, soft_wrap=True)
        bars.update(tasks[download], completed=done, total=total)

    with _drawn(bars.get_renderable, quiet=quiet):
        yield on_bytes


@contextmanager
def show_steps(what: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a callback that shows which step begins: in a bar on a terminal, else as a line.

    It takes the name of the step, its number from 1, and the number of steps.
    """
    bars = _bars(err.width // 3, progress.MofNCompleteColumn(), progress.TimeRemainingColumn())
    task = bars.add_task(what, total=None)

    def on_step(name: str, number: int, total: int) -> None:
        bars.update(task, description=f"{what} {name}", completed=number - 1, total=total)
        if not (quiet or can_draw()):
            err.print(f"{what} {number} of {total}: {name}", soft_wrap=True)

    with _drawn(bars.get_renderable, quiet=quiet):
        yield on_step


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[events.Listener]:
    """Yield a listener that shows running trials: as bars on a terminal, else as lines."""
    if quiet:
        yield lambda _: None
    elif can_draw():
        run, changing = RunProgress(), threading.Lock()

        def draw() -> RenderableType:
            with changing:
                return _table(run, time.monotonic())

        with _drawn(draw) as redraw:

            def on_event(event: events.Event) -> None:
                with changing:
                    run.note(event, time.monotonic())
                if message := _message(event):
                    redraw()
                    err.print(message)  # wrapped between words, not within a number

            yield on_event
    else:
        lines = _Lines()
        with _repeated(lines.tick):
            yield lines


@dataclass
class Pace:
    """How fast an amount grows, to estimate when it is complete."""

    first: tuple[float, float] | None = None
    """The amount and the time, in seconds, from which the pace is measured."""
    last: tuple[float, float] = (0, 0)

    def begin(self, amount: float, now: float) -> None:
        """Measure the pace from here, if it is not measured yet."""
        self.first = self.first or (amount, now)

    def reach(self, amount: float, now: float) -> None:
        """Record how far it has come."""
        self.begin(amount, now)
        self.last = (amount, now)

    def seconds_left(self, total: float, now: float) -> float | None:
        """Return the seconds until it is ``total``; ``None`` if there is no telling."""
        if self.first is None or self.last[0] <= self.first[0]:
            return None
        (begun, start), (done, end) = self.first, self.last
        left = (total - done) * (end - start) / (done - begun) - (now - end)
        return left if left > 0 else None


@dataclass
class RunningTrial:
    """A trial in progress."""

    trial: Trial
    since: float
    """When its phase began."""
    worker: str = ""
    phase: str = "starting"
    epoch: int = 0
    """The last epoch that ended."""
    scores: str = ""
    """The training loss and score of that epoch."""
    pace: Pace = field(default_factory=Pace)
    """Of its epochs, after compilation."""


class RunProgress:
    """How far the trials of a run, or of several in a row, have come."""

    def __init__(self) -> None:
        self.planned: Counter[Trial] = Counter()
        """The epochs of each trial to train; a failed one lacks those that it did not reach."""
        self.done: Counter[Trial] = Counter()
        """The epochs of each trial that have ended."""
        self.running: dict[Trial, RunningTrial] = {}
        self.ended = 0
        self.start: float | None = None
        """When the first trials were planned."""
        self._pace = Pace()
        self._work = {"done": 0, "planned": 0}

    def note(self, event: events.Event, now: float) -> None:
        """Take an event into account."""
        match event:
            case events.Planned(to_train):
                for trial in to_train:
                    self._set("planned", trial, self.planned[trial] + trial.epochs)
                self.start = now if self.start is None else self.start
                if not self._work["planned"]:
                    self._pace.begin(0, now)
            case events.PhaseBegan(trial, phase, worker):
                running = self.running.setdefault(trial, RunningTrial(trial, now))
                running.worker, running.phase, running.since = worker, phase, now
                if phase == TRAINING and trial.epochs:
                    running.pace.begin(running.epoch, now)
                    self._pace.begin(self.work()[0], now)
            case events.EpochEnded(trial, 0, worker=worker):  # it starts again if its worker died
                self._set("done", trial, 0)
                self.running[trial] = RunningTrial(trial, now, worker)
            case events.EpochEnded(trial, epoch, loss, score):
                self._set("done", trial, min(epoch, self.planned[trial]))
                self._pace.reach(self.work()[0], now)
                if trial in self.running:  # or else this comes after its end
                    running = self.running[trial]
                    if running.phase != TRAINING:  # as the first epoch compiles something
                        running.phase, running.since = TRAINING, now
                    running.epoch = epoch
                    running.scores = f"loss {loss:.4f} {trial.score_name} {score:.4f}"
                    running.pace.reach(epoch, now)
            case events.Finished(trial) | events.Failed(trial):
                self._set("planned", trial, self.done[trial])  # it may end early
                self.running.pop(trial, None)
                self.ended += 1
                self._pace.reach(self.work()[0], now)

    def _set(self, what: str, trial: Trial, epochs: int) -> None:
        counts = self.done if what == "done" else self.planned
        self._work[what] += (epochs - counts[trial]) * trial.work  # of thousands, not all again
        counts[trial] = epochs

    def work(self) -> tuple[int, int]:
        """Return how much is done and planned: epochs weighted by their arithmetic, or trials."""
        done, planned = self._work.values()
        return (done, planned) if planned else (self.ended, len(self.planned))

    def seconds_left(self, now: float) -> float | None:
        """Return the time left at the pace so far, or of the trial that takes longest if that is
        more; ``None`` if nothing has been timed.
        """
        done, planned = self.work()
        if done >= planned:
            return None
        left = [it.pace.seconds_left(it.trial.epochs, now) for it in self.running.values()]
        return max(filter(None, [self._pace.seconds_left(planned, now), *left]), default=None)


def _table(run: RunProgress, now: float) -> RenderableType:
    """Return rows for the whole run and for each running trial; none before the run is planned.

    Where there is little room, the names of models are cut, but the count of trials stays whole.
    """
    if run.start is None:
        return ""
    done, planned = run.work()
    total: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "name": f"{run.ended}/{len(run.planned)} trials",
        "bar": ProgressBar(1, done / max(planned, 1)),
        "elapsed": _clock(now - run.start),
        "left": _eta(run.seconds_left(now)),
    }
    rows = [total, *(_row(running, now) for running in run.running.values())]
    filled = {name for row in rows for name, value in row.items() if value}
    shown = [name for name, (least, _) in COLUMNS.items() if err.width >= least and name in filled]
    longest = {"phase": max(err.width // 4, len("epoch 1000/2000"))}
    table = Table.grid(Column(min_width=len(total["name"])), padding=(0, 1), expand="bar" in shown)
    for name in shown:
        facts = COLUMNS[name][1] | {"max_width": longest.get(name)}
        table.add_column(no_wrap=True, overflow="ellipsis", **facts)
    for row in rows:
        model = Text(row["name"], no_wrap=True, overflow="ellipsis")
        table.add_row(model, *(row[name] for name in shown))
    return table


def _row(running: RunningTrial, now: float) -> dict[str, Any]:
    trial, name = running.trial, str(running.trial).removeprefix(running.trial.name).lstrip()
    is_training = trial.epochs and running.phase == TRAINING
    return {
        "name": visible(trial.name),
        "seed": visible(name).replace(",", "").replace(" of ", "/"),
        "worker": visible(f"on {running.worker}") if running.worker else "",
        "bar": ProgressBar(trial.epochs or 1, running.epoch),
        "phase": f"epoch {running.epoch}/{trial.epochs}" if is_training else running.phase,
        "scores": running.scores if is_training else "",
        "elapsed": _clock(now - running.since),
        "left": _eta(running.pace.seconds_left(trial.epochs, now)) if is_training else "",
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
        self._said: dict[Trial, float] = {}
        self._named: set[tuple[Trial, str]] = set()

    def __call__(self, event: events.Event) -> None:
        now, message = time.monotonic(), _message(event)
        with self._changing:
            self._progress.note(event, now)
        match event:
            case events.EpochEnded(trial, 0, worker=worker):
                self._said[trial] = now
                message = f"{_on(trial, worker)}: started"
            case events.EpochEnded(trial) if now - self._said.get(trial, now) >= PLAIN_INTERVAL:
                self._said[trial] = now
                scores = f"loss {event.loss:.4f}, {trial.score_name} {event.score:.4f}"
                left = self._progress.seconds_left(now)
                rest = "" if left is None else f"; {left:.0f} s left in total"
                message = f"{trial}: epoch {event.epoch} of {trial.epochs}, {scores}{rest}"
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
                err.print(f"{_on(it.trial, it.worker)}: {it.phase}", soft_wrap=True)


def _message(event: events.Event) -> str | None:
    match event:
        case events.Planned(to_train, stored) if stored:
            return (
                f"{len(stored)} of {len(stored) + len(to_train)} trials are stored already and are "
                "not trained again (--fresh trains them again)"
            )
        case events.Connected(scheduler, workers, cores, dashboard):
            link = f"; {dashboard}" if dashboard else ""
            return f"{scheduler}: {counted(workers, 'worker')} with {counted(cores, 'core')}{link}"
        case events.Finished(trial, score, seconds):
            documents = "" if trial.part or trial.data.fit_on_all else "test "
            return f"{trial}: {documents}{trial.score_name} {score:.4f}, {seconds:.1f} s"
        case events.Failed(trial, reason):
            return f"{trial}: failed: {reason}"
    return None


def _on(trial: Trial, worker: str) -> str:
    return f"{trial} on {worker}" if worker else str(trial)
