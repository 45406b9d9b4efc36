"""The models of many runs in one order, as tables and as JSON."""

import io
import json
from pathlib import Path

import pytest
from factories import finished_run
from rich.console import Console

from rnnbench.analysis.leaderboard import rank_runs
from rnnbench.report.leaderboard import board_tables, boards_json, costs_table, rank_table
from rnnbench.report.table import to_rich

WIRES = 20
RIGHTS = {"stacked_vanilla_rnn": [2, 3], "multinomial_naive_bayes": [18], "svm": [17]}


@pytest.fixture
def runs():
    """Two runs that differ in one model."""
    answers = {
        model: [[0] * right + [1] * (WIRES - right) for right in trials]
        for model, trials in RIGHTS.items()
    }
    records = {"svm": {"score_kind": "margins", "params": 12_746, "fit_seconds": 236.21}}
    facts = {"labels": [0] * WIRES, "records": records}
    return [
        finished_run(answers, folder=Path("results/one"), **facts),
        finished_run({"svm": answers["svm"] * 2}, folder=Path("results/two"), **facts),
    ]


@pytest.fixture
def board(runs):
    return rank_runs(runs)[0]


def test_each_model_has_its_rank_and_run_and_the_majority_baseline_the_last_row(board):
    table = rank_table(board)

    assert [row[:3] for row in table.rows] == [
        ["1", "multinomial_naive_bayes", "one"],
        ["2", "svm", "one"],
        ["2", "svm", "two"],
        ["4", "stacked_vanilla_rnn", "one"],
        ["-", "always 'earn'", "-"],
    ]
    assert table.is_last_apart
    assert table.rows[-1][3:] == ["0.5000", "-", "-"]


def test_the_table_says_how_sure_an_accuracy_is_and_which_are_clearly_worse(board):
    table = rank_table(board)

    interval = board.entries[3].model.accuracy_interval
    assert table.rows[3][3].startswith("0.1250 ± ")
    assert table.rows[3][4] == f"{interval.low:.4f} to {interval.high:.4f}"
    assert [row[5] for row in table.rows] == ["-", "no", "no", "yes", "-"]


def test_every_spread_and_interval_says_of_what_it_is(board):
    assert rank_table(board).headers[3:] == [
        "test accuracy (mean ± 95 % over seeds)",
        "95 % interval over wires and seeds",
        "clearly worse than the first",
    ]
    assert costs_table(board).headers[3] == "macro-F1 (mean ± 95 % over seeds)"


def test_the_caption_says_on_what_was_measured(board):
    assert rank_table(board).caption == (
        "Data: made-up (nowhere), 1,395 wires to train on, 20 to test on, split 555555555555. "
        "Runs: one, two; the same trials in several are shown once. "
        "Clearly: p below 0.05, corrected for 3 comparison(s) with the first (Holm)."
    )


def test_another_metric_that_decides_has_a_column(runs):
    (board,) = rank_runs(runs, "log_loss")

    table = rank_table(board)

    assert table.headers[-1] == "log_loss (mean over seeds)"
    assert [row[0] for row in table.rows] == ["1", "2", "-", "-", "-"]
    assert [row[-1] for row in table.rows[2:]] == ["-", "-", "-"]
    assert float(table.rows[0][-1]) < float(table.rows[1][-1])
    assert "learly" not in table.caption


def test_size_and_time_of_each_model_are_shown(board):
    table = costs_table(board)

    assert table.rows[1][3:] == ["0.9189", "1", "12,746", "236"]
    assert table.rows[-1][3:] == ["0.2222", "-", "0", "-"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_a_terminal_shows_all_within_80_columns(runs, width, metric):
    console = Console(width=width, file=io.StringIO())

    for table in board_tables(rank_runs(runs, metric)[0]):
        console.print(to_rich(table, console), crop=False)

    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width


def test_json_has_all_of_it(runs):
    (board,) = boards_json(rank_runs(runs))["leaderboards"]

    assert json.loads(json.dumps(board)) == board
    assert (board["metric"], board["runs"]) == ("accuracy", ["one", "two"])
    assert board["dataset"]["majority_topic"] == "earn"
    assert [entry["rank"] for entry in board["entries"]] == [1, 2, 2, 4]
    assert board["entries"][0]["against_best"] is None
    assert board["entries"][3]["against_best"]["p_holm"] < 0.05
    assert board["entries"][1]["model"]["fit_seconds"]["mean"] == 236.21
