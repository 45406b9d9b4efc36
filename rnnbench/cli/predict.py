"""``rnnbench predict``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import completion, options

EXAMPLES = options.examples(
    'rnnbench predict results/all lstm "net profit rose 7 pct"',
    "rnnbench predict results/all lstm --file wire.txt --top 3",
    "rnnbench predict results/all lstm - --json < wire.txt",
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
        typer.Option(metavar="K", help="Which training; by default the first.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Topics shown.")] = 5,
    as_json: options.Json = False,
) -> None:
    """Say which topics newswires have, by a network that `rnnbench run --save-models` kept.

    Texts are cut into words as the corpus was; words that it has not are counted.
    """
    from rnnbench.cli.console import print_record
    from rnnbench.models.quiet import quiet_tensorflow
    from rnnbench.prediction.predict import predict_texts
    from rnnbench.report.prediction import prediction_json, prediction_text

    given = options.read_texts(texts or [], file or [])
    with quiet_tensorflow():
        predictions = predict_texts(run, model, seed, given)
    record = {"predictions": [prediction_json(each, top) for each in predictions]}
    views = [prediction_text(each, top) for each in predictions]
    print_record(record, *views, as_json=as_json)
