"""Folders of texts: a folder for each label, or the parts of a data set.

``parts_of(Path("imdb"))`` are the tables, or folders, to train and to test on.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rnnbench.data.sources.tables.contents import foreign_kind, start_of
from rnnbench.data.sources.tables.layout import (
    NOT_A_ROW,
    Layout,
    Row,
    Rows,
    TextTable,
)
from rnnbench.data.sources.tables.lines import LONE_SURROGATES, MAX_TEXT, codec_of
from rnnbench.data.sources.tables.opening import has_table_name
from rnnbench.storage import read_file
from rnnbench.text import counted

log = logging.getLogger(__name__)
TRAIN = "train"
TEST = "test"
VALIDATION = "validation"
PART = re.compile(r"(train|test|validation|valid|val|dev)(-\d+-of-\d+.*)?", re.I)
"""Names of parts, and of the files that a part has been divided into."""
WITH_PARTS = "dataset_dict.json"
SHARDS = ("*.arrow", "*.parquet")
OF_A_RUN = ("results.json", "*/results.json", "choice.json")


class Part(NamedTuple):
    """A table, or a folder with a folder for each label, to train or to test on."""

    path: Path
    name: str = TRAIN

    @property
    def is_test(self) -> bool:
        """Whether its texts are to test on."""
        return self.name == TEST


def parts_of(path: Path) -> list[Part]:
    """Return the tables and folders of texts that a path stands for.

    If there is no test part, that for validation takes its place; otherwise, it is for
    training, too.
    """
    if not path.is_dir():
        return [Part(path)]
    by_name = _children_by_part(path) or _children_by_part(path / "data")
    if VALIDATION in by_name and TEST not in by_name:
        by_name[TEST] = by_name.pop(VALIDATION)
    if TRAIN not in by_name or not (TEST in by_name or _is_divided(path, by_name)):
        by_name = {TRAIN: [path]}
    parts = []
    for name in (TRAIN, VALIDATION, TEST):
        for child in by_name.get(name, []):
            for file in _shards_in(child):
                parts.append(Part(file, name))
    return parts


def _children_by_part(folder: Path) -> dict[str, list[Path]]:
    """Return the files and folders of a folder that are called like parts."""
    by_name = defaultdict[str, list[Path]](list)
    if folder.is_dir():
        for child in sorted(folder.iterdir()):
            part = PART.fullmatch(child.name.partition(".")[0])
            if part and (child.is_dir() or has_table_name(child)):
                name = part[1].lower()
                if name not in (TRAIN, TEST):
                    name = VALIDATION
                by_name[name].append(child)
    return by_name


def _is_divided(path: Path, by_name: dict[str, list[Path]]) -> bool:
    """Return whether ``train`` is the only part of a data set, and no label."""
    return (path / WITH_PARTS).exists() or by_name[TRAIN][0].is_file()


def _shards_in(path: Path) -> list[Path]:
    """Return the files of a data set in a folder, or a folder of texts as it is."""
    for pattern in SHARDS:
        shards = sorted(path.glob(pattern))
        if shards:
            return shards
    return [path]


def is_folder_of_texts(path: Path) -> bool:
    """Return whether a folder looks like one of texts, and not like one of a run."""
    if parts_of(path) != [Part(path)]:
        return True
    for pattern in OF_A_RUN:
        if any(path.glob(pattern)):
            return False
    labels = set()
    for folder in _label_folders(path):
        for file in islice(folder.iterdir(), 1):
            if file.is_file() and not _fault_in(file, start_of(file)):
                labels.add(folder)
    return len(labels) > 1


def _label_folders(path: Path) -> Iterator[Path]:
    for folder in sorted(path.iterdir()):
        is_hidden = folder.name.startswith(".")
        if folder.is_dir() and not (is_hidden or folder.is_symlink()):
            yield folder


def read_folder(path: Path, layout: Layout) -> TextTable:
    """Return the texts in a folder, each with the name of the folder that it is in.

    If some of the files end in .txt, the others are left out.
    """
    return TextTable(["text", "label"], _rows(path, layout))


def _rows(path: Path, layout: Layout) -> Rows:
    is_only_txt = any(path.glob("*/**/*.[tT][xX][tT]"))
    n_others = 0
    for folder in _label_folders(path):
        for file in sorted(folder.rglob("*")):
            if file.is_dir() or file.name.startswith("."):
                continue
            if is_only_txt and file.suffix.lower() != ".txt":
                n_others += 1
                continue
            content = read_file(file, MAX_TEXT)
            fault = _fault_in(file, content)
            if fault:
                yield Row(str(file), (), NOT_A_ROW, fault)
                continue
            text = content.decode(codec_of(layout), LONE_SURROGATES)
            yield Row(str(file), (text, folder.name))
    if n_others:
        _log_once(path, n_others)


def _fault_in(file: Path, content: bytes) -> str:
    """Return why a file is no text; empty if it may be one."""
    kind = foreign_kind(file, content)
    if kind:
        return f"is {kind[0]} ({kind[1]})"
    if b"\0" in content and file.suffix.lower() != ".txt":
        return "is no text: it has zero bytes"
    return ""


@lru_cache(maxsize=100)
def _log_once(path: Path, n_others: int) -> None:
    files = counted(n_others, "file")
    log.warning("%s: %s without the ending .txt are left out", path, files)
