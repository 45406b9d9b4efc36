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
    "rnnbench doctor",
    "rnnbench doctor all",
    "rnnbench doctor results/reference/all",
    "rnnbench doctor all --json",
)


def doctor(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG|RUN",
            help="A config file or name, or the folder of a finished run.",
            show_default=False,
            autocompletion=completion.config_files,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check this machine, or point out what learners trip over in a config or a run.

    Without CONFIG or RUN, it checks Python, packages, processor, engine, cache, disk and package
    index.

    Otherwise, it gives notes on the documents, the models and the results. Each has its evidence
    and one sentence of advice. Notes about the documents need them in the cache; nothing is
    downloaded.
    """
    from rnnbench.report.notes import notes_text

    if config is None:
        _check_machine(as_json=as_json)
        return
    notes = list(_notes_on_run(config) if config.is_dir() else _notes_on_config(config))
    record = {"notes": [note.model_dump() for note in notes]}
    console.print_record(record, notes_text(notes), as_json=as_json)


def _check_machine(*, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from rnnbench.runner.check import check_machine

    checks = check_machine()
    table = Table.grid(padding=(0, 2))
    for check in checks:
        style = "red" if check.exit_code else ""
        table.add_row(Text(check.name, "bold"), Text(check.found, style, overflow="fold"))
    console.print_record({"checks": [each.model_dump() for each in checks]}, table, as_json=as_json)
    if wrong := [check for check in checks if check.exit_code]:
        error = RnnbenchError(f"Something is wrong with: {', '.join(each.name for each in wrong)}.")
        error.exit_code = wrong[0].exit_code
        raise error


def _notes_on_config(config: Path) -> "Iterator[Note]":
    from rnnbench.analysis.notes import note_on_decoding, notes_on_config, notes_on_data
    from rnnbench.config.load import load
    from rnnbench.data.load import prepare
    from rnnbench.data.sources.catalog import SOURCES

    benchmark = load(config)
    try:
        prepared = prepare(benchmark.data, offline=True)
    except RnnbenchError as error:
        console.err.print(f"No notes about the documents: {error}", soft_wrap=True)
    else:
        corpus = prepared.corpus.corpus
        yield from notes_on_data(prepared.summary, benchmark.data, corpus)
        if SOURCES[corpus.provenance["source"]].fetch:  # not the user's own texts
            yield note_on_decoding(corpus, prepared.dataset)
    yield from notes_on_config(benchmark)


def _notes_on_run(folder: Path) -> "Iterator[Note]":
    from rnnbench.analysis.load import load_run
    from rnnbench.analysis.notes import notes_on_run

    yield from notes_on_run(load_run(folder))
