"""The ``rnnbench`` command.

A command is imported when it runs or shows its own help, so that ``rnnbench --help`` and the
completion of command names answer at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

import rnnbench
from rnnbench.errors import FULL, RnnbenchError, UserError, refused, signal_of

TRAIN, RESULTS, CI, LEARN, PARTS = (
    "Train and choose",
    "Look at results",
    "Watch results in CI",
    "Learn and check",
    "Configs, models and data",
)
"""The groups of commands in ``rnnbench --help``."""

COMMANDS = {
    "run": ("rnnbench.cli.run:run", "Train and test every model of a config.", TRAIN),
    "choose": (
        "rnnbench.choice.command:choose",
        "Choose models and hyperparameters on held-out training documents.",
        TRAIN,
    ),
    "predict": (
        "rnnbench.prediction.command:predict",
        "Classify texts with a saved network.",
        TRAIN,
    ),
    "bench-speed": ("rnnbench.speed.command:bench_speed", "Time the training engines.", TRAIN),
    "report": ("rnnbench.cli.runs:commands", "Write an HTML report about a run.", RESULTS),
    "site": (
        "rnnbench.website.command:site",
        "Make a folder of web pages from many runs.",
        RESULTS,
    ),
    "leaderboard": ("rnnbench.cli.runs:commands", "Rank the models of many runs.", RESULTS),
    "compare": ("rnnbench.cli.runs:commands", "Show how the models of two runs differ.", CI),
    "doctor": ("rnnbench.cli.inspection:doctor", "Check this machine, a config or a run.", LEARN),
    "explain": (
        "rnnbench.explain.command:explain",
        "Explain a recurrent layer step by step.",
        LEARN,
    ),
    "config": (
        "rnnbench.cli.config:app",
        "Check configs, resolve them, and start a new one.",
        PARTS,
    ),
    "models": (
        "rnnbench.cli.inspection:models",
        "Inspect the models of a config without training.",
        PARTS,
    ),
    "data": ("rnnbench.cli.inspection:data", "Get the documents and look at them.", PARTS),
}
"""The commands: where each one is defined, its line in ``rnnbench --help``, and its group there.

A function has its examples beside it, as ``EXAMPLES``. A Typer app is a group of commands, or, if
it is called ``commands``, has the command among others of the same level.
"""

REMOVED = {
    "power": "use `rnnbench compare RUN`",
    "history": "use `rnnbench leaderboard RUN ... --history`",
    "badge": "use `rnnbench leaderboard RUN --badge FILE`",
    "config copy": "use `rnnbench config new FILE --from NAME`",
    "config schema": "use `rnnbench config show --schema config`",
    "models list": "use `rnnbench models show CONFIG`",
    "data info": "use `rnnbench data show CONFIG`",
    "data sources": "use `rnnbench data show --sources`",
    "--search": "use --sample, which draws from the grid at random",
}
"""Commands and options of earlier versions, and what there is in their place."""

QUICK_START = """\
Benchmark sequence classifiers on Reuters newswires.

Quick start:

1. `rnnbench run smoke` trains small models in a few seconds and prints their accuracies.
2. `rnnbench report results/smoke` makes a page of them, to be opened in a browser.
3. `rnnbench run all` is the whole benchmark; `rnnbench config new my.yaml` starts one of your own.
"""


def load_command(name: str) -> Any:
    """Import the command ``name`` and return it as Typer runs it."""
    module_name, _, attribute = COMMANDS[name][0].partition(":")
    module = import_module(module_name)
    found = getattr(module, attribute)
    if attribute == "commands":
        return get_group(found).commands[name]
    parent = typer.Typer(rich_markup_mode="markdown")
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name, cls=_Group)
    else:
        parent.command(name, epilog=module.EXAMPLES)(found)
    return get_group(parent).commands[name]


class _Group(TyperGroup):
    """Says what there is in the place of a command of an earlier version."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        words = args[0] if ctx.parent is None else f"{ctx.info_name} {args[0]}"
        if words in REMOVED and args[0] not in self.commands and not ctx.resilient_parsing:
            raise UserError(f"no command '{words}' ({REMOVED[words]})")
        return super().resolve_command(ctx, args)


class _Commands(_Group):
    """Imports the command that is asked for; ends with a message, not a traceback, if it fails."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _plain(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        if not name:
            return name, None, rest
        command = load_command(name)
        for part in (command, *getattr(command, "commands", {}).values()):
            _plain(part.get_params(ctx))
        return name, command, rest

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _ending_with_a_message():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _ending_with_a_message():
            return super().invoke(ctx)


def _plain(params: list[Any]) -> list[Any]:
    """Return the parameters of a command; help shows no type for those that are just given."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


@contextmanager
def _ending_with_a_message() -> Iterator[None]:
    """Turn the errors and signals that end a command into a message and an exit status."""
    try:
        yield
    except (RnnbenchError, OSError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            message, status = str(error) or "Interrupted.", 128 + signal_of(error)
        else:
            found = error if isinstance(error, RnnbenchError) else refused(error)
            is_unnamed = isinstance(error, OSError) and not error.filename and error.errno in FULL
            if found is None or is_unnamed:
                raise
            message, status = str(found), found.exit_code
        from rnnbench.terminal import console

        console.print_error(message)
        raise typer.Exit(status) from None
    except Exception as error:  # of Click, or of the copy of it that comes with Typer
        if hint := REMOVED.get(getattr(error, "option_name", "")):
            error.message = f"{error.message} ({hint})"  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="rnnbench",
    cls=_Commands,
    help=QUICK_START,
    epilog="Examples:\n\n- `rnnbench run configs/all.yaml`",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # re-flows paragraphs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _in_list() -> None:
    """Take the place of a command in lists of commands, so that it is not imported for them."""


for _name, (_, _summary, _group) in COMMANDS.items():
    app.command(_name, help=_summary, rich_help_panel=_group)(_in_list)


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

    Path.cwd()  # fails if it was removed, which commands would notice later, or misread
    show_log()
