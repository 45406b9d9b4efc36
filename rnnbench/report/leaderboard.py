"""The models of many runs in one order, as tables and as JSON."""

from collections.abc import Sequence
from typing import Any

from rnnbench.analysis.leaderboard import Board, Entry
from rnnbench.analysis.summary import majority_name
from rnnbench.metrics import FIT_SECONDS, METRICS, find_quantity
from rnnbench.report.table import (
    MISSING,
    SECOND,
    Table,
    interval_text,
    mean_and_interval,
    mean_text,
)
from rnnbench.results.schema import SUMMARY_VERSION


def board_tables(board: Board) -> list[Table]:
    """Return the ranks with accuracies, and the costs of the models."""
    return [rank_table(board), costs_table(board)]


def rank_table(board: Board) -> Table:
    """Return the accuracy of each model, the best first, and which are clearly worse than that.

    If another metric decides the rank, it takes the last column.
    """
    by_accuracy = board.metric == "accuracy"
    metric = find_quantity(board.metric, "--metric")
    headers = [
        "test accuracy (mean ± 95 % over seeds)",
        "95 % interval over documents and seeds",
        "clearly worse than the first" if by_accuracy else f"{metric.name} (mean over seeds)",
    ]
    cells = [
        [
            mean_and_interval(entry.model.accuracy),
            interval_text(entry.model.accuracy_interval),
            _is_clearly_worse(entry) if by_accuracy else mean_text(entry.model, metric),
        ]
        for entry in board.entries
    ]
    always = [f"{board.dataset.majority_accuracy:.4f}", MISSING, MISSING]
    return _table(board, headers, cells, always, _caption(board))


def costs_table(board: Board) -> Table:
    """Return macro-F1 of each model, its size, and the time of one training."""
    headers = [
        f"{METRICS[SECOND].header} (mean ± 95 % over seeds)",
        "seeds",
        "params",
        FIT_SECONDS.header,
    ]
    cells = [
        [
            mean_and_interval(entry.model.metrics[SECOND]),
            str(entry.model.accuracy.n),
            f"{entry.model.params:,}",
            mean_text(entry.model, FIT_SECONDS),
        ]
        for entry in board.entries
    ]
    always = [f"{board.dataset.majority_macro_f1:.4f}", MISSING, "0", MISSING]
    return _table(board, headers, cells, always, "fit s: mean wall time of one training.")


def boards_json(boards: Sequence[Board]) -> dict[str, Any]:
    """Return the document that ``--json`` prints."""
    return {
        "schema_version": SUMMARY_VERSION,
        "leaderboards": [board.model_dump(mode="json") for board in boards],
    }


def _table(
    board: Board,
    headers: Sequence[str],
    cells: Sequence[Sequence[str]],
    always: Sequence[str],
    caption: str,
) -> Table:
    """Return a table with rank, model and run before the ``cells``, and the baseline last."""
    rows = [
        [str(entry.rank or MISSING), entry.model.name, entry.run, *row]
        for entry, row in zip(board.entries, cells, strict=True)
    ]
    rows.append([MISSING, majority_name(board.dataset), MISSING, *always])
    return Table(
        ["rank", "model", "run", *headers], rows, caption, is_last_apart=True, text_columns=3
    )


def _is_clearly_worse(entry: Entry) -> str:
    if entry.against_best is None:
        return MISSING
    return "yes" if entry.against_best.is_clear else "no"


def _caption(board: Board) -> str:
    dataset, n = board.dataset, len(board.entries) - 1
    clearly = f" Clearly: p below 0.05, corrected for {n} comparison(s) with the first (Holm)."
    return (
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} newswires to train on, "
        f"{dataset.test_size:,} to test on, split {dataset.split_fingerprint[:12]}. "
        f"Runs: {', '.join(board.runs)}; the same trials in several runs are shown once."
        + (clearly if board.metric == "accuracy" else "")
    )
