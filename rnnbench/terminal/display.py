"""The progress of downloads and trainings: Rich's bars on a terminal, plain lines elsewhere."""

import math
import signal
import threading
import time
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
from rnnbench.runner import executors as events
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
    elif IN_NOTEBOOK:
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
    else:
        options: dict[str, Any] = {"console": err, "transient": True, "auto_refresh": False}
        # Below it is a line for the cursor: an echoed ^C would wrap a full one.
        live = Live(get_renderable=lambda: Group(draw(), ""), **options)

        def locked(act: Callable[[], None]) -> None:
            with DRAWING:
                act()

        locked(live.start)
        try:
            with _repeated(partial(locked, live.refresh)):
                yield partial(locked, live.refresh)
        finally:
            locked(live.stop)


@contextmanager
def _repeated(tick: Callable[[], None]) -> Iterator[None]:
    """Call a function from time to time, in a thread, while the block runs."""
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
    """Yield a callback that shows a step by its name, its number from 1, and their count."""
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
        run = RunProgress()
        with _drawn(lambda: _table(run, time.monotonic())) as redraw:

            def on_event(event: events.Event) -> None:
                run.note(event, time.monotonic())
                if message := _message(event):
                    redraw()
                    err.print(message)  # wrapped between words, not within a number

            yield on_event
    else:
        with _lines() as listener:
            yield listener


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
        (begun, start), (done, end) = self.first or self.last, self.last
        if done <= begun:
            return None
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
    """How far the trials of a run have come.

    One thread notes events while another draws, so each value is replaced whole.
    """

    def __init__(self) -> None:
        self.start: float | None = None
        """When the trials were planned."""
        self.trials = self.ended = 0
        self.running: dict[Trial, RunningTrial] = {}
        self._done = self._planned = 0  # epochs weighted by their arithmetic
        self._pace = Pace()

    def note(self, event: events.Event, now: float) -> None:
        """Take an event into account."""
        match event:
            case events.Planned(to_train):
                self.start, self.trials = now, len(to_train)
                self._planned = sum(trial.epochs * trial.work for trial in to_train)
                if not self._planned:
                    self._pace.begin(0, now)
            case events.PhaseBegan(trial, phase, worker):
                running = self.running.setdefault(trial, RunningTrial(trial, now))
                running.worker, running.phase, running.since = worker, phase, now
                if phase == TRAINING and trial.epochs:
                    running.pace.begin(running.epoch, now)
                    self._pace.begin(self._done, now)
            case events.EpochEnded(trial, 0, worker=worker):
                if trial in self.running:  # it starts again if its worker died
                    self._done -= self.running[trial].epoch * trial.work
                self.running[trial] = RunningTrial(trial, now, worker)
            case events.EpochEnded(trial, epoch, loss, score) if trial in self.running:
                running = self.running[trial]  # or else this comes after its end
                self._done += (epoch - running.epoch) * trial.work
                self._pace.reach(self._done, now)
                if running.phase != TRAINING:  # as the first epoch compiles something
                    running.phase, running.since = TRAINING, now
                running.epoch = epoch
                running.scores = f"loss {loss:.4f} {trial.score_name} {score:.4f}"
                running.pace.reach(epoch, now)
            case events.Finished(trial) | events.Failed(trial):
                ended = self.running.pop(trial, None)
                missing = trial.epochs - (ended.epoch if ended else 0)  # it may end early
                self._planned -= missing * trial.work
                self.ended += 1
                self._pace.reach(self.work()[0], now)

    def work(self) -> tuple[int, int]:
        """Return how much is done and planned: epochs weighted by their arithmetic, or trials."""
        return (self._done, self._planned) if self._planned else (self.ended, self.trials)

    def seconds_left(self, now: float) -> float | None:
        """Return the time left at the pace so far, at least that of the longest trial, if known."""
        done, planned = self.work()
        if done >= planned:
            return None
        running = list(self.running.values())
        left = [it.pace.seconds_left(it.trial.epochs, now) for it in running]
        return max(filter(None, [self._pace.seconds_left(planned, now), *left]), default=None)


def _table(run: RunProgress, now: float) -> RenderableType:
    """Return rows for the whole run and each running trial; the names of models may be cut."""
    if run.start is None:
        return ""
    done, planned = run.work()
    total: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "name": f"{run.ended}/{run.trials} trials",
        "bar": ProgressBar(1, done / max(planned, 1)),
        "elapsed": _clock(now - run.start),
        "left": _eta(run.seconds_left(now)),
    }
    rows = [total, *(_row(running, now) for running in list(run.running.values()))]
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


@contextmanager
def _lines() -> Iterator[events.Listener]:
    """Print a line when a trial starts and ends, for each long phase once, and now and then."""
    run, said = RunProgress(), dict[Trial, float]()
    named: set[tuple[Trial, str]] = set()

    def on_event(event: events.Event) -> None:
        now, message = time.monotonic(), _message(event)
        run.note(event, now)
        match event:
            case events.EpochEnded(trial, 0, worker=worker):
                said[trial] = now
                message = f"{_on(trial, worker)}: started"
            case events.EpochEnded(trial) if now - said.get(trial, now) >= PLAIN_INTERVAL:
                said[trial] = now
                scores = f"loss {event.loss:.4f}, {trial.score_name} {event.score:.4f}"
                left = run.seconds_left(now)
                rest = "" if left is None else f"; {left:.0f} s left in total"
                message = f"{trial}: epoch {event.epoch} of {trial.epochs}, {scores}{rest}"
        if message:
            err.print(message, soft_wrap=True)

    def name_long_phases() -> None:
        for it in list(run.running.values()):
            is_long = it.phase != TRAINING and time.monotonic() - it.since >= LONG_PHASE
            if is_long and (it.trial, it.phase) not in named:
                named.add((it.trial, it.phase))
                err.print(f"{_on(it.trial, it.worker)}: {it.phase}", soft_wrap=True)

    with _repeated(name_long_phases):
        yield on_event


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
