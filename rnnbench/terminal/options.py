"""Options and arguments that several commands share, and what TAB suggests for them.

``def show(config: options.Config, seed: options.NetworkSeed = None)`` takes two.
"""

import shlex
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from rnnbench.config import shipped
from rnnbench.data.sources import SOURCES
from rnnbench.data.sources.tables import has_table_name
from rnnbench.errors import UserError
from rnnbench.metrics import quantity_names
from rnnbench.points import split_names
from rnnbench.storage import named_folder
from rnnbench.text import encodable

F = TypeVar("F", bound=Callable[..., object])
number = partial(typer.Option, metavar="N")
_source_option = partial(typer.Option, rich_help_panel="Other sources of documents")


def among(*names: str, is_list: bool = False) -> Callable[[str], list[str]]:
    """Return a completer of names; a list, with commas, has none of them twice."""

    def complete(incomplete: str) -> list[str]:
        if not is_list:
            return list(names)
        before, comma, _ = incomplete.rpartition(",")
        typed = before.split(",")
        return [before + comma + name for name in names if name not in typed]

    return complete


def _files(*patterns: str) -> list[Path]:
    files: list[Path] = []
    for pattern in patterns:
        files += sorted(filter(Path.is_file, Path().glob(pattern)))
    return files


def _configs() -> list[str]:
    files = _files("*.y*ml", "configs/*.y*ml")
    return [*map(str, files), *shipped.listed()]


def _runs() -> list[str]:
    files = _files(
        "results/*/results.json", "results/*/*/results.json", "*/results.json"
    )
    folders = dict.fromkeys(file.parent for file in files)
    return [str(folder) for folder in folders]


config_argument = partial(typer.Argument, metavar="CONFIG", autocompletion=_configs)
run_folder = partial(typer.Argument, metavar="RUN", autocompletion=_runs)


new_folder = partial(typer.Option, metavar="FOLDER", parser=named_folder)
CONFIG = """A config file, the name of one from `rnnbench config list`, or a table or
folder of texts."""
Config = Annotated[Path, config_argument(help=CONFIG)]
SEED = "The seed of the model; by default the first."
NetworkSeed = Annotated[int | None, typer.Option(metavar="K", help=SEED)]
Epochs = Annotated[int | None, number(help="Epochs of every training.")]
SEEDS = (
    "The number of seeds, such as 5, or a list, such as 0,1,2; '7,' is seed 7 alone."
)
Seeds = Annotated[str | None, typer.Option(metavar="N|LIST", help=SEEDS)]
ONLY = "Only these models of the config."
Models = Annotated[str | None, typer.Option(metavar="A,B", help=ONLY)]
SOURCE = f"The source of the documents: {', '.join(['auto', *SOURCES])}."
_source = _source_option(
    "--data", metavar="SOURCE", help=SOURCE, autocompletion=among("auto", *SOURCES)
)
Source = Annotated[str | None, _source]
OFFLINE = "Read the source offline, from this file or folder."
_path = _source_option("--path", metavar="PATH", help=OFFLINE)
DataPath = Annotated[str | None, _path]
_column = partial(typer.Option, metavar="COLUMN")
TEXTS_IN = "The column of a table with the texts; or several, such as title,body."
LABELS_IN = "The column with the labels; or several with 1 or 0, one for each label."
GROUPS_IN = "The column with groups, such as authors; each group stays on one side."
TextColumn = Annotated[list[str] | None, _column("--text", help=TEXTS_IN)]
LabelColumn = Annotated[list[str] | None, _column("--label", help=LABELS_IN)]
GroupColumn = Annotated[
    str | None, _source_option("--group", metavar="COLUMN", help=GROUPS_IN)
]
SET = "Change any value of the config; repeatable."
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help=SET)
]
LEFT_OUT = "Leave out test documents that are also in the training set."
WithoutDuplicates = Annotated[bool, typer.Option("--without-duplicates", help=LEFT_OUT)]
MARGIN = "Say which models are surely equal within POINTS (hundredths)."
Margin = Annotated[
    float | None, typer.Option(metavar="POINTS", min=0.001, max=100, help=MARGIN)
]
QUANTITIES = " or ".join(", ".join(quantity_names()).rsplit(", ", 1))
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite FILE if it exists.")]


def examples(*commands: str) -> str:
    """Return the text below a command's help: ``commands``, each ready to be typed."""
    lines = [f"- `{command}`" for command in commands]
    return "\n\n".join(["Examples:", *lines])


def command_with(
    app: typer.Typer, *lines: str, name: str | None = None
) -> Callable[[F], F]:
    """Return a decorator that makes a function a command with examples in its help."""
    return app.command(name, epilog=examples(*lines))


Runs = Annotated[
    list[Path], run_folder(help="Folders of finished runs; all else is left out.")
]


def check_config_name(file: Path) -> None:
    """Make sure that a config to be written will not be read as a table of texts."""
    if has_table_name(file):
        raise UserError(f"{file}: would be read as a table of texts (use .yaml)")


def line(*words: object) -> str:
    """Return a command line to be typed; if the shell needs it, with a path."""
    program = "rnnbench"
    called = Path(sys.argv[0])
    if called.name == program and called.exists():
        on_path = shutil.which(program)
        if not on_path or not called.samefile(on_path):
            program = str(called)
    return encodable(shlex.join([program, *map(str, words)]))


def command() -> str:
    """Return the command line, quoted so that it can be typed again."""
    return line(*sys.argv[1:])


def names(text: str | None) -> list[str] | None:
    """Return the names in a comma-separated list; ``None`` if there is no list."""
    return None if text is None else split_names(text)
