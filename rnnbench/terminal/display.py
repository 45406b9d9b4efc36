"""The progress of downloads and trainings: bars on a terminal, plain lines elsewhere.

``with show_trials(quiet=False) as listener: run(job, listener, ...)``
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import StringIO

from rich import progress
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Column

from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.data.fetch import silent
from rnnbench.errors import leave_signals_to_main_thread
from rnnbench.runner import events
from rnnbench.terminal.console import DRAWING, IN_NOTEBOOK, err
from rnnbench.terminal.standing import Standing
from rnnbench.terminal.workload import Workload
from rnnbench.text import counted, visible
from rnnbench.training.epochs import CONTINUING, TRAINING
from rnnbench.training.trial import Trial

Action = Callable[[], None]

TICK_SECONDS = 0.5  # between two updates of the bars; a slow terminal delays only these
PLAIN_INTERVAL = 30.0  # seconds between two lines about a trial, without a terminal


@contextmanager
def _drawn(draw: Callable[[], RenderableType]) -> Iterator[Action]:
    """Draw something repeatedly, where possible; yield a function that redraws now.

    As everywhere, ``DRAWING`` is locked before Rich's own lock: otherwise a thread that
    draws and one that prints could wait for each other for ever. Rich's own thread
    would not lock it.
    """
    if not can_draw():
        yield lambda: None
        return
    start_drawing = _in_notebook if IN_NOTEBOOK else _on_terminal
    redraw, end = start_drawing(draw)
    is_over = threading.Event()

    def redraw_until_over() -> None:
        leave_signals_to_main_thread()  # Ctrl-C must wake it, not this one
        while not is_over.wait(TICK_SECONDS):
            redraw()

    thread = threading.Thread(target=redraw_until_over, daemon=True)
    with ExitStack() as ending:  # all of it, even after a second Ctrl-C
        ending.callback(end)  # or the terminal would stay without its cursor
        thread.start()
        ending.callback(thread.join)
        ending.callback(is_over.set)
        yield redraw


def _in_notebook(draw: Callable[[], RenderableType]) -> tuple[Action, Action]:
    """Return a function that draws below a cell, and one that removes the drawing."""
    from IPython.display import display

    shown = display({"text/html": ""}, raw=True, display_id=True)

    def redraw() -> None:
        page = Console(
            record=True, file=StringIO(), width=err.width, force_jupyter=False
        )
        page.print(draw())
        piece = '<pre style="line-height: normal">{code}</pre>'
        html = page.export_html(inline_styles=True, code_format=piece)
        shown.update({"text/html": html}, raw=True)

    return redraw, partial(shown.update, {"text/html": ""}, raw=True)


def _on_terminal(draw: Callable[[], RenderableType]) -> tuple[Action, Action]:
    """Start to draw on the terminal; return functions that draw again, and that end."""

    def drawing_and_line() -> Group:
        # Below is a line for the cursor: an echoed ^C would wrap a full one.
        return Group(draw(), "")

    live = Live(
        get_renderable=drawing_and_line, console=err, transient=True, auto_refresh=False
    )

    def locked(method: Action) -> None:
        with DRAWING:
            method()

    locked(live.start)
    return partial(locked, live.refresh), partial(locked, live.stop)


def can_draw() -> bool:
    """Return whether bars can be redrawn in place where messages go."""
    return IN_NOTEBOOK or (err.is_terminal and not err.is_dumb_terminal)


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield a callback that shows downloads: as bars, or as a line for each."""
    if quiet:
        yield silent
        return
    tasks: dict[str, progress.TaskID] = {}
    name = Column(no_wrap=True, overflow="ellipsis", max_width=err.width // 2)
    columns = [
        _text("{task.description}", name),
        progress.BarColumn(None),
        progress.DownloadColumn(table_column=Column(no_wrap=True)),
    ]
    if err.width >= 80:
        speed = progress.TransferSpeedColumn(table_column=Column(no_wrap=True))
        seconds_left = progress.TimeRemainingColumn(table_column=Column(no_wrap=True))
        columns += [speed, seconds_left]
    bars = progress.Progress(*columns)

    def on_bytes(download: str, done: int, total: int | None) -> None:
        if download not in tasks:
            tasks[download] = bars.add_task(download, total=total)
            if not can_draw():
                err.print(download, soft_wrap=True)
        bars.update(tasks[download], completed=done, total=total)

    with _drawn(bars.get_renderable):
        yield on_bytes


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[events.Listener]:
    """Yield a listener that shows running trials: as bars, or as lines."""
    if quiet:
        yield lambda _: None
        return
    bars = TrialBars()
    lines = _EpochLines()
    standing = Standing()

    def on_event(event: events.Event) -> None:
        bars.note(event)
        message = _message(event)
        if not can_draw():
            message = message or lines.line(event, bars.whole.time_remaining)
        for line in (message, standing.note(event)):
            if line:
                redraw()
                # On a terminal, it is wrapped between words.
                err.print(line, soft_wrap=not can_draw())

    with _drawn(bars.get_renderable) as redraw:
        yield on_event


class _EpochLines:
    """Lines about the epochs of trials: the start of each, then one now and then."""

    def __init__(self) -> None:
        self._last: dict[Trial, float] = {}  # when a trial had a line

    def line(self, event: events.Event, seconds_left: float | None) -> str | None:
        """Return a line about an epoch, unless its trial had one just before."""
        now = time.monotonic()
        match event:
            case events.EpochEnded(trial, epoch=0, worker=worker):
                self._last[trial] = now
                return f"{trial} {_on(worker)}".rstrip() + ": started"
            case events.EpochEnded(trial, epoch, loss, score):
                if now - self._last.get(trial, now) < PLAIN_INTERVAL:
                    return None
                self._last[trial] = now
                scores = f"loss {loss:.4f}, {trial.score_name} {score:.4f}"
                line = f"{trial}: epoch {epoch} of {trial.epochs}, {scores}"
                if seconds_left:
                    line += f"; {seconds_left:.0f} s left in total"
                return line
        return None


class TrialBars(progress.Progress):
    """The bar of a whole run, and those of its trials, with the columns that fit."""

    def __init__(self) -> None:
        name = Column(overflow="ellipsis", min_width=len("100/200 trials"))
        phase_width = max(err.width // 4, 15)
        phase = Column(no_wrap=True, overflow="ellipsis", max_width=phase_width)
        columns = [  # each with the width of a terminal that has room for it
            (0, _text("{task.description}", name)),
            (0, _text("{task.fields[seed]}")),
            (100, _text("{task.fields[worker]}")),
            (60, progress.BarColumn(None, table_column=Column(min_width=4, ratio=1))),
            (0, _text("{task.fields[phase]}", phase)),
            (120, _text("{task.fields[scores]}")),
            (70, progress.TimeElapsedColumn()),
            (50, progress.TimeRemainingColumn()),
            (60, _text("left")),
        ]
        fitting = [column for width, column in columns if err.width >= width]
        is_wide = err.width >= 60
        super().__init__(*fitting, expand=is_wide, speed_estimate_period=math.inf)
        self.ended = 0
        self._workload = Workload()
        self.running: dict[Trial, progress.Task] = {}
        self._continuing = set[Trial]()  # they report earlier epochs
        # Its numbers are epochs, weighted by their work.
        self.add_task("", visible=False, seed="", worker="", phase="", scores="")
        self.whole = self.tasks[-1]

    def _row(self, trial: Trial) -> progress.Task:
        """Return the bar of a trial, whose numbers are epochs; a new one at first."""
        if trial not in self.running:
            # Beside the name: the seed, and the part of a choice.
            beside = str(trial).removeprefix(trial.name)
            seed = beside.replace(",", "").replace(" of ", "/")
            self.add_task(
                visible(trial.name),
                total=trial.epochs or None,
                seed=visible(seed).strip(),
                worker="",
                phase="starting",
                scores="",
            )
            self.running[trial] = self.tasks[-1]
        return self.running[trial]

    def _remove(self, trial: Trial) -> None:
        row = self.running.pop(trial)
        self.remove_task(row.id)

    def _end(self, trial: Trial) -> float:
        """Remove the bar of a trial, and return its epochs."""
        epochs = self._row(trial).completed
        self._remove(trial)
        self.ended += 1
        if not self._workload.total:
            self.advance(self.whole.id, 1)
        return epochs

    def _reach(self, trial: Trial, epoch: float) -> None:
        row = self._row(trial)
        more = epoch - row.completed
        if trial in self._continuing:
            # not by ``advance``: earlier epochs say nothing about the pace
            self.whole.completed += more * trial.work
            row.completed += more
            return
        self.advance(self.whole.id, more * trial.work)
        self.advance(row.id, more)

    def note(self, event: events.Event) -> None:
        """Take an event into account."""
        match event:
            case events.Planned(to_train):
                self._workload.plan(to_train)
                self.update(self.whole.id, visible=True)
            case events.PhaseBegan(trial, phase, worker):
                self.update(self._row(trial).id, phase=phase, worker=_on(worker))
                self._continuing.discard(trial)
                if phase == CONTINUING:
                    self._continuing.add(trial)
                is_of_network = phase == TRAINING and trial.epochs
                if is_of_network or not self._workload.total:
                    # The pace is measured from here; baselines would change it.
                    self._reach(trial, self._row(trial).completed)
            case events.EpochEnded(trial, 0, worker=worker):
                if self._row(trial).completed:  # it starts again: its worker died
                    self._reach(trial, 0)
                self._remove(trial)
                self.update(self._row(trial).id, worker=_on(worker))
            case events.EpochEnded(trial, epoch, loss, score) if trial in self.running:
                self._row(trial).total = self._workload.reach(trial, epoch)
                self._reach(trial, epoch)  # or else this comes after its end
                scores = f"loss {loss:.4f} {trial.score_name} {score:.4f}"
                phase = f"epoch {epoch}/{trial.epochs}"
                self.update(self.running[trial].id, phase=phase, scores=scores)
            case events.Finished(trial):
                self._workload.finish(trial, self._end(trial) or trial.epochs)
            case events.Failed(trial):
                self._workload.end(trial, self._end(trial))
        # Not by ``update``, which would forget the pace.
        self.whole.total = self._workload.total or self._workload.n_trials
        n_trials = self._workload.n_trials
        self.update(self.whole.id, description=f"{self.ended}/{n_trials} trials")


def _text(text: str, column: Column | None = None) -> progress.TextColumn:
    return progress.TextColumn(text, markup=False, table_column=column)


def _message(event: events.Event) -> str | None:
    """Return a line about an event, if it is worth one."""
    match event:
        case events.Planned(to_train, stored, forecast):
            lines = []
            if stored:
                lines.append(
                    f"{len(stored)} of {len(stored) + len(to_train)} trials are stored "
                    "already and are not trained again (--fresh trains them again)"
                )
            if forecast:
                lines.append(forecast)
            return "\n".join(lines)
        case events.Connected(scheduler, n_workers, n_cores, dashboard):
            workers = counted(n_workers, "worker")
            line = f"{scheduler}: {workers} with {counted(n_cores, 'core')}"
            if dashboard:
                line += f"; {dashboard}"
            return line
        case events.Finished(trial, score, seconds):
            name = trial.score_name
            if not (trial.part or trial.data.fit_on_all):
                name = f"test {name}"
            return f"{trial}: {name} {score:.4f}, {seconds:.1f} s"
        case events.Failed(trial, reason):
            return f"{trial}: failed: {reason}"
    return None


def _on(worker: str) -> str:
    return visible(f"on {worker}") if worker else ""
