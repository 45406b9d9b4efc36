"""The command ``rnnbench badge``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.analysis.load import load_run
from rnnbench.errors import UserError
from rnnbench.report.findings import make_badge
from rnnbench.storage import peek, write_text
from rnnbench.terminal import completion, console, options

EXAMPLES = options.examples(
    "rnnbench badge results/all",
    "rnnbench badge results/all --model lstm --metric macro_f1 --out badge.json",
)


def badge(
    run: Annotated[Path, options.run_folder("The folder of a finished run.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A model of RUN; by default the best one.",
            show_default=False,
            autocompletion=completion.model_of_run,
        ),
    ] = None,
    metric: options.Metric = "accuracy",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file to write, or a badge to replace; without it, the badge is printed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a badge of a result: the JSON that an endpoint badge of shields.io reads.

    The file has to be published somewhere; the address of the picture is then
    https://img.shields.io/endpoint?url= and the address of the file. An accuracy is green if it is
    clearly better than always answering the most frequent topic, red if it is clearly worse, and
    grey if there is no clear difference.
    """
    text = json.dumps(make_badge(load_run(run).results, model, metric), indent=1) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.is_file() and not {"schemaVersion", "label", "message"} <= peek(out).keys():
        raise UserError(f"--out {out}: exists and is not a badge (use another name)")
    write_text(out, text)
    console.err.print(f"Written to {out}", soft_wrap=True)
