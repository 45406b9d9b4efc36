"""Configs to begin with: the starter, and copies of those that come with the package."""

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml

from rnnbench.config import shipped
from rnnbench.config.yaml12 import Dumper
from rnnbench.errors import UserError, did_you_mean
from rnnbench.models.baselines import BASELINES
from rnnbench.models.layers import LAYERS
from rnnbench.section import Variant, spell
from rnnbench.storage import write_text

NAME = "starter"


def starter(name: str = NAME) -> str:
    """Return a config with a small example, whose comments explain every section.

    Characters that are not allowed in a name become ``_``.
    """
    template = files("rnnbench.config").joinpath("starter.yaml").read_text(encoding="utf-8")
    valid = re.sub(r"[^A-Za-z0-9_-]+", "_", name).lstrip("_-")[:100] or NAME
    named = template.replace(f"name: {NAME}\n", yaml.dump({"name": valid}, Dumper=Dumper), 1)
    layers, baselines = _listed(LAYERS.usable(), "#   - "), _listed(BASELINES.usable(), "  #   ")
    schema = files("rnnbench.config").joinpath("config.schema.json")
    named = named.replace("SCHEMA", str(schema), 1)
    return named.replace("#   LAYERS\n", layers).replace("  #   BASELINES\n", baselines)


def _listed(kinds: Iterable[type[Variant]], start: str) -> str:
    """Return each kind in comment lines: its summary, and its parameters with their defaults."""
    indent = start.replace("-", " ")
    lines = []
    for kind in kinds:
        values = {
            key: "N" if field.is_required() else field.default
            for key, field in kind.model_fields.items()
        }
        # \0 stands for a space at which no line may break.
        spelled = ", ".join(f"{key}:\0{_as_yaml(value)}" for key, value in values.items())
        after = indent + " " * len(f"{kind.kind}: {{")
        lines += [f"{indent}# {line}" for line in wrap(kind.summary(), 78 - len(indent))]
        lines += wrap(
            f"{kind.kind}:\0{{{spelled}}}", 80, initial_indent=start, subsequent_indent=after
        )
    return "".join(f"{line}\n" for line in lines).replace("\0", " ")


def _as_yaml(value: Any) -> str:
    if value is None:
        return "null"
    return value if isinstance(value, str) else spell(value)


def write_starter(path: Path, *, overwrite: bool = False) -> None:
    """Write a starter, named after its file; see ``write_new``."""
    write_new(path, starter(path.stem), overwrite=overwrite)


def copy_config(name: str, path: Path, *, overwrite: bool = False) -> list[Path]:
    """Copy a config that comes with the package, and the table of texts that it names.

    The copy may still extend others that come with the package.

    Args:
        name: of the config.
        path: the new file.
        overwrite: whether the config is replaced if it exists; a table never is.

    Returns:
        The new files.

    Raises:
        UserError: there is no such config, a file exists already, or one cannot be written.
    """
    config = shipped.find(name)
    if config is None:
        raise UserError(f"no config '{name}' ({did_you_mean(name, shipped.names())})")
    copies = {path: config}
    data = yaml.safe_load(config.read_text(encoding="utf-8")).get("data") or {}
    if "path" in data:
        copies[path.parent / data["path"]] = config.parent / data["path"]
    for copy in copies:
        _check_new(copy, overwrite=overwrite and copy == path)
    for copy, original in copies.items():
        write_new(copy, original.read_text(encoding="utf-8"), overwrite=overwrite)
    return list(copies)


def _check_new(path: Path, *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists already (--force overwrites a config)")


def write_new(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a text to a file.

    Raises:
        UserError: the file exists and ``overwrite`` is false, or it cannot be written.
    """
    try:
        _check_new(path, overwrite=overwrite)
        write_text(path, text)
    except (OSError, ValueError) as error:  # of a path that no file can have
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be written: {reason}") from error
