"""Kinds of files with answers, told by their ends or by the keys of their JSON.

``read_file(path, reading, of_labels=False)``. A new kind is a module with a function
that returns its columns, and a line in ``BY_ENDING`` or in ``BY_KEYS``. Kinds of tables
are told by their header, in ``tables``.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnbench.data.sources.labels import ONE_LABEL, hint_at_lists, split_labels
from rnnbench.data.sources.separators import MOST_CELLS, find_separator
from rnnbench.data.sources.tables import without_packing
from rnnbench.labels import spelled
from rnnbench.outside.columns import Column, Columns, Reading
from rnnbench.outside.formats.arrays import read_arrays
from rnnbench.outside.formats.inspect_logs import read_inspect_archive, read_inspect_log
from rnnbench.outside.formats.json_lists import read_json_lists
from rnnbench.outside.formats.lines import read_answer_lines
from rnnbench.outside.formats.promptfoo import read_promptfoo
from rnnbench.outside.formats.rows import numbers_in
from rnnbench.outside.formats.tables import read_table
from rnnbench.storage import Document, peek

log = logging.getLogger(__name__)
BY_ENDING: dict[str, Callable[[Path, Reading, bool], Columns]] = {
    ".npy": read_arrays,
    ".npz": read_arrays,
    ".txt": read_answer_lines,
    ".eval": read_inspect_archive,
}
BY_KEYS: dict[tuple[str, ...], Callable[[Path, Document, Reading, bool], Columns]] = {
    ("eval", "plan"): read_inspect_log,
    ("results", "evalId"): read_promptfoo,
    (): read_json_lists,
}
"""The keys of JSON objects; the first whose keys are all there is used."""
OF_HARNESS = re.compile(r"samples_(.+?)(_\d{4}-\d\d-\d\dT.*)?\.jsonl")
"""The task, and the time, in the name of a file of lm-evaluation-harness."""


class AnswerFile(NamedTuple):
    """The content of a file with answers."""

    name: str
    """That of its model, unless a column has it."""
    columns: Columns
    separator: str | None
    """Stands between the labels of a document."""


def read_file(path: Path, reading: Reading, *, of_labels: bool) -> AnswerFile:
    """Return the content of a file.

    Raises:
        UserError: the file is damaged, or what it holds cannot be used.
    """
    ending = path.suffix.lower()
    document: Document = {}
    if ending == ".json":
        document = peek(path)
    if ending in BY_ENDING:
        columns = BY_ENDING[ending](path, reading, of_labels)
    elif document:
        kind = next(keys for keys in BY_KEYS if document.keys() >= set(keys))
        columns = BY_KEYS[kind](path, document, reading, of_labels)
    else:
        columns = read_table(path, reading, of_labels)
    columns = _rows_that_count(columns, reading)
    if "score" in columns:
        columns["score"] = numbers_in(columns["score"], f"{path}: score")
    separator = reading.separator or _separator_in(columns, reading.labels, path)
    if separator not in (None, ONE_LABEL):
        _split(columns, str(separator))
    name = without_packing(path).stem
    of_harness = OF_HARNESS.fullmatch(path.name)
    if of_harness and columns:
        name = path.resolve().parent.name
        n_rows = len(next(iter(columns.values())).codes)
        columns.setdefault("task", Column.of_one(of_harness[1], n_rows))
    return AnswerFile(name, columns, separator)


def _rows_that_count(columns: Columns, reading: Reading) -> Columns:
    """Return the rows with the value that is wanted, if any is."""
    if reading.only and "only" in columns:
        wanted = reading.only[1]
        only = columns.pop("only")
        is_wanted = [spelled(value) == wanted for value in only.values]
        counts = np.array(is_wanted, bool)[only.codes]
        for key, column in columns.items():
            columns[key] = Column.of(column.values, column.codes[counts])
    return columns


def _separator_in(
    columns: Columns, other_labels: Column | None, path: Path
) -> str | None:
    """Return the separator of labels in their column, which is logged.

    If labels are lists, it is the separator of answers.
    """
    cells = columns.get("label")
    labels = cells or other_labels
    if labels and list in map(type, labels.values):
        cells = columns.get("prediction")
    if cells is None or len(cells.values) > MOST_CELLS:
        return None
    if set(map(type, cells.values)) != {str}:
        return None
    numbers = np.bincount(cells.codes).tolist()
    separator = find_separator(Counter(dict(zip(cells.values, numbers, strict=True))))
    if separator is None:
        hint_at_lists(path, cells.values, "--separator '{}'")
        return None
    hint = "several labels a document; --separator none if not"
    log.warning("%s: %s: %s", path, separator.reason, hint)
    return separator.mark


def _split(columns: Columns, separator: str) -> None:
    """Split labels and answers that are texts into lists of labels."""
    for key in {"label", "prediction"} & columns.keys():
        lists = []
        for value in columns[key].values:
            labels = value
            if type(value) is str:
                labels = split_labels(value, separator)
            lists.append(labels)
        columns[key] = Column.of(lists, columns[key].codes)
