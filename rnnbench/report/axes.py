"""The plots of a report on Matplotlib axes, for programs and notebooks that go on with them.

They are drawn on given axes or on new ones, in the style in use; Matplotlib's settings are not
changed. New axes belong to a figure of pyplot, which a notebook shows by itself.
"""

from collections.abc import Callable, Sequence

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from rnnbench.analysis.compare import ComparedRuns
from rnnbench.analysis.comparisons import by_better_model
from rnnbench.analysis.critical_difference import MeanRanks
from rnnbench.errors import UserError, did_you_mean
from rnnbench.report.critical_difference import draw_ranks, size_of_ranks
from rnnbench.report.drawing import (
    CURVES,
    confusion_of,
    curves_of,
    draw_accuracy,
    draw_changes,
    draw_confusion,
    draw_curves,
    draw_differences,
    networks_of,
    size_of_differences,
)
from rnnbench.results.run import StoredRun

Size = tuple[float, float]
"""The width and the height of a figure in inches."""
Draw = Callable[[Axes], None]
ROOM_FOR_LABELS = 0.5
"""Inches between axes and the legend below them."""


def plot_run(
    run: StoredRun,
    name: str,
    models: str | Sequence[str] | None = None,
    curve: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a plot of a run, and return its axes; the arguments are those of ``Run.plot``.

    Raises:
        UserError: an argument is wrong, or the models do not have what the plot shows.
    """
    names = [models] if isinstance(models, str) else models
    if curve is not None and name != "learning_curves":
        raise UserError(f"curve: got '{curve}' for '{name}' (allowed: only for learning_curves)")
    match name:
        case "accuracy":
            size, draw = _accuracy(run, names)
        case "differences":
            size, draw = _differences(run, names)
        case "learning_curves":
            size, draw = _curves(run, names, curve or "loss")
        case "confusion":
            size, draw = _confusion(run, names)
        case _:
            known = ["accuracy", "differences", "learning_curves", "confusion"]
            raise UserError(f"no plot '{name}' ({did_you_mean(str(name), known)})")
    return _draw(draw, size, ax)


def plot_changes(comparison: ComparedRuns, ax: Axes | None = None) -> Axes:
    """Draw how the accuracy of each model changed, and return the axes.

    Raises:
        UserError: ``ax`` is something else than axes.
    """

    def draw(axes: Axes) -> None:
        handles = draw_changes(axes, comparison)
        axes.set_title("Change in test accuracy")
        _add_legend_below(axes, handles)

    return _draw(draw, _size_of_rows(len(comparison.models)), ax)


def plot_ranks(ranks: MeanRanks, ax: Axes | None = None) -> Axes:
    """Draw mean ranks as a diagram of critical differences, and return the axes.

    Raises:
        UserError: ``ax`` is something else than axes.
    """
    return _draw(lambda axes: draw_ranks(axes, ranks), size_of_ranks(ranks), ax)


def _accuracy(run: StoredRun, names: Sequence[str] | None) -> tuple[Size, Draw]:
    chosen = _chosen(names, list(run.trials))

    def draw(axes: Axes) -> None:
        handles = draw_accuracy(axes, run, chosen)
        axes.set_title("Test accuracy")
        _add_legend_below(axes, handles)

    return _size_of_rows(len(chosen)), draw


def _differences(run: StoredRun, names: Sequence[str] | None) -> tuple[Size, Draw]:
    chosen = _chosen(names, list(run.trials))
    models = [model for model in run.results.models if model.name in chosen]
    pairs = by_better_model(run.results.comparisons, models)
    if len(models) < 2:
        allowed = f"allowed: {', '.join(run.trials)}"
        raise UserError(f"models: the plot 'differences' needs two models, got 1 ({allowed})")
    if not pairs:
        hint = "a run of so many models has comparisons with its best model only"
        raise UserError(f"models: no two of {', '.join(chosen)} were compared ({hint})")

    def draw(axes: Axes) -> None:
        handles = draw_differences(axes, pairs)
        axes.set_title("Differences in test accuracy")
        _add_legend_below(axes, handles)

    return size_of_differences(pairs), draw


def _curves(run: StoredRun, names: Sequence[str] | None, curve: str) -> tuple[Size, Draw]:
    networks, curves = networks_of(run), curves_of(run)
    if not networks:
        raise UserError(f"{run.folder}: no model was trained in epochs, so there are no curves")
    chosen = _chosen(networks if names is None else names, list(run.trials))
    if without := [name for name in chosen if name not in networks]:
        hint = f"it was not trained in epochs (allowed: {', '.join(networks)})"
        raise UserError(f"models: {without[0]} has no learning curve; {hint}")
    if curve not in curves:
        hint = did_you_mean(str(curve), curves)
        if curve in CURVES:
            hint = f"allowed: {', '.join(curves)}; the others need training.validation_split"
        raise UserError(f"curve: got '{curve}' ({hint})")

    def draw(axes: Axes) -> None:
        draw_curves(axes, run, curve, chosen)
        axes.set(xlabel="epoch", ylabel=curve.removeprefix("val_"))
        axes.legend()

    return (7, 4), draw


def _confusion(run: StoredRun, names: Sequence[str] | None) -> tuple[Size, Draw]:
    models = list(run.trials)
    chosen = _chosen(names, models)
    if len(chosen) > 1:
        hint = f"got {len(chosen)} (allowed: {', '.join(models)})"
        raise UserError(f"models: the plot 'confusion' shows one model, {hint}")
    shown = confusion_of(run, chosen[0])

    def draw(axes: Axes) -> None:
        draw_confusion(axes, shown)
        axes.set_title(f"Confusion of {chosen[0]}")
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_parse_math(False)  # those of given axes existed before

    return (6.4, 6), draw


def _chosen(names: Sequence[str] | None, models: Sequence[str]) -> list[str]:
    """Return the models that were asked for, in the order of the run; by default all."""
    if names is None:
        return list(models)
    wrong = [name for name in names if name not in models]
    if wrong or not names:
        message = f"no model '{wrong[0]}'" if wrong else "names no model"
        raise UserError(f"models: {message} ({did_you_mean(str([*wrong, ''][0]), models)})")
    return [model for model in models if model in names]


def _draw(draw: Draw, size: Size, ax: Axes | None) -> Axes:
    """Draw on the axes, or on new ones of a figure of this size."""
    if not isinstance(ax, Axes | None):
        kind = type(ax).__name__
        raise UserError(f"ax: got an object of type {kind} (should be matplotlib.axes.Axes)")
    axes = plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
    with mpl.rc_context({"text.parse_math": False}):  # a topic may have dollars
        draw(axes)
    return axes


def _size_of_rows(n: int) -> Size:
    return (8, 1.8 + 0.42 * n)


def _add_legend_below(axes: Axes, handles: Sequence[Line2D]) -> None:
    """Add a legend below axes of any height; it covers no data."""
    down = ScaledTranslation(0, -ROOM_FOR_LABELS, axes.figure.dpi_scale_trans)
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axes.transAxes + down,
        ncols=3,
        frameon=False,
    )
