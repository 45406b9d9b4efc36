"""The plots of a report, as SVG and PNG.

Text and grid lines have colours that nothing else uses, so that a page can replace them to suit its
theme.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from rnnbench.analysis.comparisons import by_better_model
from rnnbench.analysis.critical_difference import MeanRanks
from rnnbench.report.critical_difference import draw_ranks, size_of_ranks
from rnnbench.report.drawing import (
    confusion_of,
    curves_of,
    draw_accuracy,
    draw_confusion,
    draw_curves,
    draw_differences,
    networks_of,
    size_of_differences,
)
from rnnbench.results.run import StoredRun

INK, GRID, PAPER = "#1b1f24", "#d0d7de", "#fefefe"
ON_DARK = ("#4ea8de", "#f0803c", "#2fc49a", "#dd9cc0", "#f0b53a", "#8fd0f5", "#c3a065", "#a5adb5")
"""The palette of the data, lighter, for a dark background."""
DPI = 150
FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""The formats of pictures by their suffix, each without the facts that Matplotlib would add."""

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rnnbench",
    "pdf.fonttype": 42,  # so does that in a PDF file
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
    models = run.results.models

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        *handles, majority = draw_accuracy(axes, run, run.trials)
        axes.text(
            run.results.dataset.majority_accuracy, 1.01, str(majority.get_label()),
            transform=axes.get_xaxis_transform(), ha="center", va="bottom",
        )  # fmt: skip
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=4,
            handlelength=1.5,
            columnspacing=1.4,
        )

    lines = [
        f"{model.name} {model.accuracy.mean:.3f} "
        f"({model.accuracy_interval.low:.3f} to {model.accuracy_interval.high:.3f})"
        for model in models
    ]
    size = (8, 1.6 + 0.42 * len(models))
    return _plot("accuracy", "Test accuracy", "; ".join(lines), size, draw)


def differences_plot(run: StoredRun) -> Plot | None:
    """Draw the differences of the models in pairs, with their intervals.

    Returns:
        The plot, or ``None`` if there is only one model.
    """
    pairs = by_better_model(run.results.comparisons, run.results.models)
    if not pairs:
        return None

    def draw(figure: Figure) -> None:
        handles = draw_differences(figure.subplots(), pairs)
        figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.5)

    lines = [
        f"{each.a} - {each.b} {each.difference:+z.3f} "
        f"({each.interval.low:+z.3f} to {each.interval.high:+z.3f}, {each.verdict})"
        for each in chain(*pairs.values())
    ]
    title = "Differences in test accuracy"
    return _plot("differences", title, "; ".join(lines), size_of_differences(pairs), draw)


def learning_plot(run: StoredRun) -> Plot | None:
    """Draw loss and accuracy by epoch: the median over seeds, in a band from lowest to highest.

    Returns:
        The plot, or ``None`` if no model was trained in epochs.
    """
    networks, curves = networks_of(run), curves_of(run)
    if not networks:
        return None
    n_rows = len(curves) // 2

    def draw(figure: Figure) -> None:
        grid = figure.subplots(n_rows, 2, squeeze=False, sharex=True)
        for curve, axes in zip(curves, grid.flat, strict=True):
            draw_curves(axes, run, curve, networks)
            axes.set_ylim(bottom=0 if curve.endswith("loss") else None)
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        handles, labels = grid[0][0].get_legend_handles_labels()
        columns = min(len(networks), 4)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)

    alt = (
        f"Loss and accuracy by epoch of {', '.join(networks)}; "
        "bands from the lowest to the highest seed"
    )
    size = (9, 0.8 + 2.8 * n_rows)
    return _plot("learning_curves", "Learning curves", alt, size, draw)


def confusion_plot(run: StoredRun, model: str) -> Plot:
    """Draw how often ``model`` gave each answer, for each frequent topic of the test set."""
    shown = confusion_of(run, model)
    diagonal = zip(shown.topics, shown.shares.diagonal(), strict=True)
    recall = ", ".join(f"{topic} {share:.2f}" for topic, share in diagonal)
    alt = f"Share of the documents of each topic that {model} classified correctly: {recall}"
    return _plot(
        f"confusion-{model}",
        f"Confusion of {model}",
        alt,
        (6.4, 6),
        lambda figure: draw_confusion(figure.subplots(), shown),
    )


def ranks_picture(ranks: MeanRanks, suffix: str) -> bytes:
    """Return the diagram of mean ranks on white, as the file of a suffix in ``FORMATS``."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=size_of_ranks(ranks), layout="constrained")
        draw_ranks(figure.subplots(), ranks)
        return _file(figure, suffix, facecolor=PAPER)


def _plot(
    name: str, title: str, alt: str, size: tuple[float, float], draw: Callable[[Figure], None]
) -> Plot:
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        svg = _file(figure, ".svg", transparent=True).decode()
        png = _file(figure, ".png", facecolor=PAPER)
    return Plot(name, title, alt, svg, png)


def _file(figure: Figure, suffix: str, **options: Any) -> bytes:
    """Return a figure as a file that is the same whenever it is written."""
    file = io.BytesIO()
    kind = suffix.removeprefix(".")
    with warnings.catch_warnings():
        # In an SVG, text stays text, and a browser finds a font with these characters.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(file, format=kind, dpi=DPI, metadata=FORMATS[suffix], **options)
    return file.getvalue()
