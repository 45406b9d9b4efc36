"""Leaderboards as tables."""

from collections.abc import Sequence
from dataclasses import replace
from math import comb

from rnnbench.analysis.boards import Board, RankedModel
from rnnbench.metrics import FIT_SECONDS, METRICS, find_quantity
from rnnbench.report.numbers import (
    MISSING,
    condition,
    interval_text,
    mean_and_interval,
    mean_text,
    remarks_on_tests,
    scope,
)
from rnnbench.report.run_tables import SECOND
from rnnbench.report.table import Columns, Table, table_of, with_points
from rnnbench.words import counted


def board_tables(board: Board) -> list[Table]:
    """Return the ranks with accuracies, and the costs of the models."""
    return [rank_table(board), costs_table(board)]


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
    if board.metric == "accuracy":
        columns["clearly worse than the first"] = _is_clearly_worse
    else:
        metric = find_quantity(board.metric, "--metric")
        header = f"{metric.name} (mean over seeds)"
        columns[header] = lambda entry: mean_text(metric, entry.model)
    always = [f"{board.dataset.majority_accuracy:.4f}", MISSING, MISSING]
    return _table(board, columns, always, _caption(board))


def costs_table(board: Board) -> Table:
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
    return _table(board, columns, always, "fit s: mean wall time of one training.")


def _table(
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


def _caption(board: Board) -> str:
    dataset, comparisons = board.dataset, counted(comb(len(board.entries), 2), "comparison")
    against_best = [each.against_best for each in board.entries if each.against_best]
    clearly = (
        f" Clearly worse: a p-value below 0.05, corrected for {comparisons} (Holm). "
        + condition(against_best)
    ).rstrip()
    return (
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} documents to train on, "
        f"{dataset.test_size:,} to test on{remarks_on_tests(dataset)}, "
        f"split {dataset.split_fingerprint[:12]}. "
        f"Runs: {', '.join(board.runs)}; the same trials in several runs are shown once."
        + (clearly if board.metric == "accuracy" and against_best else "")
    )
