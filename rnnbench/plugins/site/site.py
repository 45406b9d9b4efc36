"""Writing a site into a folder: only the files of an earlier site are replaced or removed.

``site.json`` lists the files of a site and marks the folder as its own. A whole folder cannot be
replaced atomically, but each file can. So that no link is ever broken, reports are written before
the pages that link to them, and files that are no longer linked are removed last.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from rnnbench import storage
from rnnbench.analysis.boards import distinct_names
from rnnbench.analysis.errors import words_of_test_documents
from rnnbench.config.load import dump
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.metrics import find_quantity
from rnnbench.plugins.site.pages import HISTORY, INDEX, LEADERBOARD, pages_of
from rnnbench.report.page import PageContent, check_report, render, report_page
from rnnbench.results.run import StoredRun
from rnnbench.results.store import CONSTRAINTS, HINT, SITE, check_folder, lock_folder
from rnnbench.section import Record
from rnnbench.terminal.display import show_steps

REPORT, CONFIG = "report.html", "config.yaml"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # the pattern of the names of the folders of runs
LONGEST = 80  # the most characters that such a name takes from the name of a run
_FILE = (
    rf"^({INDEX}|{LEADERBOARD}|{HISTORY}|runs/{NAME}/({REPORT}|{CONFIG}|{CONSTRAINTS}))$"
).replace(".html", r"\.html")


class SiteFiles(Record):
    """The content of ``site.json``."""

    schema_version: Literal[1] = 1
    files: list[Annotated[str, Field(pattern=_FILE)]]
    """All other files: paths with slashes, relative to the folder of the site."""
    reports: dict[str, str]
    """The file of each report, by the name of its run."""


def site(
    runs: Iterable[StoredRun],
    out: str | Path = "site",
    *,
    metrics: str | Iterable[str] | None = None,
    words: int = 0,
    errors: int = 20,
    progress: bool = True,
    command: str = "rnnbench.site()",
) -> Path:
    """Write static pages about several runs: their list, leaderboards, histories and reports.

    A run that is given twice is shown once.

    Args:
        runs: finished runs.
        out: the folder of an earlier site, whose files are replaced, or a new or empty one.
        metrics: the metrics of leaderboards and histories; by default the main one of each run.
        words: the number of words shown of each misclassified document, if they may be published.
        errors: the number of misclassified documents in each report.
        progress: whether progress is shown on standard error.
        command: the name of this call, shown to another process that wants the folder.

    Returns:
        The page that lists the runs.

    Raises:
        UserError: there are no runs, there is no such metric, a number is negative, a run has its
            duplicates left out, the folder holds something else, or another process is writing
            into it.
        RnnbenchError: a file cannot be written.
    """
    given = list(runs)
    if metrics is None:
        metrics = dict.fromkeys(run.results.dataset.kind.main for run in given)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        find_quantity(name, "metrics")
    if not (given and names):
        raise UserError(f"{'metrics' if given else 'runs'}: names none (should be one or more)")
    for run in given:
        check_report(run, words, errors)
    folder, distinct = Path(out), list({run.folder.resolve(): run for run in given}.values())
    files_in(folder)  # refuse somebody else's folder before computing anything
    named = dict(zip(distinct_names([run.folder for run in distinct]), distinct, strict=True))
    places = folders_of(named)
    reports = {name: f"{place}/{REPORT}" for name, place in places.items()}
    pages, beside = pages_of(named, names, reports), _files_beside(folder, named, places)
    titles = {page.heading: file for file, page in pages.items()}
    files = SiteFiles(files=[*pages, *reports.values(), *beside], reports=reports)
    with show_steps("report", quiet=not progress) as on_run, open_site(folder, files, command):
        for file, text in beside.items():
            storage.write_text(folder / file, text)
        for number, (name, run) in enumerate(named.items(), start=1):
            on_run(name, number, len(named))
            texts = words_of_test_documents(run) if words else None
            page = report_page(run, texts, words, errors)
            storage.write_text(folder / reports[name], _render(page, reports[name], titles))
        for file, page in reversed(pages.items()):  # the index, which links to the others, last
            storage.write_text(folder / file, _render(page, file, titles))
    return folder / INDEX


def _files_beside(
    folder: Path, runs: Mapping[str, StoredRun], places: Mapping[str, str]
) -> dict[str, str]:
    """Return configs and constraints by file, made anew: those of a run may be private links."""
    beside = {}
    for name, run in runs.items():
        beside[f"{places[name]}/{CONFIG}"] = dump(run.benchmark, folder / places[name])
        if (run.folder / CONSTRAINTS).exists():
            beside[f"{places[name]}/{CONSTRAINTS}"] = constraints(run.environment)
    return beside


def _render(page: PageContent, file: str, titles: Mapping[str, str]) -> str:
    """Return a page as the text of its file, with links to the pages that have titles."""
    up = "../" * (len(PurePosixPath(file).parts) - 1)
    links = {title: f"{up}{other}" for title, other in titles.items()}
    return render(replace(page, pages=links, address=file))


def folders_of(names: Iterable[str]) -> dict[str, str]:
    """Return the folder of the pages of each run, safe in addresses: ``runs/old-all``."""
    taken: set[str] = set()
    found = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST].strip("._-") or "run"
        folder, number = plain, 1
        while folder.casefold() in taken:  # a file system may ignore case
            number += 1
            folder = f"{plain}-{number}"
        taken.add(folder.casefold())
        found[name] = f"runs/{folder}"
    return found


def files_in(folder: Path) -> set[str]:
    """Return the files of the site in a folder; none if it is new or empty.

    Hidden files, such as those of Git, do not count.

    Raises:
        UserError: the folder holds something else, or its list of files cannot be trusted.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is not a folder ({HINT})")
    try:
        return set(read_site(folder).files)
    except FileNotFoundError:
        check_folder(folder, SITE)
        return set()
    except storage.OtherVersionError:
        raise UserError(f"{folder / SITE}: another version or program wrote it ({HINT})") from None
    except storage.DamagedResultError as error:
        fault = f"is not as rnnbench wrote it ({HINT}, or remove it)"
        raise UserError(f"{folder / SITE}: {fault}") from error


def read_site(folder: Path) -> SiteFiles:
    """Return the list of the files of a site."""
    return storage.read_record(folder / SITE, SiteFiles)[0]


@contextmanager
def open_site(folder: Path, site: SiteFiles, command: str) -> Iterator[None]:
    """Let the block write the files of a site; then remove those of an earlier one.

    If the block raises an exception, the files of both stay, and ``site.json`` lists them all.
    """
    files_in(folder)  # before the lock is written: the folder may be somebody else's
    with lock_folder(folder, command, SITE):
        before, after = files_in(folder), set(site.files)
        for file in sorted(after - before):
            path = folder / file
            if os.path.lexists(path):  # or it is a link to nothing
                raise UserError(f"{path}: is not a file of the site (move it away, or {HINT})")
        both = sorted(before | after)
        places = sorted({folder / place for file in both for place in Path(file).parents})
        for place in places:
            if place != folder and place.is_symlink():
                raise UserError(f"{place}: is a link (remove it, or {HINT})")
        storage.write_document(folder / SITE, site.model_copy(update={"files": both}))
        for place in places:
            storage.sweep(place)
        yield
        for file in before - after:
            try:
                (folder / file).unlink(missing_ok=True)
            except OSError as error:
                raise storage.UnwritableError(folder / file, error) from error
        for place in {(folder / file).parent for file in before - after} - {folder}:
            with suppress(OSError):  # it holds something else, or is gone
                place.rmdir()
        storage.write_document(folder / SITE, site)
