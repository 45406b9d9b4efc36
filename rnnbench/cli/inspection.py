"""``rnnbench models``, ``data`` and ``doctor``: look at what a run is made of."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rnnbench.analysis import notes
from rnnbench.analysis.summary import load_run
from rnnbench.config.load import Override, load, load_data, select
from rnnbench.config.schema import Benchmark
from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.load import PreparedData
from rnnbench.data.load import prepare as prepare_data
from rnnbench.data.sources import SOURCES
from rnnbench.data.vocabulary import find_document
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.describe import describe
from rnnbench.models.layers.base import Shape
from rnnbench.prediction.predict import find_model
from rnnbench.report.data_view import cache_view, data_view, notes_text, sources_view
from rnnbench.report.document_view import document_view, models_by_input
from rnnbench.report.layout import View, grid
from rnnbench.report.model_view import models_view, network_view, parameters_view
from rnnbench.request import changes
from rnnbench.results.run import load_benchmark, load_results
from rnnbench.runner.machine import check_machine
from rnnbench.storage import check_new
from rnnbench.suspects import command as suspects_of
from rnnbench.terminal import console, options
from rnnbench.terminal.display import show_download

models = typer.Typer(
    help="Inspect models of a config without training them.", no_args_is_help=True
)
data = typer.Typer(help="Get the documents, and describe them.", no_args_is_help=True)
_models_command = partial(options.command_with, models)
_data_command = partial(options.command_with, data)
EXAMPLES = options.examples(
    "rnnbench doctor", "rnnbench doctor all", "rnnbench doctor results/reference/all"
)
_subject = options.config_argument(
    help="A config or its name, or a run.", metavar="CONFIG|RUN"
)
DOCUMENT = "The number of a document, from 0; without it, the whole set is described."
MODEL = "A model of CONFIG; without it, all are listed."
CLEAR = "Remove these files. Do not use it while a run is in progress."
ALL_SOURCES = "List the sources, and the files that they can read."
EXPORTED = "The new file; by default, MODEL with the ending of its format."
FORMAT = "python, onnx or keras; by default, what FILE ends in, or python."
DATA_AND_MODELS = "A config or its name, which has the ids and the models; or texts."
DATA_ONLY = "A config file or its name, whose data section is used; or texts."


@_models_command(
    "rnnbench models show configs/all.yaml",
    "rnnbench models show configs/all.yaml lstm",
    "rnnbench models show zoo bilstm_max --data r52 --json",
    name="show",
)
def show_models(
    config: options.Config,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help=MODEL)] = None,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """List the models of CONFIG, or show one layer by layer.

    The list has the number of trainable parameters of each network; a single model is
    shown with its purpose, output shapes, states and parameters. The numbers are for
    the documents of CONFIG, which have to be in the cache; nothing is downloaded. The
    list does not need them.
    """
    benchmark = load(config, changes(settings, data=data, path=path))
    view = _all_models(benchmark) if model is None else _one_model(benchmark, model)
    console.print_record(*view, as_json=as_json)


def _all_models(benchmark: Benchmark) -> View:
    params: dict[str, int] = {}
    remarks = []
    networks = benchmark.networks
    try:
        if networks:
            shape = Shape.of(_prepare(benchmark.data, offline=True).dataset)
    except UserError as error:
        networks = {}
        remarks.append(f"Parameters are not counted: {error}")
    for name, network in networks.items():
        try:
            params[name] = describe(network, shape).trainable_params
        except UserError as error:
            remarks.append(f"{name}: {error}")
    return models_view(benchmark.models, params, "\n".join(remarks))


def _one_model(benchmark: Benchmark, name: str) -> View:
    allowed = select(benchmark, [name], "MODEL").models
    if name not in allowed:
        hint = f"allowed: {', '.join(allowed)}"
        raise UserError(f"MODEL: '{name}' has a grid; name one of its points ({hint})")
    if name not in benchmark.networks:
        return parameters_view(name, allowed[name])
    model = benchmark.networks[name]
    prepared = _prepare(benchmark.data, offline=True)
    shape = Shape.of(prepared.dataset)
    provenance = prepared.corpus.provenance
    return network_view(name, model, describe(model, shape), shape, provenance)


@_models_command(
    "rnnbench models export results/zoo gru --out gru.py",
    "rnnbench models export results/r52 svm --format onnx --json",
    "rnnbench models export results/zoo gru --seed 1 --out gru.keras",
)
def export(
    run: Annotated[
        Path, options.run_folder(help="The folder of a run made with --save-models.")
    ],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model of RUN.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=EXPORTED)] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help=FORMAT)
    ] = None,
    seed: options.NetworkSeed = None,
    force: options.Force = False,
    as_json: options.Json = False,
) -> None:
    """Write a trained model to a file that works without rnnbench.

    `python` is a program that needs only NumPy: `python gru.py < texts.txt`. `onnx` is
    for ONNX Runtime; its metadata hold the labels, and code that turns texts into
    inputs. Both are written only if they give the same answers as the model.

    `keras` is for networks: `keras.models.load_model` reads it. Import
    `rnnbench.models.keras_layers` first, if the network has layers that Keras lacks.
    """
    from rnnbench.prediction.exports import writing

    chosen = writing.format_of(file_format, out)
    if out is None:
        out = Path(f"{model}{chosen.ending}")
    check_new(out, "--out", [chosen.ending], overwrite=force)
    results = load_results(run)
    benchmark = load_benchmark(run, results.by_name)
    kept = find_model(run, model, seed, results, benchmark)
    texts = partial(writing.texts_of, kept, results, benchmark)
    exported = writing.export(kept, chosen, out, texts)
    console.err.print(exported.in_words(), soft_wrap=True)
    if as_json:
        console.print_record(exported, as_json=True)


@_data_command(
    "rnnbench data prepare configs/all.yaml",
    "rnnbench data prepare --path reuters21578.tar.gz",
    "rnnbench data prepare --data r8 --json",
)
def prepare(
    config: Annotated[Path | None, options.config_argument(help=DATA_ONLY)] = None,
    data: options.Source = None,
    path: options.DataPath = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    group: options.GroupColumn = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Put the documents into the cache, downloading them if necessary, and describe
    them.

    Without CONFIG, the data section has its defaults, which are those of Keras's
    loader.
    """
    changed = changes(
        settings, data=data, path=path, text=text, label=label, group=group
    )
    prepared = _prepare(load_data(config, changed))
    console.print_record(*data_view(prepared), as_json=as_json)


@_data_command(
    "rnnbench data show --data r52 --json",
    "rnnbench data show zoo 17 --set data.pad_length=10",
    "rnnbench data show tweets.csv --text body --label mood",
    "rnnbench data show --sources",
    name="show",
)
def show_data(
    config: Annotated[
        Path | None, options.config_argument(help=DATA_AND_MODELS)
    ] = None,
    number: Annotated[int | None, typer.Argument(metavar="N", help=DOCUMENT)] = None,
    sources: Annotated[bool, typer.Option("--sources", help=ALL_SOURCES)] = False,
    data: options.Source = None,
    path: options.DataPath = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    group: options.GroupColumn = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Describe documents that are in the cache, or show document N.

    A document is shown with its words and their ids, and what each model of CONFIG is
    given; padding, words that are cut off and unknown words are marked. Without CONFIG,
    the data section has its defaults, which are those of Keras's loader.
    """
    changed = changes(
        settings, data=data, path=path, text=text, label=label, group=group
    )
    if sources and (config or changed):
        raise UserError(
            "--sources: lists all sources, so it takes no CONFIG, N or other option"
        )
    if number is None and re.fullmatch(r"\d{1,9}", str(config)):
        number = int(str(config))  # N alone
        config = None
    if sources:
        view = sources_view(SOURCES.usable())
    elif number is None:
        view = data_view(_prepare(load_data(config, changed), offline=True))
    else:
        view = _one_document(config, number, changed)
    console.print_record(*view, as_json=as_json)


@_data_command("rnnbench data cache", "rnnbench data cache --clear", name="cache")
def show_cache(
    clear: Annotated[bool, typer.Option("--clear", help=CLEAR)] = False,
    as_json: options.Json = False,
) -> None:
    """List the files in the cache, or remove them.

    They hold documents, downloads, and what models learned from texts without topics.
    They are made or downloaded again when they are needed.
    """
    files = cache.files()
    view = cache_view(files, is_cleared=clear)
    if clear:
        for file in files:
            file.unlink(missing_ok=True)
    console.print_record(*view, as_json=as_json)


_data_command(*suspects_of.EXAMPLES, name="suspects")(suspects_of.suspects)


def _one_document(
    config: Path | None, number: int, changed: Sequence[Override]
) -> View:
    inputs = None
    if config is None:
        data = load_data(None, changed)
    else:
        benchmark = load(config, changed)
        data = benchmark.data
        inputs = models_by_input(benchmark.models)
    prepared = _prepare(data)
    corpus = prepared.corpus
    document = find_document(corpus, prepared.dataset, prepared.config, number)
    return document_view(document, inputs)


def _prepare(data: Data, *, offline: bool = False) -> PreparedData:
    with show_download(quiet=False) as on_bytes:
        return prepare_data(data, on_bytes, offline=offline)


def doctor(
    config: Annotated[Path | None, _subject] = None, as_json: options.Json = False
) -> None:
    """Check this machine, or point out what learners trip over in a config or a run.

    Without CONFIG or RUN, it checks Python, packages, processor, engine, cache and
    disk. Otherwise, it gives notes on the documents, the models and the results, each
    with its evidence and advice. Notes about the documents need them in the cache;
    nothing is downloaded.
    """
    if config is None:
        _check_this_machine(as_json=as_json)
        return
    if config.is_dir():
        shown = list(notes.notes_on_run(load_run(config)))
    else:
        shown = list(_notes_on_config(config))
    record = {"notes": [note.model_dump() for note in shown]}
    console.print_record(record, notes_text(shown), as_json=as_json)


def _check_this_machine(*, as_json: bool) -> None:
    """Print what was looked at, or raise an error that names what is wrong."""
    checks = check_machine()
    wrong = [check for check in checks if check.exit_code]
    rows = []
    for check in checks:
        style = "red" if check.exit_code else ""
        rows.append((check.name, Text(check.found, style)))
    record = {"checks": [check.model_dump() for check in checks]}
    console.print_record(record, grid(rows, ("bold", "")), as_json=as_json)
    if wrong:
        names = ", ".join(check.name for check in wrong)
        error = RnnbenchError(f"Something is wrong with: {names}.")
        error.exit_code = wrong[0].exit_code
        raise error


def _notes_on_config(config: Path) -> Iterator[notes.Note]:
    benchmark = load(config)
    try:
        prepared = prepare_data(benchmark.data, offline=True)
    except RnnbenchError as error:
        console.notice(f"No notes about the documents: {error}")
    else:
        corpus = prepared.corpus
        yield from notes.notes_on_data(prepared.summary, benchmark.data, corpus)
        if SOURCES[corpus.provenance["source"]].fetch:  # not the user's own texts
            yield notes.note_on_decoding(corpus, prepared.dataset)
    yield from notes.notes_on_config(benchmark)
