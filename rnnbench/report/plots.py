"""The pictures of a report, as SVG and PNG.

Ink and grid have colours of their own, which a page may exchange for others by its theme; the
data has the colours of M. Okabe and K. Ito, which the colour-blind can tell apart.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.analysis.summary import majority_name
from rnnbench.analysis.topics import confusion, frequent_topics
from rnnbench.results.run import Run
from rnnbench.training.outcome import TrialResult

INK, GRID, PAPER = "#1b1f24", "#d0d7de", "#fefefe"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#6f6f6f")
ON_DARK = ("#4ea8de", "#f0803c", "#2fc49a", "#dd9cc0", "#f0b53a", "#8fd0f5", "#c3a065", "#a5adb5")
"""The same colours where the paper is dark."""
STYLES = ("-", "--", ":", "-.")
SHOWN_TOPICS = 10
DPI = 150

_SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rnnbench",
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
    """A picture.

    Attributes:
        name: of its files, without suffix.
        title: what it shows.
        alt: the same for those who cannot see it.
        svg: the picture without background.
        png: the picture on white.
    """

    name: str
    title: str
    alt: str
    svg: str
    png: bytes


def draw_plots(run: Run) -> list[Plot]:
    """Return the pictures of a run: accuracies, learning curves, a confusion matrix a model."""
    plots = [accuracy_plot(run)]
    if any(trial.record.history.loss for of_model in run.trials.values() for trial in of_model):
        plots.append(learning_plot(run))
    return plots + [confusion_plot(run, model) for model in run.trials]


def accuracy_plot(run: Run) -> Plot:
    """Return the accuracy of each model with both its intervals, and the majority baseline."""
    results = run.results
    published = [
        (each.model, each.accuracy) for each in results.published if each.model in each.intervals
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, model in enumerate(reversed(results.models)):
            colour = COLOURS[1] if model.is_baseline else COLOURS[0]
            whole = model.accuracy_interval
            axes.plot([whole.low, whole.high], [row, row], color=colour, lw=1.5, zorder=2)
            if seeds := model.accuracy.over_seeds:
                axes.plot(
                    [seeds.low, seeds.high], [row, row], color=colour, lw=7, alpha=0.45, zorder=2,
                    solid_capstyle="butt",
                )  # fmt: skip
            axes.plot(model.accuracy.mean, row, "o", color=colour, zorder=3)
            for name, accuracy in published:
                if name == model.name:
                    axes.plot(accuracy, row - 0.3, "D", mfc="none", mec=INK, ms=6)
        axes.axvline(results.dataset.majority_accuracy, color=INK, lw=1, ls=":")
        axes.annotate(
            majority_name(results.dataset),
            (results.dataset.majority_accuracy, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
        axes.set_yticks(range(len(results.models)), [m.name for m in reversed(results.models)])
        axes.set_ylim(-0.7, len(results.models) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("test accuracy")
        _accuracy_legend(axes, has_published=bool(published))

    lines = [
        f"{model.name} {model.accuracy.mean:.3f} "
        f"({model.accuracy_interval.low:.3f} to {model.accuracy_interval.high:.3f})"
        for model in results.models
    ]
    height = 1.6 + 0.42 * len(results.models)
    return _plot("accuracy", "Test accuracy", "; ".join(lines), (8, height), draw)


def _accuracy_legend(axes: Axes, *, has_published: bool) -> None:
    grey = COLOURS[7]
    handles = [
        axes.plot([], [], "o", color=grey, label="mean over seeds")[0],
        axes.plot([], [], color=grey, lw=7, alpha=0.45, label="95 % over seeds")[0],
        axes.plot([], [], color=grey, lw=1.5, label="95 % over wires and seeds")[0],
    ]
    if has_published:
        handles += axes.plot([], [], "D", mfc="none", mec=INK, ms=6, label="published")
    axes.figure.legend(
        handles=handles, loc="outside lower center", ncols=4, handlelength=1.5, columnspacing=1.4
    )


def learning_plot(run: Run) -> Plot:
    """Return loss and accuracy by epoch: the median over seeds in a band from least to most."""
    networks = [model for model, trials in run.trials.items() if trials[0].record.history.loss]
    is_validated = bool(run.trials[networks[0]][0].record.history.val_loss)

    def draw(figure: Figure) -> None:
        rows = 2 if is_validated else 1
        grid = figure.subplots(rows, 2, squeeze=False, sharex=True)
        for row, (prefix, wires) in zip(
            grid, (("", "training"), ("val_", "validation")), strict=False
        ):
            for axes, what in zip(row, ("loss", "accuracy"), strict=True):
                for number, model in enumerate(networks):
                    _band(axes, run.trials[model], prefix + what, model, number)
                axes.set_title(f"{what} on the {wires} wires")
                axes.set_ylim(bottom=0 if what == "loss" else None)
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        figure.legend(
            *grid[0][0].get_legend_handles_labels(), loc="outside lower center",
            ncols=min(len(networks), 4),
        )  # fmt: skip

    height = 3.6 if not is_validated else 6.4
    alt = f"Loss and accuracy by epoch of {', '.join(networks)}; bands from least to most of seeds"
    return _plot("learning_curves", "Learning curves", alt, (9, height), draw)


def _band(axes: Axes, trials: Sequence[TrialResult], key: str, label: str, number: int) -> None:
    curves = np.array([getattr(trial.record.history, key) for trial in trials], dtype=float)
    epochs = np.arange(1, curves.shape[1] + 1)
    colour = COLOURS[number % len(COLOURS)]
    style = STYLES[number // len(COLOURS) % len(STYLES)]
    axes.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, lw=0)
    axes.plot(epochs, np.median(curves, axis=0), style, color=colour, lw=1.5, label=label)


def confusion_plot(run: Run, model: str) -> Plot:
    """Return which of the frequent topics of the test set ``model`` answered with which."""
    labels = run.trials[model][0].labels
    topics = frequent_topics(labels, SHOWN_TOPICS)
    shares = confusion(run.trials[model], topics)
    counts = run.results.dataset.topics
    names = [*(counts[topic].topic for topic in topics), "others"]
    wires = [*(counts[topic].test for topic in topics)]
    wires.append(len(labels) - sum(wires))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        size = len(names)
        for row, column in np.ndindex(shares.shape):
            share = shares[row, column]
            axes.add_patch(
                mpl.patches.Rectangle(
                    (column, row), 1, 1, facecolor=(0, 0.447, 0.698, share), edgecolor=GRID, lw=0.6
                )
            )
            if share >= 0.005:
                axes.text(
                    column + 0.5, row + 0.5, f"{share:.2f}".lstrip("0"), ha="center", va="center",
                    fontsize=8.5, color="#ffffff" if share > 0.55 else INK,
                )  # fmt: skip
        axes.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="answered")
        axes.set_ylabel("topic (test wires)")
        middles = np.arange(size) + 0.5
        axes.set_xticks(middles, names, rotation=45, ha="right", rotation_mode="anchor")
        labels = [f"{name} ({count})" for name, count in zip(names, wires, strict=True)]
        axes.set_yticks(middles, labels)
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    recall = ", ".join(f"{n} {s:.2f}" for n, s in zip(names, shares.diagonal(), strict=True))
    alt = f"Share of the wires of each topic that {model} answered rightly: {recall}"
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
