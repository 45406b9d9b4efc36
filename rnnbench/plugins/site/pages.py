"""The pages of a site: the list of runs, the leaderboard and the history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from rnnbench import UserError
from rnnbench.plugin import (
    ABOUT_COSTS,
    WORSE,
    Board,
    DatasetSummary,
    HistoryPlot,
    PageContent,
    RanksPlot,
    ReportSection,
    RunHistory,
    StoredRun,
    Table,
    board_data,
    board_legend,
    board_tables,
    counted,
    direction,
    find_quantity,
    has_metric,
    headline,
    history_legend,
    history_table,
    listed,
    mean_and_interval,
    minute,
    number_first,
    pick_columns,
    rank_over_datasets,
    rank_runs,
    ranks_table,
    short_hash,
    shortened,
    trace_runs,
)
from rnnbench.plugins.site.folder import HISTORY, INDEX, LEADERBOARD

SHOWN_CHANGES = 10
"""The most clear changes that are sentences; the tables have all of them."""
NO_CHANGES = "No clear changes from one run to the next."
SHOWN_RUNS = 3
"""The most runs that tell sets of documents with one name apart."""


@dataclass(frozen=True)
class SiteRuns:
    """Runs and their reports, by distinct names."""

    runs: Mapping[str, StoredRun]
    reports: Mapping[str, str]
    """The file of each report."""
    documents: Mapping[str, str]
    """Sets of test documents in words, by the fingerprint of the split."""

    def documents_of(self, dataset: DatasetSummary) -> str:
        return self.documents[dataset.split_fingerprint]


def pages_of(
    runs: Mapping[str, StoredRun], metrics: Sequence[str], reports: Mapping[str, str]
) -> dict[str, PageContent]:
    """Return the pages about runs, by file; runs and reports are by distinct names."""
    site = SiteRuns(runs, reports, _documents_in_words(runs))
    boards: list[Board] = []
    histories: list[tuple[str, RunHistory]] = []
    for metric in metrics:
        measured = {
            name: run
            for name, run in runs.items()
            if has_metric(run.results.dataset, metric)
        }
        boards += rank_runs(list(measured.values()), metric)
        histories += _histories(measured, metric)
    by_first_metric = [board for board in boards if board.metric == metrics[0]]
    pages = {
        INDEX: _index(site, by_first_metric),
        LEADERBOARD: _leaderboard(site, boards),
    }
    if histories:
        pages[HISTORY] = _history(site, histories)
    return pages


def _documents_in_words(runs: Mapping[str, StoredRun]) -> dict[str, str]:
    """Return a distinct description of each set of test documents, by split.

    Those with one name and size are told apart by the runs on them.
    """
    documents = {}
    users: dict[str, list[str]] = {}
    for name, run in runs.items():
        dataset = run.results.dataset
        split = dataset.split_fingerprint
        size = f"{dataset.test_size:,} test documents"
        documents[split] = f"{shortened(dataset.name, 60)}, {size}"
        users.setdefault(split, []).append(name)
    counts = Counter(documents.values())
    for split, words in documents.items():
        if counts[words] > 1:
            documents[split] = f"{words} of {listed(users[split], SHOWN_RUNS)}"
    return documents


def _histories(
    runs: Mapping[str, StoredRun], metric: str
) -> list[tuple[str, RunHistory]]:
    """Return the histories of configs that were run more than once, with their names.

    Only runs on the same documents are in one history.
    """
    by_config: dict[str, dict[str, StoredRun]] = {}
    for name, run in runs.items():
        by_config.setdefault(run.results.name, {})[name] = run
    histories = []
    for config, same in by_config.items():
        for history in trace_runs(list(same.values()), metric, list(same)):
            if len(history.entries) > 1:
                histories.append((config, history))
    return histories


# The list of runs


def _index(site: SiteRuns, boards: Sequence[Board]) -> PageContent:
    best = []
    for board in boards:
        first = board.entries[0]
        quantity = find_quantity(board.metric, "--metric")
        value = first.model.statistic(board.metric)
        if value is not None and len(board.runs) > 1:
            best.append(
                f"{site.documents_of(board.dataset)}: {first.model.name} of "
                f"{first.run} has the best {quantity.header}, "
                f"{mean_and_interval(value, quantity.format)}."
            )
    lead = "The newest run is first. The name of a run links to its report."
    n_runs = counted(len(site.runs), "run")
    n_sets = counted(len(site.documents), "set")
    table = _runs_table(site)
    return PageContent(
        title="rnnbench runs",
        heading="Runs",
        about=f"rnnbench: {n_runs}, {n_sets} of test documents",
        findings=best,
        sections=[ReportSection("runs", "All runs", [("wordy", table)], lead)],
    )


def _runs_table(site: SiteRuns) -> Table:
    dates = {name: run.environment.get("date") or "" for name, run in site.runs.items()}
    rows = []
    for name in sorted(site.runs, key=dates.__getitem__, reverse=True):
        results = site.runs[name].results
        environment = site.runs[name].environment
        verdict = headline(results)
        if results.missing:
            verdict += " (partial run)"
        rows.append(
            [
                name,
                verdict,
                site.documents_of(results.dataset),
                minute(dates[name]),
                short_hash(environment["git_commit"]),
                environment["cpu"],
                mean_and_interval(results.best.score),
                str(len(results.models)),
                str(len(results.seeds)),
            ]
        )
    score_names = {run.results.dataset.score_name for run in site.runs.values()}
    score_name = score_names.pop() if len(score_names) == 1 else "test score"
    headers = ["run", "verdict", "documents", "date (UTC)", "commit", "processor"]
    headers += [score_name, "models", "seeds"]
    caption = (
        f"The {score_name} is that of the best model, mean ± 95 % over seeds. The "
        "commit is that of rnnbench; a + means that files were changed since."
    )
    return Table(headers, rows, caption, text_columns=6, links=site.reports)


# The leaderboard


def _leaderboard(site: SiteRuns, boards: Sequence[Board]) -> PageContent:
    sections = []
    by_metric: dict[str, list[Board]] = {}
    for number, board in enumerate(boards, start=1):
        by_metric.setdefault(board.metric, []).append(board)
        title = f"{site.documents_of(board.dataset)}, by {board.metric}"
        scores, costs = board_tables(board)
        scores = replace(scores, caption=board_data(board))
        tables = [_with_reports(scores, site)]
        tables.append(_with_reports(replace(costs, caption=""), site))
        section = ReportSection(
            f"by-{board.metric}-{number}", title, [("wordy", table) for table in tables]
        )
        sections.append(section)
    for metric, same in by_metric.items():
        with suppress(UserError):  # fewer than two sets have models in common
            sections.append(_ranks(metric, same))
    models = dict.fromkeys(
        model.name for run in site.runs.values() for model in run.results.models
    )
    return PageContent(
        title="rnnbench leaderboard",
        heading="Leaderboard",
        about="The models of all runs, best first. Only results on the same test "
        "documents are comparable, so each set of documents has its own tables. "
        f"{board_legend(boards)} {ABOUT_COSTS}",
        findings=[],
        sections=sections,
        models=list(models),
    )


def _ranks(metric: str, boards: Sequence[Board]) -> ReportSection:
    ranks = rank_over_datasets(boards)
    lead = (
        "Models that all sets of documents have in common, matched by name, in a "
        "critical-difference diagram."
    )
    if ranks.left_out:
        lead += f" Left out: {listed(list(ranks.left_out))}."
    plot = RanksPlot(ranks, f"ranks-{metric}")
    return ReportSection(
        f"ranks-{metric}",
        f"Mean ranks by {metric}",
        [("figure", plot), ("table", ranks_table(ranks))],
        lead,
    )


def _with_reports(table: Table, site: SiteRuns) -> Table:
    """Return a table with links to reports, its models and scores first."""
    n = table.text_columns
    order = [*range(1, n), 0, *range(n, len(table.headers))]
    table = number_first(pick_columns(table, order, n), WORSE)
    return replace(table, links=site.reports, linked=list(table.headers).index("run"))


# The history


def _history(
    site: SiteRuns, histories: Sequence[tuple[str, RunHistory]]
) -> PageContent:
    sections = []
    models: list[str] = []
    changes: list[tuple[str, str]] = []
    for number, (config, history) in enumerate(histories, start=1):
        name = f"{history.metric}-{number}"
        plots: list[HistoryPlot] = []
        for model in history.models:
            if any(entry.values.get(model) for entry in history.entries):
                plot = HistoryPlot(history, model, f"{name}-{model}")
                plot.has_legend = not plots  # one is enough for all
                plots.append(plot)
        table = history_table(history)
        order = [0, 3, 1, 2, *range(4, len(table.headers))]  # changes first
        table = pick_columns(table, order, table.text_columns)
        table = replace(table, links=site.reports, caption="")
        documents = site.documents_of(history.dataset)
        title = f"{config} on {documents}, {history.metric}"
        sections.append(
            ReportSection(name, title, [("gallery", plots), ("wordy", table)])
        )
        models += history.models
        changes += _clear_changes(config, history)
    return PageContent(
        title="rnnbench history",
        heading="History",
        about="Configs that were run more than once on the same documents, oldest run "
        "first. Scores are means ± 95 % over seeds, and commits those of rnnbench. "
        f"{history_legend(history for _, history in histories)}",
        findings=_newest(changes) or [NO_CHANGES],
        sections=sections,
        models=list(dict.fromkeys(models)),
    )


def _clear_changes(config: str, history: RunHistory) -> list[tuple[str, str]]:
    """Return sentences about clear changes, with their dates."""
    score_name = history.dataset.kind.score_name
    changes = []
    for entry in history.entries:
        when = f"{config}, {minute(entry.date)}, commit {short_hash(entry.commit)}"
        for model, change in entry.changes.items():
            if change.is_clear:
                sentence = (
                    f"{when}: the {score_name} of {model} clearly went "
                    f"{direction(change)} in {entry.run}, "
                    f"by {abs(change.difference):.4f}."
                )
                changes.append((entry.date or "", sentence))
    return changes


def _newest(changes: Sequence[tuple[str, str]]) -> list[str]:
    """Return the newest changes, and how many more there are."""
    newest_first = sorted(changes, key=lambda change: change[0], reverse=True)
    sentences = [sentence for _, sentence in newest_first[:SHOWN_CHANGES]]
    n_more = len(changes) - SHOWN_CHANGES
    if n_more > 0:
        sentences.append(f"{n_more:,} more are in the tables.")
    return sentences
