"""The command ``rnnbench bench-speed``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.plugin import console, options

EXAMPLES = options.examples(
    "rnnbench bench-speed configs/all.yaml",
    "rnnbench bench-speed configs/all.yaml --epochs 20 --rounds 3",
    "rnnbench bench-speed configs/gru.yaml --only native,torch --json",
)
CONTENDERS = ("native", "native-1", "keras", "torch", "torch-packed")
"""Their names; importing them takes long."""
ROUNDS = "How often each contender trains everything."
OUT = "Where results go; by default results/speed-NAME."
ONLY = f"Only these contenders: {', '.join(CONTENDERS)}."
NAMES = options.among(*CONTENDERS, is_list=True)
Only = Annotated[
    str | None, typer.Option(metavar="A,B", help=ONLY, autocompletion=NAMES)
]


def bench_speed(
    config: options.Config,
    epochs: options.Epochs = None,
    seeds: options.Seeds = None,
    models: options.Models = None,
    data: options.Source = None,
    path: options.DataPath = None,
    rounds: Annotated[int, options.number(help=ROUNDS, min=1)] = 3,
    only: Only = None,
    out: Annotated[Path | None, options.new_folder(help=OUT)] = None,
    settings: options.Settings = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Time the training of all models of CONFIG by each engine and, if installed, by
    PyTorch.

    The contenders take turns: native, one process per core; native-1, a single process;
    keras, model.fit on all cores, one model after another; torch and torch-packed, one
    process per core. A contender that cannot train a model has empty cells there; the
    caption of the table says so. The matrix products of each model's training step are
    also timed alone. Each round is stored when it ends.
    """
    from rnnbench.plugin import (
        SPEED,
        changes,
        check_place,
        dump,
        load_with_files,
        lock_folder,
        plan_benchmark,
        prepare,
        select,
        show_download,
    )
    from rnnbench.plugins.speed.contenders import choose_contenders, only_networks
    from rnnbench.plugins.speed.measure import measure
    from rnnbench.plugins.speed.tables import FILES, speed_tables, write_speed

    changed = changes(settings, epochs=epochs, seeds=seeds, data=data, path=path)
    loaded = load_with_files(config, changed)
    chosen = select(loaded.benchmark, options.names(models), "--models")
    benchmark = only_networks(chosen)
    timed = choose_contenders(options.names(only), benchmark)
    folder = out or Path("results", f"speed-{benchmark.name}")
    text = dump(benchmark, folder)
    check_place(loaded, folder, text, SPEED, FILES)
    with show_download(quiet=quiet) as progress:
        plan = plan_benchmark(benchmark, prepare(benchmark.data, progress), threads=1)
    n_stored = 0
    try:
        with lock_folder(folder, options.command(), SPEED):
            for results in measure(benchmark, plan, timed, rounds, quiet=quiet):
                write_speed(folder, results, text)
                n_stored += 1
    except KeyboardInterrupt as interruption:
        message = f"Interrupted. {n_stored} of {rounds} rounds are stored."
        interruption.args = (message,)
        raise
    console.print_record(results, *speed_tables(results), as_json=as_json)
    if not quiet:
        console.err.print(f"Stored in {folder}/", soft_wrap=True)
