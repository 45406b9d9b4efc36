"""The command ``rnnbench history``."""

from pathlib import Path
from typing import Annotated

from rnnbench.analysis.boards import trace_runs
from rnnbench.analysis.load import load_runs
from rnnbench.metrics import find_quantity
from rnnbench.report.history import history_table
from rnnbench.results.schema import SUMMARY_VERSION
from rnnbench.terminal import console, options

EXAMPLES = options.examples(
    "rnnbench history results/monday results/tuesday results/wednesday",
    "rnnbench history nightly/* --metric macro_f1",
    "rnnbench history nightly/* --json",
)


def history(
    runs: Annotated[
        list[Path],
        options.run_folder("Folders of finished runs; anything else is left out.", "RUN"),
    ],
    metric: options.Metric = "accuracy",
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Show a metric over all RUNs, the oldest first: date, commit, and the mean of each model.

    The table names the models whose accuracy clearly differs from that in the run before. Only
    results on the same documents are comparable, so each set of documents has a table of its own.
    The commit is that of rnnbench, if it runs from a git repository.
    """
    find_quantity(metric, "--metric")
    histories = trace_runs(load_runs(runs, without_duplicates=without_duplicates), metric)
    record = {
        "schema_version": SUMMARY_VERSION,
        "histories": [each.model_dump(mode="json") for each in histories],
    }
    console.print_record(record, *map(history_table, histories), as_json=as_json)
