"""The configs that come with the package, found by their names."""

import re
from pathlib import Path


def folder() -> Path:
    """Return the folder of the configs: in an installed package, or beside it in a clone."""
    installed = Path(__file__).parents[1] / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def names() -> list[str]:
    """Return the names of all configs, including those that others extend."""
    return sorted(file.stem for file in folder().glob("*.yaml"))


def find(name: str | Path) -> Path | None:
    """Return the config of this name; ``None`` if there is none."""
    return folder() / f"{name}.yaml" if str(name) in names() else None


def summary(file: Path) -> str:
    """Return the first sentence of a config's comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    return re.split(r"(?<=[.?]) ", comment, maxsplit=1)[0]
