"""Tables with answers: ``read_table(path, reading, of_labels)``."""

import logging
import re
from collections.abc import Mapping
from itertools import islice
from math import nan
from pathlib import Path
from sys import intern

import numpy as np

from rnnbench.data.sources import tables
from rnnbench.data.sources.labels import hint_at_lists
from rnnbench.data.sources.tables import Layout
from rnnbench.errors import UserError
from rnnbench.labels import MAX_LABELS, spelled
from rnnbench.outside.columns import (
    AT_ONCE,
    Column,
    Columns,
    Reading,
    decide_answers,
    existing_column,
    find_columns,
    split_columns,
)
from rnnbench.outside.formats.indicators import labels_of, pairs_of_columns
from rnnbench.outside.formats.promptfoo import is_promptfoo, read_promptfoo_rows
from rnnbench.text import counted, encodable, listed

log = logging.getLogger("rnnbench.outside.files")
OF_HARNESS = {"doc_id", "filter", "metrics"}
"""Columns of samples of lm-evaluation-harness; ``metrics`` lists the columns with
scores."""
OF_FILE = re.compile(r"samples_(.+?)(_\d{4}-\d\d-\d\dT.*)?")
"""The task, and the time, in the name of such a file."""
OTHER = "other "  # begins the keys of columns that no option names
TRUTH = "truth "  # begins those of columns of 0 and 1 that are the labels
CLASS = "class "  # begins the keys of columns of scores of a class
TRUTHS = {None: nan, "": nan, "True": 1.0, "False": 0.0}  # of texts, and of nothing
NAMES_ANSWERS = "--column prediction=NAME names the column with answers"


def read_table(path: Path, reading: Reading, of_labels: bool) -> tuple[str, Columns]:
    """Return the name and the columns of a table.

    Raises:
        UserError: the table, or a value in it, cannot be used.
    """
    layout = tables.with_form(path, Layout())
    header, rows = tables.open_table(path, layout)
    if is_promptfoo(header) and not reading.columns:
        columns = read_promptfoo_rows(path, layout)
        columns["score"] = _numbers(columns["score"], f"{path}: score")
        return path.stem, columns
    names = find_columns(header, reading.columns, path)
    name = path.stem
    task = None
    if OF_HARNESS.issubset(header):
        name = path.resolve().parent.name
        task = OF_FILE.fullmatch(path.stem)
        first = next(rows, None)
        if first and not first.fault and "score" not in names:
            metrics = first.values[header.index("metrics")] or [""]
            names["score"] = existing_column(metrics[0], header, path)
            in_words = ", ".join(metrics)
            log.warning("%s: the score is %s (metrics: %s)", path, metrics[0], in_words)
    _drop_unused(names, reading, of_labels)
    if reading.only:
        names["only"] = existing_column(reading.only[0], header, path)
    names |= _names_of_many(header, names, reading, path, of_labels)
    has_classes = any(key.startswith((CLASS, TRUTH)) for key in names)
    if reading.with_others and not has_classes:
        used = set(names.values())
        for other in tables.short_columns(path, layout):
            if other not in used:
                names[OTHER + other] = other
    columns = _rows_that_count(_values(path, layout, header, names), reading)
    if not reading.separator:
        hint_at_lists(path, _label_texts(columns), "--separator '{}'")
    if "score" in columns:
        columns["score"] = _numbers(columns["score"], f"{path}: score")
        if task is not None:
            columns["task"] = Column.of_one(task[1], len(columns["score"].codes))
    _join_columns(columns, reading, path)
    return name, columns


def _join_columns(columns: Columns, reading: Reading, path: Path) -> None:
    """Make a column of labels, or of answers, out of those about one label each."""
    truths = _taken_out(columns, TRUTH)
    if truths:
        labels = labels_of(truths)
        if labels is not None:
            columns["label"] = labels
    classes = _taken_out(columns, CLASS)
    if classes:
        labels = reading.labels or columns.get("label")
        columns["prediction"] = _answers_of(classes, labels, path)


def _names_of_many(
    header: list[str],
    names: dict[str, str],
    reading: Reading,
    path: Path,
    of_labels: bool,
) -> dict[str, str]:
    """Return the columns that are about one label each, by keys of their own.

    They are scores of classes, or 0 and 1 of labels and answers.
    """
    many: dict[str, str] = {}
    if of_labels and "label" not in names:
        for name in _classes_in(header, names, reading, path):
            many[TRUTH + name] = name
    if of_labels or {"score", "prediction"} & names.keys():
        return many
    pairs = pairs_of_columns(header)
    for label, (truth, answer) in pairs.items():
        many[TRUTH + label] = truth
        many[CLASS + label] = answer
    if not pairs:
        for name in _classes_in(header, names, reading, path):
            many[CLASS + name] = name
    return many


def _taken_out(columns: Columns, start: str) -> Columns:
    """Take columns out whose keys have this start, and return them without it."""
    taken = {}
    for key in list(columns):
        if key.startswith(start):
            taken[key.removeprefix(start)] = columns.pop(key)
    return taken


def _drop_unused(names: dict[str, str], reading: Reading, of_labels: bool) -> None:
    """Drop the scores or the predictions, which are not both needed."""
    is_scored = "score" in reading.columns or "prediction" not in names
    if of_labels or is_scored:
        names.pop("prediction", None)
    if of_labels or not is_scored:
        names.pop("score", None)


def _classes_in(
    header: list[str], names: dict[str, str], reading: Reading, path: Path
) -> list[str]:
    """Return the columns that are named like classes: all that hold nothing else."""
    labels = set()
    if reading.labels:
        labels = _names_in(reading.labels)
    if "label" not in reading.columns and names.get("label") in labels:
        del names["label"]  # a class whose name is in NAMES
    others = set(names.values())
    classes = [name for name in header if name not in others]
    tables.check_unique(classes, header, path)
    if len(classes) > MAX_LABELS:
        number = counted(len(classes), "column")
        fault = f"{number} of classes (allowed: {MAX_LABELS:,})"
        hint = "--column prediction=NAME names the answers"
        raise UserError(f"{path}: {fault}; {hint}")
    return classes


def _answers_of(columns: Columns, labels: Column | None, path: Path) -> Column:
    """Return the answers that columns of scores, by class, give."""
    classes = list(columns)
    scores = []
    for name, column in columns.items():
        numbers = _numbers(column, f"{path}: {CLASS}{name}")
        scores.append(numbers.values[numbers.codes])
    answers = decide_answers(np.stack(scores, axis=1), classes, labels, path)
    if labels:
        label_names = _names_in(labels)
        odd = [name for name in classes if name not in label_names]
        if odd:
            names = encodable(listed(odd))
            fault = "classes that are no label"
            log.warning("%s: %s: %s (%s)", path, fault, names, NAMES_ANSWERS)
    return answers


def _names_in(labels: Column) -> set[str]:
    """Return the names of all labels."""
    names: set[str] = set()
    for value in labels.values:
        of_document = value
        if type(value) is not list:
            of_document = [value]
        names.update(map(str, map(spelled, of_document)))
    return names


def _rows_that_count(columns: Columns, reading: Reading) -> Columns:
    """Return the rows that count, with their labels split."""
    if reading.only:
        wanted = reading.only[1]
        only = columns.pop("only")
        is_wanted = [spelled(value) == wanted for value in only.values]
        counts = np.array(is_wanted, bool)[only.codes]
        for key, column in columns.items():
            columns[key] = Column.of(column.values, column.codes[counts])
    if reading.separator:
        split_columns(columns, reading.separator)
    return columns


def _label_texts(columns: Columns) -> list[str]:
    """Return the labels and the answers that are texts."""
    texts = []
    for key in {"label", "prediction"} & columns.keys():
        texts += [value for value in columns[key].values if isinstance(value, str)]
    return texts


def _values(
    path: Path, layout: Layout, header: list[str], names: Mapping[str, str]
) -> Columns:
    """Return columns of a table by their keys."""
    in_header = set(header)
    paths = {}
    for key, name in names.items():
        paths[key] = [name] if name in in_header else name.split(".")
    in_table = [steps[0] for steps in paths.values()]
    if all(len(steps) == 1 for steps in paths.values()):
        at_once = tables.columns_at_once(path, layout, list(dict.fromkeys(in_table)))
        if at_once:
            return {key: Column.of(*at_once[name]) for key, (name,) in paths.items()}
    header, rows = tables.open_table(path, layout, columns=in_table)
    columns: dict[str, list[object]] = {key: [] for key in names}
    while True:
        block = list(islice(rows, AT_ONCE))
        if not block:
            break
        for row in block:
            if row.fault:
                raise UserError(f"{row.place}: {row.fault}")
        for key, (name, *inner) in paths.items():
            position = header.index(name)
            values = [row.values[position] for row in block]
            columns[key] += [_inside(value, inner) for value in values]
    return {key: Column.of(column) for key, column in columns.items()}


def _inside(value: object, keys: list[str]) -> object:
    """Return what a JSON object holds at nested keys; ``None`` if there is nothing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if type(value) is str:
        return intern(value)
    return value


def _numbers(column: Column, where: str) -> Column:
    """Return a column of numbers; a missing one is NaN."""
    numbers = []
    try:
        for value in column.values:
            numbers.append(float(TRUTHS.get(value, value)))
    except (TypeError, ValueError, OverflowError) as error:  # TypeError: a list
        fault = f"not only numbers: {error}"
        raise UserError(f"{where}: {fault} ({NAMES_ANSWERS})") from None
    return Column(np.array(numbers, float), column.codes)
