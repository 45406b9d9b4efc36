"""The plots of several runs: their changes, and their history."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.boards import ACCURACY, HistoryEntry, RunHistory
from rnnbench.analysis.compare import ComparedRuns
from rnnbench.metrics import find_quantity
from rnnbench.report.plot import COLOURS, LARGEST, NARROW, THICK, THIN, Plot, about
from rnnbench.report.plots_of_run import draw_difference, finish_differences
from rnnbench.report.table import quantity_text
from rnnbench.report.tables_of_runs import direction
from rnnbench.text import counted, visible

CHANGES: dict[str, dict[str, Any]] = {
    "up": {"marker": "^", "ls": "", "ms": 10},
    "down": {"marker": "v", "ls": "", "ms": 10},
}
"""The mark of a clear change, by its direction."""
LABELS, RUNS_PER_LABEL = 5, 8
"""The labels that fit into any plot, and the runs per label in a wide one."""


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
