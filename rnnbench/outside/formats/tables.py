"""Tables with answers: ``read_table(path, reading, of_labels)``."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnbench.data.sources import tables
from rnnbench.data.sources.tables import Layout
from rnnbench.data.sources.tables.layout import TextTable
from rnnbench.errors import UserError
from rnnbench.labels import MAX_LABELS, spelled
from rnnbench.outside.columns import (
    Column,
    Columns,
    Reading,
    decide_answers,
    find_columns,
)
from rnnbench.outside.formats.indicators import labels_of, pairs_of_columns
from rnnbench.outside.formats.promptfoo import is_promptfoo, read_promptfoo_rows
from rnnbench.outside.formats.rows import (
    NAMES_ANSWERS,
    columns_in,
    drop_unused,
    numbers_in,
)
from rnnbench.text import counted, encodable, listed

log = logging.getLogger(__name__)
OF_HARNESS = {"doc_id", "filter", "metrics"}
"""Columns of samples of lm-evaluation-harness; ``metrics`` lists the columns with
scores."""
OTHER = "other "  # begins the keys of columns that no option names
TRUTH = "truth "  # begins those of columns of 0 and 1 that are the labels
CLASS = "class "  # begins those of columns of scores of a class


def read_table(path: Path, reading: Reading, of_labels: bool) -> Columns:
    """Return the columns of a table.

    Raises:
        UserError: the table, or a value in it, cannot be used.
    """
    layout = tables.with_form(path, Layout())
    table = tables.open_table(path, layout)
    header = table.header
    if is_promptfoo(header):
        return read_promptfoo_rows(path, layout, reading, of_labels)
    gold = _gold_columns(header, reading, path)
    if gold:
        reading = reading._replace(elsewhere={*reading.elsewhere, "label"})
    names = find_columns(header, reading, path)
    if gold:
        names.pop("label", None)
        names |= {TRUTH + label: name for label, name in gold.items()}
    is_of_harness = OF_HARNESS.issubset(header)
    if is_of_harness:
        _name_score(names, table, path)
    drop_unused(names, reading, of_labels, is_log=is_of_harness)
    truths, classes = _columns_by_label(header, names, reading, path, of_labels)
    truths = gold or truths
    names |= {TRUTH + label: name for label, name in truths.items()}
    names |= {CLASS + label: name for label, name in classes.items()}
    if not reading.with_texts:
        names.pop("text", None)
    if reading.with_others and not truths and not classes:
        used = set(names.values())
        for other in tables.short_columns(path, layout):
            if other not in used:
                names[OTHER + other] = other
    columns = _values(path, layout, header, names)
    if truths:
        indicators = {label: columns.pop(TRUTH + label) for label in truths}
        option = None
        if gold:
            option = f"{path}: --label"
        labels = labels_of(indicators, option)
        if labels is not None:
            columns["label"] = labels
    if classes:
        scores = {label: columns.pop(CLASS + label) for label in classes}
        known_labels = reading.labels or columns.get("label")
        columns["prediction"] = _answers_of(scores, known_labels, path)
    return columns


def _gold_columns(header: list[str], reading: Reading, path: Path) -> dict[str, str]:
    """Return the columns of 0 and 1 that an option names, by label."""
    columns = tables.split_columns(reading.columns.get("label"), header)
    if type(columns) is not tuple or "label" in reading.elsewhere:
        return {}
    tables.check_unique(columns, header, path)
    gold = dict(zip(columns, columns, strict=True))
    for label, (truth, _) in pairs_of_columns(header).items():
        if gold.pop(truth, None):
            gold[label] = truth
    return gold


def _name_score(names: dict[str, str], table: TextTable, path: Path) -> None:
    """Name the first metric of lm-evaluation-harness as the score, unless one is."""
    first = next(table.rows, None)
    if first and not first.fault and "score" not in names:
        metrics = first.values[table.header.index("metrics")] or [""]
        of_metric = Reading({"score": metrics[0]})
        names["score"] = find_columns(table.header, of_metric, path)["score"]
        in_words = ", ".join(metrics)
        log.warning("%s: the score is %s (metrics: %s)", path, metrics[0], in_words)


def _columns_by_label(
    header: list[str],
    names: dict[str, str],
    reading: Reading,
    path: Path,
    of_labels: bool,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns that are about one label each: those of labels, of answers.

    Labels are 0 and 1. Answers are, too, or they are scores of classes.
    """
    truths: dict[str, str] = {}
    classes: dict[str, str] = {}
    if of_labels and "label" not in names:
        truths = _classes_in(header, names, reading, path)
    if not of_labels and not {"score", "prediction"} & names.keys():
        labels = _names_in(reading.labels)
        for label, (truth, answer) in pairs_of_columns([*header, *labels]).items():
            classes[label] = answer
            if truth in header:
                truths[label] = truth
        classes = classes or _classes_in(header, names, reading, path)
    return truths, classes


def _classes_in(
    header: list[str], names: dict[str, str], reading: Reading, path: Path
) -> dict[str, str]:
    """Return the columns that are named like classes: all that hold nothing else."""
    labels = _names_in(reading.labels)
    for key in ("label", "text"):
        if key not in reading.columns and names.get(key) in labels:
            del names[key]  # a class whose name is in NAMES
    others = set(names.values())
    classes = [name for name in header if name not in others]
    tables.check_unique(classes, header, path)
    if len(classes) > MAX_LABELS:
        number = counted(len(classes), "column")
        fault = f"{number} of classes (allowed: {MAX_LABELS:,})"
        raise UserError(f"{path}: {fault}; {NAMES_ANSWERS}")
    return dict(zip(classes, classes, strict=True))


def _answers_of(columns: Columns, labels: Column | None, path: Path) -> Column:
    """Return the answers that columns of scores, by class, give."""
    classes = list(columns)
    scores = []
    for name, column in columns.items():
        numbers = numbers_in(column, f"{path}: {CLASS}{name}")
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


def _names_in(labels: Column | None) -> set[str]:
    """Return the names of all labels; none if they are not known."""
    names: set[str] = set()
    if labels is None:
        return names
    for value in labels.values:
        of_document = value
        if type(value) is not list:
            of_document = [value]
        names.update(map(str, map(spelled, of_document)))
    return names


def _values(
    path: Path, layout: Layout, header: list[str], names: Mapping[str, str]
) -> Columns:
    """Return columns of a table by their keys."""
    in_table = []
    for name in names.values():
        column = name if name in header else name.partition(".")[0]
        in_table.append(column)
    if in_table == list(names.values()):
        at_once = tables.columns_at_once(path, layout, list(dict.fromkeys(in_table)))
        if at_once:
            return {key: Column.of(*at_once[name]) for key, name in names.items()}
    return columns_in(tables.open_table(path, layout, columns=in_table), names)
