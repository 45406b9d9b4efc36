"""A site about several runs: only the files of an earlier site are replaced or removed.

``site.json`` lists the files of a site and marks the folder as its own. A whole folder
cannot be replaced atomically, but each file can. So that no link is ever broken,
reports are written before the pages that link to them, and files that are no longer
linked are removed last.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, count
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rnnbench import storage
from rnnbench.analysis import boards as ranking
from rnnbench.config.load import dump
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.metrics import find_quantity
from rnnbench.prediction.report import page_of_run
from rnnbench.report.page import PageContent, check_report, render
from rnnbench.report.plots.history import HistoryPlot
from rnnbench.report.plots.ranks import RanksPlot, ranks_table
from rnnbench.report.sections.base import ReportSection
from rnnbench.report.table import Table, number_first, pick_columns
from rnnbench.report.tables.boards import board_tables, history_table
from rnnbench.report.words import direction, mean_and_interval, minute, short_hash
from rnnbench.results.run import StoredRun
from rnnbench.results.store import CONSTRAINTS, HINT, SITE, check_folder, lock_folder
from rnnbench.section import StoredRecord
from rnnbench.terminal.console import notice
from rnnbench.text import counted, listed

INDEX, LEADERBOARD, HISTORY = "index.html", "leaderboard.html", "history.html"
REPORT, CONFIG = "report.html", "config.yaml"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # the pattern of the names of the folders of runs
LONGEST = 80  # the most characters that such a name takes from the name of a run
_OF_RUN = rf"runs/{NAME}/({REPORT}|{CONFIG}|{CONSTRAINTS})"
_FILE = rf"^({INDEX}|{LEADERBOARD}|{HISTORY}|{_OF_RUN})$".replace(".html", r"\.html")
SHOWN_CHANGES = (
    10  # the most clear changes that are sentences; the tables have all of them
)
Texts = Mapping[str, str]
Runs = Mapping[str, StoredRun]
Boards = Sequence[ranking.Board]
Histories = list[tuple[str, ranking.RunHistory]]  # with the names of their configs


class SiteFiles(StoredRecord):
    """The content of ``site.json``."""

    schema_version: Literal[1] = 1
    files: list[
        Annotated[str, Field(pattern=_FILE)]
    ]  # all others, relative to the folder
    reports: dict[str, str]  # the file of each report, by the name of its run


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
    given = list(runs)
    mains = dict.fromkeys(run.results.dataset.kind.main for run in given)
    names = (
        [metrics]
        if isinstance(metrics, str)
        else list(mains if metrics is None else metrics)
    )
    for name in names:
        find_quantity(name, "metrics")
    if not (given and names):
        raise UserError(
            f"{'metrics' if given else 'runs'}: names none (should be one or more)"
        )
    for run in given:
        check_report(run, words, errors)
    folder, distinct = Path(out), {run.folder.resolve(): run for run in given}
    files_in(folder)  # refuse somebody else's folder before computing anything
    named = dict(
        zip(ranking.distinct_names(list(distinct)), distinct.values(), strict=True)
    )
    places = folders_of(named)
    reports = {name: f"{place}/{REPORT}" for name, place in places.items()}
    pages, beside = (
        pages_of(named, names, reports),
        _files_beside(folder, named, places),
    )
    titles = {page.heading: file for file, page in pages.items()}
    files = SiteFiles(files=[*pages, *reports.values(), *beside], reports=reports)
    with open_site(folder, files, command):
        for file, text in beside.items():
            storage.write_text(folder / file, text)
        for number, (name, run) in enumerate(named.items(), start=1):
            if progress:
                notice(f"report {number} of {len(named)}: {name}")
            page = page_of_run(run, words, errors)
            storage.write_text(
                folder / reports[name], _render(page, reports[name], titles)
            )
        for file, page in reversed(
            pages.items()
        ):  # the index, which links to the others, last
            storage.write_text(folder / file, _render(page, file, titles))
    return folder / INDEX


def _files_beside(folder: Path, runs: Runs, places: Texts) -> dict[str, str]:
    """Return configs and constraints by file, made anew: those of a run may be private
    links.
    """
    beside = {}
    for name, run in runs.items():
        beside[f"{places[name]}/{CONFIG}"] = dump(run.benchmark, folder / places[name])
        if (run.folder / CONSTRAINTS).exists():
            beside[f"{places[name]}/{CONSTRAINTS}"] = constraints(run.environment)
    return beside


def _render(page: PageContent, file: str, titles: Texts) -> str:
    """Return a page as the text of its file, with links to the pages that have
    titles.
    """
    links = {title: "../" * file.count("/") + other for title, other in titles.items()}
    return render(replace(page, pages=links, address=file))


def folders_of(names: Iterable[str]) -> dict[str, str]:
    """Return the folder of the pages of each run, safe in addresses:
    ``runs/old-all``.
    """
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST].strip("._-") or "run"
        taken = {
            folder.casefold() for folder in found.values()
        }  # a file system may ignore case
        folders = (
            f"runs/{plain}{end}" for end in chain([""], map("-{}".format, count(2)))
        )
        found[name] = next(
            folder for folder in folders if folder.casefold() not in taken
        )
    return found


def files_in(folder: Path) -> set[str]:
    """Return the files of the site in a folder; none if it is new or counts as empty.

    ``UserError`` is raised if it holds something else, or its list of files cannot be
    trusted.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is not a folder ({HINT})")
    try:
        return {*storage.read_record(folder / SITE, SiteFiles)[0].files}
    except FileNotFoundError:
        check_folder(folder, SITE)
        return set()
    except storage.DamagedResultError as error:
        fault = f"is not as this version of rnnbench writes it ({HINT})"
        raise UserError(f"{folder / SITE}: {fault}") from error


@contextmanager
def open_site(folder: Path, site: SiteFiles, command: str) -> Iterator[None]:
    """Let the block write a site, then remove what only the old one had; if it fails,
    all stays.
    """
    files_in(folder)  # before the lock is written: the folder may be somebody else's
    with lock_folder(folder, command, SITE):
        before, after = files_in(folder), set(site.files)
        for path in sorted(folder / file for file in after - before):
            if os.path.lexists(path):  # or it is a link to nothing
                raise UserError(
                    f"{path}: is not a file of the site (move it away, or {HINT})"
                )
        both = sorted(before | after)
        places = sorted(
            {folder / place for file in both for place in Path(file).parents}
        )
        for place in places:
            if place != folder and place.is_symlink():
                raise UserError(f"{place}: is a link (remove it, or {HINT})")
        storage.write_document(folder / SITE, site.model_copy(update={"files": both}))
        for place in places:
            storage.sweep(place)
        yield
        for path in (folder / file for file in before - after):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise storage.UnwritableError(path, error) from error
            with suppress(OSError):  # it holds something else, or is gone
                path.parent.rmdir()
        storage.write_document(folder / SITE, site)


# The pages


def pages_of(
    runs: Runs, metrics: Sequence[str], reports: Texts
) -> dict[str, PageContent]:
    """Return the pages about runs, by file; runs and their reports are by distinct
    names.
    """
    datasets = {name: run.results.dataset for name, run in runs.items()}
    boards: list[ranking.Board] = []
    histories: Histories = []
    for metric in metrics:
        names = (
            name for name, of in datasets.items() if ranking.has_metric(of, metric)
        )
        having = {name: runs[name] for name in names}
        boards += ranking.rank_runs(list(having.values()), metric)
        for config in dict.fromkeys(run.results.name for run in having.values()):
            own = {
                name: run for name, run in having.items() if run.results.name == config
            }
            traced = ranking.trace_runs(list(own.values()), metric, list(own))
            histories += [
                (config, history) for history in traced if len(history.entries) > 1
            ]
    distinct = {one.split_fingerprint: one for one in datasets.values()}
    sets = {
        key: f"{of.source}, {of.test_size:,} test documents"
        for key, of in distinct.items()
    }
    alike = {
        key: name for key, name in sets.items() if [*sets.values()].count(name) > 1
    }
    sets |= {key: f"{name}, split {key[:12]}" for key, name in alike.items()}
    first = [board for board in boards if board.metric == metrics[0]]
    pages = {INDEX: _index(runs, first, sets, reports)}
    pages[LEADERBOARD] = _leaderboard(runs, boards, sets, reports)
    return pages | ({HISTORY: _history(histories, sets, reports)} if histories else {})


def _index(runs: Runs, boards: Boards, sets: Texts, reports: Texts) -> PageContent:
    best = []
    for board in boards:
        first, quantity = board.entries[0], find_quantity(board.metric, "--metric")
        if (value := first.model.statistic(board.metric)) is not None:
            best.append(
                f"{sets[board.dataset.split_fingerprint]}: {first.model.name} of {first.run} has "
                f"the best {quantity.header}, {mean_and_interval(value, quantity.format)}."
            )
    lead = (
        "The newest run is first. The name of a run links to its report, which says whether the "
        "best model is clearly better than the others."
    )
    table = _runs_table(runs, sets, reports)
    return PageContent(
        title="rnnbench runs",
        heading="Runs",
        about=f"rnnbench: {counted(len(runs), 'run')}, "
        f"{counted(len(sets), 'set')} of test documents",
        findings=best,
        sections=[ReportSection("runs", "All runs", [("wordy", table)], lead)],
    )


def _runs_table(runs: Runs, sets: Texts, reports: Texts) -> Table:
    date = {name: run.environment.get("date") or "" for name, run in runs.items()}
    headers = ["run", "documents", "date (UTC)", "commit", "processor", "best model"]
    rows = []
    for name in sorted(runs, key=date.__getitem__, reverse=True):
        results, environment = runs[name].results, runs[name].environment
        best, partial = results.best, " (partial run)" * bool(results.missing)
        commit, processor = (
            short_hash(environment["git_commit"]),
            environment["cpu"],
        )
        documents = sets[results.dataset.split_fingerprint]
        where = [documents, minute(date[name]), commit, processor]
        counts = [str(len(results.models)), str(len(results.seeds))]
        rows.append(
            [name, *where, best.name, mean_and_interval(best.score) + partial, *counts]
        )
    names = {run.results.dataset.score_name for run in runs.values()}
    score_name = names.pop() if len(names) == 1 else "test score"
    caption = (
        f"The {score_name} is that of the best model, mean ± 95 % over seeds. The commit is that "
        "of rnnbench; a + means that files were changed since."
    )
    numbers = [score_name, "models", "seeds"]
    return Table([*headers, *numbers], rows, caption, text_columns=6, links=reports)


def _leaderboard(
    runs: Runs, boards: Boards, sets: Texts, reports: Texts
) -> PageContent:
    sections = [
        ReportSection(
            f"by-{board.metric}-{number}",
            f"{sets[board.dataset.split_fingerprint]}, by {board.metric}",
            [("wordy", _with_reports(table, reports)) for table in board_tables(board)],
        )
        for number, board in enumerate(boards, start=1)
    ]
    for metric in dict.fromkeys(board.metric for board in boards):
        with suppress(
            UserError
        ):  # fewer than two sets of documents have models in common
            own = [board for board in boards if board.metric == metric]
            ranks = ranking.rank_over_datasets(own)
            left_out = (
                f" Left out: {listed(list(ranks.left_out))}." if ranks.left_out else ""
            )
            section = ReportSection(
                f"ranks-{metric}",
                f"Mean ranks by {metric}",
                [
                    ("figure", RanksPlot(ranks, f"ranks-{metric}")),
                    ("table", ranks_table(ranks)),
                ],
                "Models that all sets of documents have in common, matched by name, in a "
                f"critical-difference diagram.{left_out}",
            )
            sections.append(section)
    models = [model.name for run in runs.values() for model in run.results.models]
    return PageContent(
        title="rnnbench leaderboard",
        heading="Leaderboard",
        about="The models of all runs, best first. Only results on the same test documents are "
        "comparable, so each set of documents has its own tables.",
        findings=[],
        sections=sections,
        models=list(dict.fromkeys(models)),
    )


def _with_reports(table: Table, reports: Texts) -> Table:
    """Return a table with links to reports; models and scores come first: a phone shows
    two.
    """
    n = table.text_columns
    last = pick_columns(table, [*range(1, n), 0, *range(n, len(table.headers))], n)
    return replace(number_first(last), links=reports, linked=n - 1)


def _history(histories: Histories, sets: Texts, reports: Texts) -> PageContent:
    sections, models, changes = [], [], []
    for number, (config, history) in enumerate(histories, start=1):
        name, documents = (
            f"{history.metric}-{number}",
            sets[history.dataset.split_fingerprint],
        )
        plots = [
            HistoryPlot(history, model, f"{name}-{model}")
            for model in history.models
            if any(entry.values.get(model) for entry in history.entries)
        ]
        table = replace(history_table(history), links=reports)
        title = f"{config} on {documents}, {history.metric}"
        sections.append(
            ReportSection(name, title, [("gallery", plots), ("wordy", table)])
        )
        models += history.models
        changes += [
            (
                entry.date or "",
                f"{config}, {minute(entry.date)}, commit {short_hash(entry.commit)}: "
                f"the {history.dataset.kind.score_name} of {model} clearly went "
                f"{direction(change)} in {entry.run}, by {abs(change.difference):.4f}.",
            )
            for entry in history.entries
            for model, change in entry.changes.items()
            if change.is_clear
        ]
    kinds = " and ".join(
        dict.fromkeys(history.dataset.kind.main for _, history in histories)
    )
    none = (
        f"No clear changes from one run to the next; only {kinds} is tested for them."
    )
    newest = [
        sentence for _, sentence in sorted(changes, key=itemgetter(0), reverse=True)
    ]
    more = (
        [f"{n:,} more are in the tables."]
        if (n := len(newest) - SHOWN_CHANGES) > 0
        else []
    )
    return PageContent(
        title="rnnbench history",
        heading="History",
        about="Configs that were run more than once on the same documents, oldest run first. "
        "The commits are those of rnnbench.",
        findings=[*newest[:SHOWN_CHANGES], *more] or [none],
        sections=sections,
        models=list(dict.fromkeys(models)),
    )
