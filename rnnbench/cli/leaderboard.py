"""The command ``rnnbench leaderboard``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.critical_difference import MeanRanks, rank_over_datasets
from rnnbench.analysis.load import load_runs
from rnnbench.errors import UserError
from rnnbench.metrics import find_quantity
from rnnbench.report.leaderboard import board_tables
from rnnbench.report.table import Table
from rnnbench.results.schema import SUMMARY_VERSION
from rnnbench.storage import atomic_write
from rnnbench.terminal import completion, console, options

EXAMPLES = options.examples(
    "rnnbench leaderboard results/reference/all results/all",
    "rnnbench leaderboard results/* --metric macro_f1",
    "rnnbench leaderboard results/* --json",
    "rnnbench leaderboard results/all results/r52 results/r8 --plot ranks.svg",
)


def leaderboard(
    runs: Annotated[
        list[Path],
        options.run_folder("Folders of finished runs; anything else is left out.", "RUN"),
    ],
    metric: Annotated[
        str,
        typer.Option(
            metavar="METRIC",
            help=f"Rank models by this: {options.METRICS}.",
            autocompletion=completion.metrics,
        ),
    ] = "accuracy",
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the mean ranks of the models over all datasets into FILE, which ends in "
            ".png, .svg or .pdf.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE if it exists.")] = False,
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Rank the models of all RUNs, best first.

    Only results on the same documents are comparable, so each set of documents has a table of its
    own. Trials that occur in several runs are shown once.

    With --plot, runs on two or more datasets give a critical-difference diagram (Demšar, 2006) of
    the models that all datasets have in common, matched by name: mean ranks, Friedman's test and
    Nemenyi's test. It describes these datasets and proves nothing about others: seeds are not
    datasets, and datasets of one collection are not independent. With fewer than 5 datasets, the
    tests have almost no power.
    """
    find_quantity(metric, "--metric")
    if plot is not None:
        _check_plot(plot, overwrite=force)
    elif force:
        raise UserError("--force: needs --plot")
    boards = rank_runs(load_runs(runs, without_duplicates=without_duplicates), metric)
    tables = [table for board in boards for table in board_tables(board)]
    record: dict[str, Any] = {
        "schema_version": SUMMARY_VERSION,
        "leaderboards": [board.model_dump(mode="json") for board in boards],
    }
    if plot is not None:
        ranks = rank_over_datasets(boards)
        record["mean_ranks"] = ranks.model_dump(mode="json")
        tables.append(_draw(ranks, plot))
    console.print_record(record, *tables, as_json=as_json)
    if plot is not None:
        console.err.print(f"Written to {plot}", soft_wrap=True)


def _check_plot(file: Path, *, overwrite: bool) -> None:
    from rnnbench.report.plots import FORMATS  # imports Matplotlib

    if file.suffix.lower() not in FORMATS:
        raise UserError(f"--plot {file}: got '{file.suffix}' (allowed: {', '.join(FORMATS)})")
    if file.exists() and not overwrite:
        raise UserError(f"--plot {file}: exists already (--force overwrites it)")


def _draw(ranks: MeanRanks, file: Path) -> Table:
    """Write the diagram of mean ranks, and return them as a table."""
    from rnnbench.report.critical_difference import ranks_table
    from rnnbench.report.plots import ranks_picture

    picture = ranks_picture(ranks, file.suffix.lower())
    with atomic_write(file) as opened:
        opened.write(picture)
    return ranks_table(ranks)
