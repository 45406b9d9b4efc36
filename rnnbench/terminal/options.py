"""Options and arguments that several commands share, and what TAB suggests for them, at
once.
"""

import shlex
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from rnnbench.config import shipped
from rnnbench.data.sources import SOURCES
from rnnbench.data.sources.tables import READERS
from rnnbench.errors import UserError
from rnnbench.metrics import quantity_names
from rnnbench.points import split_names
from rnnbench.storage import named_folder
from rnnbench.text import encodable

F = TypeVar("F", bound=Callable[..., Any])
number = partial(typer.Option, metavar="N")
CHANGES = "Changes to the config"
_change = partial(typer.Option, rich_help_panel=CHANGES)


def among(*names: str, is_list: bool = False) -> Callable[[str], list[str]]:
    """Return a completer of ``names``; in a comma-separated list, nothing is suggested
    twice.
    """

    def complete(incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",") if is_list else ("", "", "")
        return [
            before + comma + name for name in names if name not in before.split(",")
        ]

    return complete


def _files(*patterns: str) -> list[Path]:
    files = (file for pattern in patterns for file in sorted(Path().glob(pattern)))
    return [file for file in files if file.is_file()]


def _configs() -> list[str]:
    return [*map(str, _files("*.y*ml", "configs/*.y*ml")), *shipped.listed()]


def _runs() -> list[str]:
    files = _files(
        "results/*/results.json", "results/*/*/results.json", "*/results.json"
    )
    return [*dict.fromkeys(str(file.parent) for file in files)]


config_argument = partial(typer.Argument, metavar="CONFIG", autocompletion=_configs)
run_folder = partial(typer.Argument, metavar="RUN", autocompletion=_runs)


new_folder = partial(typer.Option, metavar="FOLDER", parser=named_folder)
CONFIG = "A config file, the name of one from `rnnbench config list`, or a table or folder of texts."
Config = Annotated[Path, config_argument(help=CONFIG)]
SEED = "The seed of the model; by default the first."
NetworkSeed = Annotated[int | None, typer.Option(metavar="K", help=SEED)]
Epochs = Annotated[int | None, _change(metavar="N", help="Epochs of every training.")]
SEEDS = (
    "The number of seeds, such as 5, or a list, such as 0,1,2; '7,' is seed 7 alone."
)
Seeds = Annotated[str | None, _change(metavar="N|LIST", help=SEEDS)]
Models = Annotated[
    str | None, _change(metavar="A,B", help="Only these models of the config.")
]
SOURCE = f"The source of the documents: {', '.join(['auto', *SOURCES])}."
_source = _change(
    "--data", metavar="SOURCE", help=SOURCE, autocompletion=among("auto", *SOURCES)
)
Source = Annotated[str | None, _source]
OFFLINE = "Read the source offline, from this file or folder."
DataPath = Annotated[str | None, _change("--path", metavar="PATH", help=OFFLINE)]
_column = partial(_change, metavar="COLUMN")
TEXTS_IN = "The column of a table with the texts."
LABELS_IN = "The column of a table with the labels."
TextColumn = Annotated[str | None, _column("--text", help=TEXTS_IN)]
LabelColumn = Annotated[str | None, _column("--label", help=LABELS_IN)]
SET = "Change any value of the config; repeatable."
Settings = Annotated[
    list[str] | None, _change("--set", metavar="KEY.PATH=VALUE", help=SET)
]
LEFT_OUT = "Leave out test documents that are also in the training set."
WithoutDuplicates = Annotated[bool, typer.Option("--without-duplicates", help=LEFT_OUT)]
QUANTITIES = " or ".join(", ".join(quantity_names()).rsplit(", ", 1))
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def examples(*commands: str) -> str:
    """Return the text below a command's help: ``commands``, each ready to be typed."""
    return "\n\n".join(["Examples:", *(f"- `{command}`" for command in commands)])


def command_with(
    app: typer.Typer, *lines: str, name: str | None = None
) -> Callable[[F], F]:
    """Return what adds a function to ``app`` as a command, with examples below its
    help.
    """
    return app.command(name, epilog=examples(*lines))


Runs = Annotated[
    list[Path], run_folder(help="Folders of finished runs; all else is left out.")
]


def check_config_name(file: Path) -> None:
    """Make sure that a config to be written will not be read as a table of texts."""
    if file.suffix.lower() in READERS:
        raise UserError(f"{file}: would be read as a table of texts (use .yaml)")


def line(*words: object) -> str:
    """Return a command line to be typed, with the program's path if the shell would not
    find it.
    """
    called, found = Path(sys.argv[0]), shutil.which("rnnbench")
    is_file = called.name == "rnnbench" and called.exists()
    is_other = is_file and not (found and called.samefile(found))
    return encodable(
        shlex.join([str(called) if is_other else "rnnbench", *map(str, words)])
    )


def command() -> str:
    """Return the command line, quoted so that it can be typed again."""
    return line(*sys.argv[1:])


def names(text: str | None) -> list[str] | None:
    """Return the names in a comma-separated list; ``None`` if there is no list."""
    return None if text is None else split_names(text)
