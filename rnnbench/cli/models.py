"""``rnnbench models``: list and show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import completion, options

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark
    from rnnbench.data.load import CachedCorpus
    from rnnbench.data.settings import Data
    from rnnbench.models.descriptions import Model
    from rnnbench.models.shape import Shape

app = typer.Typer(
    help="See the models of a config, without training them.",
    no_args_is_help=True,
    epilog=options.examples("rnnbench models list --config configs/all.yaml"),
)

Config = Annotated[
    Path,
    typer.Option(
        metavar="CONFIG",
        help="The config file.",
        show_default=False,
        autocompletion=completion.config_files,
    ),
]


@app.command(
    "list",
    epilog=options.examples(
        "rnnbench models list --config configs/all.yaml",
        "rnnbench models list --config configs/all.yaml --data r52 --json",
    ),
)
def list_models(
    config: Config,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """List the models of CONFIG, and how many parameters of each network are trained.

    They depend on the newswires, so they are counted only where those are in the cache.
    """
    from rnnbench.cli import console
    from rnnbench.report.models import models_json, models_text

    benchmark = _load(config, data, path, settings)
    params, remark = _count_params(benchmark)
    if as_json:
        console.print_json(models_json(benchmark.models, params))
    else:
        console.out.print(models_text(benchmark.models, params, remark))


@app.command(
    epilog=options.examples(
        "rnnbench models show lstm --config configs/all.yaml",
        "rnnbench models show --config configs/all.yaml lstm --data r52 --json",
    )
)
def show(
    model: Annotated[
        str,
        typer.Argument(
            help="A model of CONFIG.",
            show_default=False,
            autocompletion=completion.model_of_config,
        ),
    ],
    config: Config,
    data: options.Source = None,
    path: options.DataPath = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Print one model layer by layer: what each does, gives, carries, and learns.

    Shapes are those on the newswires of CONFIG, which have to be in the cache; nothing is
    fetched.
    """
    from rnnbench.cli import console
    from rnnbench.config.load import select
    from rnnbench.models.descriptions import BaselineModel
    from rnnbench.report.models import baseline_json, baseline_text

    benchmark = select(_load(config, data, path, settings), [model], "MODEL")
    chosen = benchmark.models[model]
    if not isinstance(chosen, BaselineModel):
        _show_network(model, chosen, benchmark.data, as_json=as_json)
    elif as_json:
        console.print_json(baseline_json(model, chosen))
    else:
        console.out.print(baseline_text(model, chosen))


def _load(
    config: Path, data: str | None, path: str | None, settings: list[str] | None
) -> Benchmark:
    """Return the benchmark of ``config`` with what the flags change."""
    flags = options.data_flags(data, path)
    return options.load_benchmark(config, None, None, None, flags, settings)


def _count_params(benchmark: Benchmark) -> tuple[dict[str, int], str]:
    """Return the trained parameters of each network, or none and why they are not known."""
    from rnnbench.errors import UserError
    from rnnbench.models.describe import describe
    from rnnbench.models.descriptions import Network
    from rnnbench.models.quiet import quiet_tensorflow

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


def _show_network(name: str, network: Model, data: Data, *, as_json: bool) -> None:
    from rnnbench.cli import console
    from rnnbench.models.describe import describe
    from rnnbench.models.quiet import quiet_tensorflow
    from rnnbench.report.models import network_json, network_text

    corpus, shape = _find_data(data)
    with quiet_tensorflow():
        description = describe(network, shape)
    provenance = corpus.corpus.provenance
    if as_json:
        console.print_json(network_json(name, network, description, shape, provenance))
    else:
        console.out.print(network_text(name, network, description, shape, provenance))


def _find_data(data: Data) -> tuple[CachedCorpus, Shape]:
    """Return the newswires that the cache has, and the shape of the dataset made of them."""
    from rnnbench.data.dataset import make_dataset
    from rnnbench.data.load import load_corpus
    from rnnbench.models.shape import Shape

    corpus = load_corpus(data, offline=True)
    dataset = make_dataset(corpus.corpus, data)
    return corpus, Shape.of(dataset)
