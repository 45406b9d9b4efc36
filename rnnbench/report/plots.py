"""The plots of a run, whose list is ``PLOTS``, and those of several runs, drawn by one
base class.

On pages and in files, text and grid have colours that nothing else uses, which a page
can replace. On axes of a program, they have those of the style in use. Data has the
palette of M. Okabe and K. Ito, which colour-blind readers can tell apart.
"""

import io
import re
import textwrap
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain, compress, cycle, product, zip_longest
from operator import gt
from typing import Any, ClassVar, Self

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from rich.text import Text

from rnnbench.analysis.boards import MeanRanks, RunHistory
from rnnbench.analysis.compare import ComparedRuns
from rnnbench.analysis.comparisons import SHOWN_IN_PAIRS, by_better_model
from rnnbench.analysis.errors import confusion, frequent_topics
from rnnbench.errors import UserError, did_you_mean
from rnnbench.metrics import ONE, find_quantity
from rnnbench.points import chosen
from rnnbench.registry import Registry
from rnnbench.report.table import MISSING, Table, with_points
from rnnbench.report.tables import direction
from rnnbench.report.words import mean_and_interval, scope, scope_of, short_p
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import DIGITS, TOO_FEW_SEEDS, Difference
from rnnbench.stats.ranks import ALPHA
from rnnbench.text import counted, heading, sentences, visible
from rnnbench.training.outcome import TrialResult

COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#8c6d31",
    "#6f6f6f",
)
ON_DARK = (
    "#4ea8de",
    "#f0803c",
    "#2fc49a",
    "#dd9cc0",
    "#f0b53a",
    "#8fd0f5",
    "#c3a065",
    "#a5adb5",
)
INK, GRID, PAPER = "#1b1f24", "#d0d7de", "#fefefe"
STYLES = ("-", "--", ":", "-.")
Only = str | Sequence[str] | None  # the models to draw; all for None
Style = dict[str, Any]  # keyword arguments of Axes.plot
THIN: Style = {"lw": 1.5}
THICK: Style = {"lw": 7, "alpha": 0.45}
DOTTED: Style = {"lw": 1, "ls": ":"}
LARGEST = (
    1e38  # the largest number that is drawn; there is no room for much larger ones
)
FORMATS: dict[
    str, dict[str, None]
] = {  # of pictures, without facts that Matplotlib would add
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # an SVG has the whole list beside every text
    "font.size": 11,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rnnbench",
    "pdf.fonttype": 42,  # so does that in a PDF file
    "text.parse_math": False,  # a topic may have dollars
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK
    ),
    **dict.fromkeys(("axes.edgecolor", "grid.color"), GRID),
}
STRONGEST = 0.55  # the opacity of a share of 1, on which text is legible in both themes
BLUES = LinearSegmentedColormap.from_list(
    "blues", [(0, 0.447, 0.698, a) for a in (0, STRONGEST)]
)
BLUE: Style = {"color": COLOURS[0]}
GREY: Style = {"color": COLOURS[7]}
DIAMOND: Style = {"marker": "D", "ls": "", "mfc": "none", "ms": 6}
MARKS: dict[str, Style] = {  # of a difference, by its verdict
    "clear": {"marker": "o", "ls": ""},
    "not clear": {"marker": "o", "ls": "", "mfc": "none"},
    TOO_FEW_SEEDS: {"marker": "x", "ls": "", "mew": 1.5},
}
NAME_WIDTH = (
    18  # of a topic beside the axes, in columns of a terminal: an ideograph takes two
)
LEAST_SECONDS = 1e-3  # shorter trainings are drawn here: a logarithmic axis has no 0
CURVES = {
    "loss": "loss on the training documents",
    "score": "{score} on the training documents",
    "val_loss": "loss on the validation documents",
    "val_score": "{score} on the validation documents",
}


class Plot(ABC):
    """A plot of some results: its title, its size in inches, its drawing, and its
    facts.
    """

    name: str  # of its files, without suffix; plots on one page have different names
    title: str
    size: tuple[float, float]
    size_on_page: tuple[float, float] | None = None  # where that differs
    alt: str  # the same facts in words, for those who cannot see it
    models: Sequence[str] = ()  # the models that it shows, if not all

    def make_room(self, names: Iterable[str], height: float) -> None:
        """Set the sizes of a plot with names beside its axes; on a page, it fits a
        phone.
        """
        width = max(5.2, 2.9 + 0.1 * max(map(len, names)))
        self.size, self.size_on_page = (width + 0.8, height), (width, height)

    @abstractmethod
    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw, and return a legend's entries; what is about a model has
        ``gid=about(model)``.
        """

    def table(self) -> Table | None:
        """Return the values that no other table beside the plot has, if there are
        any.
        """
        return None

    def draw_alone(self, axes: Axes) -> None:
        """Draw on axes of any height with a title, and a legend below that covers no
        data.
        """
        handles = self.draw(axes)
        axes.set_title(self.title)
        if handles:
            down = ScaledTranslation(0, -0.5, axes.figure.dpi_scale_trans)
            below: Style = {
                "bbox_to_anchor": (0.5, 0),
                "bbox_transform": axes.transAxes + down,
            }
            axes.legend(
                handles=handles, loc="upper center", ncols=3, frameon=False, **below
            )

    def draw_on_page(self, figure: Figure) -> None:
        """Draw in an empty figure for a page, which has the title above it."""
        if handles := self.draw(figure.subplots()):
            add_legend(figure, handles)

    @cached_property
    def figure(self) -> Figure:
        """The plot for a page, as Matplotlib has drawn it."""
        with mpl.rc_context(_SETTINGS):
            figure = Figure(
                figsize=self.size_on_page or self.size, layout="constrained"
            )
            self.draw_on_page(figure)
        return figure

    @cached_property
    def svg(self) -> str:
        """The plot for a page, on a transparent background; kept, as each drawing
        shifts it.
        """
        return _file(self.figure, ".svg", transparent=True).decode()

    def png(self) -> bytes:
        """Return the plot for a page on white."""
        return _file(self.figure, ".png", facecolor=PAPER)

    def picture(self, suffix: str) -> bytes:
        """Return the plot with its title on white, as the file of a suffix in
        ``FORMATS``.
        """
        with mpl.rc_context(_SETTINGS):
            figure = Figure(figsize=self.size, layout="constrained")
            self.draw_alone(figure.subplots())
        return _file(figure, suffix, facecolor=PAPER)

    def on(self, ax: Axes | None) -> Axes:
        """Draw in the style in use, by default on new axes of pyplot, and return the
        axes.
        """
        if not isinstance(ax, Axes | None):
            kind = type(ax).__name__
            raise UserError(
                f"ax: got an object of type {kind} (should be matplotlib.axes.Axes)"
            )
        from matplotlib import pyplot as plt

        axes = (
            plt.subplots(figsize=self.size, layout="constrained")[1]
            if ax is None
            else ax
        )
        with mpl.rc_context({"text.parse_math": False}):  # a topic may have dollars
            self.draw_alone(axes)
        return axes


def about(*models: str) -> str:
    """Return the ``gid`` of what is about some models; a page fades it if one is not
    picked.
    """
    return f"about-{' '.join(models)}"


def ink() -> Any:
    """Return the colour of text in the style in use."""
    return mpl.rcParams["text.color"]


def legend_entries(axes: Axes, styles: Mapping[str, Style]) -> list[Artist]:
    """Return an entry of a legend for each label, in its style."""
    return [
        axes.plot([], [], label=label, **style)[0] for label, style in styles.items()
    ]


def name_rows(axes: Axes, names: Sequence[str], label: str) -> None:
    """Name the rows of a plot, the first at the top, and label the axis below them."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.7)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(label)


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Add a legend below all axes of a figure, in as many columns as there is room
    for.
    """
    widths = [len(str(handle.get_label())) + 7 for handle in handles]
    room = 11 * figure.get_figwidth()  # in characters
    columns = (
        len(handles) if sum(widths) < room else max(1, int(room / (max(widths) + 1)))
    )
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, handlelength=1.5
    )


def _file(figure: Figure, suffix: str, **options: Any) -> bytes:
    """Return a figure as a file that is the same whenever it is written."""
    file = io.BytesIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # In an SVG, text stays text, and a browser finds a font with these characters.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        kind = suffix.removeprefix(".")
        figure.savefig(file, format=kind, dpi=150, metadata=FORMATS[suffix], **options)
    content = file.getvalue()
    return (
        re.sub(rb'<g id="about-', b'<g data-models="', content)
        if suffix == ".svg"
        else content
    )


# One run


class RunPlot(Plot):
    """A plot of a run, for its report and for ``Run.plot``.

    A subclass has a ``title``. It sets ``size``, a width and a height in inches, and
    ``alt``, the same facts in words, in ``prepare``. ``draw(axes)`` draws, and returns
    the entries of a legend. ``UserError`` says that an argument is wrong, or that the
    models lack what the plot shows.
    """

    kind: ClassVar[str]
    """The name of the plot in ``Run.plot``, and of its entry point."""
    section: ClassVar[str]
    """The section of the report that shows it."""
    tasks: ClassVar[Sequence[str]] = ()
    """Names of the kinds of task that have it; all if there are none."""
    has_curves: ClassVar[bool] = False
    """Whether it has several curves to choose from."""
    chosen: Sequence[str]
    """The models to draw, in the order of the run."""
    is_of_all: bool
    """Whether none were named."""

    def __init__(
        self,
        run: StoredRun,
        models: Sequence[str] | None = None,
        curve: str | None = None,
    ):
        if curve is not None and not self.has_curves:
            of = f"'{self.kind}' (allowed: only for learning_curves)"
            raise UserError(f"curve: got '{curve}' for {of}")
        self.name, self.run, self.curve, self.is_of_all = (
            self.kind,
            run,
            curve,
            models is None,
        )
        self.chosen = chosen(list(run.trials), models)
        self._models = [
            model for model in run.results.models if model.name in self.chosen
        ]
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Set the size and the words, from ``run``, ``chosen`` and ``curve``."""

    def need_two(self) -> None:
        """Make sure that there are two models to compare."""
        if len(self.chosen) < 2:
            hint = f"got 1 (allowed: {', '.join(self.run.trials)})"
            raise UserError(f"models: the plot '{self.kind}' needs two models, {hint}")

    @classmethod
    def in_report(cls, run: StoredRun) -> Sequence[Self]:
        """Return the plots of a report; none if the run does not have what they
        show.
        """
        try:
            return [cls(run)]
        except UserError:
            return []


def plot_run(
    run: StoredRun,
    name: str,
    models: Only = None,
    curve: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a plot of a run, and return its axes; the arguments are those of
    ``Run.plot``.
    """
    task = run.results.dataset.kind
    names = [plot.kind for plot in PLOTS.usable() if task.is_among(plot.tasks)]
    kind = ScorePlot.kind if name == task.main else name
    if kind not in names:
        hint = did_you_mean(str(name), [task.main, *names])
        raise UserError(f"no plot '{name}' of a run of the task {task.name} ({hint})")
    with PLOTS.blamed(kind):
        return PLOTS[kind](
            run, [models] if isinstance(models, str) else models, curve
        ).on(ax)


class ScorePlot(RunPlot):
    """The score of each model with both its intervals, and the majority baseline."""

    kind, section, title = "score", "score", "Test score"

    def prepare(self) -> None:
        self.name = self.run.results.dataset.kind.main
        self.title = heading(self.run.results.dataset.score_name)
        self.make_room(self.chosen, 1.5 + 0.38 * len(self._models))
        facts = (
            f"{of.name} {of.score.mean:.3f} ({of.interval:.3f})" for of in self._models
        )
        self.alt = "; ".join(facts)

    def draw(self, axes: Axes) -> Sequence[Artist]:
        results, diamond = self.run.results, DIAMOND | {"mec": ink()}
        dataset, own = (
            results.dataset,
            [it for it in results.published if it.is_of_our_model],
        )
        published = [result for result in own if result.model in self.chosen]
        for row, model in enumerate(self._models):
            style: Style = {
                "color": COLOURS[model.is_baseline],
                "gid": about(model.name),
            }
            for interval, line in (
                (model.interval, THIN),
                (model.score.over_seeds, THICK),
            ):
                if interval:
                    low, high = np.clip((interval.low, interval.high), 0, 1)
                    axes.hlines(row, low, high, **style, **line)
            axes.plot(model.score.mean, row, "o", **style)
            for result in published:
                if result.model == model.name:
                    axes.plot(result.score, row + 0.3, gid=about(model.name), **diamond)
        name, (left, right) = visible(dataset.majority_name), axes.get_xlim()
        if dataset.majority_score < left - 2 * (
            right - left
        ):  # most of the width would be empty
            axes.set_xlim(left, right)
            name = f"← {name}: {dataset.majority_score:.3f}"
        majority = axes.axvline(
            dataset.majority_score, color=ink(), label=name, **DOTTED
        )
        name_rows(axes, [model.name for model in self._models], dataset.score_name)
        n_seeds = max(model.score.n for model in self._models)
        styles = {
            "mean over seeds": MARKS["clear"] | GREY,
            "95 % over seeds": THICK | GREY,
        }
        styles = (
            styles if n_seeds > 1 else {dataset.kind.score_name: MARKS["clear"] | GREY}
        )
        styles[f"95 % {scope(n_seeds)}"] = THIN | GREY
        if published:
            styles["published"] = diamond
        return [*legend_entries(axes, styles), majority]


class DifferencesPlot(RunPlot):
    """The difference of each pair of models, with its interval, below the better
    model.
    """

    kind, section, title = "differences", "differences", "Differences"

    def prepare(self) -> None:
        self.need_two()
        self._pairs = by_better_model(self.run.results.comparisons, self._models)
        if not self._pairs:
            hint = "a run of so many models has comparisons with its best model only"
            raise UserError(
                f"models: no two of {', '.join(self.chosen)} were compared ({hint})"
            )
        self._shown = [*chain(*self._pairs.values())]
        self.make_room(self.chosen, 1.5 + 0.25 * (len(self._pairs) + len(self._shown)))
        self.alt = "; ".join(
            f"{pair.a} - {pair.b} {pair.difference:+z.3f} ({pair.interval:+z.3f}, {pair.verdict})"
            for pair in self._shown
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        names, rows = list[str](), list[int]()
        for better, comparisons in self._pairs.items():
            rows += range(len(names) + 1, len(names) + 1 + len(comparisons))
            names += [f"{better} minus", *(pair.b for pair in comparisons)]
        handles = draw_differences(
            axes, self._shown, rows, [(one.a, one.b) for one in self._shown]
        )
        name_rows(axes, names, f"difference in {self.run.results.dataset.score_name}")
        for row, label in enumerate(axes.get_yticklabels()):
            label.set_fontweight("normal" if row in rows else "bold")
        axes.tick_params(axis="y", length=0)
        return handles


def draw_differences(
    axes: Axes,
    shown: Sequence[Difference],
    rows: Sequence[int],
    models: Sequence[Sequence[str]],
) -> list[Artist]:
    """Draw differences with their intervals, cut to -1 to 1, and return entries of a
    legend.
    """
    for difference, row, names in zip(shown, rows, models, strict=True):
        given = (
            difference.interval.low,
            difference.difference,
            difference.interval.high,
        )
        low, middle, high = np.clip(given, -1, 1)
        axes.hlines(row, low, high, gid=about(*names), **THIN, **BLUE)
        axes.plot(middle, row, gid=about(*names), **MARKS[difference.verdict], **BLUE)
    axes.axvline(0, color=ink(), **DOTTED)
    has_too_few = any(difference.has_too_few_seeds for difference in shown)
    marks = {
        name: mark
        for name, mark in MARKS.items()
        if has_too_few or name != TOO_FEW_SEEDS
    }
    styles = marks | {f"95 % {scope_of(shown)}": THIN}
    return legend_entries(axes, {name: style | BLUE for name, style in styles.items()})


class CostPlot(RunPlot):
    """The score of each model by the time of its training; none beats one on the front
    in both.
    """

    kind, section, title = "cost", "metrics", "Score by training time"

    def prepare(self) -> None:
        self.need_two()
        if not (found := [model for model in self._models if model.fit_seconds]):
            raise UserError(
                f"models: the plot '{self.kind}' needs models that were trained here"
            )
        self._places = {
            model.name: (
                max(model.mean_of("fit_seconds") or 0, LEAST_SECONDS),
                model.score.mean,
            )
            for model in found
        }
        self._models = sorted(
            found, key=lambda of: (self._places[of.name][0], -of.score.mean)
        )
        scores = [round(model.score.mean, DIGITS) for model in self._models]
        is_better = map(gt, scores, [-1.0, *accumulate(scores, max)])
        self._front = [model.name for model in compress(self._models, is_better)]
        self.make_room(self.chosen, 4)
        self.alt = "; ".join(
            f"{model.name} {model.score.mean:.3f} in {self._places[model.name][0]:.3g} s"
            + ", on the front" * (model.name in self._front)
            for model in self._models
        )

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw the scores with their intervals; of many models, those on the front have
        names.
        """
        front: Style = THIN | {"ls": ":", "color": ink(), "drawstyle": "steps-post"}
        sides = cycle([("top", -3), ("bottom", 3)])  # so that neighbours do not overlap
        for model in self._models:
            place, gid = self._places[model.name], about(model.name)
            style: Style = {"color": COLOURS[model.is_baseline], "gid": gid}
            ends = np.clip((model.interval.low, model.interval.high), 0, 1)
            axes.plot([place[0]] * 2, ends, **THIN, **style)
            axes.plot(*place, "o", **style)
            if len(self._models) <= SHOWN_IN_PAIRS or model.name in self._front:
                side, up = next(sides)
                beside: Style = {
                    "xytext": (5, up),
                    "textcoords": "offset points",
                    "va": side,
                }
                axes.annotate(model.name, place, fontsize=9.5, gid=gid, **beside)
        axes.plot(*np.transpose([self._places[name] for name in self._front]), **front)
        axes.set(xscale="log", xlabel="seconds of a training")
        axes.set_ylabel(self.run.results.dataset.score_name)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        styles = {
            f"95 % {scope(max(model.score.n for model in self._models))}": THIN | GREY
        }
        return legend_entries(axes, styles | {"none is faster and better": front})


class LearningCurves(RunPlot):
    """Loss and score by epoch: the median over seeds in a band; only pages have all
    curves.
    """

    kind, section, title = "learning_curves", "learning", "Loss and score by epoch"
    has_curves = True

    def prepare(self) -> None:
        kind = self.run.results.dataset.kind
        names = {
            curve.replace("score", kind.main): curve for curve in CURVES
        }  # as Keras does
        self._spreads = {
            (network, curve): spread
            for network, trials in self.run.trials.items()
            for curve, field in names.items()
            if (spread := _spread(trials, field))
        }
        held_out = any(curve == "val_loss" for _, curve in self._spreads)
        self._networks = [
            name for name in self.run.trials if (name, "loss") in self._spreads
        ]
        self._curves = [
            curve for curve in names if held_out or not curve.startswith("val_")
        ]
        self._words = {
            name: CURVES[names[name]].format(score=kind.score_name) for name in names
        }
        self.title = f"Loss and {kind.score_name} by epoch"
        if not self._networks:
            fault = "no model was trained in epochs, so there are no curves"
            raise UserError(f"{self.run.folder}: {fault}")
        self.chosen = self._networks if self.is_of_all else self.chosen
        if without := [name for name in self.chosen if name not in self._networks]:
            hint = (
                f"it was not trained in epochs (allowed: {', '.join(self._networks)})"
            )
            raise UserError(f"models: {without[0]} has no learning curve; {hint}")
        self._curve = self.curve or "loss"
        if self._curve not in self._curves:
            hint = did_you_mean(self._curve, self._curves)
            hint += (
                ""
                if held_out
                else "; curves of validation need training.validation_split"
            )
            raise UserError(f"curve: got '{self.curve}' ({hint})")
        height = 2.1 * len(self._curves) + 0.8 + 0.2 * len(self.chosen)
        self.size, self.size_on_page = (7, 4), (5.2, height)
        of = f"of {', '.join(self.chosen)}; bands from the lowest to the highest seed"
        self.alt = f"{self.title} {of}"

    def table(self) -> Table:
        def ending(name: str, curve: str) -> str:
            if (name, curve) not in self._spreads:
                return MISSING
            low, median, high = (values[-1] for values in self._spreads[name, curve])
            is_known = median is not np.ma.masked and abs(median) < LARGEST
            return f"{median:.4g} ({low:.4g} to {high:.4g})" if is_known else MISSING

        rows = [
            [name, *(ending(name, curve) for curve in self._curves)]
            for name in self.chosen
        ]
        headers = [
            "model",
            *(curve.replace("val_", "validation ") for curve in self._curves),
        ]
        caption = "In the last epoch: the median over seeds, and the lowest and the highest value."
        return with_points(Table(headers, rows, caption))

    def draw(self, axes: Axes, curve: str | None = None) -> Sequence[Artist]:
        """Draw one curve; a network has the same colour whichever others are drawn."""
        handles: list[Artist] = []
        curve = curve or self._curve
        styles = cycle(product(STYLES, COLOURS))
        for network, (style, colour) in zip(self._networks, styles, strict=False):
            if network not in self.chosen or (network, curve) not in self._spreads:
                continue
            low, median, high = self._spreads[network, curve]
            epochs = np.arange(1, len(median) + 1)
            line: Style = {"color": colour, "gid": about(network)}
            axes.fill_between(epochs, low, high, alpha=0.2, lw=0, **line)
            handles += axes.plot(epochs, median, style, label=network, **THIN, **line)
        axes.set_title(self._words[curve])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return handles

    def draw_alone(self, axes: Axes) -> None:
        self.draw(axes)
        axes.set(xlabel="epoch", ylabel=self._curve.removeprefix("val_"))
        axes.legend()

    def draw_on_page(self, figure: Figure) -> None:
        panels = figure.subplots(len(self._curves), sharex=True)
        for curve, axes in zip(self._curves, panels, strict=True):
            self.draw(axes, curve)
            if curve.endswith("loss"):
                axes.set_ylim(bottom=0)
        panels[-1].set_xlabel("epoch")
        add_legend(figure, panels[0].get_legend_handles_labels()[0])


def _spread(trials: Sequence[TrialResult], curve: str) -> tuple[Any, ...]:
    """Return the lowest, the median and the highest value by epoch, if any; NaN is
    masked.
    """
    lists = [getattr(trial.record.history, curve) for trial in trials]
    if not lists[0]:
        return ()
    epochs = [*zip_longest(*lists, fillvalue=np.nan)]  # engines may stop early
    values = np.ma.masked_invalid(np.array(epochs, float)).clip(-LARGEST, LARGEST)
    median = np.ma.median(values, axis=1)  # type: ignore[no-untyped-call]
    return values.min(axis=1), median, values.max(axis=1)


def _fitting(name: str) -> str:
    """Return a name, or its beginning, that leaves room for the axes beside it."""
    text = Text(name)
    text.truncate(NAME_WIDTH, overflow="ellipsis")
    return text.plain


class ConfusionPlot(RunPlot):
    """How often one model gave each answer, for each frequent topic of the test set."""

    kind, section, tasks = "confusion", "confusion", ONE

    def prepare(self) -> None:
        if len(self.chosen) > 1:
            hint = f"got {len(self.chosen)} (allowed: {', '.join(self.run.trials)})"
            raise UserError(f"models: the plot 'confusion' shows one model, {hint}")
        (model,) = self.models = self.chosen
        self.name, self.title = f"confusion-{model}", f"Confusion of {model}"
        trials = self.run.trials[model]
        labels, names = trials[0].labels, self.run.results.dataset.topics
        noun = self._noun = self.run.results.dataset.noun
        topics = frequent_topics(labels, 10)
        counts = np.bincount(labels)[topics].tolist()
        counts.append(len(labels) - sum(counts))  # of all others, which may have no row
        shares = confusion(
            trials, topics
        )  # of the row's documents, by the column's answer
        n = len(topics) + bool(counts[-1] or shares[:, -1].any())
        topic_names = [visible(names[topic].topic) for topic in topics]
        self._topics = [*topic_names, "others"][:n]
        self._counts, self._shares = counts[:n], shares[:n, :n]
        self.size = (2 + 0.36 * max(5, n), 1.8 + 0.36 * max(5, n))
        recall = ", ".join(
            map("{} {:.2f}".format, self._topics, self._shares.diagonal())
        )
        share = (
            f"Share of the documents of each {noun} that {model} classified correctly"
        )
        self.alt = f"{share}: {recall}"

    @classmethod
    def in_report(cls, run: StoredRun) -> Sequence[Self]:
        return [cls(run, [model]) for model in run.trials]

    def draw(self, axes: Axes) -> Sequence[Artist]:
        lines = mpl.rcParams["grid.color"]
        axes.pcolormesh(
            self._shares, cmap=BLUES, vmin=0, vmax=1, edgecolors=lines, lw=0.6
        )
        for (row, column), share in np.ndenumerate(self._shares):
            if share >= 0.005:
                place, text = (column + 0.5, row + 0.5), f"{share:.2f}".lstrip("0")
                axes.text(
                    *place, text, ha="center", va="center", fontsize=9.5, color=ink()
                )
        predicted, true = (
            f"predicted {self._noun}",
            f"true {self._noun} (test documents)",
        )
        axes.set(aspect="equal", xlabel=predicted, ylabel=true)
        axes.invert_yaxis()
        middles = np.arange(len(self._counts)) + 0.5
        topics = [_fitting(topic) for topic in self._topics]
        axes.set_xticks(
            middles, topics, rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(middles, [*map("{} ({})".format, topics, self._counts)])
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_parse_math(False)  # those of given axes existed before
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        return ()


_plots = [ScorePlot, DifferencesPlot, CostPlot, LearningCurves, ConfusionPlot]
PLOTS: Registry[type[RunPlot]] = Registry(  # in the order in which a section shows them
    "plot", RunPlot, _plots, key="kind", holds_classes=True
)


# Several runs

CHANGE: Style = {"ls": "", "ms": 10, "color": COLOURS[1]}
CHANGES = {
    "up": CHANGE | {"marker": "^"},
    "down": CHANGE | {"marker": "v"},
}  # the clear ones
LABELS, RUNS_PER_LABEL = (
    5,
    8,
)  # those that fit into any plot, and the runs a label in a wide one
FEW_DATASETS = 5
CHARACTERS = 13.5  # characters of a caption in an inch


class ChangesPlot(Plot):
    """How the score of each model changed from run A to run B, and its interval."""

    name = "changes"

    def __init__(self, comparison: ComparedRuns):
        self._models, self._score = comparison.models, comparison.dataset.score_name
        self.title = f"Change in {self._score}"
        self.make_room(
            [model.name for model in self._models], 1.8 + 0.42 * len(self._models)
        )
        facts = (
            f"{of.name} {of.difference:+z.3f} ({of.verdict})" for of in self._models
        )
        self.alt = "; ".join(facts)

    def draw(self, axes: Axes) -> Sequence[Artist]:
        names = [model.name for model in self._models]
        name_rows(axes, names, f"{self._score}, B minus A")
        return draw_differences(
            axes, self._models, range(len(names)), [[name] for name in names]
        )


class HistoryPlot(Plot):
    """The metric of a model in each run with its interval over seeds, and its clear
    changes.
    """

    def __init__(self, history: RunHistory, model: str, name: str):
        self.name, self.title, self.models = name, model, [model]
        self._history, self._quantity = history, find_quantity(history.metric, "metric")
        own = enumerate(entry.changes.get(model) for entry in history.entries)
        self._ways = {
            at: direction(change) for at, change in own if change and change.is_clear
        }
        self.size = (max(6, 2 + 0.12 * len(history.entries)), 2.8)
        self._values = [entry.values.get(model) for entry in history.entries]
        texts = [
            mean_and_interval(value, self._quantity.format)
            for value in self._values
            if value
        ]
        runs, changes = (
            counted(len(texts), "run"),
            counted(len(self._ways), "clear change"),
        )
        self.alt = (
            f"{self._quantity.header} of {model} in {runs}: {texts[0]} in the first, "
        )
        self.alt += f"{texts[-1]} in the last, {changes}"

    def draw(self, axes: Axes) -> Sequence[Artist]:
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
        styles |= {
            f"clearly {way}": CHANGES[way] for way in sorted({*self._ways.values()})
        }
        return legend_entries(axes, styles)


def ranks_table(ranks: MeanRanks) -> Table:
    """Return the mean rank of each model, and its rank on each dataset."""
    rows = [
        [
            name,
            f"{mean:.2f}",
            ", ".join(f"{dataset.ranks[name]:g}" for dataset in ranks.datasets),
        ]
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
    return sentences(
        f"Mean ranks of {len(ranks.models)} models by {ranks.metric} on {n} datasets:",
        f"{', '.join(dataset.name for dataset in ranks.datasets)}.",
        f"Friedman's test: {statistic}, p = {short_p(test.p)}: {verdict}{nemenyi}.",
        f"{few} little." if n < FEW_DATASETS else "",
        f"{first} of the datasets are parts of one corpus{more}." if first else "",
        "Seeds are not datasets: a model has one rank on each dataset, however many seeds it has. "
        "Datasets of one collection are not independent: the ranks describe these datasets and "
        "prove nothing about others.",
    )


class RanksPlot(Plot):
    """Mean ranks with the critical difference; a bar joins the models that are not told
    apart.
    """

    def __init__(self, ranks: MeanRanks, name: str = "ranks"):
        self.name, self._ranks, self._caption = name, ranks, ranks_caption(ranks)
        self.title = f"Mean rank by {ranks.metric} over {len(ranks.datasets)} datasets (1 is best)"
        self.alt = "; ".join(
            f"{model} {rank:.2f}" for model, rank in ranks.models.items()
        )
        self._rows = {name: row for row, name in enumerate(ranks.models, start=1)}
        self._labels = [f"critical difference {ranks.critical_difference:.2f}"]
        self._labels += [f"{name}  {rank:.2f}" for name, rank in ranks.models.items()]
        self.make_room(self._labels, 1 + 0.27 * len(self._labels))
        lines = 1 + len(self._caption) / CHARACTERS / self.size[0]
        self.size = (self.size[0] + 0.4, self.size[1] + 0.16 * lines)

    def draw(self, axes: Axes) -> Sequence[Artist]:
        means, difference = self._ranks.models, self._ranks.critical_difference
        axes.plot([1, 1 + difference], [0, 0], "|-", color=ink(), lw=1.5)
        for name, rank in means.items():
            axes.plot(rank, self._rows[name], "o", gid=about(name), **BLUE)
        end, step = max(len(means), 1 + difference), 0.04 * len(means)
        for number, group in enumerate(self._ranks.groups, start=1):
            rows = (self._rows[group[0]] - 0.25, self._rows[group[-1]] + 0.25)
            axes.vlines(end + step * number, *rows, lw=5, gid=about(*group), **BLUE)
        name_rows(
            axes, self._labels, f"mean rank over {len(self._ranks.datasets)} datasets"
        )
        axes.set_xticks(range(1, len(means) + 1, 1 + (len(means) - 1) // 12))
        return ()

    def draw_alone(self, axes: Axes) -> None:
        # the axes get their whole width
        axes.figure.canvas.figure.draw_without_rendering()
        width = axes.get_window_extent().width / axes.figure.dpi
        super().draw_alone(axes)
        lines = textwrap.wrap(
            visible(self._caption), max(40, round(CHARACTERS * width))
        )
        below: Style = {"loc": "right", "multialignment": "left", "fontsize": "small"}
        axes.set_xlabel("\n".join(lines), **below)
