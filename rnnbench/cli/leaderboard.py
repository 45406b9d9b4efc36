"""The command ``rnnbench leaderboard``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.analysis.leaderboard import rank_runs
from rnnbench.analysis.load import load_runs
from rnnbench.metrics import find_quantity
from rnnbench.report.leaderboard import board_tables
from rnnbench.results.schema import SUMMARY_VERSION
from rnnbench.terminal import console, options

EXAMPLES = options.examples(
    "rnnbench leaderboard results/reference/all results/all",
    "rnnbench leaderboard results/* --metric macro_f1",
    "rnnbench leaderboard results/* --json",
)


def leaderboard(
    runs: Annotated[
        list[Path],
        options.run_folder("Folders of finished runs; anything else is left out.", "RUN"),
    ],
    metric: Annotated[
        str, typer.Option(metavar="METRIC", help=f"Rank models by this: {options.METRICS}.")
    ] = "accuracy",
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Rank the models of all RUNs, best first.

    Only results on the same documents are comparable, so each set of documents has a table of its
    own. Trials that occur in several runs are shown once.
    """
    find_quantity(metric, "--metric")
    boards = rank_runs(load_runs(runs, without_duplicates=without_duplicates), metric)
    tables = [table for board in boards for table in board_tables(board)]
    record = {
        "schema_version": SUMMARY_VERSION,
        "leaderboards": [board.model_dump(mode="json") for board in boards],
    }
    console.print_record(record, *tables, as_json=as_json)
