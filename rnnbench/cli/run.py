"""The command ``rnnbench run``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.analysis.notes import one_answer_alone
from rnnbench.api import run_request
from rnnbench.finished import Run
from rnnbench.report.findings import findings
from rnnbench.report.table import Table
from rnnbench.report.tables.risk import risk_table
from rnnbench.report.tables.scores import short_table
from rnnbench.report.tables.topics import topics_table
from rnnbench.request import RunRequest, request_of
from rnnbench.terminal import console, options, run_options
from rnnbench.text import duration

EXAMPLES = options.examples(
    "rnnbench run tweets.csv --text body --label topic --save-models",
    "rnnbench run configs/all.yaml",
    "rnnbench run configs/all.yaml --seeds 5 --jobs 2",
    "rnnbench run configs/all.yaml --models lstm,stacked_lstm --seeds 0,7 --epochs 50",
    "rnnbench run configs/all.yaml --executor dask --scheduler tcp://HOST:8786",
    "rnnbench run configs/lstm.yaml --set training.learning_rate=0.003 "
    "--out results/faster",
)
OUT = "Where results go; by default results/NAME."
SAVED = "Keep the trained models, for `predict`."
COMPACT = "Store only what tables need, for runs kept in git."
QUIET = "Print the table alone."
VERBOSE = "Print all tables, and what their columns mean."
_output = partial(typer.Option, rich_help_panel="What is stored and printed")


def run(
    config: options.Config,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    group: options.GroupColumn = None,
    models: options.Models = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    settings: options.Settings = None,
    jobs: run_options.Jobs = None,
    out: Annotated[Path | None, options.new_folder(help=OUT)] = None,
    save_models: Annotated[bool, typer.Option("--save-models", help=SAVED)] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=VERBOSE)] = False,
    data: options.Source = None,
    path: options.DataPath = None,
    executor: run_options.ExecutorName = "local",
    scheduler: run_options.Scheduler = None,
    fresh: run_options.Fresh = False,
    track: run_options.Track = None,
    compact: Annotated[bool, _output("--compact", help=COMPACT)] = False,
    quiet: Annotated[bool, _output("--quiet", "-q", help=QUIET)] = False,
    as_json: Annotated[bool, _output("--json", help="Print JSON.")] = False,
) -> None:
    """Train every model of CONFIG with every seed and print the table of scores.

    Trials that are stored already are not trained again. If a model fails, or after
    Ctrl-C, the table shows the trials that finished; the same command continues from
    there. The other tables are in table.md, in the report, and printed with --verbose.
    """
    request = request_of(RunRequest, locals(), options.command())
    console.carry_out(
        partial(run_request, request),
        quiet=quiet,
        as_json=as_json,
        closing=_closing,
        views=_all_tables if verbose else _short_table,
    )


def _short_table(run: Run) -> list[Table]:
    return [short_table(run.results)]


def _all_tables(run: Run) -> list[Table]:
    tables = [*run.tables(), topics_table(run)]
    if run.results.dataset.kind.has_one_label:
        tables.append(risk_table(run))
    return tables


def _closing(run: Run, seconds: float) -> list[str]:
    """Return what came of a run, how long it took, and what can be done next."""
    outcome = " ".join(findings(run.results, one_answer_alone(run)))
    next_command = options.line("report", run.folder)
    return [
        f"{outcome} This took {duration(seconds)}.",
        f"Stored in {run.folder}/; next: {next_command}",
    ]
