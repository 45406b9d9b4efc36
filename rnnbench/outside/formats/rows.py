"""Rows of tables and logs as columns: ``columns_in(table, names, path)``."""

from collections.abc import Mapping
from math import nan
from pathlib import Path
from sys import intern

import numpy as np

from rnnbench.data.sources.tables.layout import TextTable
from rnnbench.errors import UserError, shortened
from rnnbench.outside.columns import Column, Columns, Reading, find_columns

NUMBERS = {None: nan, "": nan, "True": 1.0, "False": 0.0}
NUMBERS |= {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "no": 0.0}
"""Of nothing, of truth values, and of inspect_ai's letters: correct, partly correct,
incorrect and no answer."""
NAMES_ANSWERS = "--column prediction=NAME names the column with answers"


def columns_of_log(
    table: TextTable, path: Path, reading: Reading, of_labels: bool
) -> Columns:
    """Return the scores in a log, or the answers that are asked for."""
    names = find_columns(table.header, reading, path)
    if "prediction" not in reading.columns:
        names.pop("prediction", None)
    drop_unused(names, reading, of_labels, is_log=True)
    return columns_in(table, names)


def drop_unused(
    names: dict[str, str], reading: Reading, of_labels: bool, *, is_log: bool
) -> None:
    """Drop the scores or the predictions, which are not both needed.

    The labels in a log of scores are needed only if an option names them.
    """
    is_scored = "score" in reading.columns or "prediction" not in names
    if of_labels or is_scored:
        names.pop("prediction", None)
    if of_labels or not is_scored:
        names.pop("score", None)
    if is_log and "score" in names and "label" not in reading.columns:
        names.pop("label", None)


def columns_in(table: TextTable, names: Mapping[str, str]) -> Columns:
    """Return columns of a table by their keys; dots lead into objects of JSON."""
    places = {}
    for key, name in names.items():
        first, *inner = name.split(".")
        if name in table.header:
            first = name
            inner = []
        places[key] = (table.header.index(first), inner)
    columns: dict[str, list[object]] = {key: [] for key in names}
    for row in table.rows:
        if row.fault:
            raise UserError(f"{row.place}: {row.fault}")
        for key, (place, inner) in places.items():
            columns[key].append(_inside(row.values[place], inner))
    return {key: _coded(values) for key, values in columns.items()}


def _coded(values: list[object]) -> Column:
    """Return a column of values, of which equal texts are one object."""
    distinct = {id(value): value for value in values}
    code_of = dict(zip(distinct, range(len(distinct)), strict=True))
    codes = [code_of[id(value)] for value in values]
    return Column.of(distinct.values(), np.array(codes, np.int64))


def _inside(value: object, keys: list[str]) -> object:
    """Return what a JSON object holds at nested keys; ``None`` if there is nothing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if type(value) is str:
        return intern(value)
    return value


def numbers_in(column: Column, where: str) -> Column:
    """Return a column of numbers; a missing one is NaN."""
    numbers = []
    try:
        for value in column.values:
            numbers.append(float(NUMBERS.get(value, value)))
    except (TypeError, ValueError, OverflowError):  # TypeError: a list
        fault = f"not only numbers: {shortened(str(value), 40)}"
        raise UserError(f"{where}: {fault} ({NAMES_ANSWERS})") from None
    return Column(np.array(numbers, float), column.codes)
