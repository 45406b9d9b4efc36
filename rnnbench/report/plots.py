"""The plots of a report, as SVG and PNG.

Text and grid lines have colours that nothing else uses, so that a page can replace them to suit its
theme. The data is drawn in the palette of M. Okabe and K. Ito, which colour-blind readers can tell
apart.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from rnnbench.analysis.summary import majority_name
from rnnbench.analysis.topics import confusion, frequent_topics
from rnnbench.escape import visible
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Interval, Results
from rnnbench.training.outcome import TrialResult

INK, GRID, PAPER = "#1b1f24", "#d0d7de", "#fefefe"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#6f6f6f")
ON_DARK = ("#4ea8de", "#f0803c", "#2fc49a", "#dd9cc0", "#f0b53a", "#8fd0f5", "#c3a065", "#a5adb5")
"""The same palette, lighter, for a dark background."""
STYLES = ("-", "--", ":", "-.")
BLUES = LinearSegmentedColormap.from_list("blues", [(0, 0.447, 0.698, a) for a in (0, 1)])
"""Shares from 0 to 1, as the opacity of the first colour."""
SHOWN_TOPICS = 10
LARGEST = 1e38
"""The largest number that is drawn; there is no room for much larger ones."""
DPI = 150
THIN: dict[str, Any] = {"lw": 1.5}
THICK: dict[str, Any] = {"lw": 7, "alpha": 0.45}
DIAMOND: dict[str, Any] = {"marker": "D", "ls": "", "mfc": "none", "mec": INK, "ms": 6}

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rnnbench",
    "text.parse_math": False,  # a topic may have dollars
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """A plot, drawn.

    Attributes:
        name: the name of its files, without suffix.
        title: its heading.
        alt: the same facts in words, for those who cannot see it.
        svg: the plot on a transparent background.
        png: the plot on white.
    """

    name: str
    title: str
    alt: str
    svg: str
    png: bytes


def accuracy_plot(run: StoredRun) -> Plot:
    """Draw the accuracy of each model with both its intervals, and the majority baseline."""
    results, models = run.results, run.results.models
    rows = {model.name: row for row, model in enumerate(reversed(models))}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for model in models:
            colour = COLOURS[1] if model.is_baseline else COLOURS[0]
            whole, seeds = model.accuracy_interval, model.accuracy.over_seeds
            axes.hlines(rows[model.name], *_possible(whole), color=colour, **THIN)
            if seeds:
                axes.hlines(rows[model.name], *_possible(seeds), color=colour, **THICK)
            axes.plot(model.accuracy.mean, rows[model.name], "o", color=colour)
        published = [each for each in results.published if each.model in each.intervals]
        for each in published:
            axes.plot(each.accuracy, rows[each.model] - 0.3, **DIAMOND)
        _draw_majority(axes, results)
        axes.set_yticks(list(rows.values()), list(rows))
        axes.set_ylim(-0.7, len(rows) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("test accuracy")
        _add_accuracy_legend(figure, axes, has_published=bool(published))

    lines = [
        f"{model.name} {model.accuracy.mean:.3f} "
        f"({model.accuracy_interval.low:.3f} to {model.accuracy_interval.high:.3f})"
        for model in models
    ]
    return _plot("accuracy", "Test accuracy", "; ".join(lines), (8, 1.6 + 0.42 * len(rows)), draw)


def _possible(interval: Interval) -> tuple[float, float]:
    """Return the ends of an interval, moved to those of what an accuracy can be."""
    return min(max(interval.low, 0.0), 1.0), min(max(interval.high, 0.0), 1.0)


def _draw_majority(axes: Axes, results: Results) -> None:
    accuracy = results.dataset.majority_accuracy
    axes.axvline(accuracy, color=INK, lw=1, ls=":")
    axes.text(
        accuracy, 1.01, visible(majority_name(results.dataset)),
        transform=axes.get_xaxis_transform(), ha="center", va="bottom",
    )  # fmt: skip


def _add_accuracy_legend(figure: Figure, axes: Axes, *, has_published: bool) -> None:
    grey = COLOURS[7]
    handles = [
        *axes.plot([], [], "o", color=grey, label="mean over seeds"),
        *axes.plot([], [], color=grey, label="95 % over seeds", **THICK),
        *axes.plot([], [], color=grey, label="95 % over documents and seeds", **THIN),
        *(axes.plot([], [], label="published", **DIAMOND) if has_published else ()),
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=4, handlelength=1.5, columnspacing=1.4
    )


def learning_plot(run: StoredRun) -> Plot | None:
    """Draw loss and accuracy by epoch: the median over seeds, in a band from lowest to highest.

    Returns:
        The plot, or ``None`` if no model was trained in epochs.
    """
    networks = [model for model, trials in run.trials.items() if trials[0].record.history.loss]
    if not networks:
        return None
    rows = {"": "training", "val_": "validation"}
    if not run.trials[networks[0]][0].record.history.val_loss:
        del rows["val_"]

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(rows), 2, squeeze=False, sharex=True)
        for (prefix, split), row in zip(rows.items(), grid, strict=True):
            for metric, axes in zip(("loss", "accuracy"), row, strict=True):
                for number, model in enumerate(networks):
                    _draw_curve(axes, run.trials[model], prefix + metric, model, number)
                axes.set_title(f"{metric} on the {split} documents")
                axes.set_ylim(bottom=0 if metric == "loss" else None)
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        handles, labels = grid[0][0].get_legend_handles_labels()
        columns = min(len(networks), 4)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)

    alt = (
        f"Loss and accuracy by epoch of {', '.join(networks)}; "
        "bands from the lowest to the highest seed"
    )
    size = (9, 0.8 + 2.8 * len(rows))
    return _plot("learning_curves", "Learning curves", alt, size, draw)


def _draw_curve(
    axes: Axes, trials: Sequence[TrialResult], key: str, label: str, number: int
) -> None:
    lists = [getattr(trial.record.history, key) for trial in trials]
    curves = np.full((len(lists), max(map(len, lists))), np.nan)  # engines may stop early
    for row, values in zip(curves, lists, strict=True):
        row[: len(values)] = values
    curves = np.ma.masked_invalid(curves).clip(-LARGEST, LARGEST)
    epochs = np.arange(1, curves.shape[1] + 1)
    colour = COLOURS[number % len(COLOURS)]
    style = STYLES[number // len(COLOURS) % len(STYLES)]
    axes.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, lw=0)
    median = np.ma.median(curves, axis=0)  # type: ignore[no-untyped-call]
    axes.plot(epochs, median, style, color=colour, lw=1.5, label=label)


def confusion_plot(run: StoredRun, model: str) -> Plot:
    """Draw how often ``model`` gave each answer, for each frequent topic of the test set."""
    labels = run.trials[model][0].labels
    topics = frequent_topics(labels, SHOWN_TOPICS)
    shares = confusion(run.trials[model], topics)
    names = [visible(run.results.dataset.topics[topic].topic) for topic in topics]
    counts = [int((labels == topic).sum()) for topic in topics]
    names, counts = [*names, "others"], [*counts, len(labels) - sum(counts)]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.pcolormesh(shares, cmap=BLUES, vmin=0, vmax=1, edgecolors=GRID, lw=0.6)
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.005:
                axes.text(
                    column + 0.5, row + 0.5, f"{share:.2f}".lstrip("0"), ha="center", va="center",
                    fontsize=8.5, color="#ffffff" if share > 0.55 else INK,
                )  # fmt: skip
        axes.set(aspect="equal", xlabel="predicted topic", ylabel="true topic (test documents)")
        axes.invert_yaxis()
        middles = np.arange(len(counts)) + 0.5
        axes.set_xticks(middles, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(middles, [f"{n} ({count})" for n, count in zip(names, counts, strict=True)])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    recall = ", ".join(f"{n} {s:.2f}" for n, s in zip(names, shares.diagonal(), strict=True))
    alt = f"Share of the documents of each topic that {model} classified correctly: {recall}"
    return _plot(f"confusion-{model}", f"Confusion of {model}", alt, (6.4, 6), draw)


def _plot(
    name: str, title: str, alt: str, size: tuple[float, float], draw: Callable[[Figure], None]
) -> Plot:
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        svg, png = io.StringIO(), io.BytesIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(svg, format="svg", transparent=True, metadata=nothing)
        figure.savefig(png, format="png", facecolor=PAPER, dpi=DPI, metadata={"Software": None})
    return Plot(name, title, alt, svg.getvalue(), png.getvalue())
