"""The ``rnnbench`` command.

A command is imported when it runs or shows its own help, so that ``rnnbench --help`` and the
completion of command names answer at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

import rnnbench
from rnnbench.errors import FULL, STATUS_OF, RnnbenchError, signal_of

COMMANDS = {
    "run": ("rnnbench.cli.run:run", "Train and test every model of a config."),
    "choose": (
        "rnnbench.choice.command:choose",
        "Choose models and hyperparameters on held-out training documents.",
    ),
    "predict": ("rnnbench.prediction.command:predict", "Classify texts with a saved network."),
    "report": ("rnnbench.cli.report:report", "Write an HTML report about a run."),
    "compare": ("rnnbench.cli.compare:compare", "Show how the models of two runs differ."),
    "leaderboard": ("rnnbench.cli.leaderboard:leaderboard", "Rank the models of many runs."),
    "power": ("rnnbench.cli.power:power", "Show which differences a run could have found."),
    "bench-speed": ("rnnbench.speed.command:bench_speed", "Time the training engines."),
    "doctor": ("rnnbench.cli.doctor:doctor", "Point out what learners trip over."),
    "explain": ("rnnbench.explain.command:explain", "Explain a recurrent layer step by step."),
    "config": ("rnnbench.cli.config:app", "Check configs, resolve them, and start a new one."),
    "models": ("rnnbench.cli.models:app", "Inspect the models of a config without training."),
    "data": ("rnnbench.cli.data:app", "Get the documents and look at them."),
}
"""The commands: where each one is defined, and its line in ``rnnbench --help``.

A function has its examples beside it, as ``EXAMPLES``; a group of commands is a Typer app.
"""


def load_command(name: str) -> Any:
    """Import the command ``name`` and return it as Typer runs it."""
    module_name, _, attribute = COMMANDS[name][0].partition(":")
    module = import_module(module_name)
    command = getattr(module, attribute)
    parent = typer.Typer(rich_markup_mode="markdown")
    if isinstance(command, typer.Typer):
        parent.add_typer(command, name=name)
    else:
        parent.command(name, epilog=module.EXAMPLES)(command)
    return get_group(parent).commands[name]


class _Commands(TyperGroup):
    """Imports the command that is asked for; ends with a message, not a traceback, if it fails."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load_command(name), rest

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _ending_with_a_message():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _ending_with_a_message():
            return super().invoke(ctx)


@contextmanager
def _ending_with_a_message() -> Iterator[None]:
    """Turn the errors and signals that end a command into a message and an exit status."""
    try:
        yield
    except (RnnbenchError, OSError, KeyboardInterrupt) as error:
        message, status = _message_and_status(error)
        from rnnbench.terminal import console

        console.print_error(message)
        raise typer.Exit(status) from None


def _message_and_status(error: RnnbenchError | OSError | KeyboardInterrupt) -> tuple[str, int]:
    if isinstance(error, RnnbenchError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "Interrupted.", 128 + signal_of(error)
    if error.errno not in STATUS_OF or (error.errno in FULL and not error.filename):
        raise error
    return f"{error.filename or 'the system'}: {error.strerror}", STATUS_OF[error.errno]


app = typer.Typer(
    name="rnnbench",
    cls=_Commands,
    help="Benchmark sequence classifiers on Reuters newswires.",
    epilog="Examples:\n\n- `rnnbench run configs/all.yaml`",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # re-flows paragraphs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _in_list() -> None:
    """Take the place of a command in lists of commands, so that it is not imported for them."""


for _name, (_, _summary) in COMMANDS.items():
    app.command(_name, help=_summary)(_in_list)


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
    from rnnbench.terminal.console import show_log

    show_log()
