"""``rnnbench bench-speed``."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import options

if TYPE_CHECKING:
    from rnnbench.runner.events import Listener

EXAMPLES = options.examples(
    "rnnbench bench-speed configs/all.yaml",
    "rnnbench bench-speed configs/all.yaml --epochs 20 --rounds 3",
    "rnnbench bench-speed configs/gru.yaml --only compiled,torch --json",
)


def bench_speed(
    config: options.Config,
    epochs: options.Epochs = None,
    seeds: options.Seeds = None,
    models: options.Models = None,
    data: options.Source = None,
    path: options.DataPath = None,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often each contender trains the table.")
    ] = 3,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Only these contenders: compiled, compiled-1, keras, torch, torch-plain.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where results go; by default results/speed-NAME.",
            show_default=False,
        ),
    ] = None,
    settings: options.Settings = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Time CONFIG's whole table with each engine, and with PyTorch where it is installed.

    The contenders take turns: compiled, one process a core; compiled-1, a single process; keras,
    model.fit on all cores, one model after another; torch, one process a core, tuned; torch-plain,
    the same as it comes. Matrix products are timed as well: what a step of a model needs for them
    alone. Each round is stored when it ends.
    """
    from rnnbench.cli.console import err, print_error, print_record
    from rnnbench.cli.display import show_download, show_trials
    from rnnbench.config.load import dump
    from rnnbench.report.folder import check_folder, write_speed
    from rnnbench.report.speed import speed_tables
    from rnnbench.runner.benchmark import plan_benchmark
    from rnnbench.runner.workers import divide_cores
    from rnnbench.speed.benchmark import bench_speed as measure
    from rnnbench.speed.contenders import choose, networks_alone

    benchmark = networks_alone(
        options.load_benchmark(
            config, epochs, seeds, models, options.data_flags(data, path), settings
        )
    )
    contenders = choose(None if only is None else options.names(only), benchmark)
    folder = out or Path("results", f"speed-{benchmark.name}")
    with show_download(quiet=quiet) as progress:
        plan = plan_benchmark(benchmark, progress, divide_cores(None))
    check_folder(folder)

    def show(what: str) -> AbstractContextManager["Listener"]:
        if not quiet:
            err.print(what, soft_wrap=True)
        return show_trials(quiet=quiet)

    n_stored = 0
    try:
        for results in measure(benchmark, plan, contenders, rounds, show):
            write_speed(folder, results, dump(benchmark, folder))
            n_stored += 1
    except KeyboardInterrupt:
        print_error(f"Interrupted. {n_stored} of {rounds} rounds are stored.")
        raise typer.Exit(options.INTERRUPTED) from None
    print_record(results, *speed_tables(results), as_json=as_json)
    if not quiet:
        err.print(f"Stored in {folder}/", soft_wrap=True)
