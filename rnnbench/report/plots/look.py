"""The colours, lines and marks of all plots.

On pages and in files, text and grid have colours that nothing else uses, which a page
can replace. On axes of a program, they have those of the style in use. Data has the
palette of M. Okabe and K. Ito, which colour-blind readers can tell apart.
"""

from typing import TYPE_CHECKING, TypedDict

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.typing import ColorType

from rnnbench.results.comparison import TOO_FEW_SEEDS

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # since Matplotlib 3.11

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
INK = "#1b1f24"
GRID = "#d0d7de"
PAPER = "#fefefe"
LINE_STYLES = ("-", "--", ":", "-.")
STRONGEST = 0.55
"""The opacity of a share of 1, on which text is legible in both themes."""
BLUES = LinearSegmentedColormap.from_list(
    "blues", [(0, 0.447, 0.698, opacity) for opacity in (0, STRONGEST)]
)

BLUE = COLOURS[0]
GREY = COLOURS[7]


class Style(TypedDict, total=False):
    """Keyword arguments of ``Axes.plot``."""

    color: ColorType
    marker: str
    ms: float
    mfc: str
    mec: ColorType
    mew: float
    ls: str
    lw: float
    alpha: float
    drawstyle: str
    gid: str


THIN: Style = {"lw": 1.5}
THICK: Style = {"lw": 7, "alpha": 0.45}
DOT: Style = {"marker": "o", "ls": ""}
DIAMOND: Style = {"marker": "D", "ls": "", "mfc": "none", "ms": 6}
VERDICTS: dict[str, Style] = {
    "clear": DOT,
    "not clear": DOT | {"mfc": "none"},
    TOO_FEW_SEEDS: {"marker": "x", "ls": "", "mew": 1.5},
}
"""The mark of a difference, by its verdict."""
CLEAR_CHANGES: dict[str, Style] = {
    "up": {"ls": "", "ms": 10, "color": COLOURS[1], "marker": "^"},
    "down": {"ls": "", "ms": 10, "color": COLOURS[1], "marker": "v"},
}
LARGEST = 1e38
"""The largest number that is drawn; there is no room for much larger ones."""

SETTINGS: "dict[RcKeyType, object]" = {
    "font.family": "sans-serif",
    # an SVG has the whole list beside every text
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rnnbench",
    "pdf.fonttype": 42,  # text stays text in a PDF file, too
    "text.parse_math": False,  # a topic may have dollars
    "text.color": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "grid.color": GRID,
    "legend.frameon": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
"""Settings of Matplotlib on pages and in files."""


def ink() -> ColorType:
    """Return the colour of text in the style in use."""
    colour: ColorType = mpl.rcParams["text.color"]
    return colour
