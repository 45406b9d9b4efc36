"""The ``rnnbench`` command.

Only Typer is imported here; each command imports what it needs when it runs, so that ``--help``
answers at once.
"""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import rnnbench
from rnnbench.cli import compare, config, data, leaderboard, models, options, report, run
from rnnbench.errors import RnnbenchError
from rnnbench.explain import command as explain
from rnnbench.prediction import command as predict
from rnnbench.speed import command as bench_speed


class _Group(TyperGroup):
    """Ends a command that cannot go on with a message and an exit status, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        from rnnbench.cli import console

        try:
            return super().invoke(ctx)
        except RnnbenchError as error:
            console.print_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            console.print_error("Interrupted. What was finished is stored.")
            raise typer.Exit(options.INTERRUPTED) from None


app = typer.Typer(
    name="rnnbench",
    cls=_Group,
    help="Benchmark sequence classifiers on Reuters newswires.",
    epilog=options.examples("rnnbench run configs/all.yaml"),
    no_args_is_help=True,
    rich_markup_mode="markdown",  # re-flows paragraphs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("leaderboard", epilog=leaderboard.EXAMPLES)(leaderboard.leaderboard)
app.command("bench-speed", epilog=bench_speed.EXAMPLES)(bench_speed.bench_speed)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain)
app.add_typer(config.app, name="config")
app.add_typer(models.app, name="models")
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
    """Run the command line."""
    app()
