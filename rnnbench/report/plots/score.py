"""The plot of the scores of a run."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.report.plots.look import (
    COLOURS,
    DIAMOND,
    DOT,
    GREY,
    THICK,
    THIN,
    Style,
    ink,
)
from rnnbench.report.plots.plot import (
    about,
    draw_interval,
    draw_line,
    legend_entries,
    name_rows,
)
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.words import scope
from rnnbench.text import heading, visible


class ScorePlot(RunPlot):
    """The score of each model with both its intervals, and the majority baseline."""

    kind = "score"
    section = "score"
    title = "Test score"

    def prepare(self) -> None:
        dataset = self.run.results.dataset
        self.name = dataset.kind.main
        self.title = heading(dataset.score_name)
        self.make_room(self.chosen, 1.5 + 0.38 * len(self._models))
        self.alt = "; ".join(
            f"{model.name} {model.score.mean:.3f} ({model.interval:.3f})"
            for model in self._models
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        diamond = DIAMOND | {"mec": ink()}
        published = [
            result
            for result in self.run.results.published
            if result.is_of_our_model and result.model in self.chosen
        ]
        for row, model in enumerate(self._models):
            style: Style = {
                "color": COLOURS[model.is_baseline],
                "gid": about(model.name),
            }
            draw_interval(axes, row, model.interval, THIN | style)
            if model.score.over_seeds:
                draw_interval(axes, row, model.score.over_seeds, THICK | style)
            draw_line(axes, model.score.mean, row, DOT | style)
            for result in published:
                if result.model == model.name:
                    mark = diamond | {"gid": style["gid"]}
                    draw_line(axes, result.score, row + 0.3, mark)
        majority = self._draw_majority(axes)
        dataset = self.run.results.dataset
        name_rows(axes, [model.name for model in self._models], dataset.score_name)
        n_seeds = max(model.score.n for model in self._models)
        grey: Style = {"color": GREY}
        styles = {dataset.kind.score_name: DOT | grey}
        if n_seeds > 1:
            styles = {
                "mean over seeds": DOT | grey,
                "95 % over seeds": THICK | grey,
            }
        styles[f"95 % {scope(n_seeds)}"] = THIN | grey
        if published:
            styles["published"] = diamond
        return [*legend_entries(axes, styles), majority]

    def _draw_majority(self, axes: Axes) -> Artist:
        """Draw the score of the majority baseline, if it is not far to the left."""
        dataset = self.run.results.dataset
        name = visible(dataset.majority_name)
        left, right = axes.get_xlim()
        if dataset.majority_score < left - 2 * (right - left):
            axes.set_xlim(left, right)  # or most of the width would be empty
            name = f"← {name}: {dataset.majority_score:.3f}"
        return axes.axvline(
            dataset.majority_score, color=ink(), label=name, lw=1, ls=":"
        )
