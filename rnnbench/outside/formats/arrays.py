"""NumPy files with answers: ``read_arrays(path, reading, of_labels)``."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

import numpy as np

from rnnbench.data.sources.tables.packed import faults_named
from rnnbench.errors import UserError
from rnnbench.labels import MAX_LABELS
from rnnbench.outside.coding import Array
from rnnbench.outside.columns import (
    AT_ONCE,
    Column,
    Columns,
    Reading,
    classes_from,
    decide_answers,
    find_columns,
)
from rnnbench.storage import MAX_UNPACKED, check_unpacked, open_regular, read_array
from rnnbench.text import listed

MOST_ROWS = 3_000_000  # of an array


def read_arrays(path: Path, reading: Reading, of_labels: bool) -> Columns:
    """Return the arrays of a file as columns.

    Raises:
        UserError: the file is damaged, or its arrays cannot be used.
    """
    names = ["label" if of_labels else "prediction"]
    damaged = "cannot be read as NumPy arrays"
    with open_regular(path, MAX_UNPACKED) as raw, faults_named(path, damaged):
        if path.suffix.lower() == ".npz":
            names, arrays = _members(raw, reading, path)
        else:
            array = read_array(raw, path.stat().st_size, MOST_ROWS)
            arrays = dict.fromkeys(find_columns(names, reading, path), array)
    if not arrays:
        raise _unusable(listed(names), path)
    return columns_of_arrays(arrays, reading, path)


def columns_of_arrays(
    arrays: Mapping[str, Array], reading: Reading, path: Path
) -> Columns:
    """Return arrays, by what they hold, as columns.

    Raises:
        UserError: they are not of documents, or not of the same length.
    """
    are_usable = all(map(_is_usable, arrays.values()))
    lengths = {array.shape[:1] for array in arrays.values()}
    if not are_usable or len(lengths) > 1:
        shapes = [f"{key} {array.shape}" for key, array in arrays.items()]
        raise _unusable(", ".join(shapes), path)
    columns: Columns = {}
    for key in sorted(arrays):  # labels before predictions
        array = arrays[key]
        if array.ndim == 1:
            columns[key] = Column.of(array.tolist())
            continue
        classes = range(array.shape[1])
        if key == "prediction" and array.dtype.kind == "f":
            labels = reading.labels or columns.get("label")
            columns[key] = decide_answers(array, classes, labels, path)
            continue
        where = f"{path}: {key}"
        _check_ones(array, where)
        columns[key] = Column.of(classes_from(1, array, classes, where))
    return columns


def _unusable(got: str, path: Path) -> UserError:
    rows = f"each with one dimension, or with rows for 2 to {MAX_LABELS:,} classes"
    hint = f"label, prediction and id, of the same length; {rows}"
    return UserError(f"{path}: {got} (should be {hint})")


def _members(
    raw: BinaryIO, reading: Reading, path: Path
) -> tuple[list[str], dict[str, Array]]:
    """Return the names of all arrays in an archive, and those needed, by their use."""
    archive = ZipFile(raw)
    check_unpacked(archive)
    members = {
        member.filename.removesuffix(".npy"): member for member in archive.infolist()
    }
    arrays = {}
    for key, name in find_columns(list(members), reading, path).items():
        with archive.open(members[name]) as file:
            arrays[key] = read_array(file, members[name].file_size, MOST_ROWS)
    return list(members), arrays


def _is_usable(array: Array) -> bool:
    """Return whether an array has a value, or a row of classes, for each document."""
    n_columns = 2
    if array.ndim == 2:
        n_columns = int(array.shape[1])
    return array.ndim in (1, 2) and 1 < n_columns <= MAX_LABELS


def _check_ones(array: Array, where: str) -> None:
    """Raise ``UserError`` if an array has other values than 0 and 1."""
    for start in range(0, len(array), AT_ONCE):
        block = array[start : start + AT_ONCE]
        if block.dtype.kind not in "biuf" or not np.isin(block, (0, 1)).all():
            raise UserError(f"{where}: rows should have only 0 and 1")
