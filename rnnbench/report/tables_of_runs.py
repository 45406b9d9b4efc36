"""The tables of several runs: leaderboards and histories."""

from collections.abc import Sequence
from dataclasses import replace
from math import comb

from rnnbench.analysis.boards import ACCURACY, Board, HistoryEntry, RankedModel, RunHistory
from rnnbench.analysis.compare import Change
from rnnbench.metrics import FIT_SECONDS, METRICS, find_quantity
from rnnbench.report.table import (
    MISSING,
    SECOND,
    Columns,
    Table,
    condition,
    interval_text,
    mean_and_interval,
    mean_text,
    quantity_text,
    remarks_on_tests,
    scope,
    table_of,
    with_points,
)
from rnnbench.results.schema import TOO_FEW_SEEDS
from rnnbench.text import counted

SHORT = 12
"""Characters shown of a commit or a fingerprint."""


# Leaderboards


def board_tables(board: Board) -> list[Table]:
    """Return the ranks with accuracies, and the costs of the models."""
    return [rank_table(board), board_costs_table(board)]


def rank_table(board: Board) -> Table:
    """Return the accuracy of each model, the best first, and which are clearly worse than that.

    If another metric decides the rank, it is in the last column.
    """
    n_seeds = max(entry.model.accuracy.n for entry in board.entries)
    columns: Columns[RankedModel] = {
        "test accuracy (mean ± 95 % over seeds)": lambda entry: mean_and_interval(
            entry.model.accuracy
        ),
        f"95 % interval {scope(n_seeds)}": lambda entry: interval_text(
            entry.model.accuracy_interval
        ),
    }
    if board.metric == ACCURACY:
        columns["clearly worse than the first"] = _is_clearly_worse
    else:
        metric = find_quantity(board.metric, "--metric")
        header = f"{metric.name} (mean over seeds)"
        columns[header] = lambda entry: mean_text(metric, entry.model)
    always = [f"{board.dataset.majority_accuracy:.4f}", MISSING, MISSING]
    return _board_table(board, columns, always, _board_caption(board))


def board_costs_table(board: Board) -> Table:
    """Return macro-F1 of each model, its size, and the time of one training."""
    columns: Columns[RankedModel] = {
        f"{METRICS[SECOND].header} (mean ± 95 % over seeds)": lambda entry: mean_and_interval(
            entry.model.metrics[SECOND]
        ),
        "seeds": lambda entry: str(entry.model.accuracy.n),
        "params": lambda entry: f"{entry.model.params:,}",
        FIT_SECONDS.header: lambda entry: mean_text(FIT_SECONDS, entry.model),
    }
    always = [f"{board.dataset.majority_macro_f1:.4f}", MISSING, "0", MISSING]
    return _board_table(board, columns, always, "fit s: mean wall time of one training.")


def _board_table(
    board: Board, columns: Columns[RankedModel], always: Sequence[str], caption: str
) -> Table:
    """Return a table with rank, model and run first, and the majority baseline last."""
    named: Columns[RankedModel] = {
        "rank": lambda entry: str(entry.rank or MISSING),
        "model": lambda entry: entry.model.name,
        "run": lambda entry: entry.run,
    }
    table = table_of(board.entries, named | columns, caption)
    last = [MISSING, board.dataset.majority_name, MISSING, *always]
    whole = replace(table, rows=[*table.rows, last], is_last_apart=True, text_columns=3)
    return with_points(whole, list(named).index("model"))


def _is_clearly_worse(entry: RankedModel) -> str:
    if entry.against_best is None:
        return MISSING
    if entry.against_best.has_too_few_seeds:
        return entry.against_best.verdict
    return "yes" if entry.against_best.is_clear else "no"


def _board_caption(board: Board) -> str:
    dataset, comparisons = board.dataset, counted(comb(len(board.entries), 2), "comparison")
    sentences = [
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} documents to train on, "
        f"{dataset.test_size:,} to test on{remarks_on_tests(dataset)}, "
        f"split {dataset.split_fingerprint[:12]}.",
        f"Runs: {', '.join(board.runs)}; the same trials in several runs are shown once.",
    ]
    against_best = [entry.against_best for entry in board.entries if entry.against_best]
    if board.metric == ACCURACY and against_best:
        clearly = f"Clearly worse: a p-value below 0.05, corrected for {comparisons} (Holm)."
        sentences += [clearly, condition(against_best)]
    return " ".join(filter(None, sentences))


# Histories


def history_table(history: RunHistory) -> Table:
    """Return a row for each run, the oldest first, with the metric of each model."""
    quantity = find_quantity(history.metric, "--metric")
    facts = ["run", "date (UTC)", "commit", "clear changes"]
    rows = [
        [
            entry.run,
            minute(entry.date),
            short_hash(entry.commit),
            _clear_changes(entry),
            *(quantity_text(quantity, entry.values.get(name)) for name in history.models),
        ]
        for entry in history.entries
    ]
    dataset = history.dataset
    sentences = [
        f"{quantity.header}: mean ± 95 % over seeds. Data: {dataset.source}, "
        f"{dataset.test_size:,} documents to test on{remarks_on_tests(dataset)}, "
        f"split {dataset.split_fingerprint[:12]}."
    ]
    if history.metric != ACCURACY:
        sentences.append(f"Only {ACCURACY} is tested for clear changes.")
    elif changes := [change for entry in history.entries for change in entry.changes.values()]:
        sentences += [
            "Clear changes: against the run above; a p-value below 0.05, corrected for the models "
            "(Holm), but not for the number of runs.",
            condition(changes),
        ]
    caption = " ".join(filter(None, sentences))
    return Table([*facts, *history.models], rows, caption, text_columns=len(facts))


def minute(date: str | None) -> str:
    """Return the date and time of a run, without seconds."""
    return (date or MISSING).replace("T", " ")[:16]


def short_hash(text: str | None) -> str:
    """Return the start of a commit or a fingerprint, with a + if files were changed since."""
    text = text or MISSING
    return text[:SHORT] + "+" * (len(text) > SHORT and text.endswith("+"))


def direction(change: Change) -> str:
    """Return the direction of a change."""
    return "up" if change.difference > 0 else "down"


def _clear_changes(entry: HistoryEntry) -> str:
    """Return the models whose accuracy clearly changed, each with its direction."""
    clear = [
        f"{name} {direction(change)}" for name, change in entry.changes.items() if change.is_clear
    ]
    undecided = any(change.has_too_few_seeds for change in entry.changes.values())
    return ", ".join([*clear, *([TOO_FEW_SEEDS] if undecided else [])]) or MISSING
