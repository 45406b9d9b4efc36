"""The command ``rnnbench doctor``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.errors import RnnbenchError
from rnnbench.terminal import completion, console, options

if TYPE_CHECKING:
    from rnnbench.analysis.notes import Note

EXAMPLES = options.examples(
    "rnnbench doctor all", "rnnbench doctor results/reference/all", "rnnbench doctor all --json"
)


def doctor(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG|RUN",
            help="A config file or name, or the folder of a finished run.",
            show_default=False,
            autocompletion=completion.config_files,
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Point out what learners trip over: in the documents, the models, and the results of a run.

    Each note has its evidence, and one sentence of advice. Notes about the documents need them in
    the cache; nothing is downloaded.
    """
    from rnnbench.report.notes import notes_text

    notes = list(_notes_on_run(config) if config.is_dir() else _notes_on_config(config))
    record = {"notes": [note.model_dump() for note in notes]}
    console.print_record(record, notes_text(notes), as_json=as_json)


def _notes_on_config(config: Path) -> "Iterator[Note]":
    from rnnbench.analysis.notes import note_on_decoding, notes_on_config, notes_on_data
    from rnnbench.config.load import load
    from rnnbench.data.load import prepare

    benchmark = load(config)
    try:
        prepared = prepare(benchmark.data, offline=True)
    except RnnbenchError as error:
        console.err.print(f"No notes about the documents: {error}", soft_wrap=True)
    else:
        corpus = prepared.corpus.corpus
        yield from notes_on_data(prepared.summary, benchmark.data, corpus)
        yield note_on_decoding(corpus, prepared.dataset)
    yield from notes_on_config(benchmark)


def _notes_on_run(folder: Path) -> "Iterator[Note]":
    from rnnbench.analysis.load import load_run
    from rnnbench.analysis.notes import notes_on_run

    yield from notes_on_run(load_run(folder))
