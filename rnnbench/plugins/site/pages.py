"""The pages of a site about several runs: their list, leaderboards and histories."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from rnnbench.analysis.boards import (
    ACCURACY,
    Board,
    HistoryEntry,
    MeanRanks,
    RunHistory,
    rank_over_datasets,
    rank_runs,
    trace_runs,
)
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.metrics import find_quantity
from rnnbench.report.page import PageContent
from rnnbench.report.plots_of_runs import HistoryPlot, RanksPlot, ranks_table
from rnnbench.report.sections import ReportSection
from rnnbench.report.table import Columns, Table, mean_and_interval, table_of
from rnnbench.report.tables_of_runs import (
    board_tables,
    direction,
    history_table,
    minute,
    short_hash,
)
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Results
from rnnbench.text import counted, listed

INDEX, LEADERBOARD, HISTORY = "index.html", "leaderboard.html", "history.html"
SHOWN_CHANGES = 10
"""The most clear changes that are shown as sentences; the tables have all of them."""


Boards = Mapping[str, Sequence[Board]]
"""The leaderboards by each metric."""
Histories = Mapping[str, Sequence[tuple[str, RunHistory]]]
"""The histories by each metric, of configs with several runs on the same documents, each with the
name of its config."""
Texts = Mapping[str, str]


def pages_of(
    runs: Mapping[str, StoredRun], metrics: Sequence[str], reports: Texts
) -> dict[str, PageContent]:
    """Return the pages about some runs by file: their list, leaderboards and histories.

    Args:
        runs: the runs, by names that tell them apart.
        metrics: those of leaderboards and histories.
        reports: the addresses of the reports by run.
    """
    boards = {metric: rank_runs(list(runs.values()), metric) for metric in metrics}
    histories = {metric: _histories_by(runs, metric) for metric in metrics}
    sets = _names_of_sets(runs)
    pages = {
        INDEX: _index(runs, boards, sets, reports),
        LEADERBOARD: _leaderboard(runs, boards, sets, reports),
    }
    return pages | ({HISTORY: _history(histories, sets, reports)} if any(histories.values()) else {})


def _histories_by(runs: Mapping[str, StoredRun], metric: str) -> list[tuple[str, RunHistory]]:
    configs: dict[str, dict[str, StoredRun]] = {}
    for name, run in runs.items():
        configs.setdefault(run.results.name, {})[name] = run
    return [
        (config, history)
        for config, group in configs.items()
        for history in trace_runs(list(group.values()), metric, list(group))
        if len(history.entries) > 1
    ]


def _index(
    runs: Mapping[str, StoredRun], boards: Boards, sets: Texts, reports: Texts
) -> PageContent:
    return PageContent(
        title="rnnbench runs",
        heading="Runs",
        about=f"rnnbench: {counted(len(runs), 'run')}, "
        f"{counted(len(sets), 'set')} of test documents",
        findings=list(_best(boards, sets)),
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


def _best(boards: Boards, sets: Texts) -> Iterator[str]:
    """Yield a sentence on the best model on each set of documents, by the first metric."""
    metric, first_boards = next(iter(boards.items()))
    quantity = find_quantity(metric, "--metric")
    for board in first_boards:
        first = board.entries[0]
        if (value := first.model.statistic(metric)) is not None:
            yield (
                f"{sets[board.dataset.split_fingerprint]}: {first.model.name} of {first.run} has "
                f"the best {quantity.header}, {mean_and_interval(value, quantity.format)}."
            )


def _runs_table(runs: Mapping[str, StoredRun], sets: Texts) -> Table:
    columns: Columns[tuple[str, StoredRun]] = {
        "run": lambda named: named[0],
        "documents": lambda named: sets[named[1].results.dataset.split_fingerprint],
        "date (UTC)": lambda named: minute(named[1].environment.get("date")),
        "commit": lambda named: short_hash(named[1].environment["git_commit"]),
        "processor": lambda named: named[1].environment["cpu"],
        "best model": lambda named: named[1].results.best.name,
        "test accuracy": lambda named: mean_and_interval(named[1].results.best.accuracy)
        + " (partial run)" * bool(named[1].results.missing),
        "models": lambda named: str(len(named[1].results.models)),
        "seeds": lambda named: str(len(named[1].results.seeds)),
    }
    newest = sorted(
        runs.items(), key=lambda named: named[1].environment.get("date") or "", reverse=True
    )
    caption = (
        "The test accuracy is that of the best model, mean ± 95 % over seeds. The commit is that "
        "of rnnbench; a + means that files were changed since."
    )
    return replace(table_of(newest, columns, caption), text_columns=6)


def _leaderboard(
    runs: Mapping[str, StoredRun], boards: Boards, sets: Texts, reports: Texts
) -> PageContent:
    sections = [
        ReportSection(
            f"by-{metric}-{number}",
            f"{sets[board.dataset.split_fingerprint]}, by {metric}",
            [("wordy", _with_reports(table, reports)) for table in board_tables(board)],
        )
        for metric, of_metric in boards.items()
        for number, board in enumerate(of_metric, start=1)
    ]
    models = [model.name for run in runs.values() for model in run.results.models]
    return PageContent(
        title="rnnbench leaderboard",
        heading="Leaderboard",
        about="The models of all runs, best first. Only results on the same test documents are "
        "comparable, so each set of documents has its own tables.",
        findings=[],
        sections=[*sections, *_mean_ranks(boards)],
        models=list(dict.fromkeys(models)),
    )


def _with_reports(table: Table, reports: Texts) -> Table:
    """Return a table of a leaderboard in which each run, the last column of text, is a link.

    Models and their first number, such as the accuracy, come first: a phone shows two columns, and
    the first stays in view when the table scrolls. Ranks come after the runs.
    """
    n = table.text_columns

    def reorder(cells: Sequence[str]) -> list[str]:
        return [cells[1], cells[n], *cells[2:n], cells[0], *cells[n + 1 :]]

    return replace(
        table,
        headers=reorder(table.headers),
        rows=list(map(reorder, table.rows)),
        text_columns=1,
        keys=1,
        links=reports,
        linked=n - 1,
    )


def _mean_ranks(boards: Boards) -> Iterator[ReportSection]:
    """Yield a section for each metric, if two or more sets of documents have models in common."""
    for metric, of_metric in boards.items():
        with suppress(UserError):
            ranks = rank_over_datasets(of_metric)
            left_out = f" Left out: {listed(list(ranks.left_out))}." if ranks.left_out else ""
            yield ReportSection(
                f"ranks-{metric}",
                f"Mean ranks by {metric}",
                [("figure", RanksPlot(ranks, f"ranks-{metric}")), ("table", ranks_table(ranks))],
                "Models that all sets of documents have in common, matched by name, in a "
                f"critical-difference diagram.{left_out}",
            )


def _history(histories: Histories, sets: Texts, reports: Texts) -> PageContent:
    sections = [
        ReportSection(
            f"{metric}-{number}",
            f"{config} on {sets[history.dataset.split_fingerprint]}, {metric}",
            [
                ("gallery", _plots(history, f"{metric}-{number}")),
                ("wordy", replace(history_table(history), links=reports)),
            ],
        )
        for metric, of_metric in histories.items()
        for number, (config, history) in enumerate(of_metric, start=1)
    ]
    traced = [history for of_metric in histories.values() for _, history in of_metric]
    return PageContent(
        title="rnnbench history",
        heading="History",
        about="Configs that were run more than once on the same documents, oldest run first. "
        "The commits are those of rnnbench.",
        findings=_changes(histories),
        sections=sections,
        models=list(dict.fromkeys(model for history in traced for model in history.models)),
    )


def _plots(history: RunHistory, name: str) -> list[HistoryPlot]:
    """Return a plot for each model that has the metric."""
    return [
        HistoryPlot(history, model, f"{name}-{model}")
        for model in history.models
        if any(entry.values.get(model) for entry in history.entries)
    ]


def _changes(histories: Histories) -> list[str]:
    """Return sentences on the last clear changes of accuracy, newest first."""
    if ACCURACY not in histories:
        return [f"Only {ACCURACY} is tested for clear changes."]
    found = [
        (entry.date or "", _change_in_words(config, entry, model))
        for of_metric in histories.values()
        for config, history in of_metric
        for entry in history.entries
        for model, change in entry.changes.items()
        if change.is_clear
    ]
    newest = [sentence for _, sentence in sorted(found, key=lambda pair: pair[0], reverse=True)]
    more = [f"{len(newest) - SHOWN_CHANGES:,} more are in the tables."]
    return [*newest[:SHOWN_CHANGES], *more * (len(newest) > SHOWN_CHANGES)] or [
        "No accuracy clearly changed from one run to the next."
    ]


def _change_in_words(config: str, entry: HistoryEntry, model: str) -> str:
    change = entry.changes[model]
    return (
        f"{config}, {minute(entry.date)}, commit {short_hash(entry.commit)}: the accuracy of "
        f"{model} clearly went {direction(change)} in {entry.run}, by {abs(change.difference):.4f}."
    )


def _names_of_sets(runs: Mapping[str, StoredRun]) -> dict[str, str]:
    """Return a name for each set of documents, by the fingerprint of its split."""
    datasets = {run.results.dataset.split_fingerprint: run.results.dataset for run in runs.values()}
    names = {
        split: f"{dataset.source}, {dataset.test_size:,} test documents"
        for split, dataset in datasets.items()
    }
    counts = Counter(names.values())
    return {
        split: name if counts[name] == 1 else f"{name}, split {split[:12]}"
        for split, name in names.items()
    }
