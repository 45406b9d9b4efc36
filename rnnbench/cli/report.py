"""The command ``rnnbench report``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.terminal import console, options

EXAMPLES = options.examples(
    "rnnbench report results/all", "rnnbench report results/all --words 8 --errors 40"
)


def report(
    run: Annotated[Path, options.run_folder("The folder of a finished run.")],
    words: Annotated[
        int, typer.Option(min=0, metavar="N", help="Words shown of each misclassified document.")
    ] = 60,
    errors: Annotated[
        int, typer.Option(min=0, metavar="N", help="Misclassified documents shown.")
    ] = 20,
) -> None:
    """Write RUN/report.html, a single file that works offline, RUN/report.md and RUN/plots/.

    The report has tables, the differences of all pairs of models, learning curves, confusion
    matrices, F1 by topic, the number of errors on topics with few, some and many training
    documents, the documents misclassified most often, the data and the environment. The words of
    the documents come from the cache; nothing is downloaded.
    """
    from rnnbench import api  # imports scikit-learn

    page = api.load_run(run).write_report(words=words, errors=errors, command=options.command())
    console.out.print(str(page), soft_wrap=True)
