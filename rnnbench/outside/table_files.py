"""Tables with answers: ``read_table(path, reading, of_labels=False)``."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import nan
from pathlib import Path
from sys import intern

import numpy as np

from rnnbench.data.sources import tables
from rnnbench.data.sources.labels import hint_at_lists, split_labels
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
)
from rnnbench.text import counted, encodable, listed

log = logging.getLogger("rnnbench.outside.files")
OF_HARNESS = {"doc_id", "filter", "metrics"}
"""Columns of samples of lm-evaluation-harness; ``metrics`` lists the columns with
scores."""
OTHER = "other "  # begins the keys of columns that no option names
CLASS = "class "  # begins the keys of columns of scores of a class
TRUTHS = {None: nan, "": nan, "True": 1.0, "False": 0.0}  # of texts, and of nothing
NAMES_ANSWERS = "--column prediction=NAME names the column with answers"


def read_table(path: Path, reading: Reading, *, of_labels: bool) -> tuple[str, Columns]:
    """Return the name and the columns of a table.

    Raises:
        UserError: the table, or a value in it, cannot be used.
    """
    layout = tables.with_form(path, Layout())
    header, rows = tables.open_table(path, layout)
    names = find_columns(header, reading.columns, path)
    name = path.stem
    if OF_HARNESS.issubset(header) and "score" not in names:
        first = next(rows, None)
        if first and not first.fault:
            metrics = first.values[header.index("metrics")] or [""]
            name = path.resolve().parent.name
            names["score"] = existing_column(metrics[0], header, path)
            in_words = ", ".join(metrics)
            log.warning("%s: the score is %s (metrics: %s)", path, metrics[0], in_words)
    _drop_unused(names, reading, of_labels)
    if reading.only:
        names["only"] = existing_column(reading.only[0], header, path)
    classes: list[str] = []
    if not of_labels and not {"score", "prediction"} & names.keys():
        classes = _classes_in(header, names, reading, path)
        names |= {CLASS + of_class: of_class for of_class in classes}
    if reading.with_others and not classes:
        used = set(names.values())
        for other in tables.short_columns(path, layout):
            if other not in used:
                names[OTHER + other] = other
    columns = _rows_that_count(_values(path, layout, header, names), reading)
    if not reading.separator:
        hint_at_lists(path, _label_texts(columns), "--separator '{}'")
    for key in columns:
        if key == "score" or key.startswith(CLASS):
            columns[key] = _numbers(columns[key], f"{path}: {key}")
    if classes:
        labels = reading.labels or columns.get("label")
        scores = [columns.pop(CLASS + of_class) for of_class in classes]
        columns["prediction"] = _answers_of(scores, classes, labels, path)
    return name, columns


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
    labels = _names_in(reading.labels) if reading.labels else set()
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


def _answers_of(
    columns: list[Column], classes: list[str], labels: Column | None, path: Path
) -> Column:
    """Return the answers that columns of scores give."""
    scores = [column.values[column.codes] for column in columns]
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
        of_document = value if isinstance(value, list) else [value]
        names.update(str(spelled(name)) for name in of_document)
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
        for key in {"label", "prediction"} & columns.keys():
            values, codes = columns[key]
            columns[key] = Column.of(_split(values, reading.separator), codes)
    return columns


def _split(values: Iterable[object], separator: str) -> Iterator[object]:
    """Yield values, with a list of labels in place of each text."""
    for value in values:
        if type(value) is str:
            yield split_labels(value, separator)
        else:
            yield value


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
            numbers.append(TRUTHS[value] if value in TRUTHS else float(value))
    except (TypeError, ValueError, OverflowError) as error:  # TypeError: a list
        fault = f"not only numbers: {error}"
        raise UserError(f"{where}: {fault} ({NAMES_ANSWERS})") from None
    return Column(np.array(numbers, float), column.codes)
