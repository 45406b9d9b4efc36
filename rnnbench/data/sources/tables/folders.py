"""Folders of texts: a folder for each label, or the parts of a data set.

``parts_of(Path("imdb"))`` are the tables, or folders, to train and to test on.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, NoReturn

from rnnbench.data.sources.tables.contents import foreign_kind, start_of
from rnnbench.data.sources.tables.layout import (
    NOT_A_ROW,
    Layout,
    Row,
    Rows,
    TextTable,
    log_once,
)
from rnnbench.data.sources.tables.lines import LONE_SURROGATES, MAX_TEXT, codec_of
from rnnbench.data.sources.tables.opening import has_table_name
from rnnbench.errors import UserError
from rnnbench.storage import read_file
from rnnbench.text import counted, listed

TRAIN = "train"
TEST = "test"
VALIDATION = "validation"
PART = re.compile(r"(train|test|validation|valid|val|dev)(-\d+-of-\d+.*)?", re.I)
"""Names of parts, and of the files that a part has been divided into."""
WITH_PARTS = "dataset_dict.json"
SHARDS = ("*.arrow", "*.parquet")
NOT_OF_TEXTS = ("results.json", "*/results.json", "choice.json", ".git")
"""Are in folders of runs, and in those of programs."""


class DataPart(NamedTuple):
    """A table, or a folder with a folder for each label, to train or to test on."""

    path: Path
    name: str = TRAIN


def parts_of(path: Path) -> list[DataPart]:
    """Return the tables and folders of texts that a path stands for.

    If there is no test part, that for validation takes its place; otherwise, it is for
    training, too.
    """
    if not path.is_dir():
        return [DataPart(path)]
    by_name = _children_by_part(path) or _children_by_part(path / "data")
    if VALIDATION in by_name and TEST not in by_name:
        by_name[TEST] = by_name.pop(VALIDATION)
    if TRAIN not in by_name or not (TEST in by_name or _is_divided(path, by_name)):
        by_name = {TRAIN: [path]}
    parts = []
    for name in (TRAIN, VALIDATION, TEST):
        for child in by_name.get(name, []):
            for file in _shards_in(child):
                parts.append(DataPart(file, name))
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
    if parts_of(path) != [DataPart(path)]:
        return True
    for pattern in NOT_OF_TEXTS:
        if any(path.glob(pattern)):
            return False
    n_labels = 0
    for folder in _label_folders(path):
        for file in islice(text_files_in(folder), 1):
            n_labels += not _fault_in(file, start_of(file))
    return n_labels > 1


def _label_folders(path: Path) -> Iterator[Path]:
    for folder in sorted(path.iterdir()):
        is_hidden = folder.name.startswith(".")
        if folder.is_dir() and not (is_hidden or folder.is_symlink()):
            yield folder


def text_files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its folders, without hidden ones."""
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith("."):
                yield Path(place, name)


def _refuse(error: OSError) -> NoReturn:
    """Say what cannot be read, lest the file of the answers is blamed."""
    raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None


def read_folder(path: Path, layout: Layout) -> TextTable:
    """Return the texts in a folder, each with the name of the folder that it is in.

    If some of the files end in .txt, the others are left out.
    """
    return TextTable(["text", "label"], _rows(path, layout))


def _rows(path: Path, layout: Layout) -> Rows:
    for label, files in _files_by_label(path).items():
        for file in files:
            row = row_of_file(file, layout)
            yield row._replace(values=(*row.values, label))


def row_of_file(file: Path, layout: Layout) -> Row:
    """Return the text of a file as a row, or a bad row if it is none."""
    try:
        content = read_file(file, MAX_TEXT)
    except OSError as error:
        _refuse(error)
    fault = _fault_in(file, content)
    if fault:
        return Row(str(file), (), NOT_A_ROW, fault)
    return Row(str(file), [content.decode(codec_of(layout), LONE_SURROGATES)])


def _files_by_label(path: Path) -> dict[str, list[Path]]:
    """Return the files in the folder of each label, and say how many there are."""
    by_label = {}
    for folder in _label_folders(path):
        by_label[folder.name] = sorted(text_files_in(folder))
    n_files = sum(map(len, by_label.values()))
    if any(map(_is_txt, chain(*by_label.values()))):
        for label, files in by_label.items():
            by_label[label] = list(filter(_is_txt, files))
    labels = []
    for label, files in by_label.items():
        n_files -= len(files)
        labels.append(f"'{label}' ({len(files):,})")
    said = f"each folder in it is a label: {listed(labels, most=5)}"
    if n_files:
        left_out = counted(n_files, "file")
        said += f"; left out: {left_out} without the ending .txt"
    log_once(path, said)
    return by_label


def _is_txt(file: Path) -> bool:
    return file.suffix.lower() == ".txt"


def _fault_in(file: Path, content: bytes) -> str:
    """Return why a file is no text; empty if it may be one."""
    kind = foreign_kind(content)
    if kind:
        return f"is {kind}"
    if b"\0" in content and not _is_txt(file):
        return "is not a text: it contains null bytes"
    return ""
