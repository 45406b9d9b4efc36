"""Writing a run as one HTML file that needs nothing else, and as Markdown with plots
beside it.
"""

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from rnnbench.analysis.notes import one_answer_alone
from rnnbench.errors import UserError
from rnnbench.report.plots import COLOURS, GRID, INK, ON_DARK, STRONGEST, Plot
from rnnbench.report.sections import ReportSection, Texts, best_first, make_sections
from rnnbench.report.table import find_template, to_markdown
from rnnbench.report.words import findings
from rnnbench.results.run import StoredRun, report_files
from rnnbench.results.store import PAGES
from rnnbench.storage import PLOTS, atomic_write
from rnnbench.text import counted, for_markdown, visible


@dataclass(frozen=True)
class PageContent:
    """The content of a page: its title in the window and on the page, and all below
    it.
    """

    title: str
    heading: str
    about: str  # the line below the heading
    findings: Sequence[str]  # sentences above all sections
    sections: Sequence[ReportSection]
    models: Sequence[
        str
    ] = ()  # that a reader can pick; rows and plots name those of theirs
    pages: Mapping[str, str] = field(
        default_factory=dict
    )  # addresses in a site, by name
    address: str = ""  # its own address, if it is one of pages


def write_files(folder: Path, page: PageContent) -> Path:
    """Write a page, its Markdown and its plots over our own files alone; return the
    HTML file.
    """
    files = {name: render(page, f"{name}.j2").encode() for name in PAGES}
    plots = (plot for section in page.sections for plot in section.plots)
    files |= {f"{PLOTS}/{plot.name}.png": plot.png() for plot in plots}
    before = report_files(folder)
    for path in (folder / name for name in files):
        if os.path.lexists(path) and path not in before:
            raise UserError(f"{path}: rnnbench did not write it (move it away)")
    for (
        name,
        content,
    ) in files.items():  # pages first, which make the plots that they name ours
        with atomic_write(folder / name) as file:
            file.write(content)
    for path in {*before} - {folder / name for name in files}:
        with suppress(OSError):
            path.unlink()
    return folder / PAGES[0]


def check_report(run: StoredRun, words: int, errors: int) -> None:
    """Raise ``UserError`` if a run cannot have a report with this many words and
    errors.
    """
    for name, given in {"words": words, "errors": errors}.items():
        if given < 0:  # or all but the last ones would be shown
            raise UserError(f"{name}: got {given} (should be 0 or more)")
    if run.results.dataset.n_left_out:
        fault = (
            "a report is about all test documents, and has a section without duplicates"
        )
        raise UserError(f"{run.folder}: {fault}; load the run again and report on that")


def report_page(run: StoredRun, texts: Texts, words: int, n_errors: int) -> PageContent:
    """Return the report of a run, the best model first; for arguments see
    ``make_sections``.
    """
    run = best_first(run)
    results, dataset = run.results, run.results.dataset
    return PageContent(
        title=f"{results.name}: rnnbench report",
        heading=results.name,
        about=f"rnnbench report: {counted(len(results.models), 'model')}, "
        f"{counted(len(results.seeds_used), 'seed')}, "
        + f"{dataset.train_size:,} training and " * bool(dataset.train_size)
        + f"{dataset.n_tests:,} test documents"
        + f", {counted(len(dataset.topics), dataset.noun)}" * dataset.kind.has_topics,
        findings=findings(results, one_answer_alone(run)),
        sections=make_sections(run, texts, words, n_errors),
        models=[model.name for model in results.models],
    )


def render(page: PageContent, template: str = "report.html.j2") -> str:
    """Return a page as the text of its file."""
    folder = files("rnnbench.report") / "templates"
    style, script = (
        Markup((folder / f"report.{end}").read_text("utf-8"))  # noqa: S704 - our own
        for end in ("css", "js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (  # allows this script, and nothing from the network
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
    found = find_template(
        template,
        finalize=_escape_markdown if template.endswith(".md.j2") else None,
        inline=inline_svg,
        markdown=lambda table: Markup(to_markdown(table)),  # noqa: S704 - it escapes the cells
        line=lambda text: Markup(" ".join(text.splitlines())),  # noqa: S704 - within a code block
    )
    look = {"style": style, "palettes": (COLOURS, ON_DARK), "strongest": STRONGEST}
    return visible(found.render(page=page, script=script, policy=policy, **look))


def _escape_markdown(value: Any) -> Any:
    is_plain = isinstance(value, str) and not isinstance(value, Markup)
    return Markup(for_markdown(value)) if is_plain else value  # noqa: S704 - it escapes HTML, too


def inline_svg(plot: Plot) -> Markup:
    """Return the SVG of a plot for an HTML page: its ids unique, its colours those of
    the theme.
    """
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{plot.name}-", svg)
    svg = re.sub(r' (?:width|height)="[^"]*"', "", svg, count=2)  # of the whole drawing
    points = float(svg[svg.index("viewBox") :].split()[2])
    # In an SVG of 6 inches, letters have 10 pixels or more.
    style = f"min-width: {points / 18:.1f}rem; max-width: {points / 10:.1f}rem"
    svg = f'<svg role="img" aria-label="{escape(plot.alt)}" style="{style}"{svg[4:]}'
    svg = svg.replace(INK, "var(--ink)").replace(GRID, "var(--line)")
    for number, colour in enumerate(COLOURS):
        svg = svg.replace(colour, f"var(--data-{number})")
    return Markup(svg)  # noqa: S704 - drawn here, and Matplotlib escapes the text it writes
