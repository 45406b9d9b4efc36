"""The plots of several runs: their changes, their history, and mean ranks over datasets.

The diagram of mean ranks is that of J. Demšar (Journal of Machine Learning Research 7, 2006):
models hang from a line of mean ranks, the best at the right, and a bar joins those that are not
told apart.
"""

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.boards import ACCURACY, HistoryEntry, RunHistory
from rnnbench.analysis.compare import ComparedRuns
from rnnbench.analysis.critical_difference import MeanRanks
from rnnbench.metrics import find_quantity
from rnnbench.report.numbers import quantity_text
from rnnbench.report.plot import COLOURS, LARGEST, NARROW, THICK, THIN, Plot, about, ink
from rnnbench.report.plots_of_run import draw_difference, finish_differences
from rnnbench.report.tables_of_runs import direction, ranks_caption
from rnnbench.text import counted, visible

CHANGES: dict[str, dict[str, Any]] = {
    "up": {"marker": "^", "ls": "", "ms": 10},
    "down": {"marker": "v", "ls": "", "ms": 10},
}
"""The mark of a clear change, by its direction."""
LABELS, RUNS_PER_LABEL = 5, 8
"""The labels that fit into any plot, and the runs per label in a wide one."""
RULER, TOP = 1.5, 2.6
"""Where the critical difference stands above the line of ranks, and where a diagram ends, in rows.
"""
FIRST_BAR, BETWEEN_BARS = 0.55, 0.45
"""How far the bars are below the line of ranks, in rows."""
ROW = 0.27
"""The height of a row in inches."""
CHARACTERS = 13.5
"""Characters of a caption in an inch."""
MOST_NUMBERS = 12


class ChangesPlot(Plot):
    """How the accuracy of each model changed from run A to run B, and its interval."""

    name, title = "changes", "Change in test accuracy"

    def __init__(self, comparison: ComparedRuns):
        self._models = comparison.models
        self.size = (8, 1.8 + 0.42 * len(self._models))
        self.alt = "; ".join(
            f"{model.name} {model.difference:+z.3f} ({model.verdict})" for model in self._models
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw a row for each model."""
        rows = {model.name: row for row, model in enumerate(reversed(self._models))}
        for model in self._models:
            draw_difference(axes, model, rows[model.name], about(model.name))
        axes.set_yticks(list(rows.values()), list(rows))
        axes.set_ylim(-0.7, len(rows) - 0.4)
        return finish_differences(axes, "test accuracy, B minus A", self._models)


class HistoryPlot(Plot):
    """The metric of a model in each run with its interval over seeds, and its clear changes."""

    def __init__(self, history: RunHistory, model: str, name: str):
        self.name, self.title, self.models = name, model, [model]
        self._history, self._entries = history, history.entries
        self._changes = {
            position: entry.changes[model]
            for position, entry in enumerate(history.entries)
            if model in entry.changes and entry.changes[model].is_clear
        }
        self.size = (max(NARROW, 2 + 0.12 * len(self._entries)), 2.8)
        self._quantity = find_quantity(history.metric, "metric")
        self._values = [entry.values.get(model) for entry in history.entries]
        values = [value for value in self._values if value]
        first, last = (quantity_text(self._quantity, values[end]) for end in (0, -1))
        self.alt = (
            f"{self._quantity.header} of {model} in {counted(len(values), 'run')}: {first} in the "
            f"first, {last} in the last, {counted(len(self._changes), 'clear change')}"
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw the runs from the oldest to the newest."""
        limits = (0.0, 1.0) if self._history.metric == ACCURACY else (-LARGEST, LARGEST)
        given = [np.nan if value is None else value.mean for value in self._values]
        means = np.ma.masked_invalid(given).clip(*limits)
        blue, orange = COLOURS[:2]
        axes.plot(range(len(means)), means, "o-", color=blue, **THIN)
        for position, value in enumerate(self._values):
            if value and value.over_seeds:
                ends = value.over_seeds.low, value.over_seeds.high
                axes.vlines(position, *np.clip(ends, *limits), color=blue, **THICK)
        ways = {position: direction(change) for position, change in self._changes.items()}
        for position, way in ways.items():
            axes.plot(position, means[position], color=orange, **CHANGES[way])
        _label_runs(axes, self._entries)
        axes.set_ylabel(self._quantity.header)
        return [
            *axes.plot([], [], "o-", color=blue, label="mean over seeds", **THIN),
            *axes.plot([], [], color=blue, label="95 % over seeds", **THICK),
            *(
                handle
                for way in sorted({*ways.values()})
                for handle in axes.plot(
                    [], [], color=orange, label=f"clearly {way}", **CHANGES[way]
                )
            ),
        ]


def _label_runs(axes: Axes, entries: Sequence[HistoryEntry]) -> None:
    """Label runs with their dates and commits; of many, only some, at equal steps."""
    step = -(-len(entries) // max(LABELS, len(entries) // RUNS_PER_LABEL))
    labels = [
        f"{(entry.date or entry.run)[:10]}\n{(entry.commit or '')[:7]}" for entry in entries[::step]
    ]
    axes.set_xticks(range(0, len(entries), step), list(map(visible, labels)))
    axes.set_xlim(-0.5, len(entries) - 0.5)
    axes.grid(axis="x", visible=False)


class RanksPlot(Plot):
    """Mean ranks as a diagram of critical differences.

    On a page, its caption stands beside it; elsewhere, below it in the picture.
    """

    def __init__(self, ranks: MeanRanks, name: str = "ranks"):
        self.name, self._ranks, self._caption = name, ranks, ranks_caption(ranks)
        n = len(ranks.datasets)
        self.title = f"Mean rank by {ranks.metric} over {n} datasets (1 is best)"
        self.alt = "; ".join(f"{model} {rank:.2f}" for model, rank in ranks.models.items())
        self._first_row = FIRST_BAR + BETWEEN_BARS * len(ranks.groups) + 0.5  # that has names
        self._depth = self._first_row + (len(ranks.models) + 1) // 2
        width = max(7, 5 + 0.09 * sum(sorted(map(len, ranks.models))[-2:]))
        height = 0.1 + ROW * (TOP + self._depth)
        lines = 1 + len(self._caption) / CHARACTERS / width
        self.size, self.size_on_page = (width, 0.3 + height + 0.15 * lines), (width, height)

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw the line of ranks, the bars below it, and the names, without a legend."""
        axes.set_axis_off()
        axes.figure.canvas.figure.draw_without_rendering()  # the axes get their final width
        k, names = len(self._ranks.models), list(self._ranks.models)
        half = (k + 1) // 2
        self._draw_scale(axes)
        for number, group in enumerate(self._ranks.groups):
            y, ranks = -FIRST_BAR - BETWEEN_BARS * number, self._ranks.models
            ends = [ranks[group[0]] - 0.01 * k, ranks[group[-1]] + 0.01 * k]
            axes.plot(ends, [y, y], color=COLOURS[0], lw=5, solid_capstyle="butt")
        edges = (k * 1.03, min(1, k - self._ranks.critical_difference) - k * 0.03)
        worse = self._draw_names(axes, names[half:][::-1], edges[0], "right")
        better = self._draw_names(axes, names[:half], edges[1], "left")
        axes.set_xlim(*_with_room(axes, edges, worse, better))
        axes.set_ylim(-self._depth, TOP)
        return ()

    def draw_alone(self, axes: Axes) -> None:
        """Draw with title and caption."""
        super().draw_alone(axes)
        width = axes.get_window_extent().width / axes.figure.dpi
        lines = textwrap.wrap(visible(self._caption), max(40, round(CHARACTERS * width)))
        axes.text(0, 0, "\n".join(lines), transform=axes.transAxes, va="top", fontsize="small")

    def _draw_scale(self, axes: Axes) -> None:
        """Draw the line of ranks, and the critical difference above it."""
        k, difference = len(self._ranks.models), self._ranks.critical_difference
        axes.plot([1, k], [0, 0], color=ink(), lw=1.5)
        axes.vlines(range(1, k + 1), 0, 0.2, color=ink(), lw=1.5)
        for rank in range(1, k + 1, 1 + (k - 1) // MOST_NUMBERS):
            axes.text(rank, 0.35, str(rank), ha="center")
        axes.plot([k, k - difference], [RULER, RULER], "|-", color=ink(), lw=1.5)
        words = f"critical difference {difference:.2f}"
        axes.text(k - difference / 2, RULER + 0.25, words, ha="center")

    def _draw_names(
        self, axes: Axes, names: Sequence[str], edge: float, side: Literal["left", "right"]
    ) -> float:
        """Draw the names of one half, the outermost first, each at the end of a line to its rank.

        Returns:
            The width of the longest in pixels.
        """
        widths = []
        for number, name in enumerate(names):
            rank, y = self._ranks.models[name], -self._first_row - number
            axes.plot([rank, rank, edge], [0, y, y], color=ink(), lw=0.8, gid=about(name))
            words = f" {rank:.2f}  {name}" if side == "left" else f"{name}  {rank:.2f} "
            text = axes.text(edge, y, words, ha=side, va="center", gid=about(name))
            widths.append(text.get_window_extent().width)
        return max(widths)


def _with_room(
    axes: Axes, edges: tuple[float, float], worse: float, better: float
) -> tuple[float, float]:
    """Return the limits of an axis that also has room for names of these widths in pixels."""
    width = axes.get_window_extent().width
    left, right = edges
    scale = (left - right) / max(width - worse - better, 0.2 * width)
    return (left + worse * scale, right - better * scale)
