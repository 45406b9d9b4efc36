"""A plot: its size, its drawing and its facts in words, for a page, a file or axes of a program.

On pages and in files, text and grid have colours that nothing else uses, which a page can replace.
On axes of a program, they have those of the style in use. Data has the palette of M. Okabe and
K. Ito, which colour-blind readers can tell apart.
"""

import io
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from rnnbench.errors import UserError
from rnnbench.report.table import Table

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#6f6f6f")
ON_DARK = ("#4ea8de", "#f0803c", "#2fc49a", "#dd9cc0", "#f0b53a", "#8fd0f5", "#c3a065", "#a5adb5")
"""The same palette, lighter, for a dark background."""
INK, GRID, PAPER = "#1b1f24", "#d0d7de", "#fefefe"
STYLES = ("-", "--", ":", "-.")
Style = dict[str, Any]
"""Keyword arguments of ``Axes.plot``."""
THIN: Style = {"lw": 1.5}
THICK: Style = {"lw": 7, "alpha": 0.45}
DOTTED: Style = {"lw": 1, "ls": ":"}
LARGEST = 1e38
"""The largest number that is drawn; there is no room for much larger ones."""
FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""The formats of pictures by their suffix, each without the facts that Matplotlib would add."""
Size = tuple[float, float]

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
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("axes.edgecolor", "grid.color"), GRID),
}


class Plot(ABC):
    """A plot of some results: its title, its size in inches, its drawing, and its facts."""

    name: str
    """That of its files, without suffix; plots on one page have different names."""
    title: str
    size: Size
    size_on_page: Size | None = None
    """Its size on a page, where that differs."""
    alt: str
    """The same facts in words, for those who cannot see it."""
    models: Sequence[str] = ()
    """Those that it is about, where it is about some alone."""

    def make_room(self, names: Iterable[str], height: float) -> None:
        """Set the sizes of a plot with names beside its axes; on a page, it fits a phone."""
        width = max(5.2, 2.9 + 0.1 * max(map(len, names)))
        self.size, self.size_on_page = (width + 0.8, height), (width, height)

    @abstractmethod
    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw on axes, and return a legend's entries; ``gid=about(...)``: about single models."""

    def table(self) -> Table | None:
        """Return the values that no other table beside the plot has, if there are any."""
        return None

    def draw_alone(self, axes: Axes) -> None:
        """Draw on axes of any height with a title, and a legend below that covers no data."""
        handles = self.draw(axes)
        axes.set_title(self.title)
        if handles:
            down = ScaledTranslation(0, -0.5, axes.figure.dpi_scale_trans)
            below: Style = {"bbox_to_anchor": (0.5, 0), "bbox_transform": axes.transAxes + down}
            axes.legend(handles=handles, loc="upper center", ncols=3, frameon=False, **below)

    def draw_on_page(self, figure: Figure) -> None:
        """Draw in an empty figure for a page, which has the title above it."""
        if handles := self.draw(figure.subplots()):
            add_legend(figure, handles)

    @cached_property
    def figure(self) -> Figure:
        """The plot for a page, as Matplotlib has drawn it."""
        with mpl.rc_context(_SETTINGS):
            figure = Figure(figsize=self.size_on_page or self.size, layout="constrained")
            self.draw_on_page(figure)
        return figure

    @cached_property
    def svg(self) -> str:
        """The plot for a page, on a transparent background; kept, as each drawing shifts it."""
        return _file(self.figure, ".svg", transparent=True).decode()

    def png(self) -> bytes:
        """Return the plot for a page on white."""
        return _file(self.figure, ".png", facecolor=PAPER)

    def picture(self, suffix: str) -> bytes:
        """Return the plot with its title on white, as the file of a suffix in ``FORMATS``."""
        with mpl.rc_context(_SETTINGS):
            figure = Figure(figsize=self.size, layout="constrained")
            self.draw_alone(figure.subplots())
        return _file(figure, suffix, facecolor=PAPER)

    def on(self, ax: Axes | None) -> Axes:
        """Draw in the style in use, by default on new axes of pyplot, and return the axes."""
        if not isinstance(ax, Axes | None):
            kind = type(ax).__name__
            raise UserError(f"ax: got an object of type {kind} (should be matplotlib.axes.Axes)")
        from matplotlib import pyplot as plt

        axes = plt.subplots(figsize=self.size, layout="constrained")[1] if ax is None else ax
        with mpl.rc_context({"text.parse_math": False}):  # a topic may have dollars
            self.draw_alone(axes)
        return axes


def about(*models: str) -> str:
    """Return the ``gid`` of what is about some models; a page fades it if one is not picked."""
    return f"about-{' '.join(models)}"


def ink() -> Any:
    """Return the colour of text in the style in use."""
    return mpl.rcParams["text.color"]


def legend_entries(axes: Axes, styles: Mapping[str, Style]) -> list[Artist]:
    """Return an entry of a legend for each label, in its style."""
    return [axes.plot([], [], label=label, **style)[0] for label, style in styles.items()]


def name_rows(axes: Axes, names: Sequence[str], label: str) -> None:
    """Name the rows of a plot, the first at the top, and label the axis below them."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.7)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(label)


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Add a legend below all axes of a figure, in as many columns as there is room for."""
    widths = [len(str(handle.get_label())) + 7 for handle in handles]
    room = 11 * figure.get_figwidth()  # in characters
    columns = len(handles) if sum(widths) < room else max(1, int(room / (max(widths) + 1)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=1.5)


def _file(figure: Figure, suffix: str, **options: Any) -> bytes:
    """Return a figure as a file that is the same whenever it is written."""
    file = io.BytesIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # In an SVG, text stays text, and a browser finds a font with these characters.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        kind = suffix.removeprefix(".")
        figure.savefig(file, format=kind, dpi=150, metadata=FORMATS[suffix], **options)
    content = file.getvalue()
    return re.sub(rb'<g id="about-', b'<g data-models="', content) if suffix == ".svg" else content
