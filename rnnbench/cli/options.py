"""Options that several commands share."""

import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.models import ArgumentInfo

from rnnbench.cli import completion
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.errors import UserError
from rnnbench.metrics import quantity_names

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 + SIGINT, as shells have it."""

Config = Annotated[
    Path,
    typer.Argument(
        help="A config file.", show_default=False, autocompletion=completion.config_files
    ),
]
OptionalConfig = Annotated[
    Path | None,
    typer.Argument(
        help="A config file, for its data section.",
        show_default=False,
        autocompletion=completion.config_files,
    ),
]
Epochs = Annotated[
    int | None, typer.Option(metavar="N", help="Epochs of every training.", show_default=False)
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="N|LIST", help="Number of seeds, 5, or the seeds: 0,1,2.", show_default=False
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Only these models of the config.",
        show_default=False,
        autocompletion=completion.models_of_config,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="SOURCE", help=f"{', '.join(['auto', *SOURCES])}.", show_default=False
    ),
]
DataPath = Annotated[
    str | None,
    typer.Option(
        "--path", metavar="PATH", help="Read the source from this file or folder, offline."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY.PATH=VALUE", help="Change any value of the config; repeatable."
    ),
]
METRICS = " or ".join(", ".join(quantity_names()).rsplit(", ", 1))
"""The names of everything that runs can be compared and ranked by, for the help."""
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def examples(*commands: str) -> str:
    """Return what stands below a command's help: ``commands``, to be typed as they are."""
    return "\n\n".join(["Examples:", *(f"- `{command}`" for command in commands)])


def run_folder(help_text: str, metavar: str | None = None) -> ArgumentInfo:
    """Return the argument that names the folder of a run, or several."""
    return typer.Argument(
        metavar=metavar,
        help=help_text,
        show_default=False,
        autocompletion=completion.run_folders,
    )


def load_benchmark(
    config: Path,
    epochs: int | None,
    seeds: str | None,
    models: str | None,
    data: list[tuple[str, str, str | None]],
    settings: Iterable[str] | None,
) -> "Benchmark":
    """Return the benchmark of ``config`` with what the flags change, ``data_flags`` among them.

    Raises:
        UserError: the config or a flag is wrong.
    """
    from rnnbench.config.load import load, select

    flags = [
        ("--epochs", "training.epochs", None if epochs is None else str(epochs)),
        ("--seeds", "training.seeds", seeds and (f"[{seeds}]" if "," in seeds else seeds)),
        *data,
    ]
    benchmark = load(config, overrides(flags, settings))
    if models is None:
        return benchmark
    return select(benchmark, names(models), "--models")


def command() -> str:
    """Return what was typed, to be typed again."""
    return shlex.join(["rnnbench", *sys.argv[1:]])


def names(text: str) -> list[str]:
    """Return the names in a list that commas divide."""
    return [name for name in text.split(",") if name]


def overrides(flags: Iterable[tuple[str, str, str | None]], settings: Iterable[str] | None) -> list:
    """Return what the flags that were given change in the config.

    Args:
        flags: (flag, key of the config, value as YAML or ``None`` where it was not given).
        settings: the values of ``--set``, each ``key.path=value``.

    Returns:
        A list of ``Override``.

    Raises:
        UserError: a value of ``--set`` has no ``=``.
    """
    from rnnbench.config.load import Override

    given = [Override(flag, key, value) for flag, key, value in flags if value is not None]
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise UserError(f"--set {setting}: should be key.path=value, as training.epochs=5")
        given.append(Override(f"--set {setting}", key, value))
    return given


def data_flags(source: str | None, path: str | None) -> list[tuple[str, str, str | None]]:
    """Return ``--data`` and ``--path`` for ``overrides``."""
    return [("--data", "data.source", _quoted(source)), ("--path", "data.path", _quoted(path))]


def _quoted(text: str | None) -> str | None:
    """Return ``text`` as a YAML string, whatever it looks like."""
    return None if text is None else json.dumps(text)
