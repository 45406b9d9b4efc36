"""The rows of the live display, fitted to the width of a terminal: pure functions.

If there is too little room, columns are left out one by one, and names are shortened in the middle.
A number is shown whole or not at all.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from rnnbench.terminal.progress import Running, RunProgress
from rnnbench.text import counted, visible
from rnnbench.training.phases import TRAINING

LEAST_BAR, BAR, LONGEST_BAR = 4, 6, 40
"""The columns of a bar: the fewest, those for which scores and names make room, and the most."""
NUMBER = re.compile(r"\d[\d.,]*(?:e[+-]?\d+)?")
LEAST_MODEL = 4
"""The fewest columns of a shortened name of a model."""
NARROW = 40
"""The fewest columns of the whole display, if the terminal has that many."""
CELLS = ("phase", "short_phase", "loss", "accuracy", "elapsed", "left")
"""The columns after the bar, from left to right."""
CHOICES: Sequence[Collection[str]] = (
    ("worker", "bar", "phase", "loss", "accuracy", "elapsed", "left"),
    ("bar", "phase", "loss", "accuracy", "elapsed", "left"),
    ("bar", "phase", "accuracy", "elapsed", "left"),
    ("bar", "phase", "elapsed", "left"),
    ("bar", "phase", "elapsed"),
    ("bar", "short_phase", "elapsed"),
    ("bar", "short_phase"),
    ("short_phase",),
    (),
)
"""The columns beside the names of models: the first choice that fits is shown."""
STYLES = {"elapsed": "progress.elapsed", "left": "progress.remaining"}


@dataclass(frozen=True)
class Symbols:
    """The characters of bars, and the one that stands for the middle of a name."""

    done: str
    rest: str
    gap: str


UNICODE, ASCII = Symbols("━", "─", "…"), Symbols("#", "-", "..")


@dataclass(frozen=True)
class Row:
    """The texts of a row.

    Attributes:
        model: the name of the model, which may be shortened.
        of_model: the rest of the name of the trial.
        worker: the worker that runs the trial.
        share: the share that is done.
        phase: the phase, or the epoch.
        short_phase: the same in one word or number.
        loss: the training loss.
        accuracy: the training accuracy.
        elapsed: the time that the phase has taken.
        left: the time that the epochs still take.
    """

    model: str
    of_model: str
    worker: str = ""
    share: float = 0.0
    phase: str = ""
    short_phase: str = ""
    loss: str = ""
    accuracy: str = ""
    elapsed: str = ""
    left: str = ""


def frame(
    run: RunProgress, now: float, width: int, height: int, symbols: Symbols = UNICODE
) -> list[Text]:
    """Return the lines of the display: the whole run, and as many running trials as fit.

    Args:
        run: the state of the run.
        now: the time by the clock of the run.
        width: of the terminal, in columns.
        height: of the terminal, in lines.
        symbols: those that the terminal can show.
    """
    if run.start is None:
        return []
    running = list(run.running.values())
    shown = running[: max(height - 3, 1)]  # besides the total, the last line, and the cursor
    lines = lay_out(total_row(run, now), [row_of(one, now) for one in shown], width, symbols)
    if more := len(running) - len(shown):
        lines.append(Text(f"and {counted(more, 'more trial')}"[:width]))
    return lines


def total_row(run: RunProgress, now: float) -> Row:
    """Return the row of a whole run."""
    return Row(
        model="",
        of_model=f"{run.ended}/{run.n_trials} trials",
        share=run.share(),
        elapsed=clock(0 if run.start is None else now - run.start),
        left=_eta(run.seconds_left(now)),
    )


def row_of(one: Running, now: float) -> Row:
    """Return the row of a trial."""
    trial = one.trial
    row = Row(
        model=visible(trial.name),
        of_model=visible(str(trial).removeprefix(trial.name)),
        worker=visible(f" on {one.worker}") if one.worker else "",
        share=one.epoch / trial.epochs if trial.epochs else 0.0,
        phase=one.phase,
        short_phase=one.phase.partition(" ")[0],
        elapsed=clock(now - one.since),
    )
    if not trial.epochs or one.phase != TRAINING:
        return row
    epochs = f"{one.epoch:>{len(str(trial.epochs))}}/{trial.epochs}"
    return replace(
        row,
        phase=f"epoch {epochs}",
        short_phase=epochs,
        loss=f"loss {one.loss:.4f}" if one.epoch else "",
        accuracy=f"accuracy {one.accuracy:.4f}" if one.epoch else "",
        left=_eta(one.seconds_left(now)),
    )


def _eta(seconds: float | None) -> str:
    return "" if seconds is None else f"ETA {clock(math.ceil(seconds))}"


def clock(seconds: float) -> str:
    """Return a time as a stopwatch shows it.

    >>> clock(7.4), clock(83), clock(3_723)
    ('0:07', '1:23', '1:02:03')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True)
class Layout:
    """The columns that are shown of rows, and their widths.

    Attributes:
        name: the width of names.
        bar: the width of bars; 0 if there are none.
        cells: the widths of the other columns, by name.
        has_worker: whether names end with the worker.
    """

    name: int
    bar: int
    cells: Mapping[str, int]
    has_worker: bool

    @property
    def end(self) -> int:
        """The width of a whole row."""
        return self.name + (self.bar and self.bar + 1) + _width_of(self.cells)


def _width_of(cells: Mapping[str, int]) -> int:
    return sum(width + 1 for width in cells.values())


def lay_out(total: Row, rows: Sequence[Row], width: int, symbols: Symbols) -> list[Text]:
    """Return the lines of a run and of its trials, none of them wider than ``width``."""
    layouts = (_layout([total, *rows], columns, width) for columns in CHOICES)
    layout = next(each for each in layouts if each is not None)
    return [
        _line_of_total(total, layout, width, symbols),
        *(_line(row, layout, symbols) for row in rows),
    ]


def _layout(rows: Sequence[Row], columns: Collection[str], width: int) -> Layout | None:
    """Return how to show these columns; ``None`` if there is no room for them."""
    has_worker = "worker" in columns
    lengths = {key: max(cell_len(getattr(row, key)) for row in rows) for key in CELLS}
    cells = {key: lengths[key] for key in CELLS if key in columns and lengths[key]}
    longest = max(cell_len(row.model + _end_of_name(row, has_worker)) for row in rows)
    shortest = max(_least_name(row, has_worker) for row in rows)
    least = min(longest, max(width // 3, shortest))
    room = width - _width_of(cells)
    if "bar" not in columns:
        fits = least <= room or not columns
        return Layout(max(min(longest, room), 0), 0, cells, has_worker) if fits else None
    if least + 1 + (BAR if "accuracy" in columns else LEAST_BAR) > room:
        return None
    name = min(longest, max(least, room - 1 - BAR))
    return Layout(name, min(room - 1 - name, LONGEST_BAR), cells, has_worker)


def _end_of_name(row: Row, has_worker: bool) -> str:
    return row.of_model + (row.worker if has_worker else "")


def _least_name(row: Row, has_worker: bool) -> int:
    return min(cell_len(row.model), LEAST_MODEL) + cell_len(_end_of_name(row, has_worker))


def _line(row: Row, layout: Layout, symbols: Symbols) -> Text:
    line = Text(_padded(_name(row, layout, symbols), layout.name))
    if layout.bar:
        line.append(" ").append_text(_bar(row.share, layout.bar, symbols))
    for key, width in layout.cells.items():
        line.append(" ").append(_cell(row, key, width), STYLES.get(key))
    line.rstrip()
    return line


def _line_of_total(total: Row, layout: Layout, width: int, symbols: Symbols) -> Text:
    """Return the line of a run; its bar reaches to where the times of the rows begin."""
    end = max(layout.end, min(width, NARROW))
    name = _padded(_name(total, layout, symbols), layout.name)
    for keys in (("elapsed", "left"), ("left",), ("elapsed",), ()):
        shown = [key for key in keys if layout.cells.get(key) or getattr(total, key)]
        cells = {key: _cell(total, key, layout.cells.get(key, 0)) for key in shown}
        bar = end - cell_len(name) - 1 - sum(len(cell) + 1 for cell in cells.values())
        if bar >= LEAST_BAR:
            break
    else:
        return Text(name)
    line = Text(name).append(" ").append_text(_bar(total.share, bar, symbols))
    for key, cell in cells.items():
        line.append(" ").append(cell, STYLES[key])
    line.rstrip()
    return line


def _cell(row: Row, key: str, width: int) -> str:
    """Return an aligned text of a row: times to the right, others to the left."""
    text: str = getattr(row, key)
    return text.rjust(width) if key in STYLES else _padded(text, width)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _bar(share: float, width: int, symbols: Symbols) -> Text:
    done = int(share * width)
    bar = Text(symbols.done * done, "bar.complete")
    return bar.append(symbols.rest * (width - done), "bar.back")


def _name(row: Row, layout: Layout, symbols: Symbols) -> str:
    end = _end_of_name(row, layout.has_worker)
    room = layout.name - cell_len(end)
    if room < min(cell_len(row.model), LEAST_MODEL):
        return without_middle(row.model + end, layout.name, symbols.gap)
    return without_middle(row.model, room, symbols.gap) + end


def without_middle(name: str, width: int, gap: str) -> str:
    """Return a name, with a gap in its middle if it is wider than ``width``; no number is cut.

    >>> without_middle("stacked_lstm", 8, "…"), without_middle("lstm(units=100)", 14, "…")
    ('stac…stm', 'lstm(un…=100)')
    """
    if cell_len(name) <= width:
        return name
    room = width - cell_len(gap)
    if room < 0:
        return ""
    start, end = 0, len(name)
    while start < len(name) and cell_len(name[: start + 1]) <= (room + 1) // 2:
        start += 1
    while end > start and cell_len(name[end - 1 :]) <= room // 2:
        end -= 1
    for first, last in (match.span() for match in NUMBER.finditer(name)):
        start = first if first < start < last else start
        end = last if first < end < last else end
    return name[:start] + gap + name[end:]
