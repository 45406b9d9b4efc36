"""The command ``rnnbench choose``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.terminal import console, options

if TYPE_CHECKING:
    from rnnbench.choice.choose import Choice

EXAMPLES = options.examples(
    "rnnbench choose lstm --set 'models.lstm.layers.0.lstm.units=[25, 50, 100]'",
    "rnnbench choose zoo --folds 5 --write best.yaml",
    "rnnbench choose r52 --last 0.2 --seeds 3",
    "rnnbench choose my.yaml --search 20 --json",
)


def choose(
    config: options.Config,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, metavar="N", help="Cross-validate in N folds; by default 5.", show_default=False
        ),
    ] = None,
    last: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Instead, judge the last training documents, such as 0.2 of them.",
            show_default=False,
        ),
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Try N points of each grid, drawn by Optuna, instead of all.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the best point of each model to this config.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE if it exists.")] = False,
    epochs: options.Epochs = None,
    seeds: options.Seeds = None,
    models: options.Models = None,
    data: options.Source = None,
    path: options.DataPath = None,
    jobs: options.Jobs = None,
    executor: options.ExecutorName = "local",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where results go; by default results/choice-NAME.",
            show_default=False,
        ),
    ] = None,
    settings: options.Settings = None,
    fresh: options.Fresh = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Choose among the models of CONFIG, and the points of their grids, without the test documents.

    Each is judged on training documents that it has not learned. Trials are stored, and the same
    command continues after Ctrl-C. The table says which models are clearly worse than the best.
    """
    from rnnbench.choice.choose import choose as judge_all  # imports scikit-learn
    from rnnbench.choice.write import check_target
    from rnnbench.job import FailedTrialsError, InterruptedRunError

    if write is not None:
        check_target(write, overwrite=force)
    choice: Choice | None = None
    ending: BaseException | None = None
    try:
        choice = judge_all(
            config,
            folds=folds,
            last=last,
            search=search,
            settings=options.changes(settings, epochs=epochs, seeds=seeds, data=data, path=path),
            models=None if models is None else options.names(models),
            jobs=jobs,
            out=out,
            fresh=fresh,
            executor=executor,
            progress=not quiet,
            command=options.command(),
        )
    except (FailedTrialsError, InterruptedRunError) as error:
        choice, ending = error.run, error
        if isinstance(error, FailedTrialsError) and not quiet:
            error.args = (error.summary,)  # each failure was shown when it happened
    try:
        if choice is not None:
            console.print_record(choice.results, *choice.tables(), as_json=as_json)
    finally:
        if ending is not None:
            raise ending
    if choice is None:
        return
    if write is not None:
        choice.write(write, overwrite=force)
    if not quiet:
        console.err.print(f"Stored in {choice.folder}/", soft_wrap=True)
        if write is not None:
            console.err.print(f"Written to {write}; next: rnnbench run {write}", soft_wrap=True)
