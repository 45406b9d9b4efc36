"""The command ``rnnbench choose``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.errors import UserError
from rnnbench.request import ChoiceRequest, takes_options
from rnnbench.storage import check_new, check_replaceable
from rnnbench.terminal import console, options
from rnnbench.terminal.console import carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnnbench.choice.choose import Choice

EXAMPLES = options.examples(
    "rnnbench choose lstm --set 'models.lstm.layers.0.lstm.units=[25, 50, 100]'",
    "rnnbench choose zoo --folds 5 --write best.yaml",
    "rnnbench choose r52 --last 0.2 --seeds 3",
    "rnnbench choose my.yaml --sample 20 --json",
    "rnnbench choose tweets.csv --then-fit",
)
WRITE = "Write a config with the best point of each model to FILE."


@takes_options(ChoiceRequest)
def choose(
    write: Annotated[Path | None, typer.Option(metavar="FILE", help=WRITE)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite FILE if it exists.")
    ] = False,
    *,
    request: ChoiceRequest,
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
    from rnnbench.choice import choose as package  # imports NumPy and pydantic

    job = partial(package.choose, **vars(request))
    if write is not None:
        _check_target(write, request, overwrite=force)
        job = partial(_written, job, write)
    elif force:
        raise UserError("--force: needs --write")
    carry_out(
        job,
        quiet=quiet,
        as_json=as_json,
        closing=lambda choice, _: _closing(choice, write),
    )


def _closing(choice: "Choice", written: Path | None) -> list[str]:
    fitted, stored = choice.fitted, f"Stored in {choice.folder}/"
    if fitted:
        stored += f"; next: {options.line('predict', fitted.folder, 'TEXT')}"
    elif not written:
        stored += f"; next: {choice.results.command} --then-fit"
    if written:
        stored += f"\nWritten to {written}; next: {options.line('run', written)}"
    return [stored]


def _check_target(file: Path, request: ChoiceRequest, *, overwrite: bool) -> None:
    from rnnbench.job import inputs_of, load_config

    benchmark = load_config(request.config, request.settings)
    target, folder = file.resolve(), request.folder_of(benchmark.name).resolve()
    inputs = [path.resolve() for path in inputs_of(request.config, benchmark)]
    if target in inputs or target.is_relative_to(folder):
        raise UserError(
            f"--write {file}: the choice needs this file itself (use another name)"
        )
    options.check_config_name(file)
    check_new(file, "--write", overwrite=overwrite)
    check_replaceable(file)


def _written(job: "Callable[[], Choice]", file: Path) -> "Choice":
    """Return a choice after writing its best points; if trials failed, those of the
    others.
    """
    from rnnbench.runner.errors import FailedTrialsError

    try:
        choice = job()
    except FailedTrialsError as error:
        if error.run and error.run.results.candidates:
            error.run.write(file, overwrite=True)
        else:
            console.print_error(
                f"{file}: not written; no model has finished all its trials"
            )
        raise
    choice.write(file, overwrite=True)  # the target was checked before
    return choice
