"""``rnnbench data``: prepare, info, show and sources."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rnnbench.config.load import load, load_data
from rnnbench.config.schema import Benchmark
from rnnbench.data.load import PreparedData
from rnnbench.data.load import prepare as prepare_data
from rnnbench.data.settings import Data
from rnnbench.data.sources import SOURCES
from rnnbench.data.vocabulary import Document, find_document
from rnnbench.report.data import data_facts, data_views, sources_text
from rnnbench.report.document import Inputs, document_facts, document_text
from rnnbench.terminal import completion, console, options
from rnnbench.terminal.display import show_download
from rnnbench.training.inputs import input_of

app = typer.Typer(
    help="Get the documents, and describe them.",
    no_args_is_help=True,
    epilog=options.examples("rnnbench data prepare configs/all.yaml"),
)


@app.command(
    epilog=options.examples(
        "rnnbench data prepare",
        "rnnbench data prepare configs/all.yaml",
        "rnnbench data prepare --path reuters21578.tar.gz",
        "rnnbench data prepare --data r8 --json",
    )
)
def prepare(
    config: options.OptionalConfig = None,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Put the documents into the cache, downloading them if necessary, and describe them.

    Without CONFIG, the data section has its defaults, which are those of Keras's loader.
    """
    _describe(_prepared(config, data, path, settings), as_json=as_json)


@app.command(
    epilog=options.examples(
        "rnnbench data info configs/all.yaml", "rnnbench data info --data r52 --json"
    )
)
def info(
    config: options.OptionalConfig = None,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Describe documents that are already in the cache; nothing is downloaded."""
    _describe(_prepared(config, data, path, settings, offline=True), as_json=as_json)


@app.command(
    epilog=options.examples(
        "rnnbench data show 0",
        "rnnbench data show 17 configs/all.yaml",
        "rnnbench data show 17 zoo --set data.pad_length=10",
        "rnnbench data show 7 --data r8 --json",
    )
)
def show(
    number: Annotated[int, typer.Argument(metavar="N", help="Number of the document, from 0.")],
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG",
            help="A config file, or the name of one; it defines the ids and the models.",
            show_default=False,
            autocompletion=completion.config_files,
        ),
    ] = None,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Show one document: its words and their ids, and what each model of CONFIG is given.

    Padding, words that are cut off and unknown words are marked. Without CONFIG, the data section
    has its defaults, which are those of Keras's loader.
    """
    changes = options.changes(settings, data=data, path=path)
    benchmark = load(config, changes) if config else None
    prepared = _prepare(benchmark.data if benchmark else load_data(None, changes))
    section, corpus = prepared.section, prepared.corpus
    found = find_document(corpus, prepared.dataset, section, number)
    inputs = _inputs(benchmark, prepared, found) if benchmark else None
    console.print_record(
        document_facts(found, inputs), document_text(found, inputs), as_json=as_json
    )


def _inputs(benchmark: Benchmark, prepared: PreparedData, document: Document) -> Inputs:
    """Return the input of each model from a document; none if the document is left out."""
    if document.sequence is None:
        return {}
    sequence = np.array(document.sequence, np.int32)
    return {
        name: input_of(
            model, prepared.dataset, sequence, benchmark.training_of(name).validation_split
        )
        for name, model in benchmark.models.items()
    }


@app.command(epilog=options.examples("rnnbench data sources", "rnnbench data sources --json"))
def sources(as_json: options.Json = False) -> None:
    """List the sources of documents, and the file that can be used instead of a download."""
    found = SOURCES.usable()
    facts = {each.name: {"help": each.help, "file": each.file} for each in found}
    console.print_record({"sources": facts}, sources_text(found), as_json=as_json)


def _describe(data: PreparedData, *, as_json: bool) -> None:
    record = data_facts(data.corpus, data.summary, data.section)
    views = data_views(data.corpus, data.summary, data.section)
    console.print_record(record, *views, as_json=as_json)


def _prepared(
    config: Path | None,
    data: str | None,
    path: str | None,
    settings: list[str] | None,
    *,
    offline: bool = False,
) -> PreparedData:
    changes = options.changes(settings, data=data, path=path)
    return _prepare(load_data(config, changes), offline=offline)


def _prepare(section: Data, *, offline: bool = False) -> PreparedData:
    with show_download(quiet=False) as progress:
        return prepare_data(section, progress, offline=offline)
