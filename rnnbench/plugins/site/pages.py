"""The pages of a site about several runs: their list, leaderboards and histories."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import itemgetter

from rnnbench.analysis import boards as ranking
from rnnbench.errors import UserError
from rnnbench.metrics import find_quantity
from rnnbench.report import tables_of_runs as tables
from rnnbench.report.page import PageContent
from rnnbench.report.plots_of_runs import HistoryPlot, RanksPlot, ranks_table
from rnnbench.report.sections import ReportSection
from rnnbench.report.table import Table, number_first, pick_columns
from rnnbench.report.words import mean_and_interval
from rnnbench.results.run import StoredRun
from rnnbench.text import counted, listed

INDEX, LEADERBOARD, HISTORY = "index.html", "leaderboard.html", "history.html"
SHOWN_CHANGES = 10
"""The most clear changes that are shown as sentences; the tables have all of them."""

Texts = Mapping[str, str]


def pages_of(
    runs: Mapping[str, StoredRun], metrics: Sequence[str], reports: Texts
) -> dict[str, PageContent]:
    """Return the pages about runs, by file; runs and their reports are by distinct names."""
    boards: list[ranking.Board] = []
    histories: list[tuple[str, ranking.RunHistory]] = []  # with the names of their configs
    for metric in metrics:
        having = {
            name: run
            for name, run in runs.items()
            if ranking.has_metric(run.results.dataset, metric)
        }
        boards += ranking.rank_runs(list(having.values()), metric)
        for config in dict.fromkeys(run.results.name for run in having.values()):
            own = {name: run for name, run in having.items() if run.results.name == config}
            traced = ranking.trace_runs(list(own.values()), metric, list(own))
            histories += [(config, history) for history in traced if len(history.entries) > 1]
    datasets = [run.results.dataset for run in runs.values()]
    sets = {
        one.split_fingerprint: f"{one.source}, {one.test_size:,} test documents" for one in datasets
    }
    counts = Counter(sets.values())
    alike = {split: name for split, name in sets.items() if counts[name] > 1}
    sets |= {split: f"{name}, split {split[:12]}" for split, name in alike.items()}
    first = [board for board in boards if board.metric == metrics[0]]
    pages = {
        INDEX: _index(runs, first, sets, reports),
        LEADERBOARD: _leaderboard(runs, boards, sets, reports),
    }
    if histories:
        pages[HISTORY] = _history(histories, sets, reports)
    return pages


def _index(
    runs: Mapping[str, StoredRun], boards: Sequence[ranking.Board], sets: Texts, reports: Texts
) -> PageContent:
    best = []
    for board in boards:
        first, quantity = board.entries[0], find_quantity(board.metric, "--metric")
        if (value := first.model.statistic(board.metric)) is not None:
            best.append(
                f"{sets[board.dataset.split_fingerprint]}: {first.model.name} of {first.run} has "
                f"the best {quantity.header}, {mean_and_interval(value, quantity.format)}."
            )
    return PageContent(
        title="rnnbench runs",
        heading="Runs",
        about=f"rnnbench: {counted(len(runs), 'run')}, "
        f"{counted(len(sets), 'set')} of test documents",
        findings=best,
        sections=[
            ReportSection(
                "runs",
                "All runs",
                [("wordy", replace(_runs_table(runs, sets), links=reports))],
                "The newest run is first. The name of a run links to its report, which says "
                "whether the best model is clearly better than the others.",
            )
        ],
    )


def _runs_table(runs: Mapping[str, StoredRun], sets: Texts) -> Table:
    date = {name: run.environment.get("date") or "" for name, run in runs.items()}
    headers = ["run", "documents", "date (UTC)", "commit", "processor", "best model"]
    rows = []
    for name in sorted(runs, key=date.__getitem__, reverse=True):
        results, environment = runs[name].results, runs[name].environment
        best, partial = results.best, " (partial run)" * bool(results.missing)
        commit, processor = tables.short_hash(environment["git_commit"]), environment["cpu"]
        documents = sets[results.dataset.split_fingerprint]
        where = [documents, tables.minute(date[name]), commit, processor]
        counts = [str(len(results.models)), str(len(results.seeds))]
        score = mean_and_interval(best.score) + partial
        rows.append([name, *where, best.name, score, *counts])
    names = {run.results.dataset.score_name for run in runs.values()}
    score_name = names.pop() if len(names) == 1 else "test score"
    caption = (
        f"The {score_name} is that of the best model, mean ± 95 % over seeds. The commit is that "
        "of rnnbench; a + means that files were changed since."
    )
    numbers = [score_name, "models", "seeds"]
    return Table([*headers, *numbers], rows, caption, text_columns=len(headers))


def _leaderboard(
    runs: Mapping[str, StoredRun], boards: Sequence[ranking.Board], sets: Texts, reports: Texts
) -> PageContent:
    sections = [
        ReportSection(
            f"by-{board.metric}-{number}",
            f"{sets[board.dataset.split_fingerprint]}, by {board.metric}",
            [("wordy", _with_reports(table, reports)) for table in tables.board_tables(board)],
        )
        for number, board in enumerate(boards, start=1)
    ]
    for metric in dict.fromkeys(board.metric for board in boards):
        with suppress(UserError):  # fewer than two sets of documents have models in common
            own = [board for board in boards if board.metric == metric]
            ranks = ranking.rank_over_datasets(own)
            left_out = f" Left out: {listed(list(ranks.left_out))}." if ranks.left_out else ""
            section = ReportSection(
                f"ranks-{metric}",
                f"Mean ranks by {metric}",
                [("figure", RanksPlot(ranks, f"ranks-{metric}")), ("table", ranks_table(ranks))],
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
    """Return a table with links to reports; models and scores come first: a phone shows two."""
    n = table.text_columns
    last = pick_columns(table, [*range(1, n), 0, *range(n, len(table.headers))], n)
    return replace(number_first(last), links=reports, linked=n - 1)


def _history(
    histories: Sequence[tuple[str, ranking.RunHistory]], sets: Texts, reports: Texts
) -> PageContent:
    """Return the page of histories, with the last clear changes as sentences."""
    sections, models, changes = [], [], []
    for number, (config, history) in enumerate(histories, start=1):
        name, documents = f"{history.metric}-{number}", sets[history.dataset.split_fingerprint]
        plots = [
            HistoryPlot(history, model, f"{name}-{model}")
            for model in history.models
            if any(entry.values.get(model) for entry in history.entries)
        ]
        table = replace(tables.history_table(history), links=reports)
        title = f"{config} on {documents}, {history.metric}"
        sections.append(ReportSection(name, title, [("gallery", plots), ("wordy", table)]))
        models += history.models
        changes += [
            (
                entry.date or "",
                f"{config}, {tables.minute(entry.date)}, commit {tables.short_hash(entry.commit)}: "
                f"the {history.dataset.kind.score_name} of {model} clearly went "
                f"{tables.direction(change)} in {entry.run}, by {abs(change.difference):.4f}.",
            )
            for entry in history.entries
            for model, change in entry.changes.items()
            if change.is_clear
        ]
    tested = [history.dataset.kind for _, history in histories if history.is_tested]
    names = " or ".join(dict.fromkeys(kind.score_name for kind in tested))
    newest = [sentence for _, sentence in sorted(changes, key=itemgetter(0), reverse=True)]
    findings = newest[:SHOWN_CHANGES] or [f"No {names} clearly changed from one run to the next."]
    if len(newest) > SHOWN_CHANGES:
        findings.append(f"{len(newest) - SHOWN_CHANGES:,} more are in the tables.")
    if not tested:
        kinds = {history.dataset.kind.main for _, history in histories}
        findings = [f"Only {' and '.join(sorted(kinds))} is tested for clear changes."]
    return PageContent(
        title="rnnbench history",
        heading="History",
        about="Configs that were run more than once on the same documents, oldest run first. "
        "The commits are those of rnnbench.",
        findings=findings,
        sections=sections,
        models=list(dict.fromkeys(models)),
    )
