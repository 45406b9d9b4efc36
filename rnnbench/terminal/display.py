"""The progress of downloads and trainings: Rich's bars on a terminal, plain lines
elsewhere.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import StringIO
from typing import Any

from rich import progress
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Column

from rnnbench.data.fetch import Progress as OnBytes
from rnnbench.runner import events
from rnnbench.terminal.console import DRAWING, IN_NOTEBOOK, err
from rnnbench.text import counted, visible
from rnnbench.training.epochs import TRAINING
from rnnbench.training.trial import Trial

TICK_SECONDS = 0.5  # between two updates of the bars; a slow terminal delays only these
PLAIN_INTERVAL = 30.0  # seconds between two lines about a trial, without a terminal


@contextmanager
def _drawn(
    draw: Callable[[], RenderableType], *, quiet: bool
) -> Iterator[Callable[[], None]]:
    """Draw something repeatedly, where that is possible; yield a function that redraws
    at once.

    As everywhere, ``DRAWING`` is locked before Rich's own lock: otherwise a thread that
    draws and one that prints could wait for each other for ever. Rich's own thread
    would not lock it.
    """
    if quiet or not can_draw():
        yield lambda: None
        return
    redraw, end = _in_notebook(draw) if IN_NOTEBOOK else _on_terminal(draw)
    is_over = threading.Event()

    def redraw_until_over() -> None:
        if hasattr(
            signal, "pthread_sigmask"
        ):  # Ctrl-C must wake the main thread, not this one
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
        while not is_over.wait(TICK_SECONDS):
            redraw()

    thread = threading.Thread(target=redraw_until_over, daemon=True)
    with ExitStack() as ending:  # all of it, even after a second Ctrl-C
        ending.callback(end)  # or the terminal would stay without its cursor
        thread.start()
        ending.callback(thread.join)
        ending.callback(is_over.set)
        yield redraw


def _in_notebook(draw: Callable[[], RenderableType]) -> tuple[Callable[[], None], ...]:
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


def _on_terminal(draw: Callable[[], RenderableType]) -> tuple[Callable[[], None], ...]:
    """Start to draw on the terminal, and return functions that draw again, and end
    that.
    """
    options: dict[str, Any] = {"console": err, "transient": True, "auto_refresh": False}
    # Below it is a line for the cursor: an echoed ^C would wrap a full one.
    live = Live(get_renderable=lambda: Group(draw(), ""), **options)

    def locked(method: Callable[[], None]) -> None:
        with DRAWING:
            method()

    locked(live.start)
    return partial(locked, live.refresh), partial(locked, live.stop)


def can_draw() -> bool:
    """Return whether bars can be redrawn in place where messages go."""
    return IN_NOTEBOOK or (err.is_terminal and not err.is_dumb_terminal)


@contextmanager
def show_download(*, quiet: bool) -> Iterator[OnBytes]:
    """Yield a callback that shows downloads: as bars on a terminal, else as a line at
    the start.
    """
    tasks: dict[str, progress.TaskID] = {}
    figures = [
        progress.DownloadColumn,
        progress.TransferSpeedColumn,
        progress.TimeRemainingColumn,
    ]
    shown = figures if err.width >= 80 else figures[:1]
    name = Column(no_wrap=True, overflow="ellipsis", max_width=err.width // 2)
    columns = [kind(table_column=Column(no_wrap=True)) for kind in shown]
    bars = progress.Progress(
        _text("{task.description}", name), progress.BarColumn(None), *columns
    )

    def on_bytes(download: str, done: int, total: int | None) -> None:
        if download not in tasks:
            tasks[download] = bars.add_task(download, total=total)
            if not (quiet or can_draw()):
                err.print(download, soft_wrap=True)
        bars.update(tasks[download], completed=done, total=total)

    with _drawn(bars.get_renderable, quiet=quiet):
        yield on_bytes


@contextmanager
def show_trials(*, quiet: bool) -> Iterator[events.Listener]:
    """Yield a listener that shows running trials: as bars on a terminal, else as
    lines.
    """
    bars, shown = TrialBars(), dict[Trial, float]()

    def on_event(event: events.Event) -> None:
        bars.note(event)
        message, now = _message(event), time.monotonic()
        if isinstance(event, events.EpochEnded) and not can_draw():
            trial = event.trial
            if event.epoch == 0:
                message = f"{trial} {_on(event.worker)}".rstrip() + ": started"
            elif now - shown.get(trial, now) >= PLAIN_INTERVAL:
                left = bars.whole.time_remaining
                rest = f"; {left:.0f} s left in total" if left else ""
                scores = f"loss {event.loss:.4f}, {trial.score_name} {event.score:.4f}"
                message = (
                    f"{trial}: epoch {event.epoch} of {trial.epochs}, {scores}{rest}"
                )
            if message:
                shown[trial] = now
        if message:
            redraw()
            err.print(
                message, soft_wrap=not can_draw()
            )  # on a terminal wrapped between words

    with _drawn(bars.get_renderable, quiet=quiet) as redraw:
        yield (lambda _: None) if quiet else on_event


class TrialBars(progress.Progress):
    """The bar of a whole run, and those of its running trials, with the columns that
    fit.
    """

    def __init__(self) -> None:
        name = Column(overflow="ellipsis", min_width=len("100/200 trials"))
        phase = Column(
            no_wrap=True, overflow="ellipsis", max_width=max(err.width // 4, 15)
        )
        columns = [
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
        fitting = (column for least, column in columns if err.width >= least)
        super().__init__(
            *fitting, expand=err.width >= 60, speed_estimate_period=math.inf
        )
        self.ended = self.planned = 0
        self.running: dict[Trial, progress.Task] = {}
        self.whole = self._add("", visible=False)

    def _add(
        self, name: str, seed: str = "", phase: str = "", **facts: Any
    ) -> progress.Task:
        """Return a new bar, whose numbers are epochs, for the whole run weighted by
        their work.
        """
        facts |= {"seed": seed, "worker": "", "phase": phase, "scores": ""}
        self.add_task(name, **facts)
        return self.tasks[-1]

    def _row(self, trial: Trial) -> progress.Task:
        if trial not in self.running:
            part = (
                str(trial)
                .removeprefix(trial.name)
                .replace(",", "")
                .replace(" of ", "/")
            )
            name, seed = visible(trial.name), visible(part).strip()
            self.running[trial] = self._add(
                name, seed, "starting", total=trial.epochs or None
            )
        return self.running[trial]

    def _reach(self, trial: Trial, epoch: float) -> None:
        row = self._row(trial)
        self.advance(self.whole.id, (epoch - row.completed) * trial.work)
        self.advance(row.id, epoch - row.completed)

    def note(self, event: events.Event) -> None:
        """Take an event into account."""
        match event:
            case events.Planned(to_train):
                self.planned = len(to_train)
                work = (
                    sum(trial.epochs * trial.work for trial in to_train) or self.planned
                )
                self.update(self.whole.id, total=work, visible=True)
            case events.PhaseBegan(trial, phase, worker):
                self.update(self._row(trial).id, phase=phase, worker=_on(worker))
                if (
                    phase == TRAINING or not trial.epochs
                ):  # the pace is measured from here
                    self._reach(trial, self._row(trial).completed)
            case events.EpochEnded(
                trial, 0, worker=worker
            ):  # again, if its worker died
                self._reach(trial, 0)
                self.remove_task(self.running.pop(trial).id)
                self.update(self._row(trial).id, worker=_on(worker))
            case events.EpochEnded(trial, epoch, loss, score) if trial in self.running:
                self._reach(trial, epoch)  # or else this comes after its end
                scores = f"loss {loss:.4f} {trial.score_name} {score:.4f}"
                phase = f"epoch {epoch}/{trial.epochs}"
                self.update(self.running[trial].id, phase=phase, scores=scores)
            case events.Finished(trial) | events.Failed(trial):
                self._reach(trial, trial.epochs)  # it may end early
                self.remove_task(self.running.pop(trial).id)
                self.ended += 1
                self.advance(self.whole.id, 0 if trial.epochs else 1)
        self.update(self.whole.id, description=f"{self.ended}/{self.planned} trials")


def _text(text: str, column: Column | None = None) -> progress.TextColumn:
    return progress.TextColumn(text, markup=False, table_column=column)


def _message(event: events.Event) -> str | None:
    match event:
        case events.Planned(to_train, stored) if stored:
            said = "are stored already and are not trained again (--fresh trains them again)"
            return f"{len(stored)} of {len(stored) + len(to_train)} trials {said}"
        case events.Connected(scheduler, workers, cores, dashboard):
            link = f"; {dashboard}" if dashboard else ""
            return f"{scheduler}: {counted(workers, 'worker')} with {counted(cores, 'core')}{link}"
        case events.Finished(trial, score, seconds):
            documents = "" if trial.part or trial.data.fit_on_all else "test "
            return (
                f"{trial}: {documents}{trial.score_name} {score:.4f}, {seconds:.1f} s"
            )
        case events.Failed(trial, reason):
            return f"{trial}: failed: {reason}"
    return None


def _on(worker: str) -> str:
    return visible(f"on {worker}") if worker else ""
