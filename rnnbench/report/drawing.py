"""Drawing a run on Matplotlib axes.

Data has the palette of M. Okabe and K. Ito, which colour-blind readers can tell apart. Text, grid
and reference lines have the colours of Matplotlib's settings, so that they suit the style in use.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rnnbench.analysis.boards import ACCURACY, HistoryEntry, RunHistory
from rnnbench.analysis.compare import ComparedRuns
from rnnbench.analysis.errors import confusion, frequent_topics
from rnnbench.escape import visible
from rnnbench.metrics import find_quantity
from rnnbench.report.history import direction
from rnnbench.report.numbers import scope, scope_of
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import (
    TOO_FEW_SEEDS,
    Comparison,
    Difference,
    Interval,
    ModelSummary,
)
from rnnbench.training.outcome import TrialResult

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#6f6f6f")
STYLES = ("-", "--", ":", "-.")
STRONGEST = 0.55
"""The opacity of the first colour that stands for a share of 1. Text stays legible on it, on white
and, with the lighter colours of a dark theme, on black."""
BLUES = LinearSegmentedColormap.from_list("blues", [(0, 0.447, 0.698, a) for a in (0, STRONGEST)])
"""Shares from 0 to 1, as the opacity of the first colour."""
NARROW = 6
"""The width of a plot that fits a phone, in inches."""
SHOWN_TOPICS = 10
LARGEST = 1e38
"""The largest number that is drawn; there is no room for much larger ones."""
THIN: dict[str, Any] = {"lw": 1.5}
THICK: dict[str, Any] = {"lw": 7, "alpha": 0.45}
DIAMOND: dict[str, Any] = {"marker": "D", "ls": "", "mfc": "none", "ms": 6}
MARKS: dict[str, dict[str, Any]] = {
    "clear": {"marker": "o", "ls": ""},
    "not clear": {"marker": "o", "ls": "", "mfc": "none"},
    TOO_FEW_SEEDS: {"marker": "x", "ls": "", "mew": 1.5},
}
"""The mark of a difference, by its verdict."""
CHANGES: dict[str, dict[str, Any]] = {
    "up": {"marker": "^", "ls": "", "ms": 10},
    "down": {"marker": "v", "ls": "", "ms": 10},
}
"""The mark of a clear change, by its direction."""
LABELS, RUNS_PER_LABEL = 5, 8
"""The labels that fit into any plot, and the runs per label in a wide one."""
CURVES = {
    "loss": "loss on the training documents",
    "accuracy": "accuracy on the training documents",
    "val_loss": "loss on the validation documents",
    "val_accuracy": "accuracy on the validation documents",
}
"""The values in the history of a training in words, by Keras's names."""


def ink() -> Any:
    """Return the colour of text in the style in use."""
    return mpl.rcParams["text.color"]


def draw_accuracy(axes: Axes, run: StoredRun, models: Collection[str]) -> list[Line2D]:
    """Draw the accuracy of some models with both its intervals, and the majority baseline.

    Returns:
        The entries of a legend; the last one is the majority baseline.
    """
    shown = [model for model in run.results.models if model.name in models]
    rows = {model.name: row for row, model in enumerate(reversed(shown))}
    diamond = DIAMOND | {"mec": ink()}
    for model in shown:
        _draw_intervals(axes, model, rows[model.name])
    published = [
        each for each in run.results.published if each.is_of_our_model and each.model in rows
    ]
    for each in published:
        axes.plot(each.accuracy, rows[each.model] - 0.3, **diamond)
    majority = _draw_majority(axes, run)
    axes.set_yticks(list(rows.values()), list(rows))
    axes.set_ylim(-0.7, len(rows) - 0.4)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("test accuracy")
    grey, n_seeds = COLOURS[7], max(model.accuracy.n for model in shown)
    has_seeds = n_seeds > 1
    return [
        *axes.plot([], [], "o", color=grey, label="mean over seeds" if has_seeds else "accuracy"),
        *(axes.plot([], [], color=grey, label="95 % over seeds", **THICK) if has_seeds else ()),
        *axes.plot([], [], color=grey, label=f"95 % {scope(n_seeds)}", **THIN),
        *(axes.plot([], [], label="published", **diamond) if published else ()),
        majority,
    ]


def _draw_intervals(axes: Axes, model: ModelSummary, row: int) -> None:
    colour = COLOURS[1] if model.is_baseline else COLOURS[0]
    whole, seeds = model.accuracy_interval, model.accuracy.over_seeds
    axes.hlines(row, *_possible(whole), color=colour, **THIN)
    if seeds:
        axes.hlines(row, *_possible(seeds), color=colour, **THICK)
    axes.plot(model.accuracy.mean, row, "o", color=colour)


def _possible(interval: Interval) -> tuple[float, float]:
    """Return the ends of an interval, moved to those of what an accuracy can be."""
    return min(max(interval.low, 0.0), 1.0), min(max(interval.high, 0.0), 1.0)


def _draw_majority(axes: Axes, run: StoredRun) -> Line2D:
    dataset = run.results.dataset
    name = visible(dataset.majority_name)
    return axes.axvline(dataset.majority_accuracy, color=ink(), lw=1, ls=":", label=name)


def networks_of(run: StoredRun) -> list[str]:
    """Return the models that were trained in epochs."""
    return [model for model, trials in run.trials.items() if trials[0].record.history.loss]


def curves_of(run: StoredRun) -> list[str]:
    """Return the names of the curves of a run: four if any network held documents out, or two."""
    networks = networks_of(run)
    if not networks:
        return []
    has_validation = any(_has(run, name, "val_loss") for name in networks)
    return [curve for curve in CURVES if has_validation or not curve.startswith("val_")]


def _has(run: StoredRun, network: str, curve: str) -> bool:
    return bool(getattr(run.trials[network][0].record.history, curve))


def draw_curves(axes: Axes, run: StoredRun, curve: str, networks: Collection[str]) -> None:
    """Draw a curve of some networks: the median over seeds, in a band from lowest to highest.

    A network has the same colour whichever others are drawn.
    """
    for number, network in enumerate(networks_of(run)):
        if network in networks and _has(run, network, curve):
            _draw_curve(axes, run.trials[network], curve, network, number)
    axes.set_title(CURVES[curve])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_curve(
    axes: Axes, trials: Sequence[TrialResult], key: str, label: str, number: int
) -> None:
    low, median, high = spread_of(trials, key)
    epochs = np.arange(1, len(median) + 1)
    colour = COLOURS[number % len(COLOURS)]
    style = STYLES[number // len(COLOURS) % len(STYLES)]
    axes.fill_between(epochs, low, high, color=colour, alpha=0.2, lw=0)
    axes.plot(epochs, median, style, color=colour, lw=1.5, label=label)


def spread_of(trials: Sequence[TrialResult], curve: str) -> tuple[Any, Any, Any]:
    """Return the lowest, the median and the highest value of a curve over trials, by epoch.

    What is not a number is masked.
    """
    lists = [getattr(trial.record.history, curve) for trial in trials]
    curves = np.full((len(lists), max(map(len, lists))), np.nan)  # engines may stop early
    for row, values in zip(curves, lists, strict=True):
        row[: len(values)] = values
    curves = np.ma.masked_invalid(curves).clip(-LARGEST, LARGEST)
    median = np.ma.median(curves, axis=0)  # type: ignore[no-untyped-call]
    return curves.min(axis=0), median, curves.max(axis=0)


@dataclass(frozen=True)
class Confusion:
    """How often a model gave each answer, for each frequent topic of the test set.

    Attributes:
        topics: their names, the most frequent first; the last stands for all others.
        counts: the test documents of each.
        shares: ``(n, n)``, of the documents of the row's topic, those with the column's answer.
    """

    topics: list[str]
    counts: list[int]
    shares: NDArray[np.float64]


def confusion_of(run: StoredRun, model: str) -> Confusion:
    """Return how often ``model`` gave each answer, as means over its trials."""
    labels = run.trials[model][0].labels
    topics = frequent_topics(labels, SHOWN_TOPICS)
    names = [visible(run.results.dataset.topics[topic].topic) for topic in topics]
    counts = [int((labels == topic).sum()) for topic in topics]
    return Confusion(
        topics=[*names, "others"],
        counts=[*counts, len(labels) - sum(counts)],
        shares=confusion(run.trials[model], topics),
    )


def draw_confusion(axes: Axes, shown: Confusion) -> None:
    """Draw a confusion matrix with its shares."""
    lines = mpl.rcParams["grid.color"]
    axes.pcolormesh(shown.shares, cmap=BLUES, vmin=0, vmax=1, edgecolors=lines, lw=0.6)
    for (row, column), share in np.ndenumerate(shown.shares):
        if share >= 0.005:
            axes.text(
                column + 0.5, row + 0.5, f"{share:.2f}".lstrip("0"), ha="center", va="center",
                fontsize=9.5, color=ink(),
            )  # fmt: skip
    axes.set(aspect="equal", xlabel="predicted topic", ylabel="true topic (test documents)")
    axes.invert_yaxis()
    middles = np.arange(len(shown.counts)) + 0.5
    axes.set_xticks(middles, shown.topics, rotation=45, ha="right", rotation_mode="anchor")
    rows = zip(shown.topics, shown.counts, strict=True)
    axes.set_yticks(middles, [f"{topic} ({count})" for topic, count in rows])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def draw_differences(axes: Axes, pairs: Mapping[str, Sequence[Comparison]]) -> list[Line2D]:
    """Draw the difference of each pair of models, with its interval, below the better model.

    Args:
        axes: to draw on.
        pairs: as ``by_better_model`` returns them.

    Returns:
        The entries of a legend.
    """
    labels: list[str] = []
    for better, comparisons in pairs.items():
        labels.append(f"{better} minus")
        for each in comparisons:
            _draw_difference(axes, each, len(labels))
            labels.append(each.b)
    headings = {f"{better} minus" for better in pairs}
    axes.set_yticks(range(len(labels)), labels)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in headings else "normal")
    axes.set_ylim(len(labels) - 0.4, -0.7)
    axes.tick_params(axis="y", length=0)
    return _finish_differences(axes, "difference in test accuracy", [*chain(*pairs.values())])


def size_of_differences(pairs: Mapping[str, Sequence[Comparison]]) -> tuple[float, float]:
    """Return the width and the height of a plot of differences in inches."""
    return (8, 1.3 + 0.25 * (len(pairs) + sum(map(len, pairs.values()))))


def draw_changes(axes: Axes, comparison: ComparedRuns) -> list[Line2D]:
    """Draw how the accuracy of each model changed from run A to run B, and its interval.

    Returns:
        The entries of a legend.
    """
    rows = {model.name: row for row, model in enumerate(reversed(comparison.models))}
    for model in comparison.models:
        _draw_difference(axes, model, rows[model.name])
    axes.set_yticks(list(rows.values()), list(rows))
    axes.set_ylim(-0.7, len(rows) - 0.4)
    return _finish_differences(axes, "test accuracy, B minus A", comparison.models)


def _draw_difference(axes: Axes, shown: Difference, row: int) -> None:
    given = (shown.interval.low, shown.difference, shown.interval.high)
    low, middle, high = (min(max(value, -1.0), 1.0) for value in given)  # as far as is possible
    axes.hlines(row, low, high, color=COLOURS[0], **THIN)
    axes.plot(middle, row, color=COLOURS[0], **MARKS[shown.verdict])


def _finish_differences(axes: Axes, label: str, shown: Sequence[Difference]) -> list[Line2D]:
    """Label the axes, and draw the line of no difference; the entries of a legend are returned."""
    axes.axvline(0, color=ink(), lw=1, ls=":")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(label)
    has_too_few = any(each.has_too_few_seeds for each in shown)
    marks = {name: mark for name, mark in MARKS.items() if has_too_few or name != TOO_FEW_SEEDS}
    return [
        *(
            handle
            for name, mark in marks.items()
            for handle in axes.plot([], [], color=COLOURS[0], label=name, **mark)
        ),
        *axes.plot([], [], label=f"95 % {scope_of(shown)}", color=COLOURS[0], **THIN),
    ]


def draw_history(axes: Axes, history: RunHistory, model: str) -> list[Line2D]:
    """Draw the metric of a model in each run with its interval over seeds, and its clear changes.

    Returns:
        The entries of a legend.
    """
    values = [entry.values.get(model) for entry in history.entries]
    given = [np.nan if each is None else each.mean for each in values]
    limits = (0.0, 1.0) if history.metric == ACCURACY else (-LARGEST, LARGEST)
    means = np.ma.masked_invalid(given).clip(*limits)
    blue, orange = COLOURS[:2]
    axes.plot(range(len(means)), means, "o-", color=blue, **THIN)
    for position, value in enumerate(values):
        if value and value.over_seeds:
            ends = value.over_seeds.low, value.over_seeds.high
            axes.vlines(position, *np.clip(ends, *limits), color=blue, **THICK)
    found = {
        position: direction(entry.changes[model])
        for position, entry in enumerate(history.entries)
        if model in entry.changes and entry.changes[model].is_clear
    }
    for position, way in found.items():
        axes.plot(position, means[position], color=orange, **CHANGES[way])
    _label_runs(axes, history.entries)
    axes.set_ylabel(find_quantity(history.metric, "metric").header)
    return [
        *axes.plot([], [], "o-", color=blue, label="mean over seeds", **THIN),
        *axes.plot([], [], color=blue, label="95 % over seeds", **THICK),
        *(
            handle
            for way in sorted({*found.values()})
            for handle in axes.plot([], [], color=orange, label=f"clearly {way}", **CHANGES[way])
        ),
    ]


def _label_runs(axes: Axes, entries: Sequence[HistoryEntry]) -> None:
    """Label runs with their dates and commits; of many, only some, at equal steps."""
    step = -(-len(entries) // max(LABELS, len(entries) // RUNS_PER_LABEL))
    shown = range(0, len(entries), step)
    labels = [
        f"{(entries[each].date or entries[each].run)[:10]}\n{(entries[each].commit or '')[:7]}"
        for each in shown
    ]
    axes.set_xticks(shown, list(map(visible, labels)))
    axes.set_xlim(-0.5, len(entries) - 0.5)
    axes.grid(axis="x", visible=False)


def width_of_history(history: RunHistory) -> float:
    """Return the width of a plot in inches: that of a page, and more for very many runs."""
    return max(NARROW, 2 + 0.12 * len(history.entries))
