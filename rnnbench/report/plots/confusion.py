"""The plot of the answers of one model for each frequent topic."""

from collections.abc import Sequence
from typing import Self

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from rich.text import Text

from rnnbench.analysis.errors import confusion, frequent_topics
from rnnbench.errors import UserError
from rnnbench.metrics import ONE
from rnnbench.report.plots.look import BLUES, ink
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.results.stored_run import StoredRun
from rnnbench.text import visible

SHOWN_TOPICS = 10
NAME_WIDTH = 18
"""The width of a topic beside the axes, in columns of a terminal: an ideograph takes
two."""


class ConfusionPlot(RunPlot):
    """How often one model gave each answer, for each frequent topic of the test set."""

    kind = "confusion"
    section = "confusion"
    tasks = ONE

    def prepare(self) -> None:
        if len(self.chosen) > 1:
            allowed = ", ".join(self.run.trials)
            raise UserError(
                "models: the plot 'confusion' shows one model, "
                f"got {len(self.chosen)} (allowed: {allowed})"
            )
        self.models = self.chosen
        (model,) = self.chosen
        self.name = f"confusion-{_file_stem(model, list(self.run.trials))}"
        self.title = f"Confusion of {model}"
        trials = self.run.trials[model]
        labels = trials[0].labels
        dataset = self.run.results.dataset
        self._noun = dataset.noun
        topics = frequent_topics(labels, SHOWN_TOPICS)
        counts = np.bincount(labels)[topics].tolist()
        n_others = len(labels) - sum(counts)
        # of the row's documents, by the column's answer; the last of both is all others
        shares = confusion(trials, topics)
        self._topics = [visible(dataset.topic_names[topic]) for topic in topics]
        if n_others or shares[:, -1].any():
            self._topics.append("others")
            counts.append(n_others)
        self._counts = counts
        n_shown = len(self._topics)
        self._shares = shares[:n_shown, :n_shown]
        side = 0.36 * max(5, n_shown)
        self.size = (2 + side, 1.8 + side)
        recall = ", ".join(
            map("{} {:.2f}".format, self._topics, self._shares.diagonal())
        )
        self.alt = (
            f"Share of the documents of each {self._noun} that {model} classified "
            f"correctly: {recall}"
        )

    @classmethod
    def in_report(cls, run: StoredRun) -> Sequence[Self]:
        return [cls(run, [model]) for model in run.trials]

    def draw(self, axes: Axes) -> Sequence[Artist]:
        lines = mpl.rcParams["grid.color"]
        axes.pcolormesh(
            self._shares, cmap=BLUES, vmin=0, vmax=1, edgecolors=lines, lw=0.6
        )
        for (row, column), share in np.ndenumerate(self._shares):
            if share >= 0.005:
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{share:.2f}".lstrip("0"),
                    ha="center",
                    va="center",
                    fontsize=9.5,
                    color=ink(),
                )
        axes.set(
            aspect="equal",
            xlabel=f"predicted {self._noun}",
            ylabel=f"true {self._noun} (test documents)",
        )
        axes.invert_yaxis()
        self._name_topics(axes)
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        return ()

    def _name_topics(self, axes: Axes) -> None:
        middles = np.arange(len(self._counts)) + 0.5
        columns = [_fitting(topic) for topic in self._topics]
        axes.set_xticks(
            middles, columns, rotation=45, ha="right", rotation_mode="anchor"
        )
        rows = list(map("{} ({})".format, columns, self._counts))
        axes.set_yticks(middles, rows)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_parse_math(False)  # those of given axes existed before


def _fitting(name: str) -> str:
    """Return a name, or its beginning, that leaves room for the axes beside it."""
    text = Text(name)
    text.truncate(NAME_WIDTH, overflow="ellipsis")
    return text.plain


def _file_stem(model: str, models: Sequence[str]) -> str:
    """Return a model's name for a file, as file systems may ignore case."""
    alike = [name for name in models if name.casefold() == model.casefold()]
    if len(alike) == 1:
        return model
    return f"{model}.{alike.index(model) + 1}"
