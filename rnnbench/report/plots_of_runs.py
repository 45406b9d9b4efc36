"""The plots of several runs: their changes, their history, and mean ranks with their table.

The diagram of mean ranks is that of J. Demšar (Journal of Machine Learning Research 7, 2006):
models hang from a line of mean ranks, the best at the right, and a bar joins those that are not
told apart.
"""

import textwrap
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.boards import ALPHA, MeanRanks, RunHistory
from rnnbench.analysis.compare import ComparedRuns
from rnnbench.metrics import find_quantity
from rnnbench.report.plot import (
    COLOURS,
    LARGEST,
    THICK,
    THIN,
    Plot,
    Style,
    about,
    ink,
    legend_entries,
    name_rows,
)
from rnnbench.report.plots_of_run import BLUE, draw_difference, finish_differences
from rnnbench.report.table import Table
from rnnbench.report.tables_of_runs import direction
from rnnbench.report.words import mean_and_interval, short_p
from rnnbench.text import counted, visible

CHANGES: dict[str, Style] = {
    way: {"marker": mark, "ls": "", "ms": 10, "color": COLOURS[1]}
    for way, mark in (("up", "^"), ("down", "v"))
}
"""The mark of a clear change, by its direction."""
LABELS, RUNS_PER_LABEL = 5, 8
"""The labels that fit into any plot, and the runs per label in a wide one."""
FEW_DATASETS = 5
ROW, RULER, TOP = 0.27, 1.5, 2.6
"""The height of a row in inches; in rows above the line of ranks, the critical difference and the
end of the diagram."""
FIRST_BAR, BETWEEN_BARS = 0.55, 0.45
"""How far the bars are below the line of ranks, in rows."""
CHARACTERS = 13.5
"""Characters of a caption in an inch."""
CAUTION = (
    "Seeds are not datasets: a model has one rank on each dataset, however many seeds it has. "
    "Datasets of one collection are not independent: the ranks describe these datasets and prove "
    "nothing about others."
)


class ChangesPlot(Plot):
    """How the score of each model changed from run A to run B, and its interval."""

    name = "changes"

    def __init__(self, comparison: ComparedRuns):
        self._models, self._score = comparison.models, comparison.dataset.score_name
        self.title = f"Change in {self._score}"
        self.make_room([model.name for model in self._models], 1.8 + 0.42 * len(self._models))
        self.alt = "; ".join(
            f"{model.name} {model.difference:+z.3f} ({model.verdict})" for model in self._models
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw a row for each model."""
        for row, model in enumerate(self._models):
            draw_difference(axes, model, row, about(model.name))
        name_rows(axes, [model.name for model in self._models], f"{self._score}, B minus A")
        return finish_differences(axes, self._models)


class HistoryPlot(Plot):
    """The metric of a model in each run with its interval over seeds, and its clear changes."""

    def __init__(self, history: RunHistory, model: str, name: str):
        self.name, self.title, self.models = name, model, [model]
        self._history, self._quantity = history, find_quantity(history.metric, "metric")
        self._ways = {
            position: direction(entry.changes[model])
            for position, entry in enumerate(history.entries)
            if model in entry.changes and entry.changes[model].is_clear
        }
        self.size = (max(6, 2 + 0.12 * len(history.entries)), 2.8)
        self._values = [entry.values.get(model) for entry in history.entries]
        texts = [mean_and_interval(value, self._quantity.format) for value in self._values if value]
        self.alt = (
            f"{self._quantity.header} of {model} in {counted(len(texts), 'run')}: {texts[0]} in "
            f"the first, {texts[-1]} in the last, {counted(len(self._ways), 'clear change')}"
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw the runs from the oldest to the newest."""
        limits = (0.0, 1.0) if self._history.is_tested else (-LARGEST, LARGEST)
        given = [np.nan if value is None else value.mean for value in self._values]
        means = np.ma.masked_invalid(given).clip(*limits)
        dots, bars = THIN | BLUE | {"marker": "o"}, THICK | BLUE
        axes.plot(range(len(means)), means, **dots)
        for position, value in enumerate(self._values):
            if value and value.over_seeds:
                ends = value.over_seeds.low, value.over_seeds.high
                axes.vlines(position, *np.clip(ends, *limits), **bars)
        for position, way in self._ways.items():
            axes.plot(position, means[position], **CHANGES[way])
        entries = self._history.entries
        step = -(-len(entries) // max(LABELS, len(entries) // RUNS_PER_LABEL))
        labels = [
            visible(f"{(entry.date or entry.run)[:10]}\n{(entry.commit or '')[:7]}")
            for entry in entries[::step]
        ]
        axes.set_xticks(range(0, len(entries), step), labels)
        axes.set_xlim(-0.5, len(entries) - 0.5)
        axes.grid(axis="x", visible=False)
        axes.set_ylabel(self._quantity.header)
        styles = {"mean over seeds": dots, "95 % over seeds": bars}
        styles |= {f"clearly {way}": CHANGES[way] for way in sorted({*self._ways.values()})}
        return legend_entries(axes, styles)


# Mean ranks over datasets


def ranks_table(ranks: MeanRanks) -> Table:
    """Return the mean rank of each model, and its rank on each dataset."""
    rows = [
        [name, f"{mean:.2f}", ", ".join(f"{dataset.ranks[name]:g}" for dataset in ranks.datasets)]
        for name, mean in ranks.models.items()
    ]
    headers, models = ["model", "mean rank", "ranks"], [[name] for name in ranks.models]
    return Table(headers, rows, ranks_caption(ranks), models=models)


def ranks_caption(ranks: MeanRanks) -> str:
    """Return the facts and cautions that a reader needs beside the mean ranks."""
    n, test = len(ranks.datasets), ranks.test
    statistic = "all datasets rank the models alike"
    if test.f is not None:
        statistic = f"F({test.df[0]}, {test.df[1]}) = {test.f:.2f} (Iman and Davenport)"
    verdict = (
        "models differ. A bar joins models whose mean ranks differ by less than the critical "
        "difference, "
        if test.is_clear
        else "no clear difference, so a bar joins all models. The critical difference would be "
    )
    nemenyi = f"{ranks.critical_difference:.2f} (Nemenyi's test at the level {ALPHA})"
    few = f"With fewer than {FEW_DATASETS} datasets, the tests have almost no power: a bar says"
    corpora = Counter(dataset.corpus_fingerprint for dataset in ranks.datasets)
    first, *others = [n for n in corpora.values() if n > 1] or [0]
    more = "".join(f", and {n} of another" for n in others)
    sentences = [
        f"Mean ranks of {len(ranks.models)} models by {ranks.metric} on {n} datasets:",
        f"{', '.join(dataset.name for dataset in ranks.datasets)}.",
        f"Friedman's test: {statistic}, p = {short_p(test.p)}: {verdict}{nemenyi}.",
        f"{few} little." if n < FEW_DATASETS else "",
        f"{first} of the datasets are parts of one corpus{more}." if first else "",
        CAUTION,
    ]
    return " ".join(filter(None, sentences))


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
        means, difference = self._ranks.models, self._ranks.critical_difference
        k, names = len(means), list(means)
        axes.plot([1, k], [0, 0], color=ink(), lw=1.5)
        axes.vlines(range(1, k + 1), 0, 0.2, color=ink(), lw=1.5)
        for rank in range(1, k + 1, 1 + (k - 1) // 12):
            axes.text(rank, 0.35, str(rank), ha="center")
        axes.plot([k, k - difference], [RULER, RULER], "|-", color=ink(), lw=1.5)
        words = f"critical difference {difference:.2f}"
        axes.text(k - difference / 2, RULER + 0.25, words, ha="center")
        for number, group in enumerate(self._ranks.groups):
            y = -FIRST_BAR - BETWEEN_BARS * number
            ends = [means[group[0]] - 0.01 * k, means[group[-1]] + 0.01 * k]
            axes.plot(ends, [y, y], color=COLOURS[0], lw=5, solid_capstyle="butt")
        half, left, right = (k + 1) // 2, k * 1.03, min(1, k - difference) - k * 0.03
        worse = max(self._draw_name(axes, *name, left) for name in enumerate(names[half:][::-1]))
        better = max(self._draw_name(axes, *name, right) for name in enumerate(names[:half]))
        width = axes.get_window_extent().width
        scale = (left - right) / max(width - worse - better, 0.2 * width)  # ranks in a pixel
        axes.set_xlim(left + worse * scale, right - better * scale)
        axes.set_ylim(-self._depth, TOP)
        return ()

    def _draw_name(self, axes: Axes, row: int, name: str, edge: float) -> float:
        """Draw a name at the end of a line to its rank, and return its width in pixels."""
        rank, y = self._ranks.models[name], -self._first_row - row
        axes.plot([rank, rank, edge], [0, y, y], color=ink(), lw=0.8, gid=about(name))
        is_left = edge > rank  # the best is at the right
        words = f"{name}  {rank:.2f} " if is_left else f" {rank:.2f}  {name}"
        side = "right" if is_left else "left"
        text = axes.text(edge, y, words, ha=side, va="center", gid=about(name))
        return text.get_window_extent().width

    def draw_alone(self, axes: Axes) -> None:
        """Draw with title and caption."""
        super().draw_alone(axes)
        width = axes.get_window_extent().width / axes.figure.dpi
        lines = textwrap.wrap(visible(self._caption), max(40, round(CHARACTERS * width)))
        axes.text(0, 0, "\n".join(lines), transform=axes.transAxes, va="top", fontsize="small")
