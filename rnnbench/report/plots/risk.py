"""The plot of the errors of a model by the share of documents that it answers."""

from collections.abc import Sequence
from operator import attrgetter

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.pairs import SHOWN_IN_PAIRS
from rnnbench.errors import UserError
from rnnbench.metrics import ONE
from rnnbench.report.plots.look import COLOURS, THIN, Style
from rnnbench.report.plots.plot import WIDE, about, draw_line
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.tables.risk import risk_curves
from rnnbench.results.schema import by_score
from rnnbench.stats.correctness import Floats

FEWEST = 10
"""The error of fewer documents says nothing."""
N_POINTS = 200
ERRORS = attrgetter("errors")


class RiskPlot(RunPlot):
    """The error of the surest answers by their share, the mean over seeds."""

    kind = "risk"
    section = "unsure"
    title = "Wrong answers, if only the surest are given"
    tasks = ONE

    def prepare(self) -> None:
        self._curves: dict[str, Floats] = {}
        curves = risk_curves(self.run)
        ends = []
        for model in by_score(self._models)[:SHOWN_IN_PAIRS]:
            if model.name in curves:
                errors = np.mean(list(map(ERRORS, curves[model.name])), axis=0)
                n = len(errors)
                self._places = np.linspace(min(FEWEST, n), n, N_POINTS).astype(int)
                self._curves[model.name] = errors[self._places - 1]
                ends.append(f"{model.name} {errors[-1]:.3f}")
        if not ends:
            raise UserError(f"{self.run.folder}: no scores are known, only answers")
        if len(self._models) > SHOWN_IN_PAIRS:
            self.title += f" (the best {SHOWN_IN_PAIRS} models)"
        self.size = (7, 4)
        self.size_on_page = (5.2, 3.4 + 0.2 * len(self._curves))
        self.wide_on_page = (WIDE, 4)
        self.alt = f"{self.title}; of all documents: {', '.join(ends)}"

    def draw(self, axes: Axes) -> Sequence[Artist]:
        handles: list[Artist] = []
        for (name, errors), colour in zip(self._curves.items(), COLOURS, strict=False):
            style: Style = THIN | {"color": colour, "gid": about(name)}
            shares = 100 * self._places / self._places[-1]
            handles += draw_line(axes, shares, 100 * errors, style, name)
        axes.set(xlabel="documents answered (%)", ylabel="wrong answers (%)")
        axes.set_xlim(0, 100)
        axes.set_ylim(bottom=0)
        return handles
