"""``rnnbench config``: check, show and new."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import completion, options
from rnnbench.errors import UserError

app = typer.Typer(
    help="Check configs, see what they come to, and start a new one.",
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
    """Say everything that is wrong with config files, with file and line; nothing is trained.

    The exit status is 0 when all are fine, and 2 when one is not.
    """
    from rnnbench.cli import console
    from rnnbench.config.check import check as check_config
    from rnnbench.report.config import check_json, check_text

    checks = [check_config(config) for config in configs]
    if as_json:
        console.print_record({"files": [check_json(each) for each in checks]}, as_json=True)
    else:
        for each in checks:
            for problem in each.problems:
                console.print_error(str(problem))
            if each.benchmark:
                typer.echo(check_text(each.benchmark, each.file))
    if not all(each.benchmark for each in checks):
        raise typer.Exit(UserError.exit_code)


@app.command(
    epilog=options.examples(
        "rnnbench config show configs/all.yaml",
        "rnnbench config show configs/lstm.yaml --set training.epochs=50 > faster.yaml",
    )
)
def show(config: options.Config, settings: options.Settings = None) -> None:
    """Print CONFIG as it is understood: with what it extends, and every default.

    What is printed is a config that describes the same benchmark.
    """
    from rnnbench.config.load import dump, load

    _print_yaml(dump(load(config, options.overrides([], settings))))


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
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite CONFIG where it exists.")
    ] = False,
) -> None:
    """Write a config to start from: a small example, with all there is explained beside it."""
    from rnnbench.cli import console
    from rnnbench.config.starter import starter, write_starter

    if config is None:
        _print_yaml(starter())
        return
    write_starter(config, overwrite=force)
    console.err.print(f"Written to {config}; next: rnnbench config check {config}", soft_wrap=True)


def _print_yaml(text: str) -> None:
    """Print YAML on standard output: in colours on a terminal, else to the letter."""
    from rnnbench.cli.console import out
    from rnnbench.report.config import highlighted

    if out.is_terminal:
        out.print(highlighted(text), soft_wrap=True, end="")
    else:
        typer.echo(text, nl=False)
