"""Writing a site: the pages about several runs, and the report of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rnnbench.analysis.boards import distinct_names
from rnnbench.analysis.errors import words_of_test_documents
from rnnbench.config.load import dump
from rnnbench.environment import constraints
from rnnbench.report.page import Page, render, report_page
from rnnbench.results.run import StoredRun
from rnnbench.storage import write_text
from rnnbench.website.folder import (
    CONFIG,
    CONSTRAINTS,
    REPORT,
    Site,
    files_in,
    folders_of,
    open_site,
)
from rnnbench.website.pages import analyze, pages_of

OnRun = Callable[[str, int, int], None]
"""Called with the run whose report is written next, its number from 1, and the number of runs."""


def write_site(
    runs: Sequence[StoredRun],
    folder: Path,
    *,
    metrics: Sequence[str],
    words: int,
    n_errors: int,
    command: str,
    on_run: OnRun,
) -> Site:
    """Write the pages of some runs into a folder, and return what it holds.

    Args:
        runs: at least one; a run that is given twice is shown once.
        folder: that of an earlier site, or a new or empty one.
        metrics: the metrics of leaderboards and histories.
        words: the most words shown of each misclassified document.
        n_errors: the number of misclassified documents in each report.
        command: the command of this process, shown to another process that wants the folder.
        on_run: called before each report is written.

    Raises:
        UserError: the folder holds something else, or another process is writing into it.
        UnwritableError: a file cannot be written.
    """
    files_in(folder)  # refuse somebody else's folder before computing anything
    distinct = list({run.folder.resolve(): run for run in runs}.values())
    named = dict(zip(distinct_names([run.folder for run in distinct]), distinct, strict=True))
    places = folders_of(named)
    reports = {name: f"{place}/{REPORT}" for name, place in places.items()}
    pages = pages_of(analyze(named, metrics), reports)
    beside = {
        places[name]: _files_beside(folder / places[name], run) for name, run in named.items()
    }
    site = Site(
        files=[
            *pages,
            *reports.values(),
            *(f"{place}/{file}" for place, texts in beside.items() for file in texts),
        ],
        reports=reports,
    )
    titles = {page.heading: file for file, page in pages.items()}
    with open_site(folder, site, command):
        for number, (name, run) in enumerate(named.items(), start=1):
            on_run(name, number, len(named))
            for file, text in beside[places[name]].items():
                write_text(folder / places[name] / file, text)
            texts = words_of_test_documents(run) if words else None
            page = report_page(run, texts, words, n_errors)
            write_text(folder / reports[name], render(_within(page, titles, reports[name])))
        for file, page in reversed(pages.items()):  # the index, which links to the others, last
            write_text(folder / file, render(_within(page, titles, file)))
    return site


def _files_beside(folder: Path, run: StoredRun) -> dict[str, str]:
    """Return the files that the report of a run names, by their names.

    They are made anew, not copied: in a run from elsewhere, they may be links to private files.
    """
    texts = {CONFIG: dump(run.benchmark, folder)}
    if (run.folder / CONSTRAINTS).exists():
        texts[CONSTRAINTS] = constraints(run.environment)
    return texts


def _within(page: Page, titles: Mapping[str, str], file: str) -> Page:
    """Return the page of a file, with links to the pages about several runs."""
    up = "../" * (len(PurePosixPath(file).parts) - 1)
    return replace(
        page, pages={title: f"{up}{other}" for title, other in titles.items()}, address=file
    )
