"""The tables of leaderboards and histories."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from rnnbench.analysis.boards import Board, HistoryEntry, RankedModel, RunHistory
from rnnbench.metrics import FIT_SECONDS, METRICS, find_quantity
from rnnbench.report import words
from rnnbench.report.table import MISSING, Columns, Table, with_points
from rnnbench.results.comparison import TOO_FEW_SEEDS, Difference
from rnnbench.results.schema import ModelSummary
from rnnbench.text import sentences

WORSE = "clearly worse than the first"
SPREAD = "(mean ± 95 % over seeds)"


ABOUT_COSTS = "fit s: mean wall time of one training."


def board_tables(board: Board) -> list[Table]:
    """Return the scores with verdicts, or with what decides ranks, and the costs."""
    return [_scores_table(board), _costs_table(board)]


def _keys() -> Columns[RankedModel]:
    return {
        "rank": lambda entry: str(entry.rank or MISSING),
        "model": lambda entry: entry.model.name,
        "run": lambda entry: entry.run,
    }


def _scores_table(board: Board) -> Table:
    dataset = board.dataset
    n_seeds = max(entry.model.score.n for entry in board.entries)
    columns = _keys()
    columns[f"{dataset.score_name} {SPREAD}"] = lambda entry: words.mean_and_interval(
        entry.model.score
    )
    columns[f"95 % interval {words.scope(n_seeds)}"] = lambda entry: (
        f"{entry.model.interval:.4f}"
    )
    if not board.is_by_main:
        quantity = find_quantity(board.metric, "--metric")
        columns[f"{quantity.name} (mean over seeds)"] = lambda entry: words.mean_text(
            quantity, entry.model
        )
    if board.is_tested:
        columns[WORSE] = lambda entry: words.worse(entry.against_best)
        columns["possible ranks"] = lambda entry: words.possible_ranks(
            entry.possible_ranks
        )
    majority = {
        "model": dataset.majority_name,
        f"{dataset.score_name} {SPREAD}": f"{dataset.majority_score:.4f}",
    }
    return _with_majority(board, columns, majority, _about_board(board))


def _costs_table(board: Board) -> Table:
    dataset = board.dataset
    columns = _keys()
    majority = {"model": dataset.majority_name, "params": "0"}
    second = dataset.kind.second
    if second is not None:
        header = f"{METRICS[second].header} {SPREAD}"
        columns[header] = lambda entry: words.mean_and_interval(
            entry.model.statistic(second)
        )
        majority[header] = words.number_text(dataset.majority_second)
    losses = words.loss_columns(entry.model for entry in board.entries)
    for header, cell_of in losses.items():
        columns[header] = partial(_cell, cell_of)
    columns["seeds"] = lambda entry: str(entry.model.score.n)
    columns["params"] = lambda entry: words.number_text(entry.model.params, ",")
    columns[FIT_SECONDS.header] = lambda entry: words.mean_text(
        FIT_SECONDS, entry.model
    )
    return _with_majority(board, columns, majority, ABOUT_COSTS)


def _cell(cell_of: Callable[[ModelSummary], str], entry: RankedModel) -> str:
    return cell_of(entry.model)


def _with_majority(
    board: Board,
    columns: Columns[RankedModel],
    majority: Mapping[str, str],
    caption: str,
) -> Table:
    """Return a row for each model, and one for the majority baseline."""
    rows = [[cell_of(entry) for cell_of in columns.values()] for entry in board.entries]
    rows.append([majority.get(header, MISSING) for header in columns])
    table = Table(list(columns), rows, caption, text_columns=3, is_last_apart=True)
    return with_points(table, 1)


def _about_board(board: Board) -> str:
    split = f", split {words.short_hash(board.dataset.split_fingerprint)}"
    return sentences(board_data(board, split), board_legend([board]))


def board_data(board: Board, split: str = "") -> str:
    """Return the documents, their split and the runs of a board."""
    dataset = board.dataset
    return (
        f"Data: {dataset.source} ({dataset.origin}), {words.documents(dataset)}{split}."
        f" Runs: {', '.join(board.runs)}."
    )


def board_legend(boards: Iterable[Board]) -> str:
    """Return the meaning of the verdicts in some boards."""
    against_best: list[Difference] = []
    for board in boards:
        for entry in board.entries:
            if board.is_tested and entry.against_best:
                against_best.append(entry.against_best)
    parts = ["The same trials in several runs are shown once."]
    if against_best:
        parts += [
            "Clearly worse: the p-value of being as good as the best is below 0.05. "
            "Possible ranks: those that clear differences leave open; with 95 % "
            "confidence, they include the true ranks of all models. This is a harder "
            "question, so a model that is clearly worse than the first may still have "
            "its rank.",
            words.condition(against_best),
        ]
    return sentences(*parts)


def history_table(history: RunHistory) -> Table:
    """Return a row for each run, the oldest first, with the metric of each model."""
    quantity = find_quantity(history.metric, "--metric")
    rows = []
    for entry in history.entries:
        row = [
            entry.run,
            words.minute(entry.date),
            words.short_hash(entry.commit),
            _clear_changes(entry),
        ]
        for name in history.models:
            value = entry.values.get(name)
            row.append(words.mean_and_interval(value, quantity.format))
        rows.append(row)
    headers = ["run", "date (UTC)", "commit", "clear changes", *history.models]
    return Table(headers, rows, _about_history(history), text_columns=4)


def _clear_changes(entry: HistoryEntry) -> str:
    changes = [
        f"{name} {words.direction(change)}"
        for name, change in entry.changes.items()
        if change.is_clear
    ]
    if any(change.has_too_few_seeds for change in entry.changes.values()):
        changes.append(TOO_FEW_SEEDS)
    return ", ".join(changes) or MISSING


def _about_history(history: RunHistory) -> str:
    dataset = history.dataset
    header = find_quantity(history.metric, "--metric").header
    data = (
        f"{header}: mean ± 95 % over seeds. Data: {dataset.name}, "
        f"{dataset.n_tests:,} documents to test on{words.remarks_on_tests(dataset)}, "
        f"split {words.short_hash(dataset.split_fingerprint)}."
    )
    return sentences(data, history_legend([history]))


def history_legend(histories: Iterable[RunHistory]) -> str:
    """Return the meaning of the clear changes in some histories."""
    parts = []
    changes: list[Difference] = []
    for history in histories:
        if not history.is_by_main:
            main = history.dataset.kind.main
            parts.append(f"Only {main} is tested for clear changes.")
        for entry in history.entries:
            changes += entry.changes.values()
    if changes:
        parts.append(
            "Clear changes: against the run above; a p-value below 0.05, corrected for "
            "the models, but not for the number of runs."
        )
    return sentences(*dict.fromkeys(parts), words.condition(changes))
