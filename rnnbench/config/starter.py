"""The config that a new one starts from."""

import re
from importlib.resources import files
from pathlib import Path

import yaml

from rnnbench.config.yaml12 import Dumper
from rnnbench.errors import UserError
from rnnbench.storage import write_text

NAME = "starter"


def starter(name: str = NAME) -> str:
    """Return a config with a small example, whose comments explain every section.

    Args:
        name: of the benchmark; what no name may have in it becomes ``_``.
    """
    template = files("rnnbench.config").joinpath("starter.yaml").read_text(encoding="utf-8")
    valid = re.sub(r"[^A-Za-z0-9_-]+", "_", name).lstrip("_-")[:100] or NAME
    return template.replace(f"name: {NAME}\n", yaml.dump({"name": valid}, Dumper=Dumper), 1)


def write_starter(path: Path, *, overwrite: bool = False) -> None:
    """Write a config to start from, named after its file.

    Raises:
        UserError: the file exists and is not to be overwritten, or cannot be written.
    """
    try:
        if path.exists() and not overwrite:
            raise UserError(f"{path}: exists already (--force overwrites it)")
        write_text(path, starter(path.stem))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be written: {reason}") from error
