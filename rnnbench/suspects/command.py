"""The command ``rnnbench data suspects``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.errors import UserError
from rnnbench.request import SuspectsRequest, request_of
from rnnbench.storage import check_new
from rnnbench.suspects.table import SHOWN, suspects_table
from rnnbench.terminal import options, run_options
from rnnbench.terminal.console import carry_out

if TYPE_CHECKING:
    from rnnbench.report.table import Table
    from rnnbench.suspects.find import Suspects

EXAMPLES = (
    "rnnbench data suspects tweets.csv --out suspects.csv",
    "rnnbench data suspects r52 --json",
    "rnnbench data suspects r52 --models bigru_max,tfidf_linear_svm",
    "rnnbench data suspects tweets.csv --set data.corrections=suspects.csv",
)
FOLDS = "Cross-validation with N folds."
MODELS = "The models that judge; by default naive Bayes and linear SVMs on words."
OUT = """Write the suspects to a table: .csv, .tsv, .jsonl or .parquet. Correct its
column 'label', and name the table in data.corrections."""
TOP = "How many rows the printed table has."
FOLDER = "Where trials and the page go; by default results/suspects-NAME."
COLUMNS = (
    *("document", "place", "label", "suggested", "suspicion"),
    *("given", "near_copy", "text"),
)


def suspects(
    config: options.Config,
    models: Annotated[str | None, typer.Option(metavar="A,B", help=MODELS)] = None,
    folds: Annotated[int, options.number(min=2, help=FOLDS)] = 5,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=OUT)] = None,
    force: options.Force = False,
    top: Annotated[int, options.number(min=1, help=TOP)] = SHOWN,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    group: options.GroupColumn = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    settings: options.Settings = None,
    jobs: run_options.Jobs = None,
    folder: Annotated[Path | None, options.new_folder(help=FOLDER)] = None,
    data: options.Source = None,
    path: options.DataPath = None,
    executor: run_options.ExecutorName = "local",
    scheduler: run_options.Scheduler = None,
    fresh: run_options.Fresh = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """List the documents of CONFIG whose labels look wrong, the most suspicious first.

    Several models answer all documents in a cross-validation, training and test
    documents together. A label is suspicious if they are surer of another one. The
    table shows 20; a page has 100, with their texts and the words that decided. Nothing
    is left out by itself. Trials are stored; after Ctrl-C, the same command continues.
    """
    request = request_of(
        SuspectsRequest, {**locals(), "out": folder}, options.command()
    )
    from rnnbench.prediction.writers import WRITABLE

    if out is not None:
        check_new(out, "--out", WRITABLE, overwrite=force)
    elif force:
        raise UserError("--force: needs --out")
    carry_out(
        partial(_found, request, out),
        quiet=quiet,
        as_json=as_json,
        closing=partial(_closing, out),
        views=partial(_tables, top),
    )


def _tables(top: int, result: "Suspects") -> "list[Table]":
    return [suspects_table(result.results, top)]


def _found(request: SuspectsRequest, out: Path | None) -> "Suspects":
    """Return the suspects, after writing them to a table."""
    from rnnbench.suspects.find import find_suspects

    if out is not None:
        _check_not_read(out, request)
    result = find_suspects(request)
    if out is not None:
        _write(out, result)
    return result


def _check_not_read(out: Path, request: SuspectsRequest) -> None:
    """Raise ``UserError`` if a new table would replace what the config reads."""
    from rnnbench.config.load import load_with_files

    place = out.resolve()
    for read in load_with_files(request.config, request.overrides).inputs:
        if read.resolve() in (place, *place.parents):
            raise UserError(f"--out {out}: the config reads it (name another file)")


def _closing(out: Path | None, result: "Suspects", _: float) -> list[str]:
    """Return where the suspects are, and what can be done next."""
    stored = f"The page is {result.folder}/report.html"
    if out is not None:
        stored += f"; {out} has all: correct its column 'label', then add "
        stored += f"--set data.corrections={out} to `rnnbench run`"
    return [stored]


def _write(out: Path, result: "Suspects") -> None:
    from rnnbench.prediction.writers import open_writer

    with open_writer(out, out, COLUMNS) as write:
        for suspect in result.results.suspects:
            write(
                [
                    suspect.document,
                    suspect.place,
                    suspect.label,
                    suspect.suggested,
                    round(suspect.score, 4),
                    suspect.shown_label,
                    suspect.near_copy,
                    suspect.text,
                ]
            )
