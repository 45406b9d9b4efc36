"""The plot of scores by the number of labels, on the page of a choice."""

from collections.abc import Sequence
from operator import attrgetter

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from rnnbench.choice.results import LabelCurves
from rnnbench.report.plots.look import COLOURS, THIN, Style
from rnnbench.report.plots.plot import WIDE, Plot, about, draw_line
from rnnbench.text import heading


class LabelsPlot(Plot):
    """Scores by the number of labels, in bands of 95 %; laws are dashed."""

    name = "labels"
    size = (7, 4)
    size_on_page = (5.2, 4.2)
    wide_on_page = (WIDE, 4.6)

    def __init__(self, curves: LabelCurves, score: str, answer: str):
        self.title = f"{heading(score)} by the number of labels"
        self._curves = curves
        self._score = score
        self.alt = answer

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw the best eight models, and where their laws lead."""
        labels = list(map(attrgetter("labels"), self._curves.sizes))
        further = np.geomspace(labels[0], 2 * labels[-1], 60)
        handles: list[Artist] = []
        for curve, colour in zip(self._curves.curves, COLOURS, strict=False):
            style: Style = {"color": colour, "gid": about(curve.model)}
            lows = list(map(attrgetter("low"), curve.intervals))
            highs = list(map(attrgetter("high"), curve.intervals))
            band = axes.fill_between(labels, lows, highs, color=colour, alpha=0.2, lw=0)
            band.set_gid(style["gid"])
            marked = style | THIN | {"marker": "o", "ms": 4}
            handles += draw_line(axes, labels, curve.scores, marked, curve.model)
            law = 1 - curve.floor - curve.factor * further**-curve.exponent
            draw_line(axes, further, law, style | {"ls": "--", "lw": 1})
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set(xlabel="labels", ylabel=self._score)
        return handles
