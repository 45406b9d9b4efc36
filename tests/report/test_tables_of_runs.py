"""What ``test_answers.py`` does not show of the tables of several runs."""

import io

import pytest
from factories import MARGINS, runs_on_datasets, scored_run
from rich.console import Console

from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.mean_ranks import rank_over_datasets
from rnnbench.report.plots_of_runs import ranks_caption
from rnnbench.report.table import to_rich
from rnnbench.report.tables_of_runs import board_tables


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_a_leaderboard_fits_the_terminal(width, metric):
    models = {"stacked_vanilla_rnn": [2, 3, 2], "multinomial_naive_bayes": [18] * 3, "svm": [17]}
    run = scored_run(models, folder="results/one", records={"svm": MARGINS | {"params": 12_746}})
    console = Console(width=width, file=io.StringIO())

    for table in board_tables(rank_runs([run], metric)[0]):
        console.print(to_rich(table, console), crop=False)

    assert max(map(len, console.file.getvalue().splitlines())) <= width


def test_the_caption_of_five_datasets_says_nothing_of_power():
    datasets = {f"set{number}": {"rnn": [9], "lstm": [15]} for number in range(5)}

    assert "power" not in ranks_caption(rank_over_datasets(rank_runs(runs_on_datasets(datasets))))
