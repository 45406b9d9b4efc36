"""Mean ranks over several datasets: their caption, their table, and the diagram that shows them.

The diagram is that of J. Demšar (Journal of Machine Learning Research 7, 2006): models hang from a
line of mean ranks, the best at the right, and a bar joins those that are not told apart.
"""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from matplotlib.axes import Axes

from rnnbench.analysis.critical_difference import ALPHA, FEW_DATASETS, MeanRanks
from rnnbench.report.drawing import COLOURS, ink
from rnnbench.report.numbers import short_p
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.text import visible

Side = Literal["left", "right"]
CAUTION = (
    "Seeds are not datasets: a model has one rank on each dataset, however many seeds it has. "
    "Datasets of one collection are not independent: the ranks describe these datasets and prove "
    "nothing about others."
)
ALMOST_NO_POWER = (
    f"With fewer than {FEW_DATASETS} datasets, the tests have almost no power: a bar says little."
)
RULER, TOP = 1.5, 2.6
"""Where the critical difference stands above the line of ranks, and where a diagram ends, in rows.
"""
FIRST_BAR, BETWEEN_BARS = 0.55, 0.45
"""How far the bars are below the line of ranks, in rows."""
ROW = 0.27
"""The height of a row in inches."""
CHARACTERS = 13.5
"""Characters of a caption in an inch."""
MOST_NUMBERS = 12


def caption(ranks: MeanRanks) -> str:
    """Return the facts and cautions that a reader needs beside the mean ranks."""
    n, k = len(ranks.datasets), len(ranks.models)
    nemenyi = f"{ranks.critical_difference:.2f} (Nemenyi's test at the level {ALPHA})"
    verdict = (
        "models differ. A bar joins models whose mean ranks differ by less than the critical "
        f"difference, {nemenyi}"
        if ranks.test.is_clear
        else "no clear difference, so a bar joins all models. The critical difference would be "
        f"{nemenyi}"
    )
    sentences = [
        f"Mean ranks of {k} models by {ranks.metric} on {n} datasets:",
        f"{', '.join(dataset.name for dataset in ranks.datasets)}.",
        f"Friedman's test: {_statistic(ranks)}, p = {short_p(ranks.test.p)}: {verdict}.",
        ALMOST_NO_POWER if n < FEW_DATASETS else "",
        _of_one_corpus(ranks),
        CAUTION,
    ]
    return " ".join(filter(None, sentences))


def _of_one_corpus(ranks: MeanRanks) -> str:
    """Return how many datasets are parts of the same corpus; nothing if none are."""
    corpora = Counter(dataset.corpus_fingerprint for dataset in ranks.datasets)
    first, *others = [n for n in corpora.values() if n > 1] or [0]
    more = "".join(f", and {n} of another" for n in others)
    return f"{first} of the datasets are parts of one corpus{more}." if first else ""


def _statistic(ranks: MeanRanks) -> str:
    test = ranks.test
    if test.f is None:
        return "all datasets rank the models alike"
    return f"F({test.df[0]}, {test.df[1]}) = {test.f:.2f} (Iman and Davenport)"


def ranks_table(ranks: MeanRanks) -> Table:
    """Return the mean rank of each model, and its rank on each dataset."""
    columns: Columns[str] = {
        "model": lambda name: name,
        "mean rank": lambda name: f"{ranks.models[name]:.2f}",
        "ranks": lambda name: ", ".join(f"{each.ranks[name]:g}" for each in ranks.datasets),
    }
    table = table_of(list(ranks.models), columns, caption(ranks))
    return replace(table, models=[[name] for name in ranks.models])


def size_of_diagram(ranks: MeanRanks) -> tuple[float, float]:
    """Return the width and the height of a diagram in inches."""
    width = max(7, 5 + 0.09 * sum(sorted(map(len, ranks.models))[-2:]))
    return (width, 0.1 + ROW * (TOP + _depth(ranks)))


def size_of_ranks(ranks: MeanRanks) -> tuple[float, float]:
    """Return the width and the height of a diagram with its title and its caption in inches."""
    width, height = size_of_diagram(ranks)
    lines = 1 + len(caption(ranks)) / CHARACTERS / width
    return (width, 0.3 + height + 0.15 * lines)


def _first_row(ranks: MeanRanks) -> float:
    """Return how many rows below the line of ranks the first names are."""
    return FIRST_BAR + BETWEEN_BARS * len(ranks.groups) + 0.5


def _depth(ranks: MeanRanks) -> float:
    return _first_row(ranks) + (len(ranks.models) + 1) // 2


def place_of(ranks: MeanRanks, model: str) -> tuple[Side, float]:
    """Return the side of a diagram at which the name of a model is, and its height."""
    position, n = list(ranks.models).index(model), len(ranks.models)
    side: Side = "right" if 2 * position < n else "left"
    return side, -_first_row(ranks) - min(position, n - 1 - position)


def title(ranks: MeanRanks) -> str:
    """Return the heading of a diagram."""
    return f"Mean rank by {ranks.metric} over {len(ranks.datasets)} datasets (1 is best)"


def draw_ranks(axes: Axes, ranks: MeanRanks) -> None:
    """Draw mean ranks as a diagram of critical differences, with title and caption."""
    draw_diagram(axes, ranks)
    axes.set_title(title(ranks))
    width = axes.get_window_extent().width / axes.figure.dpi
    lines = textwrap.wrap(visible(caption(ranks)), max(40, round(CHARACTERS * width)))
    axes.text(0, 0, "\n".join(lines), transform=axes.transAxes, va="top", fontsize="small")


def draw_diagram(axes: Axes, ranks: MeanRanks) -> None:
    """Draw mean ranks as a diagram of critical differences, without any caption."""
    axes.set_axis_off()
    axes.figure.canvas.figure.draw_without_rendering()  # the axes get their final width
    k, names = len(ranks.models), list(ranks.models)
    half = (k + 1) // 2
    _draw_scale(axes, ranks)
    _draw_groups(axes, ranks)
    edges = (k * 1.03, min(1, k - ranks.critical_difference) - k * 0.03)
    worse = _draw_names(axes, ranks, names[half:][::-1], edges[0], "right")
    better = _draw_names(axes, ranks, names[:half], edges[1], "left")
    axes.set_xlim(*_with_room(axes, edges, worse, better))
    axes.set_ylim(-_depth(ranks), TOP)


def _draw_scale(axes: Axes, ranks: MeanRanks) -> None:
    """Draw the line of ranks, and the critical difference above it."""
    k, difference = len(ranks.models), ranks.critical_difference
    axes.plot([1, k], [0, 0], color=ink(), lw=1.5)
    axes.vlines(range(1, k + 1), 0, 0.2, color=ink(), lw=1.5)
    for rank in range(1, k + 1, 1 + (k - 1) // MOST_NUMBERS):
        axes.text(rank, 0.35, str(rank), ha="center")
    axes.plot([k, k - difference], [RULER, RULER], "|-", color=ink(), lw=1.5)
    middle, words = k - difference / 2, f"critical difference {difference:.2f}"
    axes.text(middle, RULER + 0.25, words, ha="center")


def _draw_groups(axes: Axes, ranks: MeanRanks) -> None:
    margin = 0.01 * len(ranks.models)
    for number, group in enumerate(ranks.groups):
        y = -FIRST_BAR - BETWEEN_BARS * number
        ends = [ranks.models[group[0]] - margin, ranks.models[group[-1]] + margin]
        axes.plot(ends, [y, y], color=COLOURS[0], lw=5, solid_capstyle="butt")


def _draw_names(
    axes: Axes, ranks: MeanRanks, names: Sequence[str], edge: float, side: Side
) -> float:
    """Draw the names of one half, the outermost first, each at the end of a line to its mean rank.

    Returns:
        The width of the longest in pixels.
    """
    widths = []
    for number, name in enumerate(names):
        rank, y = ranks.models[name], -_first_row(ranks) - number
        axes.plot([rank, rank, edge], [0, y, y], color=ink(), lw=0.8)
        words = f" {rank:.2f}  {name}" if side == "left" else f"{name}  {rank:.2f} "
        text = axes.text(edge, y, words, ha=side, va="center")
        widths.append(text.get_window_extent().width)
    return max(widths)


def _with_room(
    axes: Axes, edges: tuple[float, float], worse: float, better: float
) -> tuple[float, float]:
    """Return the limits of an axis that also has room for names of these widths in pixels."""
    width = axes.get_window_extent().width
    left, right = edges
    scale = (left - right) / max(width - worse - better, 0.2 * width)
    return (left + worse * scale, right - better * scale)
