"""``rnnbench data``: prepare, info, show and sources."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.config.load import load_data
from rnnbench.data.audit import find_document
from rnnbench.data.load import PreparedData
from rnnbench.data.load import prepare as prepare_data
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.report.data import data_facts, data_text, document_text, sources_text
from rnnbench.terminal import console, options
from rnnbench.terminal.display import show_download

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
    epilog=options.examples("rnnbench data show 0", "rnnbench data show 7 --data r8 --json")
)
def show(
    number: Annotated[int, typer.Argument(metavar="N", help="Number of the document, from 0.")],
    config: options.OptionalConfig = None,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Print the words of one document, its topic, and its place: training or test set."""
    prepared = _prepared(config, data, path, settings)
    found = find_document(prepared.corpus.corpus, prepared.dataset, number)
    console.print_record(asdict(found), document_text(found), as_json=as_json)


@app.command(epilog=options.examples("rnnbench data sources", "rnnbench data sources --json"))
def sources(as_json: options.Json = False) -> None:
    """List the sources of documents, and the file that can be used instead of a download."""
    found = SOURCES.usable()
    facts = {each.name: {"help": each.help, "file": each.file} for each in found}
    console.print_record({"sources": facts}, sources_text(found), as_json=as_json)


def _describe(data: PreparedData, *, as_json: bool) -> None:
    record = data_facts(data.corpus, data.summary, data.section)
    view = data_text(data.corpus, data.summary, data.section)
    console.print_record(record, view, as_json=as_json)


def _prepared(
    config: Path | None,
    data: str | None,
    path: str | None,
    settings: list[str] | None,
    *,
    offline: bool = False,
) -> PreparedData:
    section = load_data(config, options.changes(settings, data=data, path=path))
    with show_download(quiet=False) as progress:
        return prepare_data(section, progress, offline=offline)
