"""The pages of a site about several runs: their list, leaderboards and histories."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Analysis:
    """Several runs, ranked and traced over time, for the pages to show.

    Attributes:
        runs: the runs, by names that tell them apart.
        boards: the leaderboards by each metric.
        histories: the histories by each metric, of configs with several runs on the same documents,
            each with the name of its config.
    """

    runs: Mapping[str, StoredRun]
    boards: Mapping[str, Sequence[Board]]
    histories: Mapping[str, Sequence[tuple[str, RunHistory]]]


def analyze(runs: Mapping[str, StoredRun], metrics: Sequence[str]) -> Analysis:
    """Return the leaderboards and the histories of some runs by each of some metrics."""
    return Analysis(
        runs,
        {metric: rank_runs(list(runs.values()), metric) for metric in metrics},
        {metric: _histories(runs, metric) for metric in metrics},
    )


def _histories(runs: Mapping[str, StoredRun], metric: str) -> list[tuple[str, RunHistory]]:
    configs: dict[str, dict[str, StoredRun]] = {}
    for name, run in runs.items():
        configs.setdefault(run.results.name, {})[name] = run
    return [
        (config, history)
        for config, group in configs.items()
        for history in trace_runs(list(group.values()), metric, list(group))
        if len(history.entries) > 1
    ]


def pages_of(analysis: Analysis, reports: Mapping[str, str]) -> dict[str, PageContent]:
    """Return the pages by file; ``reports`` are the addresses of the reports by run."""
    pages = {INDEX: _index(analysis, reports), LEADERBOARD: _leaderboard(analysis, reports)}
    if any(analysis.histories.values()):
        pages[HISTORY] = _history(analysis, reports)
    return pages


def _index(analysis: Analysis, reports: Mapping[str, str]) -> PageContent:
    runs, sets = analysis.runs, _names_of_sets(analysis.runs)
    return PageContent(
        title="rnnbench runs",
        heading="Runs",
        about=f"rnnbench: {counted(len(runs), 'run')}, "
        f"{counted(len(sets), 'set')} of test documents",
        findings=list(_best(analysis, sets)),
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


def _best(analysis: Analysis, sets: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on the best model on each set of documents, by the first metric."""
    metric, boards = next(iter(analysis.boards.items()))
    quantity = find_quantity(metric, "--metric")
    for board in boards:
        first = board.entries[0]
        if (value := first.model.statistic(metric)) is not None:
            yield (
                f"{sets[board.dataset.split_fingerprint]}: {first.model.name} of {first.run} has "
                f"the best {quantity.header}, {mean_and_interval(value, quantity.format)}."
            )


def _runs_table(runs: Mapping[str, StoredRun], sets: Mapping[str, str]) -> Table:
    columns: Columns[tuple[str, StoredRun]] = {
        "run": lambda named: named[0],
        "documents": lambda named: sets[named[1].results.dataset.split_fingerprint],
        "date (UTC)": lambda named: minute(named[1].environment.get("date")),
        "commit": lambda named: short_hash(named[1].environment["git_commit"]),
        "processor": lambda named: named[1].environment["cpu"],
        "best model": lambda named: named[1].results.best.name,
        "test accuracy": lambda named: _accuracy(named[1].results),
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


def _accuracy(results: Results) -> str:
    partial = " (partial run)" if results.missing else ""
    return f"{mean_and_interval(results.best.accuracy)}{partial}"


def _leaderboard(analysis: Analysis, reports: Mapping[str, str]) -> PageContent:
    sets = _names_of_sets(analysis.runs)
    numbered = [
        (f"{metric}-{number}", board)
        for metric, boards in analysis.boards.items()
        for number, board in enumerate(boards, start=1)
    ]
    sections = [
        ReportSection(
            f"by-{name}",
            f"{sets[board.dataset.split_fingerprint]}, by {board.metric}",
            [("wordy", _with_reports(table, reports)) for table in board_tables(board)],
        )
        for name, board in numbered
    ]
    return PageContent(
        title="rnnbench leaderboard",
        heading="Leaderboard",
        about="The models of all runs, best first. Only results on the same test documents are "
        "comparable, so each set of documents has its own tables.",
        findings=[],
        sections=[*sections, *_mean_ranks(analysis)],
        models=_distinct(
            model.name for run in analysis.runs.values() for model in run.results.models
        ),
    )


def _with_reports(table: Table, reports: Mapping[str, str]) -> Table:
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


def _mean_ranks(analysis: Analysis) -> Iterator[ReportSection]:
    """Yield a section for each metric, if two or more sets of documents have models in common."""
    for metric, boards in analysis.boards.items():
        try:
            ranks = rank_over_datasets(boards)
        except UserError:
            continue
        yield ReportSection(
            f"ranks-{metric}",
            f"Mean ranks by {metric}",
            [("figure", RanksPlot(ranks, f"ranks-{metric}")), ("table", ranks_table(ranks))],
            "Models that all sets of documents have in common, matched by name, in a "
            f"critical-difference diagram.{_left_out(ranks)}",
        )


def _left_out(ranks: MeanRanks) -> str:
    return f" Left out: {listed(list(ranks.left_out))}." if ranks.left_out else ""


def _history(analysis: Analysis, reports: Mapping[str, str]) -> PageContent:
    sets = _names_of_sets(analysis.runs)
    sections = [
        ReportSection(
            f"{metric}-{number}",
            f"{config} on {sets[history.dataset.split_fingerprint]}, {metric}",
            [
                ("gallery", _plots(history, f"{metric}-{number}")),
                ("wordy", replace(history_table(history), links=reports)),
            ],
        )
        for metric, histories in analysis.histories.items()
        for number, (config, history) in enumerate(histories, start=1)
    ]
    return PageContent(
        title="rnnbench history",
        heading="History",
        about="Configs that were run more than once on the same documents, oldest run first. "
        "The commits are those of rnnbench.",
        findings=_changes(analysis),
        sections=sections,
        models=_distinct(
            model
            for histories in analysis.histories.values()
            for _, history in histories
            for model in history.models
        ),
    )


def _plots(history: RunHistory, name: str) -> list[HistoryPlot]:
    """Return a plot for each model that has the metric."""
    return [
        HistoryPlot(history, model, f"{name}-{model}")
        for model in history.models
        if any(entry.values.get(model) for entry in history.entries)
    ]


def _changes(analysis: Analysis) -> list[str]:
    """Return sentences on the last clear changes of accuracy, newest first."""
    if ACCURACY not in analysis.histories:
        return [f"Only {ACCURACY} is tested for clear changes."]
    found = [
        (entry.date or "", _change_in_words(config, entry, model))
        for histories in analysis.histories.values()
        for config, history in histories
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
    names = {split: _name_of_set(dataset) for split, dataset in datasets.items()}
    counts = Counter(names.values())
    return {
        split: name if counts[name] == 1 else f"{name}, split {split[:12]}"
        for split, name in names.items()
    }


def _name_of_set(dataset: DatasetSummary) -> str:
    return f"{dataset.source}, {dataset.test_size:,} test documents"


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
