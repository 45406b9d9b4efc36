"""The plot of a metric of one model from run to run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.boards import RunHistory
from rnnbench.metrics import find_quantity
from rnnbench.report.plots.look import (
    BLUE,
    CLEAR_CHANGES,
    LARGEST,
    THICK,
    THIN,
    Style,
)
from rnnbench.report.plots.plot import Plot, draw_line, legend_entries
from rnnbench.report.words import direction, mean_and_interval
from rnnbench.text import counted, visible

FEW_LABELS = 5
"""So many labels of runs fit into any plot."""
RUNS_PER_LABEL = 8
"""A wide plot has a label for so many runs."""


class HistoryPlot(Plot):
    """The metric of a model in each run, its interval, and its clear changes."""

    has_legend = True
    """Whether a legend says what the marks of all models of the history mean."""

    def __init__(self, history: RunHistory, model: str, name: str):
        self.name = name
        self.title = model
        self.models = [model]
        self.size = (max(6, 2 + 0.12 * len(history.entries)), 2.8)
        self._history = history
        self._quantity = find_quantity(history.metric, "metric")
        self._values = [entry.values.get(model) for entry in history.entries]
        self._directions: dict[int, str] = {}
        for position, entry in enumerate(history.entries):
            change = entry.changes.get(model)
            if change and change.is_clear:
                self._directions[position] = direction(change)
        texts = [
            mean_and_interval(value, self._quantity.format)
            for value in self._values
            if value
        ]
        self.alt = (
            f"{self._quantity.header} of {model} in {counted(len(texts), 'run')}: "
            f"{texts[0]} in the first, {texts[-1]} in the last, "
            f"{counted(len(self._directions), 'clear change')}"
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        limits = (-LARGEST, LARGEST)
        if self._history.is_by_main:
            limits = (0.0, 1.0)
        values = [value.mean if value else np.nan for value in self._values]
        means = np.ma.masked_invalid(values).clip(*limits)
        dots = THIN | {"color": BLUE, "marker": "o"}
        bars = THICK | {"color": BLUE}
        draw_line(axes, range(len(means)), means, dots)
        for position, value in enumerate(self._values):
            if value and value.over_seeds:
                ends = (value.over_seeds.low, value.over_seeds.high)
                low, high = np.clip(ends, *limits)
                axes.vlines(position, low, high, **bars)
        for position, way in self._directions.items():
            draw_line(axes, position, means[position], CLEAR_CHANGES[way])
        self._name_runs(axes)
        axes.set_ylabel(self._quantity.header)
        if not self.has_legend:
            return ()
        styles: dict[str, Style] = {"mean over seeds": dots, "95 % over seeds": bars}
        ways = set[str]()
        for entry in self._history.entries:
            for change in entry.changes.values():
                if change.is_clear:
                    ways.add(direction(change))
        for way in sorted(ways):
            styles[f"clearly {way}"] = CLEAR_CHANGES[way]
        return legend_entries(axes, styles)

    def _name_runs(self, axes: Axes) -> None:
        """Label some of the runs with their dates and commits."""
        n_runs = len(self._history.entries)
        n_labels = max(FEW_LABELS, n_runs // RUNS_PER_LABEL)
        positions = range(0, n_runs, -(-n_runs // n_labels))
        labels = []
        for position in positions:
            entry = self._history.entries[position]
            date = (entry.date or entry.run)[:10]
            commit = (entry.commit or "")[:7]
            labels.append(visible(f"{date}\n{commit}"))
        axes.set_xticks(positions, labels)
        axes.set_xlim(-0.5, n_runs - 0.5)
        axes.grid(axis="x", visible=False)
