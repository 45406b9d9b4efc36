"""A report as one HTML file that needs nothing else, and as Markdown beside its plots.

>>> page = report_page(run, None, words=0, n_errors=20)  # doctest: +SKIP
>>> write_files(run.folder, page)  # doctest: +SKIP
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

from markupsafe import Markup, escape

from rnnbench.analysis.notes import one_answer_alone
from rnnbench.errors import UserError
from rnnbench.report.findings import findings
from rnnbench.report.plots.look import COLOURS, GRID, INK, ON_DARK, STRONGEST
from rnnbench.report.plots.plot import Plot
from rnnbench.report.sections import make_sections
from rnnbench.report.sections.base import Explain, ReportSection, Texts
from rnnbench.report.sections.scores import best_first
from rnnbench.report.table import Table, to_markdown
from rnnbench.report.template import find_template
from rnnbench.results.run import report_files
from rnnbench.results.store import PAGES
from rnnbench.results.stored_run import StoredRun
from rnnbench.storage import PLOTS, atomic_write
from rnnbench.text import counted, for_markdown, visible


@dataclass(frozen=True)
class PageContent:
    """The content of a page: its title in the window and on the page, and the rest."""

    title: str
    heading: str
    about: str
    """The line below the heading."""
    findings: Sequence[str]
    """Sentences above all sections."""
    sections: Sequence[ReportSection]
    models: Sequence[str] = ()
    """Those that a reader can pick; rows and plots name those that they are about."""
    pages: Mapping[str, str] = field(default_factory=dict)
    """Addresses in a site, by name."""
    address: str = ""
    """Its own address, if it is one of ``pages``."""


def write_files(folder: Path, page: PageContent) -> Path:
    """Write a page, its Markdown and its plots; return the HTML file.

    Only our own files are replaced, and those of an earlier page are removed.
    """
    contents = {}
    for name in PAGES:  # first, as they make the plots that they name ours
        contents[folder / name] = render(page, f"{name}.j2").encode()
    for section in page.sections:
        for plot in section.plots:
            contents[folder / PLOTS / f"{plot.name}.png"] = plot.png()
    before = report_files(folder)
    for path in contents:
        if os.path.lexists(path) and path not in before:
            raise UserError(f"{path}: rnnbench did not write it (move it away)")
    for path, content in contents.items():
        with atomic_write(path) as file:
            file.write(content)
    for path in before:
        if path not in contents:
            with suppress(OSError):
                path.unlink()
    return folder / PAGES[0]


def check_report(run: StoredRun, words: int, errors: int) -> None:
    """Raise ``UserError`` if a run cannot have a report with these numbers."""
    for name, number in {"words": words, "errors": errors}.items():
        if number < 0:  # or all but the last ones would be shown
            raise UserError(f"{name}: got {number} (should be 0 or more)")
    if run.results.dataset.n_left_out:
        raise UserError(
            f"{run.folder}: a report is about all test documents, and has a section "
            "without duplicates; load the run again and report on that"
        )


def report_page(
    run: StoredRun,
    texts: Texts,
    words: int,
    n_errors: int,
    explain: Explain | None = None,
) -> PageContent:
    """Return the report of a run; for the arguments see ``make_sections``."""
    run = best_first(run)
    results = run.results
    dataset = results.dataset
    n_models = counted(len(results.models), "model")
    n_seeds = counted(len(results.seeds_used), "seed")
    about = f"rnnbench report: {n_models}, {n_seeds}, "
    if dataset.train_size:
        about += f"{dataset.train_size:,} training and "
    about += f"{dataset.n_tests:,} test documents"
    if dataset.kind.has_topics:
        about += f", {counted(len(dataset.topics), dataset.noun)}"
    return PageContent(
        title=f"{results.name}: rnnbench report",
        heading=results.name,
        about=about,
        findings=findings(results, one_answer_alone(run)),
        sections=make_sections(run, texts, words, n_errors, explain),
        models=list(results.by_name),
    )


def render(page: PageContent, template: str = "report.html.j2") -> str:
    """Return a page as the text of its file."""
    style = _our_file("report.css")
    script = _our_file("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (  # allows this script, and nothing from the network
        f"default-src 'none'; script-src 'sha256-{digest}'; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    text = find_template(
        template,
        finalize=_escape_markdown if template.endswith(".md.j2") else None,
        inline=inline_svg,
        markdown=_markdown,
        line=_line,
    ).render(
        page=page,
        style=style,
        script=script,
        policy=policy,
        palettes=(COLOURS, ON_DARK),
        strongest=STRONGEST,
    )
    return visible(text)


def _our_file(name: str) -> Markup:
    file = files("rnnbench.report") / "templates" / name
    return Markup(file.read_text("utf-8"))  # noqa: S704 - our own


def _markdown(table: Table) -> Markup:
    return Markup(to_markdown(table))  # noqa: S704 - it escapes the cells


def _line(text: str) -> Markup:
    return Markup(" ".join(text.splitlines()))  # noqa: S704 - within a code block


def _escape_markdown(value: object) -> object:
    if type(value) is str:  # and not Markup
        return Markup(for_markdown(value))  # noqa: S704 - it escapes HTML, too
    return value


def inline_svg(plot: Plot) -> Markup:
    """Return the SVG of a plot for a page, and a wide one, of which a page shows one.

    They have unique ids, and the colours of the theme.
    """
    if plot.wide_svg:
        narrow = _themed(plot, plot.svg, "narrow")
        return narrow + _themed(plot, plot.wide_svg, "wide", "wide_")
    return _themed(plot, plot.svg, "any")


def _themed(plot: Plot, svg: str, width: str, start: str = "") -> Markup:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{plot.name}-{start}", svg)
    svg = re.sub(r' (?:width|height)="[^"]*"', "", svg, count=2)  # of the whole drawing
    points = float(svg[svg.index("viewBox") :].split()[2])
    # An SVG of 6 inches fits a phone, where its letters have almost 10 pixels.
    style = f"min-width: {points / 18.6:.1f}rem; max-width: {points / 10:.1f}rem"
    label = f'class="{width}" role="img" aria-label="{escape(plot.alt)}"'
    svg = f'<svg {label} style="{style}"{svg[4:]}'
    svg = svg.replace(INK, "var(--ink)").replace(GRID, "var(--line)")
    for number, colour in enumerate(COLOURS):
        svg = svg.replace(colour, f"var(--data-{number})")
    # drawn here, and Matplotlib escapes the text it writes
    return Markup(svg)  # noqa: S704
