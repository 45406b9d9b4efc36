"""The command ``rnnbench predict``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import completion, options
from rnnbench.prediction.texts import read_texts

EXAMPLES = options.examples(
    'rnnbench predict results/all lstm "net profit rose 7 pct"',
    "rnnbench predict results/all lstm --file newswire.txt --top 3",
    "rnnbench predict results/all lstm - --json < newswire.txt",
)


def predict(
    run: Annotated[Path, options.run_folder("The folder of a run with --save-models.")],
    model: Annotated[
        str,
        typer.Argument(
            help="A network of it.", show_default=False, autocompletion=completion.model_of_run
        ),
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT...", help="Newswires, or - for one from standard input."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="FILE", help="A file with one newswire; repeatable."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="The seed of the trained network; by default the first.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Topics shown.")] = 5,
    as_json: options.Json = False,
) -> None:
    """Predict the topics of newswires with a network that `rnnbench run --save-models` kept.

    Texts are split into words in the same way as the corpus; unknown words are counted.
    """
    from rnnbench.cli.console import out, print_json
    from rnnbench.models.quiet import quiet_tensorflow
    from rnnbench.prediction.predict import predict_texts
    from rnnbench.prediction.table import prediction_table

    given = read_texts(texts or [], file or [])
    with quiet_tensorflow():
        found = predict_texts(run, model, seed, given, top)
    if as_json:
        print_json(json.loads(found.model_dump_json()))
        return
    for each in found.predictions:
        out.print(prediction_table(each))
