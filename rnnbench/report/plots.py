"""The plots of a report, as SVG and PNG.

Text and grid lines have colours that nothing else uses, so that a page can replace them to suit its
theme.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from rnnbench.analysis.boards import RunHistory
from rnnbench.analysis.comparisons import by_better_model
from rnnbench.analysis.critical_difference import MeanRanks
from rnnbench.metrics import find_quantity
from rnnbench.report.critical_difference import (
    draw_diagram,
    draw_ranks,
    size_of_diagram,
    size_of_ranks,
    title,
)
from rnnbench.report.drawing import (
    NARROW,
    confusion_of,
    curves_of,
    draw_accuracy,
    draw_confusion,
    draw_curves,
    draw_differences,
    draw_history,
    networks_of,
    size_of_differences,
    width_of_history,
)
from rnnbench.report.marks import (
    Marks,
    accuracy_marks,
    confusion_marks,
    curve_marks,
    difference_in_words,
    difference_marks,
    history_marks,
    ranks_marks,
    with_marks,
)
from rnnbench.report.numbers import quantity_text
from rnnbench.results.run import StoredRun
from rnnbench.words import counted

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
    "font.sans-serif": ["DejaVu Sans"],  # an SVG has the whole list beside every text
    "font.size": 11,
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
        figure: the plot as Matplotlib has drawn it.
        models: those that it is about, where it is about some alone.
    """

    name: str
    title: str
    alt: str
    svg: str
    figure: Figure = field(compare=False)
    models: Sequence[str] = ()

    @property
    def is_wide(self) -> bool:
        """Whether there is no room for another plot beside it."""
        return self.figure.get_figwidth() > NARROW

    @property
    def png(self) -> bytes:
        """The plot on white, drawn at each call, since most pages do not need it."""
        with mpl.rc_context(_SETTINGS):
            return _file(self.figure, ".png", facecolor=PAPER)


def accuracy_plot(run: StoredRun) -> Plot:
    """Draw the accuracy of each model with both its intervals, and the majority baseline."""
    models = run.results.models

    def draw(figure: Figure) -> Marks:
        axes = figure.subplots()
        *handles, majority = draw_accuracy(axes, run, run.trials)
        axes.text(
            run.results.dataset.majority_accuracy, 1.01, str(majority.get_label()),
            transform=axes.get_xaxis_transform(), ha="center", va="bottom",
        )  # fmt: skip
        _add_legend(figure, handles)
        return accuracy_marks(axes, run)

    lines = [
        f"{model.name} {model.accuracy.mean:.3f} "
        f"({model.accuracy_interval.low:.3f} to {model.accuracy_interval.high:.3f})"
        for model in models
    ]
    size = (_width(run.trials), 1.8 + 0.42 * len(models))
    return _plot("accuracy", "Test accuracy", "; ".join(lines), size, draw)


def differences_plot(run: StoredRun) -> Plot | None:
    """Draw the differences of the models in pairs, with their intervals.

    Returns:
        The plot, or ``None`` if there is only one model.
    """
    pairs = by_better_model(run.results.comparisons, run.results.models)
    if not pairs:
        return None

    def draw(figure: Figure) -> Marks:
        axes = figure.subplots()
        _add_legend(figure, draw_differences(axes, pairs))
        return difference_marks(axes, pairs)

    lines = map(difference_in_words, chain(*pairs.values()))
    size = (_width(run.trials), 0.2 + size_of_differences(pairs)[1])
    return _plot("differences", "Differences in test accuracy", "; ".join(lines), size, draw)


def learning_plot(run: StoredRun) -> Plot | None:
    """Draw loss and accuracy by epoch: the median over seeds, in a band from lowest to highest.

    Returns:
        The plot, or ``None`` if no model was trained in epochs.
    """
    networks, curves = networks_of(run), curves_of(run)
    if not networks:
        return None
    n_columns = len(curves) // 2
    width = 1.5 + 4.5 * n_columns

    def draw(figure: Figure) -> Marks:
        # Loss above accuracy, and the validation documents beside the training documents.
        grid = figure.subplots(2, n_columns, squeeze=False, sharex=True, sharey="row")
        marks: Marks = {}
        for curve, axes in zip(curves, grid.T.flat, strict=True):
            draw_curves(axes, run, curve, networks)
            axes.set_ylim(bottom=0 if curve.endswith("loss") else None)
            marks |= curve_marks(axes, run, curve)
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        _add_legend(figure, grid[0][0].get_legend_handles_labels()[0])
        return marks

    alt = (
        f"Loss and accuracy by epoch of {', '.join(networks)}; "
        "bands from the lowest to the highest seed"
    )
    size = (width, 5.4 + 0.2 * len(networks) / _legend_columns(networks, width))
    return _plot("learning_curves", "Loss and accuracy by epoch", alt, size, draw)


def confusion_plot(run: StoredRun, model: str) -> Plot:
    """Draw how often ``model`` gave each answer, for each frequent topic of the test set."""
    shown = confusion_of(run, model)
    diagonal = zip(shown.topics, shown.shares.diagonal(), strict=True)
    recall = ", ".join(f"{topic} {share:.2f}" for topic, share in diagonal)
    alt = f"Share of the documents of each topic that {model} classified correctly: {recall}"

    def draw(figure: Figure) -> Marks:
        axes = figure.subplots()
        draw_confusion(axes, shown)
        return confusion_marks(axes, shown)

    plot = _plot(f"confusion-{model}", f"Confusion of {model}", alt, (6, 5.8), draw)
    return replace(plot, models=[model])


def ranks_picture(ranks: MeanRanks, suffix: str) -> bytes:
    """Return the diagram of mean ranks on white, as the file of a suffix in ``FORMATS``."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=size_of_ranks(ranks), layout="constrained")
        draw_ranks(figure.subplots(), ranks)
        return _file(figure, suffix, facecolor=PAPER)


def ranks_plot(ranks: MeanRanks, name: str) -> Plot:
    """Draw mean ranks as a diagram of critical differences; its caption belongs beside it."""

    def draw(figure: Figure) -> Marks:
        axes = figure.subplots()
        draw_diagram(axes, ranks)
        return ranks_marks(axes, ranks)

    alt = "; ".join(f"{model} {rank:.2f}" for model, rank in ranks.models.items())
    return _plot(name, title(ranks), alt, size_of_diagram(ranks), draw)


def history_plot(history: RunHistory, model: str, name: str) -> Plot | None:
    """Draw the metric of a model over the runs of a history, with its clear changes.

    Returns:
        The plot, or ``None`` if the model does not have the metric.
    """
    values = [value for entry in history.entries if (value := entry.values.get(model))]
    if not values:
        return None
    quantity = find_quantity(history.metric, "metric")
    first, last = (quantity_text(quantity, values[end]) for end in (0, -1))
    n_clear = sum(
        entry.changes[model].is_clear for entry in history.entries if model in entry.changes
    )
    alt = (
        f"{quantity.header} of {model} in {counted(len(values), 'run')}: {first} in the first, "
        f"{last} in the last, {counted(n_clear, 'clear change')}"
    )

    def draw(figure: Figure) -> Marks:
        axes = figure.subplots()
        _add_legend(figure, draw_history(axes, history, model))
        return history_marks(axes, history, model)

    plot = _plot(name, model, alt, (width_of_history(history), 2.8), draw)
    return replace(plot, models=[model])


def _plot(
    name: str, title: str, alt: str, size: tuple[float, float], draw: Callable[[Figure], Marks]
) -> Plot:
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=size, layout="constrained")
        marks = draw(figure)
        svg = with_marks(_file(figure, ".svg", transparent=True).decode(), marks)
    return Plot(name, title, alt, svg, figure)


def _width(names: Iterable[str]) -> float:
    """Return the width of a plot with these names beside its axes, in inches; small for a phone."""
    return max(NARROW, 3.7 + 0.1 * max(map(len, names)))


def _add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Add a legend below the axes, in as many columns as there is room for."""
    columns = _legend_columns([str(each.get_label()) for each in handles], figure.get_figwidth())
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=1.5)


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """Return how many columns of a legend fit into a width in inches, at 11 characters an inch."""
    return max(1, min(len(labels), int(11 * width / (max(map(len, labels)) + 8))))


def _file(figure: Figure, suffix: str, **options: Any) -> bytes:
    """Return a figure as a file that is the same whenever it is written."""
    file = io.BytesIO()
    kind = suffix.removeprefix(".")
    with warnings.catch_warnings():
        # In an SVG, text stays text, and a browser finds a font with these characters.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(file, format=kind, dpi=DPI, metadata=FORMATS[suffix], **options)
    return file.getvalue()
