"""Leaderboards as tables."""

import io

import pytest
from factories import MARGINS, scored_run
from rich.console import Console

from rnnbench.analysis.boards import rank_runs
from rnnbench.report.leaderboard import board_tables, costs_table, rank_table
from rnnbench.report.table import to_rich


@pytest.fixture(scope="module")
def runs():
    """Two runs that differ in one model."""
    records = {"svm": MARGINS | {"params": 12_746, "fit_seconds": 236.21}}
    one = {"stacked_vanilla_rnn": [2, 3, 2], "multinomial_naive_bayes": [18] * 3, "svm": [17]}
    return [
        scored_run(one, folder="results/one", records=records),
        scored_run({"svm": [17] * 3}, folder="results/two", records=records),
    ]


@pytest.fixture(scope="module")
def board(runs):
    return rank_runs(runs)[0]


def test_models_have_rank_run_accuracy_and_a_verdict_and_the_majority_baseline_is_last(board):
    table = rank_table(board)

    assert table.headers[3:] == [
        "test accuracy (mean ± 95 % over seeds)",
        "95 % interval over documents and seeds",
        "clearly worse than the first",
    ]
    assert [[*row[:3], row[5]] for row in table.rows] == [
        ["1", "multinomial_naive_bayes", "one", "-"],
        ["2", "svm", "one", "no"],
        ["2", "svm", "two", "no"],
        ["4", "stacked_vanilla_rnn", "one", "yes"],
        ["-", "always 'earn'", "-", "-"],
    ]
    assert table.is_last_apart
    interval = board.entries[3].model.accuracy_interval
    assert table.rows[3][3].startswith("0.1167 ± ")
    assert table.rows[3][4] == f"{interval.low:.4f} to {interval.high:.4f}"
    assert table.rows[-1][3:] == ["1.0000", "-", "-"]


def test_the_caption_names_data_runs_and_test(board):
    assert rank_table(board).caption == (
        "Data: made-up (nowhere), 1,395 documents to train on, 20 to test on, split 555555555555. "
        "Runs: one, two; the same trials in several runs are shown once. "
        "Clearly worse: a p-value below 0.05, corrected for 6 comparisons (Holm). With one seed, "
        "intervals are over documents alone, and p-values are about these trainings, not about the "
        "models."
    )


def test_two_seeds_are_too_few_for_a_verdict():
    run = scored_run({"rnn": [18, 17], "lstm": [2, 3]})
    (board,) = rank_runs([run])

    table = rank_table(board)

    assert [row[-1] for row in table.rows] == ["-", "too few seeds", "-"]
    assert table.caption.endswith(
        "Too few seeds: with 1 or 2, p-values cannot be relied on; use 3 or more, preferably 5."
    )


def test_another_metric_that_decides_the_rank_has_a_column(runs):
    (board,) = rank_runs(runs, "log_loss")

    table = rank_table(board)

    assert table.headers[-1] == "log_loss (mean over seeds)"
    assert [row[0] for row in table.rows] == ["1", "2", "-", "-", "-"]
    assert [row[-1] for row in table.rows[2:]] == ["-", "-", "-"]
    assert float(table.rows[0][-1]) < float(table.rows[1][-1])
    assert "learly" not in table.caption


def test_size_and_time_of_each_model_are_shown(board):
    table = costs_table(board)

    assert table.headers[3] == "macro-F1 (mean ± 95 % over seeds)"
    assert table.rows[1][3:] == ["0.9189", "1", "12,746", "236"]
    assert table.rows[-1][3:] == ["0.2222", "-", "0", "-"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_a_terminal_shows_all_within_80_columns(runs, width, metric):
    console = Console(width=width, file=io.StringIO())

    for table in board_tables(rank_runs(runs, metric)[0]):
        console.print(to_rich(table, console), crop=False)

    assert max(map(len, console.file.getvalue().splitlines())) <= width
