"""The values that parts of plots show, in words, for a pointer or a keyboard on a page.

Invisible rectangles lie over the plots, so that nothing small has to be hit. In the SVG they have
their words as titles, which browsers show by themselves.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Transform, blended_transform_factory

from rnnbench.analysis.boards import RunHistory
from rnnbench.analysis.critical_difference import MeanRanks
from rnnbench.escape import visible
from rnnbench.metrics import find_quantity
from rnnbench.report.critical_difference import place_of
from rnnbench.report.drawing import LARGEST, Confusion, spread_of
from rnnbench.report.history import direction, minute, short_commit
from rnnbench.report.numbers import quantity_text, scope
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Comparison, ModelSummary, PublishedAccuracy
from rnnbench.words import counted

MOST_EPOCHS = 100
"""The most epochs whose values are in words; of more, only each second, each third and so on."""
_ID = "mark-"


@dataclass(frozen=True)
class Mark:
    """The words for a part of a plot.

    Attributes:
        models: those that it is about, and that it disappears with.
        text: its values; empty for a part whose values another one says.
    """

    models: Sequence[str] = ()
    text: str = ""


Marks = dict[str, Mark]
"""By the id of the part in the SVG."""


def accuracy_marks(axes: Axes, run: StoredRun) -> Marks:
    """Mark the rows of a plot that ``draw_accuracy`` drew, the models from top to bottom."""
    models = run.results.models
    rows = zip(models, reversed(range(len(models))), strict=True)
    return {
        _row(axes, row): Mark([model.name], _accuracy_in_words(model, run.results.published))
        for model, row in rows
    }


def _accuracy_in_words(model: ModelSummary, published: Iterable[PublishedAccuracy]) -> str:
    whole, seeds = model.accuracy_interval, model.accuracy.over_seeds
    facts = [
        f"{model.name}: {model.accuracy.mean:.4f}",
        f"95 % {scope(model.accuracy.n)}: {whole.low:.4f} to {whole.high:.4f}",
        *([f"95 % over seeds: {seeds.low:.4f} to {seeds.high:.4f}"] if seeds else []),
        *(
            f"published ({each.source}): {each.accuracy:.4f}"
            for each in published
            if each.is_of_our_model and each.model == model.name
        ),
    ]
    return "\n".join(facts)


def difference_marks(axes: Axes, pairs: Mapping[str, Sequence[Comparison]]) -> Marks:
    """Mark the rows of a plot that ``draw_differences`` drew, which has a heading in a row, too."""
    rows = [each for comparisons in pairs.values() for each in (None, *comparisons)]
    return {
        _row(axes, row): Mark([each.a, each.b], difference_in_words(each))
        for row, each in enumerate(rows)
        if each
    }


def difference_in_words(each: Comparison) -> str:
    """Return the models of a comparison, their difference, its interval and its verdict."""
    low, high = each.interval.low, each.interval.high
    verdict = f"({low:+z.3f} to {high:+z.3f}, {each.verdict})"
    return f"{each.a} - {each.b} {each.difference:+z.3f} {verdict}"


def curve_marks(axes: Axes, run: StoredRun, curve: str) -> Marks:
    """Mark the lines and bands that ``draw_curves`` drew, and the epochs with their values."""
    marks: Marks = {}
    for line, band in zip(axes.lines, axes.collections, strict=True):
        for kind, artist in (("line", line), ("band", band)):
            gid = f"{_ID}{curve}-{kind}-{len(marks)}"
            artist.set_gid(gid)
            marks[gid] = Mark([str(line.get_label())])
    networks = [str(line.get_label()) for line in axes.lines]
    spreads = {name: spread_of(run.trials[name], curve) for name in networks}
    n_epochs = max((len(median) for _, median, _ in spreads.values()), default=0)
    step = math.ceil(n_epochs / MOST_EPOCHS) or 1
    for epoch in range(step, n_epochs + 1, step):
        values = [
            f"{name}: {median[epoch - 1]:.4g} ({low[epoch - 1]:.4g} to {high[epoch - 1]:.4g})"
            for name, (low, median, high) in spreads.items()
            if epoch <= len(median) and 0 <= abs(median[epoch - 1]) < LARGEST
        ]
        corner, size = (epoch - step / 2, 0), (step, 1)
        gid = _add_area(axes, f"{curve}-{epoch}", corner, size, axes.get_xaxis_transform())
        marks[gid] = Mark(text="\n".join([f"epoch {epoch}", *values]))
    return marks


def confusion_marks(axes: Axes, shown: Confusion) -> Marks:
    """Mark the cells of a matrix that ``draw_confusion`` drew."""
    return {
        _add_area(axes, f"{row}-{column}", (column, row), (1, 1), axes.transData): Mark(
            text=f"{topic} ({counted(count, 'document')}) classified as {answer}: "
            f"{shown.shares[row, column]:.3f}"
        )
        for row, (topic, count) in enumerate(zip(shown.topics, shown.counts, strict=True))
        for column, answer in enumerate(shown.topics)
    }


def history_marks(axes: Axes, history: RunHistory, model: str) -> Marks:
    """Mark the runs in a plot that ``draw_history`` drew."""
    quantity = find_quantity(history.metric, "metric")
    marks: Marks = {}
    for position, entry in enumerate(history.entries):
        change = entry.changes.get(model)
        clearly = f", clearly {direction(change)}" if change and change.is_clear else ""
        value = quantity_text(quantity, entry.values.get(model))
        corner, size = (position - 0.5, 0), (1, 1)
        gid = _add_area(axes, f"run-{position}", corner, size, axes.get_xaxis_transform())
        about = f"{entry.run}, {minute(entry.date)}, commit {short_commit(entry.commit)}"
        marks[gid] = Mark(text=f"{about}\n{model}: {value}{clearly}")
    return marks


def ranks_marks(axes: Axes, ranks: MeanRanks) -> Marks:
    """Mark the names in a diagram that ``draw_diagram`` drew, the best first."""
    marks: Marks = {}
    for number, (model, rank) in enumerate(ranks.models.items()):
        side, y = place_of(ranks, model)
        edge = axes.get_xlim()[side == "right"]
        corner, size = (min(rank, edge), y - 0.5), (abs(rank - edge), 1)
        gid = _add_area(axes, f"rank-{number}", corner, size, axes.transData)
        on_each = ", ".join(f"{each.ranks[model]:g}" for each in ranks.datasets)
        marks[gid] = Mark([model], f"{model}: mean rank {rank:.2f}\non each dataset: {on_each}")
    return marks


def with_marks(svg: str, marks: Marks) -> str:
    """Return an SVG whose marked parts have their models, and their values as titles."""

    def describe(match: re.Match[str]) -> str:
        mark = marks[match[1]]
        kind = "area" if mark.text else "line"
        models = escape(" ".join(mark.models))
        title = f"<title>{escape(visible(mark.text))}</title>" if mark.text else ""
        return f'<g id="{match[1]}" class="{kind}" data-models="{models}">{title}'

    return re.sub(rf'<g id="({_ID}[^"]+)">', describe, svg)


def _row(axes: Axes, row: int) -> str:
    """Add an area over a row of a plot and its label, and return its id."""
    whole_width = blended_transform_factory(axes.figure.transFigure, axes.transData)
    return _add_area(axes, f"row-{row}", (0, row - 0.5), (1, 1), whole_width)


def _add_area(
    axes: Axes, name: str, corner: tuple[float, float], size: Any, transform: Transform
) -> str:
    gid = f"{_ID}{name}"
    area = Rectangle(corner, *size, fill=False, lw=0, zorder=10, transform=transform, gid=gid)
    area.set_in_layout(False)
    axes.add_artist(area)
    area.set_clip_on(False)  # labels are beside the axes
    return gid
