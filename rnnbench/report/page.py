"""Writing a run as one HTML file that needs nothing else, and as Markdown with plots beside it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rnnbench.escape import for_markdown, visible
from rnnbench.report.drawing import COLOURS
from rnnbench.report.plots import GRID, INK, ON_DARK, PAPER, Plot
from rnnbench.report.sections import findings, make_sections
from rnnbench.report.table import to_markdown
from rnnbench.results.run import StoredRun
from rnnbench.results.store import PAGES
from rnnbench.storage import PLOTS, atomic_write, write_text


def write_page(
    run: StoredRun, texts: Sequence[Sequence[str]] | None, words: int, n_errors: int
) -> Path:
    """Write ``report.html``, ``report.md`` and ``plots/`` into the folder of a run.

    The arguments are those of ``make_sections``. The HTML file is returned.
    """
    sections = make_sections(run, texts, words, n_errors)
    for kind, content in (part for section in sections for part in section.parts):
        for plot in {"figure": [content], "figures": content}.get(kind, []):
            write_text(run.folder / PLOTS / f"{plot.name}.svg", _on_paper(plot.svg))
            with atomic_write(run.folder / PLOTS / f"{plot.name}.png") as file:
                file.write(plot.png)
    for name in PAGES:
        page = (
            _renderer(name)
            .get_template(f"{name}.j2")
            .render(
                results=run.results,
                findings=findings(run.results),
                sections=sections,
                palettes=(COLOURS, ON_DARK),
            )
        )
        write_text(run.folder / name, visible(page))
    return run.folder / PAGES[0]


def _renderer(name: str) -> Environment:
    """Return the Jinja environment of a page; it escapes all text from the run."""
    environment = Environment(
        loader=PackageLoader("rnnbench.report"),
        autoescape=True,
        finalize=_escape_markdown if name.endswith(".md") else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline": inline_svg,
        "markdown": lambda table: Markup(to_markdown(table)),  # noqa: S704 - it escapes the cells
        "line": lambda text: Markup(" ".join(text.splitlines())),  # noqa: S704 - within a code block
    }
    return environment


def _escape_markdown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return Markup(for_markdown(value))  # noqa: S704 - which escapes HTML, too
    return value


def inline_svg(plot: Plot) -> Markup:
    """Return the SVG of a plot for an HTML page: its ids unique, its colours those of the theme."""
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{plot.name}-", svg)
    for attribute in ("width", "height"):
        svg = re.sub(rf'(<svg[^>]*?) {attribute}="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace(INK, "var(--ink)").replace(GRID, "var(--line)")
    for number, colour in enumerate(COLOURS):
        svg = svg.replace(colour, f"var(--data-{number})")
    return Markup(svg)  # noqa: S704 - drawn here, and Matplotlib escapes the text it writes


def _on_paper(svg: str) -> str:
    """Return a plot with a white background, for viewers that have a dark one."""
    start = svg.index(">", svg.index("<svg")) + 1
    return f'{svg[:start]}\n <rect width="100%" height="100%" fill="{PAPER}"/>{svg[start:]}'
