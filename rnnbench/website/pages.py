"""The pages of a site about several runs: their list, leaderboards and histories."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnbench.analysis.boards import (
    ACCURACY,
    Board,
    HistoryEntry,
    RunHistory,
    rank_runs,
    trace_runs,
)
from rnnbench.analysis.critical_difference import MeanRanks, rank_over_datasets
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.metrics import find_quantity
from rnnbench.report.critical_difference import ranks_table
from rnnbench.report.history import direction, history_table, minute, short_commit
from rnnbench.report.leaderboard import costs_table, rank_table
from rnnbench.report.numbers import mean_and_interval, quantity_text
from rnnbench.report.page import Page
from rnnbench.report.plots import Plot, history_plot, ranks_plot
from rnnbench.report.sections import Section
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Results
from rnnbench.website.folder import HISTORY, INDEX, LEADERBOARD
from rnnbench.words import counted, listed

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

    @property
    def ranked_models(self) -> list[str]:
        """The names of all models."""
        found = (model.name for run in self.runs.values() for model in run.results.models)
        return list(dict.fromkeys(found))

    @property
    def traced_models(self) -> list[str]:
        """The names of the models that have a history."""
        found = (name for each in self.histories.values() for _, h in each for name in h.models)
        return list(dict.fromkeys(found))

    @property
    def has_histories(self) -> bool:
        """Whether there is a history at all."""
        return any(self.histories.values())


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


def pages_of(analysis: Analysis, reports: Mapping[str, str]) -> dict[str, Page]:
    """Return the pages by file; ``reports`` are the addresses of the reports by run."""
    pages = {INDEX: _index(analysis, reports), LEADERBOARD: _leaderboard(analysis, reports)}
    if analysis.has_histories:
        pages[HISTORY] = _history(analysis, reports)
    return pages


def _index(analysis: Analysis, reports: Mapping[str, str]) -> Page:
    runs, sets = analysis.runs, _names_of_sets(analysis.runs)
    return Page(
        title="rnnbench runs",
        heading="Runs",
        about=f"rnnbench: {counted(len(runs), 'run')}, "
        f"{counted(len(sets), 'set')} of test documents",
        findings=list(_best(analysis, sets)),
        sections=[
            Section(
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
                f"the best {quantity.header}, {quantity_text(quantity, value)}."
            )


def _runs_table(runs: Mapping[str, StoredRun], sets: Mapping[str, str]) -> Table:
    columns: Columns[tuple[str, StoredRun]] = {
        "run": lambda each: each[0],
        "documents": lambda each: sets[each[1].results.dataset.split_fingerprint],
        "date (UTC)": lambda each: minute(each[1].environment.get("date")),
        "commit": lambda each: short_commit(each[1].environment["git_commit"]),
        "processor": lambda each: each[1].environment["cpu"],
        "best model": lambda each: each[1].results.best.name,
        "test accuracy": lambda each: _accuracy(each[1].results),
        "models": lambda each: str(len(each[1].results.models)),
        "seeds": lambda each: str(len(each[1].results.seeds)),
    }
    newest = sorted(
        runs.items(), key=lambda each: each[1].environment.get("date") or "", reverse=True
    )
    caption = (
        "The test accuracy is that of the best model, mean ± 95 % over seeds. The commit is that "
        "of rnnbench; a + means that files were changed since."
    )
    return replace(table_of(newest, columns, caption), text_columns=6)


def _accuracy(results: Results) -> str:
    partial = " (partial run)" if results.missing else ""
    return f"{mean_and_interval(results.best.accuracy)}{partial}"


def _leaderboard(analysis: Analysis, reports: Mapping[str, str]) -> Page:
    sets = _names_of_sets(analysis.runs)
    numbered = [
        (f"{metric}-{number}", board)
        for metric, boards in analysis.boards.items()
        for number, board in enumerate(boards, start=1)
    ]
    sections = [
        Section(
            f"by-{name}",
            f"{sets[board.dataset.split_fingerprint]}, by {board.metric}",
            [
                ("wordy", _with_reports(rank_table(board), reports)),
                ("wordy", _with_reports(costs_table(board), reports)),
            ],
        )
        for name, board in numbered
    ]
    return Page(
        title="rnnbench leaderboard",
        heading="Leaderboard",
        about="The models of all runs, best first. Only results on the same test documents are "
        "comparable, so each set of documents has its own tables.",
        findings=[],
        sections=[*sections, *_mean_ranks(analysis)],
        models=analysis.ranked_models,
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


def _mean_ranks(analysis: Analysis) -> Iterator[Section]:
    """Yield a section for each metric, if two or more sets of documents have models in common."""
    for metric, boards in analysis.boards.items():
        try:
            ranks = rank_over_datasets(boards)
        except UserError:
            continue
        yield Section(
            f"ranks-{metric}",
            f"Mean ranks by {metric}",
            [("figure", ranks_plot(ranks, f"ranks-{metric}")), ("table", ranks_table(ranks))],
            "Models that all sets of documents have in common, matched by name, in a "
            f"critical-difference diagram.{_left_out(ranks)}",
        )


def _left_out(ranks: MeanRanks) -> str:
    return f" Left out: {listed(list(ranks.left_out))}." if ranks.left_out else ""


def _history(analysis: Analysis, reports: Mapping[str, str]) -> Page:
    sets = _names_of_sets(analysis.runs)
    sections = [
        Section(
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
    return Page(
        title="rnnbench history",
        heading="History",
        about="Configs that were run more than once on the same documents, oldest run first. "
        "The commits are those of rnnbench.",
        findings=_changes(analysis),
        sections=sections,
        models=analysis.traced_models,
    )


def _plots(history: RunHistory, name: str) -> list[Plot]:
    """Return a plot for each model that has the metric."""
    plots = (history_plot(history, model, f"{name}-{model}") for model in history.models)
    return [plot for plot in plots if plot]


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
    newest = [sentence for _, sentence in sorted(found, key=lambda each: each[0], reverse=True)]
    more = [f"{len(newest) - SHOWN_CHANGES:,} more are in the tables."]
    return [*newest[:SHOWN_CHANGES], *more * (len(newest) > SHOWN_CHANGES)] or [
        "No accuracy clearly changed from one run to the next."
    ]


def _change_in_words(config: str, entry: HistoryEntry, model: str) -> str:
    change = entry.changes[model]
    return (
        f"{config}, {minute(entry.date)}, commit {short_commit(entry.commit)}: the accuracy of "
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
