"""Mean ranks over datasets: the critical-difference diagram, and its table."""

import textwrap
from collections import Counter
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.boards import MeanRanks
from rnnbench.report.plots.look import BLUE, ink
from rnnbench.report.plots.plot import Plot, about, name_rows
from rnnbench.report.table import Table
from rnnbench.report.words import short_p
from rnnbench.stats.ranks import ALPHA, Friedman
from rnnbench.text import sentences, visible

FEW_DATASETS = 5
CHARACTERS = 13.5
"""Characters of a caption in an inch."""


class RanksPlot(Plot):
    """Mean ranks and the critical difference; bars join models not told apart."""

    def __init__(self, ranks: MeanRanks, name: str = "ranks"):
        self.name = name
        self._ranks = ranks
        self._datasets = f"{len(ranks.datasets)} datasets"
        self._caption = ranks_caption(ranks)
        self.title = f"Mean rank by {ranks.metric} over {self._datasets} (1 is best)"
        self.alt = "; ".join(
            f"{model} {rank:.2f}" for model, rank in ranks.models.items()
        )
        self._labels = [f"critical difference {ranks.critical_difference:.2f}"]
        self._rows: dict[str, int] = {}
        for model, rank in ranks.models.items():
            self._rows[model] = len(self._labels)
            self._labels.append(f"{model}  {rank:.2f}")
        self.make_room(self._labels[1:], 1 + 0.27 * len(self._labels))
        width, height = self.size
        lines = 1 + len(self._caption) / CHARACTERS / width
        self.size = (width + 0.4, height + 0.16 * lines)

    def draw(self, axes: Axes) -> Sequence[Artist]:
        means = self._ranks.models
        difference = self._ranks.critical_difference
        axes.plot([1, 1 + difference], [0, 0], "|-", color=ink(), lw=1.5)
        for name, rank in means.items():
            axes.plot(rank, self._rows[name], "o", gid=about(name), color=BLUE)
        right = max(len(means), 1 + difference)
        for number, group in enumerate(self._ranks.groups, start=1):
            top = self._rows[group[0]] - 0.25
            bottom = self._rows[group[-1]] + 0.25
            place = right + 0.04 * len(means) * number
            axes.vlines(place, top, bottom, lw=5, gid=about(*group), color=BLUE)
        name_rows(axes, self._labels, f"mean rank over {self._datasets}")
        axes.set_xticks(range(1, len(means) + 1, 1 + (len(means) - 1) // 12))
        return ()

    def draw_alone(self, axes: Axes) -> None:
        # the axes get their whole width
        axes.figure.canvas.figure.draw_without_rendering()
        width = axes.get_window_extent().width / axes.figure.dpi
        super().draw_alone(axes)
        n_characters = max(40, round(CHARACTERS * width))
        lines = textwrap.wrap(visible(self._caption), n_characters)
        axes.set_xlabel(
            "\n".join(lines), loc="right", multialignment="left", fontsize="small"
        )


def ranks_table(ranks: MeanRanks) -> Table:
    """Return the mean rank of each model, and its rank on each dataset."""
    rows = []
    for model, mean in ranks.models.items():
        of_datasets = [f"{dataset.ranks[model]:g}" for dataset in ranks.datasets]
        rows.append([model, f"{mean:.2f}", ", ".join(of_datasets)])
    return Table(
        ["model", "mean rank", "ranks"],
        rows,
        ranks_caption(ranks),
        models=[[model] for model in ranks.models],
    )


def ranks_caption(ranks: MeanRanks) -> str:
    """Return the cautions that a reader needs beside the mean ranks."""
    n_datasets = len(ranks.datasets)
    names = ", ".join(dataset.name for dataset in ranks.datasets)
    nemenyi = f"{ranks.critical_difference:.2f} (Nemenyi's test at the level {ALPHA})"
    parts = [
        f"Mean ranks of {len(ranks.models)} models by {ranks.metric} on "
        f"{n_datasets} datasets: {names}.",
        f"Friedman's test: {_friedman_in_words(ranks.test)}{nemenyi}.",
    ]
    if n_datasets < FEW_DATASETS:
        parts.append(
            f"With fewer than {FEW_DATASETS} datasets, the tests have almost no power: "
            "a bar says little."
        )
    corpora = Counter(dataset.corpus_fingerprint for dataset in ranks.datasets)
    shared = [n for n in corpora.values() if n > 1]
    if shared:
        more = "".join(f", and {n} of another" for n in shared[1:])
        parts.append(f"{shared[0]} of the datasets are parts of one corpus{more}.")
    parts.append(
        "Seeds are not datasets: a model has one rank on each dataset, however many "
        "seeds it has. Datasets of one collection are not independent: the ranks "
        "describe these datasets and prove nothing about others."
    )
    return sentences(*parts)


def _friedman_in_words(test: Friedman) -> str:
    statistic = "all datasets rank the models alike"
    if test.f is not None:
        first, second = test.df
        statistic = f"F({first}, {second}) = {test.f:.2f} (Iman and Davenport)"
    verdict = "no clear difference, so a bar joins all models. "
    verdict += "The critical difference would be "
    if test.is_clear:
        verdict = (
            "models differ. A bar joins models whose mean ranks differ by less than "
            "the critical difference, "
        )
    return f"{statistic}, p = {short_p(test.p)}: {verdict}"
