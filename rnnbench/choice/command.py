"""The command ``rnnbench choose``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.errors import UserError
from rnnbench.request import ChoiceRequest, request_of
from rnnbench.storage import check_new, check_replaceable
from rnnbench.terminal import console, options, run_options
from rnnbench.terminal.console import carry_out

if TYPE_CHECKING:
    from rnnbench.choice.choose import Choice

EXAMPLES = options.examples(
    "rnnbench choose lstm --set 'models.lstm.layers.0.lstm.units=[25, 50, 100]'",
    "rnnbench choose zoo --folds 5 --write best.yaml",
    "rnnbench choose r52 --last 0.2 --seeds 3",
    "rnnbench choose my.yaml --sample 20 --json",
    "rnnbench choose tweets.csv --then-fit",
    "rnnbench choose tweets.csv --shares 1%,5%,20%,50%,100%",
    "rnnbench choose r52 --shares 10%,100% --on-test",
)
OUT = "Where results go; by default results/choice-NAME."
FOLDS = "Use N-fold cross-validation; by default 5 folds."
LAST = "Instead of folds, hold out the last SHARE of the documents, such as 0.2."
SAMPLE = "Try N points of each grid, drawn at random, instead of all."
THEN_FIT = "Train the recommended model, and keep it for `predict`."
ON = """The documents to train it on: train, so that it is tested on the test documents;
or all, so that only this choice says how good it is."""
SHARES = """Learn from random shares of the documents, such as 1%,5%,20%,50%,100%, to
see what more labels would bring."""
LABELS = "The same with numbers of documents, such as 100,300,1000."
DRAWS = "Random subsets of each size; by default 3."
ON_TEST = """Test what learned from subsets on the test documents; no model is
recommended."""
_on = typer.Option(
    metavar="train|all", help=ON, autocompletion=options.among("train", "all")
)
WRITE = "Write a config with the best point of each model to FILE."


def choose(
    config: options.Config,
    folds: Annotated[int | None, options.number(min=2, help=FOLDS)] = None,
    last: Annotated[float | None, typer.Option(metavar="SHARE", help=LAST)] = None,
    sample: Annotated[int | None, options.number(min=1, help=SAMPLE)] = None,
    then_fit: Annotated[bool, typer.Option("--then-fit", help=THEN_FIT)] = False,
    on: Annotated[str, _on] = "train",
    shares: Annotated[str | None, typer.Option(metavar="A,B", help=SHARES)] = None,
    labels: Annotated[str | None, typer.Option(metavar="A,B", help=LABELS)] = None,
    draws: Annotated[int | None, options.number(min=2, help=DRAWS)] = None,
    on_test: Annotated[bool, typer.Option("--on-test", help=ON_TEST)] = False,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help=WRITE)] = None,
    force: options.Force = False,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    group: options.GroupColumn = None,
    models: options.Models = None,
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    settings: options.Settings = None,
    jobs: run_options.Jobs = None,
    out: Annotated[Path | None, options.new_folder(help=OUT)] = None,
    data: options.Source = None,
    path: options.DataPath = None,
    executor: run_options.ExecutorName = "local",
    scheduler: run_options.Scheduler = None,
    fresh: run_options.Fresh = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Choose among the models of CONFIG and the points of their grids, without test
    documents.

    They are evaluated on training documents that are held out from their training.
    Trials are stored; after Ctrl-C, the same command continues. The table says which
    models are clearly worse than the best. The simplest of the others is recommended;
    --then-fit trains and keeps it.
    """
    request = request_of(ChoiceRequest, locals(), options.command())
    if write is not None:
        if on_test:
            raise UserError("--on-test: not with --write (it chooses nothing)")
        _check_target(write, request, overwrite=force)
    elif force:
        raise UserError("--force: needs --write")
    carry_out(
        partial(_chosen, request, write),
        quiet=quiet,
        as_json=as_json,
        closing=partial(_closing, write),
    )


def _closing(written: Path | None, choice: "Choice", _: float) -> list[str]:
    """Return where a choice is stored, and what can be done next."""
    stored = f"Stored in {choice.folder}/"
    if choice.fitted:
        stored += f"; next: {options.line('predict', choice.fitted.folder, 'TEXT')}"
    elif not written and not choice.results.is_on_test:
        stored += f"; next: {choice.results.command} --then-fit"
    if written:
        stored += f"\nWritten to {written}; next: {options.line('run', written)}"
    return [stored]


def _check_target(file: Path, request: ChoiceRequest, *, overwrite: bool) -> None:
    from rnnbench.config.load import load_with_files

    config = load_with_files(request.config, request.overrides)
    target = file.resolve()
    folder = request.folder_of(config.benchmark.name).resolve()
    inputs = [path.resolve() for path in config.inputs]
    if target in inputs or target.is_relative_to(folder):
        raise UserError(
            f"--write {file}: the choice needs this file itself (use another name)"
        )
    options.check_config_name(file)
    check_new(file, "--write", overwrite=overwrite)
    check_replaceable(file)


def _chosen(request: ChoiceRequest, file: Path | None) -> "Choice":
    """Return a choice, and write its best points even if some trials failed."""
    from rnnbench.choice.choose import choose_request
    from rnnbench.runner.errors import FailedTrialsError

    try:
        choice = choose_request(request)
    except FailedTrialsError as error:
        if file and error.run and error.run.results.candidates:
            error.run.write(file, overwrite=True)
        elif file:
            console.print_error(
                f"{file}: not written; no model has finished all its trials"
            )
        raise
    if file:
        choice.write(file, overwrite=True)  # the target was checked before
    return choice
