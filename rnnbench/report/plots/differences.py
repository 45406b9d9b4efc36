"""Plots of differences with their intervals: in a run, and from one run to another."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.compare import ComparedRuns
from rnnbench.analysis.pairs import by_better_model
from rnnbench.errors import UserError
from rnnbench.report.plots.look import BLUE, THIN, VERDICTS, Style, ink
from rnnbench.report.plots.plot import (
    Plot,
    about,
    draw_interval,
    draw_line,
    legend_entries,
    name_rows,
)
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.words import scope_of
from rnnbench.results.comparison import TOO_FEW_SEEDS, Difference


class DifferencesPlot(RunPlot):
    """The differences of all pairs of models, each below the better model."""

    kind = "differences"
    section = "differences"
    title = "Differences"

    def prepare(self) -> None:
        self.need_two()
        self._pairs = by_better_model(self.run.results.comparisons, self._models)
        if not self._pairs:
            raise UserError(
                f"models: no two of {', '.join(self.chosen)} were compared (a run of "
                "so many models has comparisons with its best model only)"
            )
        self._shown = list(chain(*self._pairs.values()))
        self.make_room(self.chosen, 1.5 + 0.25 * (len(self._pairs) + len(self._shown)))
        self.alt = "; ".join(
            f"{pair.a} - {pair.b} {pair.difference:+z.3f} "
            f"({pair.interval:+z.3f}, {pair.verdict})"
            for pair in self._shown
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        names: list[str] = []
        rows: list[int] = []
        for better, pairs in self._pairs.items():
            names.append(f"{better} minus")
            for pair in pairs:
                rows.append(len(names))
                names.append(pair.b)
        models = [pair.names for pair in self._shown]
        handles = draw_differences(axes, self._shown, rows, models)
        name_rows(axes, names, f"difference in {self.run.results.dataset.score_name}")
        for row, label in enumerate(axes.get_yticklabels()):
            label.set_fontweight("normal" if row in rows else "bold")
        axes.tick_params(axis="y", length=0)
        return handles


class ChangesPlot(Plot):
    """How the score of each model changed from run A to run B, and its interval."""

    name = "changes"

    def __init__(self, comparison: ComparedRuns):
        self._changes = comparison.models
        self._names = [change.name for change in self._changes]
        self._score = comparison.dataset.score_name
        self.title = f"Change in {self._score}"
        self.make_room(self._names, 1.8 + 0.42 * len(self._changes))
        self.alt = "; ".join(
            f"{change.name} {change.difference:+z.3f} ({change.verdict})"
            for change in self._changes
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        name_rows(axes, self._names, f"{self._score}, B minus A")
        rows = range(len(self._names))
        models = [[name] for name in self._names]
        return draw_differences(axes, self._changes, rows, models)


def draw_differences(
    axes: Axes,
    differences: Sequence[Difference],
    rows: Sequence[int],
    models: Sequence[Sequence[str]],
) -> list[Artist]:
    """Draw differences with their intervals, and return entries of a legend.

    Each has a row and the models that it is about; all are cut to -1 to 1.
    """
    for difference, row, names in zip(differences, rows, models, strict=True):
        style: Style = {"color": BLUE, "gid": about(*names)}
        draw_interval(axes, row, difference.interval, THIN | style, lowest=-1)
        middle = np.clip(difference.difference, -1, 1)
        draw_line(axes, middle, row, VERDICTS[difference.verdict] | style)
    axes.axvline(0, color=ink(), lw=1, ls=":")
    styles = VERDICTS | {f"95 % {scope_of(differences)}": THIN}
    if not any(difference.has_too_few_seeds for difference in differences):
        del styles[TOO_FEW_SEEDS]
    blue = {label: style | {"color": BLUE} for label, style in styles.items()}
    return legend_entries(axes, blue)
