"""``rnnbench config``: check, show, new and list."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from rnnbench.config import shipped
from rnnbench.config.grid import models_of
from rnnbench.config.load import Override, dump, load, tree_of
from rnnbench.config.nodes import ConfigError, Problem, at
from rnnbench.config.schema import Benchmark
from rnnbench.data.load import PreparedData
from rnnbench.data.sources.tables import Layout, columns_called
from rnnbench.errors import UserError
from rnnbench.points import model_of
from rnnbench.request import changes
from rnnbench.runner.check import check as check_benchmark
from rnnbench.runner.executors import LocalExecutor
from rnnbench.runner.forecast import Forecast
from rnnbench.runner.plan import plan_benchmark
from rnnbench.storage import check_new, write_text
from rnnbench.terminal import console, options
from rnnbench.text import counted, duration

CONFIG = "A config file, or the name of one from `rnnbench config list`."
CONFIGS = "Config files, or names from `rnnbench config list`."
SCHEMA = (
    "Print the JSON Schema (draft 2020-12) of configs, or of results.json, instead."
)
_schema = typer.Option(metavar="config|results", help=SCHEMA)
NEW = "The file to write; by default it is printed."
FROM = """Copy this config of the package (see `rnnbench config list`), and its table of
texts, if it has one. Or make a config for this table or folder of your own texts."""
_from = typer.Option(
    "--from", metavar="NAME|TEXTS", help=FROM, autocompletion=shipped.listed
)
ALL = "Also list configs of one model, those to extend, and those of the maintainers."
MUCH = 1e9  # bytes of memory
HELP = "Check configs, see them with every default, and start from one."

app = typer.Typer(help=HELP, no_args_is_help=True)
_command = partial(options.command_with, app)


@_command(
    "rnnbench config check configs/all.yaml",
    "rnnbench config check configs/gru.yaml configs/lstm.yaml --no-build --json",
    "rnnbench config check lstm --set 'training.learning_rate=[0.001, 0.003]'",
)
def check(
    configs: Annotated[list[Path], options.config_argument(help=CONFIGS)],
    build: Annotated[bool, typer.Option(help="Build every network once.")] = True,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Report every problem in config files, with file and line. Nothing is trained.

    Every network is built once, which also imports modules of your own. If the
    documents are in the cache, the total training time is estimated; if not, typical
    sizes are assumed. The exit status is 0 if all files are fine, or else 2.
    """
    overrides = changes(settings)
    outcomes = [_check(file, overrides, build=build) for file in configs]
    if as_json:
        files = [asdict(outcome) for outcome in outcomes]
        console.print_record({"files": files}, as_json=True)
    else:
        for outcome in outcomes:
            for problem in outcome.problems:
                console.print_error(str(problem))
            if outcome.is_fine:
                typer.echo(str(outcome))
    if not all(outcome.is_fine for outcome in outcomes):
        raise typer.Exit(UserError.exit_code)


@_command(
    "rnnbench config show configs/all.yaml",
    "rnnbench config show configs/lstm.yaml --set training.epochs=50 > faster.yaml",
    "rnnbench config show --schema config > config.schema.json",
)
def show(
    config: Annotated[Path | None, options.config_argument(help=CONFIG)] = None,
    schema: Annotated[Literal["config", "results"] | None, _schema] = None,
    settings: options.Settings = None,
) -> None:
    """Print CONFIG in full, as a config: merged with those that it extends, with every
    default.

    A schema is for editors and other programs. That of configs includes the layers,
    baselines, sources and engines of other packages that are installed.
    """
    if (config is None) == (schema is None):
        raise UserError("CONFIG or --schema: name one of the two")
    if schema and settings:
        raise UserError("--set: changes a CONFIG, not a schema")
    if config is not None:
        typer.echo(dump(load(config, changes(settings))), nl=False)
        return
    from rnnbench.json_schema import config_schema, results_schema

    content = config_schema() if schema == "config" else results_schema()
    typer.echo(json.dumps(content, indent=1))


@_command(
    "rnnbench config new my.yaml",
    "rnnbench config new mine.yaml --from own_texts",
    "rnnbench config new mine.yaml --from tweets.csv --text title,body",
)
def new(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG", help=NEW)] = None,
    source: Annotated[str | None, _from] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    group: options.GroupColumn = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite CONFIG if it exists.")
    ] = False,
) -> None:
    """Write a config to start from: a small example that explains every option, or a
    copy.
    """
    layout = Layout(text=columns_called(text), label=columns_called(label), group=group)
    if config is None:
        written, *_ = shipped.new_files(Path(shipped.STARTER), source, layout).values()
        typer.echo(written, nl=False)
        return
    options.check_config_name(config)
    files = shipped.new_files(config, source, layout)
    for file in files:  # a table is never overwritten
        check_new(file, overwrite=force and file == config, old="a config")
    for file, content in reversed(files.items()):  # the config comes last
        write_text(file, content)
        message = f"Written to {file}"
        if file == config:
            message += f"; next: {options.line('config', 'check', config)}"
        console.err.print(message, soft_wrap=True)


@_command("rnnbench config list", "rnnbench config list --json", name="list")
def list_configs(
    show_all: Annotated[bool, typer.Option("--all", help=ALL)] = False,
    as_json: options.Json = False,
) -> None:
    """List the configs that come with rnnbench and compare models. Use their names
    wherever a config is expected. As JSON, all configs are listed.
    """
    from rich.table import Column, Table

    show_all |= as_json  # programs get everything
    configs: list[Mapping[str, object]] = []
    for name in shipped.names() if show_all else shipped.listed():
        file = shipped.get(name)
        outcome = _check(file, (), build=False)
        if show_all or (outcome.models or 0) > 1:
            summary = shipped.summary(file)
            sizes = {"models": outcome.models, "trials": outcome.trials}
            configs.append({"name": name} | sizes | {"summary": summary})
    table = Table(*(Column(header, overflow="fold") for header in configs[0]))
    for config in configs:  # those that others extend have no models of their own
        table.add_row(*(str(value or "-") for value in config.values()))
    console.print_record({"configs": configs}, table, as_json=as_json)
    if not show_all:
        n_others = len(shipped.names()) - len(configs)
        console.notice(f"{n_others} others: {options.line('config', 'list', '--all')}")


@dataclass(frozen=True)
class _Outcome:
    """The result of the check of a config file."""

    file: str
    is_fine: bool
    name: str | None = None
    models: int | None = None
    trials: int | None = None
    seconds: float | None = None
    """About how long all trainings take on this machine, if the documents are here."""
    gigabytes: float | None = None
    """About how much memory all processes need at most, if it is much."""
    stored_gigabytes: float | None = None
    """The most that the results can take on disk, if it is much."""
    problems: Sequence[Problem] = ()

    def __str__(self) -> str:
        """The sizes of a benchmark without problems, in one line."""
        sizes = [counted(self.models or 0, "model"), counted(self.trials or 0, "trial")]
        if self.seconds is not None:
            time = duration(self.seconds)
            sizes.append(f"about {time} of training on this machine")
        if self.gigabytes:
            sizes.append(f"up to {self.gigabytes} GB of memory")
        if self.stored_gigabytes:
            sizes.append(f"up to {self.stored_gigabytes} GB of results")
        return f"{self.file}: fine, {', '.join(sizes)}"


def _check(file: Path, changes: Sequence[Override], *, build: bool) -> _Outcome:
    """Return the size of the benchmark in a config, or every problem."""
    seconds = None
    gigabytes = None
    stored_gigabytes = None
    try:
        benchmark = load(file, changes)
        if build:
            _announce_building(benchmark, file)
            checked = check_benchmark(benchmark)
            if checked.faults:
                raise ConfigError(_located(checked.faults, file))
            stored_gigabytes = round(checked.stored_gigabytes, 1) or None
            if checked.prepared:
                forecast = _forecast(benchmark, checked.prepared, file)
                seconds = forecast.seconds
                if forecast.memory >= MUCH:
                    gigabytes = round(forecast.memory / 1e9, 1)
    except ConfigError as error:
        return _Outcome(str(file), is_fine=False, problems=error.problems)
    return _Outcome(
        str(file),
        is_fine=True,
        name=benchmark.name,
        models=len(benchmark.models),
        trials=len(benchmark.trials),
        seconds=seconds,
        gigabytes=gigabytes,
        stored_gigabytes=stored_gigabytes,
    )


def _forecast(benchmark: Benchmark, data: PreparedData, file: Path) -> Forecast:
    """Return what a run will need, or raise ``ConfigError`` if it cannot have it."""
    executor = LocalExecutor()
    plan = plan_benchmark(benchmark, data, executor.threads)
    forecast = Forecast(plan.trials, data.dataset, executor.jobs)
    try:
        forecast.check_memory()
    except UserError as error:
        raise ConfigError(_located({"models": str(error)}, file)) from error
    return forecast


def _announce_building(benchmark: Benchmark, file: Path) -> None:
    """Say how many networks will be built, because TensorFlow is slow."""
    if benchmark.networks:
        n_networks = counted(len(benchmark.networks), "network")
        console.notice(f"{file}: building {n_networks}")


def _located(faults: Mapping[str, str], file: Path) -> list[Problem]:
    """Return the faults of sections and models as problems at their lines in a file."""
    root = tree_of(file).root
    problems = []
    for key, fault in faults.items():
        section, _, model = key.partition(".")
        path = [section]
        shown = ""
        if model:
            shown = key
            is_written = model in models_of(root)  # a point of a grid is not
            path.append(model if is_written else model_of(model))
        problems.append(Problem(at(root, path).where, shown, fault))
    return problems
