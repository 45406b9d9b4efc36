"""The commands ``rnnbench models list``, ``show`` and ``export``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.config.load import select
from rnnbench.config.schema import Benchmark
from rnnbench.data.cache import CachedCorpus
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.data.settings import Data
from rnnbench.errors import UserError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import BaselineModel, Network
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.models.shape import Shape
from rnnbench.report.models import (
    baseline_json,
    baseline_text,
    models_json,
    models_text,
    network_json,
    network_text,
)
from rnnbench.terminal import completion, console, options

app = typer.Typer(
    help="Inspect the models of a config without training them.",
    no_args_is_help=True,
    epilog=options.examples("rnnbench models list configs/all.yaml"),
)


@app.command(
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


@app.command(
    epilog=options.examples(
        "rnnbench models show configs/all.yaml lstm",
        "rnnbench models show zoo bilstm_max --data r52 --json",
    )
)
def show(
    config: options.Config,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model of CONFIG.",
            show_default=False,
            autocompletion=completion.model_of_config,
        ),
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
        facts = (model, chosen, description, shape, corpus.corpus.provenance)
        record, view = network_json(*facts), network_text(*facts)
    console.print_record(record, view, as_json=as_json)


@app.command(
    epilog=options.examples(
        "rnnbench models export results/zoo bilstm_max --out bilstm.keras",
        "rnnbench models export results/zoo gru --seed 1 --out gru.keras --force",
    )
)
def export(
    run: Annotated[Path, options.run_folder("The folder of a run made with --save-models.")],
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A network of RUN.",
            show_default=False,
            autocompletion=completion.network_of_run,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new .keras file.")],
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="The seed of the trained network; by default the first.",
            show_default=False,
        ),
    ] = None,
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


def _find_data(data: Data) -> tuple[CachedCorpus, Shape]:
    """Return the corpus in the cache, and the shape of its dataset."""
    corpus = load_corpus(data, offline=True)
    return corpus, Shape.of(make_dataset(corpus.corpus, data))
