"""``rnnbench config``: check, show, new and list."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rnnbench.config import shipped
from rnnbench.config.grid import models_of
from rnnbench.config.load import Override, dump, load, tree_of
from rnnbench.config.nodes import ConfigError, Problem, at
from rnnbench.errors import UserError
from rnnbench.models.descriptions import Network
from rnnbench.points import model_of
from rnnbench.request import changes
from rnnbench.runner.check import check as check_benchmark
from rnnbench.runner.check import estimate_seconds
from rnnbench.runner.executors import LocalExecutor
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
FROM = """Copy this config of the package (see `rnnbench config list`), and its table of texts, if
it has one. Or make a config for this table or folder of your own texts."""
_from = typer.Option(
    "--from", metavar="NAME|TEXTS", help=FROM, autocompletion=shipped.listed
)
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
    given = changes(settings)
    checked = [_check(file, given, build=build) for file in configs]
    if as_json:
        console.print_record({"files": checked}, as_json=True)
    else:
        for facts in checked:
            for problem in facts["problems"]:
                console.print_error(str(Problem(**problem)))
            if facts["is_fine"]:
                sizes = [
                    counted(facts["models"], "model"),
                    counted(facts["trials"], "trial"),
                ]
                if facts["seconds"] is not None:
                    sizes += [
                        f"about {duration(facts['seconds'])} of training on this machine"
                    ]
                if facts["gigabytes"]:
                    here = LocalExecutor()
                    each = f"{counted(here.threads, 'thread')} and up to {facts['gigabytes']} GB"
                    sizes += [f"{here.jobs} at a time with {each} each"]
                typer.echo(f"{facts['file']}: fine, {', '.join(sizes)}")
    if not all(facts["is_fine"] for facts in checked):
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

    typer.echo(
        json.dumps(
            config_schema() if schema == "config" else results_schema(), indent=1
        )
    )


@_command(
    "rnnbench config new my.yaml",
    "rnnbench config new mine.yaml --from own_texts",
    "rnnbench config new mine.yaml --from tweets.csv",
)
def new(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG", help=NEW)] = None,
    source: Annotated[str | None, _from] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite CONFIG if it exists.")
    ] = False,
) -> None:
    """Write a config to start from: a small example that explains every option, or a
    copy.
    """
    if config is None:
        typer.echo(
            next(iter(shipped.new_files(Path(shipped.STARTER), source).values())),
            nl=False,
        )
        return
    options.check_config_name(config)
    texts = shipped.new_files(config, source)
    for file in texts:  # a table is never overwritten
        check_new(file, overwrite=force and file == config, old="a config")
    for file, text in reversed(texts.items()):  # the config is the first of them
        write_text(file, text)
        next_step = (
            f"; next: {options.line('config', 'check', config)}"
            if file == config
            else ""
        )
        console.err.print(f"Written to {file}{next_step}", soft_wrap=True)


@_command("rnnbench config list", name="list")
def list_configs(as_json: options.Json = False) -> None:
    """List the configs that come with rnnbench. Use their names wherever a config is
    expected.
    """
    from rich.table import Column, Table

    found = []
    for name in shipped.listed():
        facts = _check(file := shipped.folder() / f"{name}.yaml", (), build=False)
        size = {"models": facts["models"], "trials": facts["trials"]}
        found.append({"name": name, **size, "summary": shipped.summary(file)})
    table = Table(*(Column(header, overflow="fold") for header in found[0]))
    for config in found:  # those that others extend have no models of their own
        table.add_row(*(str(value or "-") for value in config.values()))
    console.print_record({"configs": found}, table, as_json=as_json)


def _check(file: Path, changes: Sequence[Override], *, build: bool) -> dict[str, Any]:
    """Return the size of the benchmark in a config, or every problem."""
    nothing = dict.fromkeys(("name", "models", "trials", "seconds", "gigabytes"))
    facts: dict[str, Any] = {
        "file": str(file),
        "is_fine": False,
        **nothing,
        "problems": [],
    }
    try:
        benchmark, seconds, gigabytes = load(file, changes), None, None
        if build:
            if n := sum(
                isinstance(model, Network) for model in benchmark.models.values()
            ):
                console.notice(
                    f"{file}: building {counted(n, 'network')}"
                )  # TensorFlow is slow
            checked = check_benchmark(benchmark)
            if checked.faults:
                raise ConfigError(_located(checked.faults, file))
            gigabytes = round(checked.gigabytes, 1) or None
            seconds = estimate_seconds(benchmark, checked)
    except ConfigError as error:
        return facts | {"problems": [asdict(problem) for problem in error.problems]}
    size = {"models": len(benchmark.models), "trials": len(benchmark.trials)}
    found = {"name": benchmark.name, **size, "seconds": seconds, "gigabytes": gigabytes}
    return facts | {"is_fine": True, **found}


def _located(faults: Mapping[str, str], file: Path) -> list[Problem]:
    root, problems = tree_of(file).root, []
    for key, fault in faults.items():
        section, *names = key.split(".", 1)
        written = [
            name if name in models_of(root) else model_of(name) for name in names
        ]
        problems.append(
            Problem(at(root, [section, *written]).where, key if names else "", fault)
        )
    return problems
