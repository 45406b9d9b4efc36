"""The starter: a small config to begin with."""

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml

from rnnbench.config.yaml12 import Dumper
from rnnbench.errors import UserError
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
    return value if isinstance(value, str) else spell(value)


def write_starter(path: Path, *, overwrite: bool = False) -> None:
    """Write a starter, named after its file.

    Raises:
        UserError: the file exists and ``overwrite`` is false, or it cannot be written.
    """
    try:
        if path.exists() and not overwrite:
            raise UserError(f"{path}: exists already (--force overwrites it)")
        write_text(path, starter(path.stem))
    except (OSError, ValueError) as error:  # of a path that no file can have
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be written: {reason}") from error
