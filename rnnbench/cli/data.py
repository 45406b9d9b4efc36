"""``rnnbench data``: prepare, info, show and sources."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.data.sources.catalog import SOURCES
from rnnbench.terminal import console, options

if TYPE_CHECKING:
    from rnnbench.data.load import CachedCorpus
    from rnnbench.data.settings import Data

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
    _describe(config, data, path, settings, as_json=as_json, offline=False)


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
    """Describe newswires that are in the cache already; nothing is downloaded."""
    _describe(config, data, path, settings, as_json=as_json, offline=True)


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
    """Print the words of one newswire, its topic, and whether it is for training or testing."""
    from rnnbench.data.audit import find_document
    from rnnbench.data.dataset import make_dataset
    from rnnbench.report.data import document_text

    section, corpus = _load(config, data, path, settings)
    found = find_document(corpus.corpus, make_dataset(corpus.corpus, section), number)
    console.print_record(asdict(found), document_text(found), as_json=as_json)


@app.command(epilog=options.examples("rnnbench data sources", "rnnbench data sources --json"))
def sources(as_json: options.Json = False) -> None:
    """List the sources of newswires, and the file that can be used instead of a download."""
    from rnnbench.report.data import sources_text

    found = SOURCES.usable()
    facts = {each.name: {"help": each.help, "file": each.file} for each in found}
    console.print_record({"sources": facts}, sources_text(found), as_json=as_json)


def _describe(
    config: Path | None,
    data: str | None,
    path: str | None,
    settings: list[str] | None,
    *,
    as_json: bool,
    offline: bool,
) -> None:
    from rnnbench.data.audit import summarize_dataset
    from rnnbench.data.dataset import make_dataset
    from rnnbench.report.data import data_facts, data_text

    section, corpus = _load(config, data, path, settings, offline=offline)
    dataset = make_dataset(corpus.corpus, section)
    summary = summarize_dataset(corpus, dataset)
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
    from rnnbench.config.load import load_data
    from rnnbench.data.load import load_corpus
    from rnnbench.terminal.display import show_download

    section = load_data(config, options.changes(settings, data=data, path=path))
    with show_download(quiet=False) as progress:
        return section, load_corpus(section, progress, offline=offline)
