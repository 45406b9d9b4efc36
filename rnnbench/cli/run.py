"""``rnnbench run``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import completion, options

EXAMPLES = options.examples(
    "rnnbench run configs/all.yaml",
    "rnnbench run configs/all.yaml --seeds 5 --jobs 2",
    "rnnbench run configs/all.yaml --models lstm,stacked_lstm --seeds 0,7 --epochs 50",
    "rnnbench run configs/all.yaml --data sgml --path reuters21578.tar.gz",
    "rnnbench run configs/lstm.yaml --set training.learning_rate=0.003 --out results/faster",
)


def run(
    config: options.Config,
    epochs: options.Epochs = None,
    seeds: options.Seeds = None,
    models: options.Models = None,
    data: options.Source = None,
    path: options.DataPath = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            metavar="N",
            help="Trainings side by side; by default one a core.",
            show_default=False,
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where trials run: local, or an executor that another package brings.",
            autocompletion=completion.executors,
        ),
    ] = "local",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where results go; by default results/NAME.", show_default=False
        ),
    ] = None,
    settings: options.Settings = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored trials again.")] = False,
    save_models: Annotated[
        bool, typer.Option("--save-models", help="Keep the trained networks, for `predict`.")
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train every model of CONFIG with every seed and print the accuracy table.

    Trials that are stored already are not trained again. Ctrl-C keeps all that finished; the
    same command goes on from there.
    """
    from rnnbench.analysis.summary import summarize_run
    from rnnbench.cli.console import err, print_record
    from rnnbench.cli.display import show_download, show_trials
    from rnnbench.config.load import dump
    from rnnbench.report.folder import write_report
    from rnnbench.report.table import result_tables
    from rnnbench.results.lock import lock_folder
    from rnnbench.results.store import Store
    from rnnbench.runner.benchmark import plan_benchmark, run_plan
    from rnnbench.runner.executors import executor_class

    benchmark = options.load_benchmark(
        config, epochs, seeds, models, options.data_flags(data, path), settings
    )
    trainer = executor_class(executor)(jobs)
    folder, command = out or Path("results", benchmark.name), options.command()
    with show_download(quiet=quiet) as progress:
        plan = plan_benchmark(benchmark, progress, trainer.threads, keep_models=save_models)
    with lock_folder(folder, command):
        with show_trials(quiet=quiet) as listener:
            trials = run_plan(plan, trainer, Store(folder), listener, fresh=fresh)
        results = summarize_run(benchmark, plan.dataset, trials, command)
        write_report(folder, results, dump(benchmark, folder))
    print_record(results, *result_tables(results), as_json=as_json)
    if not quiet:
        err.print(f"Stored in {folder}/", soft_wrap=True)
