"""A site about several runs: ``rnnbench.site([run, other], "public")``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rnnbench import UserError
from rnnbench.plugin import (
    CONSTRAINTS,
    PageContent,
    StoredRun,
    check_report,
    console,
    constraints,
    distinct_names,
    dump,
    find_quantity,
    page_of_run,
    render,
    write_text,
)
from rnnbench.plugins.site.folder import (
    CONFIG,
    INDEX,
    REPORT,
    SiteFiles,
    files_in,
    folders_of,
    open_site,
)
from rnnbench.plugins.site.pages import pages_of


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
    """Write static pages about several runs; return the page that lists them.

    Args:
        runs: finished runs; one that is given twice is shown once.
        out: the folder of an earlier site, whose files are replaced, or a new or empty
            one.
        metrics: the metrics of leaderboards and histories; by default the main one of
            each run.
        words: the number of words shown of each misclassified document, if they may be
            published.
        errors: the number of misclassified documents in each report.
        progress: whether progress is shown on standard error.
        command: the name of this call, shown to another process that wants the folder.

    Raises:
        UserError: an argument is wrong, or the folder holds something else or is being
            written to.
        RnnbenchError: a file cannot be written.
    """
    runs = list(runs)
    metrics = _metrics(runs, metrics)
    if not runs or not metrics:
        argument = "metrics" if runs else "runs"
        raise UserError(f"{argument}: names none (should be one or more)")
    for run in runs:
        check_report(run, words, errors)
    folder = Path(out)
    files_in(folder)  # refuse somebody else's folder before computing anything
    by_name = _by_name(runs)
    places = folders_of(by_name)
    reports = {name: f"{place}/{REPORT}" for name, place in places.items()}
    pages = pages_of(by_name, metrics, reports)
    beside = _files_beside(folder, by_name, places)
    titles = {page.heading: file for file, page in pages.items()}
    files = SiteFiles(files=[*pages, *reports.values(), *beside], reports=reports)
    with open_site(folder, files, command):
        for file, text in beside.items():
            write_text(folder / file, text)
        for number, (name, run) in enumerate(by_name.items(), start=1):
            if progress:
                console.notice(f"report {number} of {len(by_name)}: {name}")
            page = page_of_run(run, words, errors)
            text = _render(page, reports[name], titles)
            write_text(folder / reports[name], text)
        # the index, which links to the others, last
        for file, page in reversed(pages.items()):
            write_text(folder / file, _render(page, file, titles))
    return folder / INDEX


def _metrics(
    runs: Sequence[StoredRun], metrics: str | Iterable[str] | None
) -> list[str]:
    """Return the names of metrics, by default of the main one of each run."""
    if metrics is None:
        main = [run.results.dataset.kind.main for run in runs]
        return list(dict.fromkeys(main))
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        find_quantity(name, "metrics")
    return names


def _by_name(runs: Sequence[StoredRun]) -> dict[str, StoredRun]:
    """Return runs by distinct names; of one that is given twice, the last."""
    distinct = {run.folder.resolve(): run for run in runs}
    names = distinct_names(list(distinct))
    return dict(zip(names, distinct.values(), strict=True))


def _files_beside(
    folder: Path, runs: Mapping[str, StoredRun], places: Mapping[str, str]
) -> dict[str, str]:
    """Return configs and constraints by file.

    They are made anew: those in the folder of a run may be private links.
    """
    beside = {}
    for name, run in runs.items():
        place = places[name]
        beside[f"{place}/{CONFIG}"] = dump(run.benchmark, folder / place)
        if (run.folder / CONSTRAINTS).exists():
            beside[f"{place}/{CONSTRAINTS}"] = constraints(run.environment)
    return beside


def _render(page: PageContent, file: str, titles: Mapping[str, str]) -> str:
    """Return a page as the text of its file, with links to the pages with titles."""
    up = "../" * file.count("/")
    links = {title: f"{up}{other}" for title, other in titles.items()}
    return render(replace(page, pages=links, address=file))
