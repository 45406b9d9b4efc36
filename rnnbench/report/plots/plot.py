"""The base class of all plots, and what several of them draw.

A plot has a size, a drawing and words. It becomes an SVG or a PNG of a page
(``plot.svg``, ``plot.png()``), a file (``plot.picture(".pdf")``), or a drawing on axes
of a program (``plot.on(axes)``).
"""

import io
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from rnnbench.errors import UserError
from rnnbench.report.plots.look import PAPER, SETTINGS, Style
from rnnbench.report.table import Table
from rnnbench.stats.correctness import Interval

FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""Formats of pictures by suffix, and what Matplotlib must not write into each."""


WIDE = 10.2
"""The width of a page, in inches, where letters have the size of its text."""


class Plot(ABC):
    """A plot of some results: its title, its size in inches, and its drawing."""

    name: str
    """Of its files, without suffix; plots on one page have different names."""
    title: str
    size: tuple[float, float]
    size_on_page: tuple[float, float] | None = None
    """Where that differs."""
    wide_on_page: tuple[float, float] | None = None
    """That on a page with room for it, if there is one."""
    alt: str
    """Its content in words, for those who cannot see it."""
    models: Sequence[str] = ()
    """The models that it shows, if not all."""

    def make_room(self, names: Iterable[str], height: float) -> None:
        """Set the size of a plot with names beside its axes; it fits a phone."""
        width = max(5.2, 2.9 + 0.1 * max(map(len, names)))
        self.size = (width + 0.8, height)
        self.size_on_page = (width, height)
        self.wide_on_page = (max(WIDE, width), height)

    @abstractmethod
    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw, and return the entries of a legend.

        What is about a model has ``gid=about(model)``.
        """

    def table(self) -> Table | None:
        """Return the values that no other table beside the plot has, if any."""
        return None

    def draw_alone(self, axes: Axes) -> None:
        """Draw on axes of any height, with a title and a legend below the data."""
        handles = self.draw(axes)
        axes.set_title(self.title)
        if handles:
            down = ScaledTranslation(0, -0.5, axes.figure.dpi_scale_trans)
            axes.legend(
                handles=handles,
                loc="upper center",
                ncols=3,
                frameon=False,
                bbox_to_anchor=(0.5, 0),
                bbox_transform=axes.transAxes + down,
            )

    def draw_on_page(self, figure: Figure) -> None:
        """Draw in an empty figure for a page, which has the title above it."""
        handles = self.draw(figure.subplots())
        if handles:
            add_legend(figure, handles)

    @cached_property
    def figure(self) -> Figure:
        """The plot for a page, as Matplotlib has drawn it."""
        return self._drawn(self.size_on_page or self.size)

    def _drawn(self, size: tuple[float, float]) -> Figure:
        with mpl.rc_context(SETTINGS):
            figure = Figure(figsize=size, layout="constrained")
            self.draw_on_page(figure)
        return figure

    @cached_property
    def svg(self) -> str:
        """The plot for a page, on a transparent background.

        It is kept, because each drawing of the same figure shifts it.
        """
        return _as_file(self.figure, ".svg", transparent=True).decode()

    @cached_property
    def wide_svg(self) -> str:
        """The same for a page with room; empty if the plot has no such size."""
        if self.wide_on_page is None:
            return ""
        figure = self._drawn(self.wide_on_page)
        return _as_file(figure, ".svg", transparent=True).decode()

    def png(self) -> bytes:
        """Return the plot for a page on white."""
        return _as_file(self.figure, ".png")

    def picture(self, suffix: str) -> bytes:
        """Return the plot with its title on white, in a format of ``FORMATS``."""
        with mpl.rc_context(SETTINGS):
            figure = Figure(figsize=self.size, layout="constrained")
            self.draw_alone(figure.subplots())
        return _as_file(figure, suffix)

    def on(self, ax: Axes | None) -> Axes:
        """Draw in the style in use on axes, by default new ones, and return them."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=self.size, layout="constrained")
        elif not isinstance(ax, Axes):
            kind = type(ax).__name__
            raise UserError(
                f"ax: got an object of type {kind} (should be matplotlib.axes.Axes)"
            )
        with mpl.rc_context({"text.parse_math": False}):  # a topic may have dollars
            self.draw_alone(ax)
        return ax


def about(*models: str) -> str:
    """Return the ``gid`` of what is about some models, which a page fades or shows."""
    return f"about-{' '.join(models)}"


def draw_line(
    axes: Axes, x: ArrayLike, y: ArrayLike, style: Style, label: str | None = None
) -> list[Line2D]:
    """Draw a line or marks, and return the entry of a legend with the label."""
    return axes.plot(x, y, label=label, **style)


def draw_interval(
    axes: Axes, row: float, interval: Interval, style: Style, lowest: float = 0
) -> None:
    """Draw an interval in a row, cut to the numbers from ``lowest`` to 1."""
    low, high = np.clip((interval.low, interval.high), lowest, 1)
    axes.hlines(row, low, high, **style)


def legend_entries(axes: Axes, styles: Mapping[str, Style]) -> list[Artist]:
    """Return an entry of a legend for each label, in its style."""
    entries: list[Artist] = []
    for label, style in styles.items():
        entries += draw_line(axes, [], [], style, label)
    return entries


def name_rows(axes: Axes, names: Sequence[str], label: str) -> None:
    """Name the rows of a plot, the first at the top, and label the axis below them."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.7)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(label)


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Add a legend below all axes of a figure, in as many columns as fit."""
    widths = [len(str(handle.get_label())) + 7 for handle in handles]
    room = 11 * figure.get_figwidth()  # in characters
    columns = len(handles)
    if sum(widths) >= room:
        columns = max(1, int(room / (max(widths) + 1)))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, handlelength=1.5
    )


def _as_file(figure: Figure, suffix: str, *, transparent: bool = False) -> bytes:
    """Return a figure as a file that is the same whenever it is written."""
    file = io.BytesIO()
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        # In an SVG, text stays text, and a browser finds a font with these characters.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(
            file,
            format=suffix.removeprefix("."),
            dpi=150,
            metadata=FORMATS[suffix],
            transparent=transparent,
            facecolor="none" if transparent else PAPER,
        )
    content = file.getvalue()
    if suffix == ".svg":
        content = re.sub(rb'<g id="about-', b'<g data-models="', content)
    return content
