"""The plot of scores by the time of a training."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from rnnbench.analysis.pairs import SHOWN_IN_PAIRS
from rnnbench.errors import UserError
from rnnbench.report.plots.look import COLOURS, DOT, GREY, THIN, Style, ink
from rnnbench.report.plots.plot import about, draw_line, legend_entries
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.words import scope
from rnnbench.results.comparison import DIGITS
from rnnbench.results.schema import ModelSummary

LINE = 13
"""The height of a name, in points."""
NAME_LINE: dict[str, object] = {"arrowstyle": "-", "color": GREY, "lw": 0.6}
"""The line that joins a name with its model."""
LEAST_SECONDS = 1e-3
"""Shorter trainings are drawn here: a logarithmic axis has no 0."""


class CostPlot(RunPlot):
    """The score of each model by the time of its training.

    No model is both faster and better than one on the front.
    """

    kind = "cost"
    section = "metrics"
    title = "Score by training time"

    def prepare(self) -> None:
        self.need_two()
        self._seconds = {
            model.name: max(model.fit_seconds.mean, LEAST_SECONDS)
            for model in self._models
            if model.fit_seconds
        }
        timed = [model for model in self._models if model.name in self._seconds]
        if not timed:
            raise UserError(
                f"models: the plot '{self.kind}' needs models that were trained here"
            )
        self._models = sorted(timed, key=self._by_time)
        self._front = _front(self._models)
        self.make_room(self.chosen, 4)
        descriptions = []
        for model in self._models:
            seconds = self._seconds[model.name]
            description = f"{model.name} {model.score.mean:.3f} in {seconds:.3g} s"
            if model in self._front:
                description += ", on the front"
            descriptions.append(description)
        self.alt = "; ".join(descriptions)

    def _by_time(self, model: ModelSummary) -> tuple[float, float]:
        """Return the key that sorts models: the fastest first, of equals the best."""
        return self._seconds[model.name], -model.score.mean

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw the scores with their intervals; a few models, or the front, by name."""
        shown_by_name = []
        for model in self._models:
            seconds = self._seconds[model.name]
            style: Style = {
                "color": COLOURS[model.is_baseline],
                "gid": about(model.name),
            }
            ends = np.clip((model.interval.low, model.interval.high), 0, 1)
            draw_line(axes, [seconds, seconds], ends, THIN | style)
            draw_line(axes, seconds, model.score.mean, DOT | style)
            if len(self._models) <= SHOWN_IN_PAIRS or model in self._front:
                shown_by_name.append(model)
        front: Style = THIN | {"ls": ":", "color": ink(), "drawstyle": "steps-post"}
        seconds_on_front = [self._seconds[model.name] for model in self._front]
        scores_on_front = [model.score.mean for model in self._front]
        draw_line(axes, seconds_on_front, scores_on_front, front)
        score_name = self.run.results.dataset.score_name
        axes.set(xscale="log", xlabel="seconds of a training", ylabel=score_name)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        self._name(axes, shown_by_name)
        interval = f"95 % {scope(max(model.score.n for model in self._models))}"
        grey: Style = {"color": GREY}
        styles = {interval: THIN | grey, "none is faster and better": front}
        return legend_entries(axes, styles)

    def _name(self, axes: Axes, models: Sequence[ModelSummary]) -> None:
        """Write names beside the axes, each joined with the score of its model."""
        low, high = axes.get_ylim()
        axes.set_ylim(low, high)
        height = axes.get_window_extent().height * 72 / axes.figure.dpi  # in points
        best_first = sorted(models, key=lambda model: -model.score.mean)
        scores = np.array([model.score.mean for model in best_first])
        places = spread((scores - low) / (high - low), LINE / height)
        for model, place in zip(best_first, places, strict=True):
            axes.annotate(
                model.name,
                (self._seconds[model.name], model.score.mean),
                fontsize=9.5,
                gid=about(model.name),
                xytext=(1.05, place),
                textcoords="axes fraction",
                va="center",
                arrowprops=NAME_LINE | {"gid": about(model.name)},
            )


def spread(places: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Return places, the highest first, moved apart so that each pair has a gap.

    They are moved down, and up again where they would be below 0.
    """
    steps = gap * np.arange(len(places))
    lowered = np.minimum.accumulate(places + steps) - steps
    room = steps[::-1]  # for those below
    raised = np.maximum.accumulate((lowered - room).clip(0)[::-1])
    return np.asarray(raised[::-1] + room)


def _front(fastest_first: Sequence[ModelSummary]) -> list[ModelSummary]:
    """Return the models that are better than all faster ones."""
    front = []
    best = -1.0
    for model in fastest_first:
        score = round(model.score.mean, DIGITS)
        if score > best:
            front.append(model)
            best = score
    return front
