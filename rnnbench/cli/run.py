"""``rnnbench run``."""

from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.request import RunRequest, takes_options
from rnnbench.terminal import options
from rnnbench.terminal.console import carry_out
from rnnbench.text import duration

if TYPE_CHECKING:
    from rnnbench.api import Run

EXAMPLES = options.examples(
    "rnnbench run configs/all.yaml",
    "rnnbench run configs/all.yaml --seeds 5 --jobs 2",
    "rnnbench run configs/all.yaml --models lstm,stacked_lstm --seeds 0,7 --epochs 50",
    "rnnbench run configs/all.yaml --data sgml --path reuters21578.tar.gz",
    "rnnbench run configs/all.yaml --track tensorboard",
    "rnnbench run configs/all.yaml --executor dask --scheduler tcp://HOST:8786",
    "rnnbench run configs/lstm.yaml --set training.learning_rate=0.003 --out results/faster",
)


@takes_options(RunRequest)
def run(
    request: RunRequest,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print all tables, and what their columns mean.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the table alone.")] = False,
    as_json: options.Json = False,
) -> None:
    """Train every model of CONFIG with every seed and print the table of scores.

    Trials that are stored already are not trained again. If a model fails, or after Ctrl-C, the
    table shows the trials that finished; the same command continues from there. The other tables
    are in table.md, in the report, and printed with --verbose.
    """
    from rnnbench import api  # imports NumPy and pydantic
    from rnnbench.report.tables import short_table

    carry_out(
        lambda: api.run(**vars(request)),
        quiet=quiet,
        as_json=as_json,
        closing=_closing,
        views=(lambda run: run.tables()) if verbose else (lambda run: [short_table(run.results)]),
    )


def _closing(run: "Run", seconds: float) -> list[str]:
    """Return what came of a run, how long it took, and what can be done next."""
    from rnnbench.analysis.notes import one_answer_alone
    from rnnbench.report.words import findings

    verdict = " ".join(findings(run.results, one_answer_alone(run)))
    return [
        f"{verdict} This took {duration(seconds)}.",
        f"Stored in {run.folder}/; next: {options.line('report', run.folder)}",
    ]
