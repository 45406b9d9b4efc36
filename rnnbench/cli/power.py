"""The command ``rnnbench power``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.analysis.comparisons import power_of_pairs
from rnnbench.analysis.load import load_run
from rnnbench.report.power import power_table
from rnnbench.results.schema import SUMMARY_VERSION
from rnnbench.terminal import console, options

EXAMPLES = options.examples(
    "rnnbench power results/all", "rnnbench power results/all --models lstm,stacked_lstm --json"
)


def power(
    run: Annotated[Path, options.run_folder("The folder of a finished run.")],
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Only these models of the run.", show_default=False),
    ] = None,
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Show which differences RUN could have found, and how many seeds it would take to find more.

    For each pair of models without a clear difference: the smallest difference that these test
    documents and seeds would show in 80 % of runs, and the number of seeds that would be needed if
    the measured difference were the true one.
    """
    stored = load_run(run, without_duplicates=without_duplicates)
    pairs = power_of_pairs(stored, None if models is None else options.names(models))
    record = {
        "schema_version": SUMMARY_VERSION,
        "pairs": [each.model_dump(mode="json") for each in pairs],
    }
    console.print_record(record, power_table(pairs, stored.results), as_json=as_json)
