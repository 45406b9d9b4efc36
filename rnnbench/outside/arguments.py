"""The files that arguments of ``verdict`` name: ``files_of(["a=a.csv", "logs"])``."""

import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from rnnbench.data.sources.tables import READERS, has_table_name, text_files_in
from rnnbench.errors import UserError
from rnnbench.outside.formats import BY_ENDING
from rnnbench.results.store import RESULTS
from rnnbench.text import counted

SAMPLES = "samples_*.jsonl"  # of lm-evaluation-harness, which writes other files, too
MOST_FILES = 10_000  # in a folder
NamedFile = tuple[Path, str]
"""A file and the name of its model, which may be empty."""


def files_of(arguments: Sequence[str]) -> list[NamedFile]:
    """Return the file in each ``NAME=FILE``, and the name, or else an empty text.

    Instead of a file, a folder stands for all files in it.
    """
    files: list[NamedFile] = []
    samples = []
    for argument in arguments:
        path, model = _split_name(argument)
        new = [(path, model)]
        if path.is_dir():
            in_folder = _files_in(path)
            new = list(product(in_folder, [model]))
            if not model and in_folder[0].match(SAMPLES):
                samples += in_folder
        for file in new:
            if file in files:
                hint = "allowed: different files, or other names"
                raise UserError(f"{argument}: given twice ({hint})")
            files.append(file)
    models = _models_by_folder(samples)
    for place, (path, model) in enumerate(files):
        files[place] = (path, model or models.get(path, ""))
    return files


def _split_name(argument: str) -> NamedFile:
    """Return the path and the name in ``NAME=PATH``."""
    name, _, path = argument.partition("=")
    if path and not Path(argument).exists():
        return Path(path), name
    return Path(argument), ""


def _files_in(folder: Path) -> list[Path]:
    """Return the files in a folder, and in those in it, that could hold answers."""
    if (folder / RESULTS).is_file():
        hint = "--labels takes it, and `rnnbench leaderboard` ranks its models"
        raise UserError(f"{folder}: is a run ({hint})")
    files = sorted(folder.rglob(SAMPLES))
    if not files:
        for file in sorted(text_files_in(folder)):
            if has_table_name(file) or file.suffix.lower() in BY_ENDING:
                files.append(file)
    if not 0 < len(files) <= MOST_FILES:
        number = counted(len(files), "file")
        hint = f"allowed: up to {MOST_FILES:,} of {', '.join([*READERS, *BY_ENDING])}"
        raise UserError(f"{folder}: {number} with answers ({hint})")
    return files


def _models_by_folder(files: Sequence[Path]) -> dict[Path, str]:
    """Return the name of the first folder in which the paths of files differ."""
    models = {}
    if len(files) > 1:
        common = os.path.commonpath([file.resolve().parent for file in files])
        for file in files:
            folders = file.resolve().parent.relative_to(common).parts
            if folders:
                models[file] = folders[0]
    return models
