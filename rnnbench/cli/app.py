"""The ``rnnbench`` command.

Only Typer is imported here; each command imports what it needs when it runs, so that ``--help``
answers at once.
"""

import sys
from typing import Annotated

import typer

import rnnbench
from rnnbench.cli import data, run
from rnnbench.errors import RnnbenchError

INTERRUPTED = 130

app = typer.Typer(
    name="rnnbench",
    help="Benchmark sequence classifiers on Reuters newswires.",
    epilog="Example: rnnbench run configs/all.yaml",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", epilog=run.EXAMPLES)(run.run)
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnnbench {rnnbench.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    from rnnbench.cli.console import show_log

    show_log()


def main() -> None:
    """Run the command line; errors the user can mend are printed without a traceback."""
    try:
        app()
    except RnnbenchError as error:
        from rnnbench.cli.console import print_error

        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
