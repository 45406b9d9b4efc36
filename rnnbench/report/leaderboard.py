"""The models of many runs in one order, as tables and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from rnnbench.analysis.leaderboard import Board, Entry
from rnnbench.analysis.metrics import mean_of
from rnnbench.analysis.summary import majority_name
from rnnbench.records import SCHEMA_VERSION
from rnnbench.report.table import MISSING, Table, interval_text, mean_and_interval


def board_tables(board: Board) -> list[Table]:
    """Return the ranks with accuracies, and what the models cost."""
    return [rank_table(board), costs_table(board)]


def rank_table(board: Board) -> Table:
    """Return the accuracy of each model, the best first, and which are clearly worse than that.

    Where another metric decides, it stands in the place of the last.
    """
    by_accuracy = board.metric == "accuracy"
    headers = [
        "test accuracy (mean ± 95 % over seeds)",
        "95 % interval over wires and seeds",
        "clearly worse than the first" if by_accuracy else f"{board.metric} (mean over seeds)",
    ]
    cells = [
        [
            mean_and_interval(entry.model.accuracy),
            interval_text(entry.model.accuracy_interval),
            _is_clearly_worse(entry) if by_accuracy else _mean(entry, board.metric),
        ]
        for entry in board.entries
    ]
    always = [f"{board.dataset.majority_accuracy:.4f}", MISSING, MISSING]
    return _table(board, headers, cells, always, _caption(board))


def costs_table(board: Board) -> Table:
    """Return macro-F1 of each model, its size, and how long a training took."""
    headers = ["macro-F1 (mean ± 95 % over seeds)", "seeds", "params", "fit s"]
    cells = [
        [
            mean_and_interval(entry.model.macro_f1),
            str(entry.model.macro_f1.n),
            f"{entry.model.params:,}",
            f"{entry.model.fit_seconds.mean:.3g}",
        ]
        for entry in board.entries
    ]
    always = [f"{board.dataset.majority_macro_f1:.4f}", MISSING, "0", MISSING]
    return _table(board, headers, cells, always, "fit s: mean wall time of one training.")


def boards_json(boards: Sequence[Board]) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "leaderboards": [json.loads(board.model_dump_json()) for board in boards],
    }


def _table(
    board: Board,
    headers: Sequence[str],
    cells: Sequence[Sequence[str]],
    always: Sequence[str],
    caption: str,
) -> Table:
    """Return a table with rank, model and run before the ``cells``, the baseline's last."""
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


def _mean(entry: Entry, metric: str) -> str:
    mean = mean_of(entry.model, metric)
    return MISSING if mean is None else f"{mean:.4g}"


def _caption(board: Board) -> str:
    dataset, n = board.dataset, len(board.entries) - 1
    return (
        f"Data: {dataset.source} ({dataset.origin}), {dataset.train_size:,} wires to train on, "
        f"{dataset.test_size:,} to test on, split {dataset.split_fingerprint[:12]}. "
        f"Runs: {', '.join(board.runs)}; the same trials in several are shown once."
        + (
            f" Clearly: p below 0.05, corrected for {n} comparison(s) with the first (Holm)."
            if board.metric == "accuracy"
            else ""
        )
    )
