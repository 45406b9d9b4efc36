"""``rnnbench report``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import options

EXAMPLES = options.examples(
    "rnnbench report results/all", "rnnbench report results/all --words 8 --errors 40"
)


def report(
    run: Annotated[Path, options.run_folder("The folder of a finished run.")],
    words: Annotated[
        int, typer.Option(min=0, metavar="N", help="Words shown of a mistaken wire, at most.")
    ] = 60,
    errors: Annotated[int, typer.Option(min=0, metavar="N", help="Mistaken wires shown.")] = 20,
) -> None:
    """Write RUN/report.html, one file that needs no network, with RUN/report.md and RUN/plots/.

    Tables, learning curves, confusion, F1 by topic, the wires that were mistaken most, data and
    environment. The words of the wires come from the cache; nothing is fetched.
    """
    from rnnbench.analysis.documents import words_of_test_documents
    from rnnbench.analysis.load import load_run
    from rnnbench.cli.console import out
    from rnnbench.errors import UserError
    from rnnbench.report.page import write_page
    from rnnbench.results.lock import lock_folder

    finished = load_run(run)
    try:
        texts = words_of_test_documents(finished) if words else None
        with lock_folder(run, options.command()):
            page = write_page(finished, texts, words, errors)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written: {error.strerror}") from error
    out.print(str(page), soft_wrap=True)
