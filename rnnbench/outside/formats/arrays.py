"""NumPy files with answers: ``read_arrays(path, reading, of_labels)``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

import numpy as np

from rnnbench.errors import UserError
from rnnbench.labels import MAX_LABELS
from rnnbench.outside.coding import Array
from rnnbench.outside.columns import (
    AT_ONCE,
    Column,
    Columns,
    Reading,
    check_number,
    decide_answers,
    find_columns,
)
from rnnbench.storage import MAX_UNPACKED, check_unpacked, open_regular, read_array
from rnnbench.text import listed

MOST_ROWS = 3_000_000  # of an array


def read_arrays(path: Path, reading: Reading, of_labels: bool) -> tuple[str, Columns]:
    """Return the arrays of a file as columns.

    Raises:
        UserError: the file is damaged, or its arrays cannot be used.
    """
    arrays = _stored_arrays(path, reading, of_labels)
    return path.stem, columns_of_arrays(arrays, reading, path)


def columns_of_arrays(
    arrays: Mapping[str, Array], reading: Reading, path: Path
) -> Columns:
    """Return arrays, by what they hold, as columns.

    Raises:
        UserError: they cannot be used.
    """
    _check(arrays, list(arrays), path)
    columns: Columns = {}
    for key in sorted(arrays):  # labels before predictions
        array = arrays[key]
        if array.ndim == 1:
            columns[key] = Column.of(array.tolist())
        elif key == "prediction" and array.dtype.kind == "f":
            labels = reading.labels or columns.get("label")
            classes = range(array.shape[1])
            columns[key] = decide_answers(array, classes, labels, path)
        else:
            columns[key] = Column.of(_places_of_ones(array, f"{path}: {key}"))
    return columns


def _stored_arrays(path: Path, reading: Reading, of_labels: bool) -> dict[str, Array]:
    """Return the arrays of a file by what they hold, all of the same length."""
    names = ["prediction"]
    if of_labels:
        names = ["label"]
    with open_regular(path, MAX_UNPACKED) as raw:
        try:
            if path.suffix.lower() == ".npz":
                names, arrays = _members(raw, reading, path)
            else:
                array = read_array(raw, path.stat().st_size, MOST_ROWS)
                arrays = dict.fromkeys(
                    find_columns(names, reading.columns, path), array
                )
        except (MemoryError, UserError):
            raise
        except Exception as error:
            # Damage makes NumPy and zipfile raise almost anything.
            reason = str(error) or type(error).__name__
            raise UserError(
                f"{path}: cannot be read as NumPy arrays: {reason}"
            ) from None
    _check(arrays, names, path)
    return arrays


def _check(arrays: Mapping[str, Array], names: Sequence[str], path: Path) -> None:
    """Raise ``UserError`` unless all arrays are of documents, of the same length."""
    are_usable = all(map(_is_usable, arrays.values()))
    lengths = {array.shape[:1] for array in arrays.values()}
    if not arrays or not are_usable or len(lengths) > 1:
        shapes = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        rows = f"each with one dimension, or with rows for 2 to {MAX_LABELS:,} classes"
        hint = f"label, prediction and id, of the same length; {rows}"
        raise UserError(f"{path}: {shapes or listed(names)} (should be {hint})")


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
    for key, name in find_columns(list(members), reading.columns, path).items():
        with archive.open(members[name]) as file:
            arrays[key] = read_array(file, members[name].file_size, MOST_ROWS)
    return list(members), arrays


def _is_usable(array: Array) -> bool:
    """Return whether an array has a value, or a row of classes, for each document."""
    n_columns = 2
    if array.ndim == 2:
        n_columns = int(array.shape[1])
    return array.ndim in (1, 2) and 1 < n_columns <= MAX_LABELS


def _places_of_ones(array: Array, where: str) -> list[list[int]]:
    """Return the labels of each document, from 0 and 1, ``(n, n_labels)``."""
    labels: list[list[int]] = []
    n_labels = 0
    for start in range(0, len(array), AT_ONCE):
        block = array[start : start + AT_ONCE]
        if block.dtype.kind not in "biuf" or not np.isin(block, (0, 1)).all():
            raise UserError(f"{where}: rows should have only 0 and 1")
        n_labels += int(np.count_nonzero(block))
        check_number(n_labels, where)
        labels += [np.flatnonzero(row).tolist() for row in block]
    return labels
