"""``rnnbench models``, ``data`` and ``doctor``: look at models, documents and a machine.

Nothing is trained.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from rnnbench.config.load import load, load_data, select
from rnnbench.config.schema import Benchmark
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import PreparedData, load_corpus
from rnnbench.data.load import prepare as prepare_data
from rnnbench.data.settings import Data
from rnnbench.data.sources import SOURCES
from rnnbench.data.vocabulary import Document, find_document
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import BaselineModel, Network
from rnnbench.models.layers.base import Shape
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.report.inspection import (
    Inputs,
    baseline_json,
    baseline_text,
    data_facts,
    data_views,
    document_facts,
    document_text,
    models_json,
    models_text,
    network_json,
    network_text,
    sources_text,
)
from rnnbench.terminal import console, options
from rnnbench.terminal.display import show_download
from rnnbench.training.inputs import input_of

if TYPE_CHECKING:
    from rnnbench.analysis.notes import Note

models = typer.Typer(
    help="Inspect the models of a config without training them.",
    no_args_is_help=True,
    epilog=options.examples("rnnbench models list configs/all.yaml"),
)
data = typer.Typer(
    help="Get the documents, and describe them.",
    no_args_is_help=True,
    epilog=options.examples("rnnbench data prepare configs/all.yaml"),
)
EXAMPLES = options.examples(
    "rnnbench doctor",
    "rnnbench doctor all",
    "rnnbench doctor results/reference/all",
    "rnnbench doctor all --json",
)
"""The examples of ``doctor``."""


@models.command(
    "list",
    epilog=options.examples(
        "rnnbench models list configs/all.yaml",
        "rnnbench models list configs/all.yaml --data r52 --json",
    ),
)
def list_models(
    config: options.Config,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """List the models of CONFIG, with the number of trainable parameters of each network.

    The numbers depend on the data, so they are shown only if the documents are in the cache.
    """
    benchmark = _load(config, data, path, settings)
    params, remark = _count_params(benchmark)
    record = {"models": models_json(benchmark.models, params)}
    console.print_record(record, models_text(benchmark.models, params, remark), as_json=as_json)


@models.command(
    "show",
    epilog=options.examples(
        "rnnbench models show configs/all.yaml lstm",
        "rnnbench models show zoo bilstm_max --data r52 --json",
    ),
)
def show_model(
    config: options.Config,
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A model of CONFIG.", show_default=False),
    ],
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Show one model layer by layer: purpose, output shapes, states and parameters.

    The shapes are for the documents of CONFIG, which have to be in the cache; nothing is
    downloaded.
    """
    benchmark = select(_load(config, data, path, settings), [model], "MODEL")
    if model not in benchmark.models:
        hint = f"allowed: {', '.join(benchmark.models)}"
        raise UserError(f"MODEL: '{model}' has a grid; name one of its points ({hint})")
    chosen = benchmark.models[model]
    if isinstance(chosen, BaselineModel):
        record, view = baseline_json(model, chosen), baseline_text(model, chosen)
    else:
        corpus, shape = _find_data(benchmark.data)
        with quiet_tensorflow():
            description = describe(chosen, shape)
        facts = (model, chosen, description, shape, corpus.provenance)
        record, view = network_json(*facts), network_text(*facts)
    console.print_record(record, view, as_json=as_json)


@models.command(
    epilog=options.examples(
        "rnnbench models export results/zoo bilstm_max --out bilstm.keras",
        "rnnbench models export results/zoo gru --seed 1 --out gru.keras --force",
    )
)
def export(
    run: Annotated[Path, options.run_folder("The folder of a run made with --save-models.")],
    model: options.NetworkName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new .keras file.")],
    seed: options.NetworkSeed = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE if it exists.")] = False,
) -> None:
    """Write a network that `rnnbench run --save-models` kept as a file for Keras.

    `keras.models.load_model` reads it. Import `rnnbench.models.saved` before, if the network has
    layers that Keras does not have.
    """
    from rnnbench.prediction.predict import export_network

    export_network(run, model, seed, out, overwrite=force)
    console.err.print(f"Written to {out}", soft_wrap=True)


def _load(
    config: Path, data: str | None, path: str | None, settings: list[str] | None
) -> Benchmark:
    return options.load_benchmark(config, None, options.changes(settings, data=data, path=path))


def _count_params(benchmark: Benchmark) -> tuple[dict[str, int], str]:
    """Return the trainable parameters of each network, and the reason if some are unknown."""
    models = benchmark.models.items()
    networks = {name: model for name, model in models if isinstance(model, Network)}
    if not networks:
        return {}, ""
    try:
        _, shape = _find_data(benchmark.data)
    except UserError as error:
        return {}, f"Parameters are not counted: {error}"
    counts, reasons = {}, []
    for name, network in networks.items():
        try:
            with quiet_tensorflow():
                counts[name] = describe(network, shape).trainable_params
        except UserError as error:
            reasons.append(f"{name}: {error}")
    return counts, "\n".join(reasons)


def _find_data(data: Data) -> tuple[Corpus, Shape]:
    """Return the corpus in the cache, and the shape of its dataset."""
    corpus = load_corpus(data, offline=True)
    return corpus, Shape.of(make_dataset(corpus, data))


@data.command(
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
    changes = options.changes(settings, data=data, path=path)
    _describe(load_data(config, changes), as_json=as_json)


@data.command(
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
    changes = options.changes(settings, data=data, path=path)
    _describe(load_data(config, changes), offline=True, as_json=as_json)


@data.command(
    "show",
    epilog=options.examples(
        "rnnbench data show 0",
        "rnnbench data show 17 configs/all.yaml",
        "rnnbench data show 17 zoo --set data.pad_length=10",
        "rnnbench data show 7 --data r8 --json",
    ),
)
def show_document(
    number: Annotated[int, typer.Argument(metavar="N", help="Number of the document, from 0.")],
    config: Annotated[
        Path | None,
        options.config_argument(
            "A config file, or the name of one; it defines the ids and the models."
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


@data.command(epilog=options.examples("rnnbench data sources", "rnnbench data sources --json"))
def sources(as_json: options.Json = False) -> None:
    """List the sources of documents, and the file that can be used instead of a download."""
    found = SOURCES.usable()
    facts = {source.name: {"help": source.help, "file": source.file} for source in found}
    console.print_record({"sources": facts}, sources_text(found), as_json=as_json)


def _describe(section: Data, *, offline: bool = False, as_json: bool) -> None:
    prepared = _prepare(section, offline=offline)
    facts = (prepared.corpus, prepared.summary, prepared.section)
    console.print_record(data_facts(*facts), *data_views(*facts), as_json=as_json)


def _prepare(section: Data, *, offline: bool = False) -> PreparedData:
    with show_download(quiet=False) as progress:
        return prepare_data(section, progress, offline=offline)


def doctor(
    config: Annotated[
        Path | None,
        options.config_argument(
            "A config file or name, or the folder of a finished run.", "CONFIG|RUN"
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
    if config is None:
        _check_machine(as_json=as_json)
        return
    from rnnbench.analysis.notes import notes_on_run
    from rnnbench.analysis.summary import load_run
    from rnnbench.report.inspection import notes_text

    is_run = config.is_dir()
    notes = list(notes_on_run(load_run(config)) if is_run else _notes_on_config(config))
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
    record = {"checks": [check.model_dump() for check in checks]}
    console.print_record(record, table, as_json=as_json)
    if wrong := [check for check in checks if check.exit_code]:
        error = RnnbenchError(
            f"Something is wrong with: {', '.join(check.name for check in wrong)}."
        )
        error.exit_code = wrong[0].exit_code
        raise error


def _notes_on_config(config: Path) -> "Iterator[Note]":
    from rnnbench.analysis.notes import note_on_decoding, notes_on_config, notes_on_data

    benchmark = load(config)
    try:
        prepared = prepare_data(benchmark.data, offline=True)
    except RnnbenchError as error:
        console.err.print(f"No notes about the documents: {error}", soft_wrap=True)
    else:
        corpus = prepared.corpus
        yield from notes_on_data(prepared.summary, benchmark.data, corpus)
        if SOURCES[corpus.provenance["source"]].fetch:  # not the user's own texts
            yield note_on_decoding(corpus, prepared.dataset)
    yield from notes_on_config(benchmark)
