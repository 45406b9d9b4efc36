"""The ``rnnbench`` command.

A command is imported when it runs or shows its own help, so that ``rnnbench --help``
and the completion of command names answer at once.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

import rnnbench
from rnnbench.command import LEARN, PARTS, RESULTS, TRAIN, Command
from rnnbench.errors import RnnbenchError, ending_of
from rnnbench.registry import PluginError, Registry

RUN = "rnnbench.cli.run:run"
RUNS = "rnnbench.cli.runs:commands"
CHOOSE = "rnnbench.choice.command:choose"
PREDICT = "rnnbench.prediction.command:predict"
VERDICT = "rnnbench.cli.verdict:verdict"
DOCTOR = "rnnbench.cli.inspection:doctor"
CONFIG = "rnnbench.cli.config:app"
MODELS = "rnnbench.cli.inspection:models"
DATA = "rnnbench.cli.inspection:data"
BUILT_IN = [
    Command("run", RUN, "Compare models on your own texts or newswires.", TRAIN),
    Command("choose", CHOOSE, "Choose models on held-out training documents.", TRAIN),
    Command("predict", PREDICT, "Classify new texts with a saved model.", TRAIN),
    Command("report", RUNS, "Write an HTML report about a run.", RESULTS),
    Command("leaderboard", RUNS, "Rank the models of many runs.", RESULTS),
    Command("compare", RUNS, "Show how the models of two runs differ.", RESULTS),
    Command("verdict", VERDICT, "Judge predictions from anywhere.", RESULTS),
    Command("doctor", DOCTOR, "Check this machine, a config or a run.", LEARN),
    Command("config", CONFIG, "Check configs, and start a new one.", PARTS),
    Command("models", MODELS, "Look at the models of a config.", PARTS),
    Command("data", DATA, "Get the documents and look at them.", PARTS),
]
NARROW = 70
"""In a narrower terminal, frames would cut the names of options."""
COMMANDS: Registry[Command] = Registry("command", Command, BUILT_IN)

QUICK_START = """\
Find out which text classifier is best, and how sure you can be: on your own texts, from
predictions that you have, or on Reuters newswires.

Quick start:

1. `rnnbench run smoke` trains small models in a few seconds: does everything work?

2. `rnnbench run tweets.csv` trains models on a table of your own texts and labels.

3. `rnnbench verdict mine.csv yours.csv` says whose predictions are better.

4. `rnnbench run all` is the benchmark on newswires; `rnnbench report results/all` makes
   a page of it, to be opened in a browser.
"""


def load_command(name: str) -> Any:
    """Import a command and return it as Typer runs it, or raise ``PluginError``."""
    target = COMMANDS[name].target
    with COMMANDS.blamed(name, f"cannot be loaded from {target}"):
        module_name, _, attribute = target.partition(":")
        module = import_module(module_name)
        function_or_app = getattr(module, attribute)
        parent = typer.Typer(rich_markup_mode="markdown")
        if not isinstance(function_or_app, typer.Typer):
            examples = getattr(module, "EXAMPLES", None)
            parent.command(name, epilog=examples)(function_or_app)
        elif name in get_group(function_or_app).commands:
            parent = function_or_app
        else:
            parent.add_typer(function_or_app, name=name)
        return get_group(parent).commands[name]


class _Commands(TyperGroup):
    """Imports the command that is asked for, and ends with a message if it fails."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _plain(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands; what these do is not imported for that."""
        log = logging.getLogger("rnnbench.registry")
        # While a line is completed, a warning would stand in it.
        log.disabled = ctx.resilient_parsing
        self.commands = {}
        for command in COMMANDS.usable():
            self.commands[command.name] = TyperCommand(
                command.name,
                help=command.summary,
                short_help=command.summary,
                rich_help_panel=command.group,
            )
        log.disabled = False
        return [*self.commands]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, *rest = args
        if name not in COMMANDS:
            self.list_commands(ctx)  # for the name that was meant
            return super().resolve_command(ctx, args)
        try:
            command = load_command(name)
        except PluginError:
            if not ctx.resilient_parsing:
                raise
            return name, TyperCommand(name), rest
        for part in (command, *getattr(command, "commands", {}).values()):
            if not isinstance(part, TyperGroup):
                _fit(part)
            _plain(part.get_params(ctx))
        return name, command, rest

    def make_context(self, *args: Any, **options: Any) -> Any:
        _fit(self)
        with _ending_with_a_message():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> object:
        with _ending_with_a_message():
            return super().invoke(ctx)


def _fit(command: TyperCommand | TyperGroup) -> None:
    """Have a command show its help without frames in a narrow terminal."""
    if shutil.get_terminal_size().columns < NARROW:
        command.rich_markup_mode = None


def _plain(params: list[Any]) -> list[Any]:
    """Return the parameters of a command; help shows no type for flags."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


@contextmanager
def _ending_with_a_message() -> Iterator[None]:
    """Turn errors and signals that end a command into a message and an exit status."""
    try:
        yield
    except (RnnbenchError, OSError, KeyboardInterrupt) as error:
        ending = ending_of(error)
        if ending is None:
            raise
        from rnnbench.terminal import console

        message, status = ending
        console.print_error(message)
        raise typer.Exit(status) from None


app = typer.Typer(
    name="rnnbench",
    cls=_Commands,
    help=QUICK_START,
    epilog="Examples:\n\n- `rnnbench run configs/all.yaml`\n\n- `rnnbench config list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # re-flows paragraphs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnnbench {rnnbench.__version__}")
        raise typer.Exit


_flag = typer.Option(
    "--version", callback=_print_version, is_eager=True, help="Print the version."
)


@app.callback()
def _options(version: Annotated[bool, _flag] = False) -> None:  # noqa: ARG001 - it has a callback
    from rnnbench.leftovers import remove_folders
    from rnnbench.terminal.console import show_log

    remove_folders()
    Path.cwd()  # fails if it was removed, which commands would notice later, or misread
    show_log()
