"""``rnnbench data``: prepare, info, show and sources."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.config.load import load_data
from rnnbench.data.audit import find_document, summarize_dataset
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import CachedCorpus, load_corpus
from rnnbench.data.settings import Data
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.report.data import data_facts, data_text, document_text, sources_text
from rnnbench.terminal import console, options
from rnnbench.terminal.display import show_download

app = typer.Typer(
    help="Get the newswires, and describe them.",
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
    """Put the newswires into the cache, downloading them if necessary, and describe them.

    Without CONFIG, the data section has its defaults, which are those of Keras's loader.
    """
    _describe(*_load(config, data, path, settings), as_json=as_json)


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
    """Describe newswires that are already in the cache; nothing is downloaded."""
    _describe(*_load(config, data, path, settings, offline=True), as_json=as_json)


@app.command(
    epilog=options.examples("rnnbench data show 0", "rnnbench data show 7 --data r8 --json")
)
def show(
    number: Annotated[int, typer.Argument(metavar="N", help="Number of the newswire, from 0.")],
    config: options.OptionalConfig = None,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Print the words of one newswire, its topic, and its place: training or test set."""
    section, corpus = _load(config, data, path, settings)
    found = find_document(corpus.corpus, make_dataset(corpus.corpus, section), number)
    console.print_record(asdict(found), document_text(found), as_json=as_json)


@app.command(epilog=options.examples("rnnbench data sources", "rnnbench data sources --json"))
def sources(as_json: options.Json = False) -> None:
    """List the sources of newswires, and the file that can be used instead of a download."""
    found = SOURCES.usable()
    facts = {each.name: {"help": each.help, "file": each.file} for each in found}
    console.print_record({"sources": facts}, sources_text(found), as_json=as_json)


def _describe(section: Data, corpus: CachedCorpus, *, as_json: bool) -> None:
    summary = summarize_dataset(corpus, make_dataset(corpus.corpus, section))
    record, view = data_facts(corpus, summary), data_text(corpus, summary, section)
    console.print_record(record, view, as_json=as_json)


def _load(
    config: Path | None,
    data: str | None,
    path: str | None,
    settings: list[str] | None,
    *,
    offline: bool = False,
) -> tuple[Data, CachedCorpus]:
    """Return the data section and the corpus that it asks for."""
    section = load_data(config, options.changes(settings, data=data, path=path))
    with show_download(quiet=False) as progress:
        return section, load_corpus(section, progress, offline=offline)
