"""``rnnbench leaderboard``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import options

EXAMPLES = options.examples(
    "rnnbench leaderboard results/reference/all results/all",
    "rnnbench leaderboard results/* --metric macro_f1",
    "rnnbench leaderboard results/* --json",
)


def leaderboard(
    runs: Annotated[
        list[Path], options.run_folder("Finished runs; what else is there is left out.", "RUN")
    ],
    metric: Annotated[
        str,
        typer.Option(metavar="METRIC", help=f"What decides the rank: {options.METRICS}."),
    ] = "accuracy",
    as_json: options.Json = False,
) -> None:
    """Rank the models of all RUNs, the best first.

    Only answers to the same wires are comparable: runs on others have a table of their own. The
    same trials in several runs are shown once.
    """
    from rnnbench.analysis.leaderboard import rank_runs
    from rnnbench.analysis.load import load_runs
    from rnnbench.cli.console import print_json, print_tables
    from rnnbench.metrics import find_quantity
    from rnnbench.report.leaderboard import board_tables, boards_json

    find_quantity(metric, "--metric")
    boards = rank_runs(load_runs(runs), metric)
    if as_json:
        print_json(boards_json(boards))
    else:
        print_tables(table for board in boards for table in board_tables(board))
