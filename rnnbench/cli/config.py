"""``rnnbench config``: check, show and new."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench.config.load import dump, load
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.config.schema import Benchmark
from rnnbench.config.starter import starter, write_starter
from rnnbench.errors import UserError
from rnnbench.terminal import completion, console, options

app = typer.Typer(
    help="Check configs, see them with every default, and start a new one.",
    no_args_is_help=True,
    epilog=options.examples("rnnbench config check configs/all.yaml"),
)


@app.command(
    epilog=options.examples(
        "rnnbench config check configs/all.yaml",
        "rnnbench config check configs/gru.yaml configs/lstm.yaml --json",
    )
)
def check(
    configs: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG",
            help="Config files.",
            show_default=False,
            autocompletion=completion.config_files,
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Report every problem in config files, with file and line. Nothing is trained.

    The exit status is 0 if all files are fine, else 2.
    """
    checked = {file: _check(file) for file in configs}
    if as_json:
        facts = [_facts(file, *found) for file, found in checked.items()]
        console.print_record({"files": facts}, as_json=True)
    else:
        for file, (benchmark, problems) in checked.items():
            for problem in problems:
                console.print_error(str(problem))
            if benchmark:
                models = _counted(len(benchmark.models), "model")
                typer.echo(f"{file}: fine, {models}, {_counted(len(benchmark.trials), 'trial')}")
    if not all(benchmark for benchmark, _ in checked.values()):
        raise typer.Exit(UserError.exit_code)


@app.command(
    epilog=options.examples(
        "rnnbench config show configs/all.yaml",
        "rnnbench config show configs/lstm.yaml --set training.epochs=50 > faster.yaml",
    )
)
def show(config: options.Config, settings: options.Settings = None) -> None:
    """Print CONFIG in full: merged with the files that it extends, and with every default.

    The output is a config of the same benchmark.
    """
    _print_yaml(dump(load(config, options.changes(settings))))


@app.command(
    epilog=options.examples(
        "rnnbench config new my.yaml", "rnnbench config new my.yaml --force", "rnnbench config new"
    )
)
def new(
    config: Annotated[
        Path | None,
        typer.Argument(help="The file to write; without it the config is printed."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite CONFIG if it exists.")] = False,
) -> None:
    """Write a config to start from: a small example, with comments that explain every option."""
    if config is None:
        _print_yaml(starter())
        return
    write_starter(config, overwrite=force)
    console.err.print(f"Written to {config}; next: rnnbench config check {config}", soft_wrap=True)


def _check(file: Path) -> tuple[Benchmark | None, tuple[Problem, ...]]:
    """Return the benchmark in ``file`` if nothing is wrong, and every problem."""
    try:
        return load(file), ()
    except ConfigError as error:
        return None, error.problems


def _facts(
    file: Path, benchmark: Benchmark | None, problems: tuple[Problem, ...]
) -> dict[str, Any]:
    return {
        "file": str(file),
        "is_fine": benchmark is not None,
        "name": benchmark.name if benchmark else None,
        "models": len(benchmark.models) if benchmark else None,
        "trials": len(benchmark.trials) if benchmark else None,
        "problems": [asdict(problem) for problem in problems],
    }


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _print_yaml(text: str) -> None:
    """Print YAML on standard output, in colours on a terminal, else unchanged."""
    if not console.out.is_terminal:
        typer.echo(text, nl=False)
        return
    from rich.syntax import Syntax

    syntax = Syntax("", "yaml", theme="ansi_dark", background_color="default")
    console.out.print(syntax.highlight(text), soft_wrap=True, end="")
