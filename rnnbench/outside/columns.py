"""Columns of files with answers, and how files are read.

>>> column = Column.of(["earn", "acq"], np.array([1, 1, 0]))
>>> column.values.tolist(), column.codes.tolist()
(['acq', 'earn'], [0, 0, 1])
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.sources import tables
from rnnbench.data.sources.labels import split_labels
from rnnbench.errors import UserError, did_you_mean
from rnnbench.outside.coding import Array, Mask, Topics
from rnnbench.text import counted, with_article

NAMES = {
    "id": ("id", "ids", "doc_id", "idx", "index", "sample_id"),
    "label": (
        *("label", "labels", "label_ids", "target", "gold", "y_true", "true_label"),
        *("y_test", "actual", "true", "gold_label", "reference", "expected"),
    ),
    "prediction": (
        *("prediction", "predictions", "predicted", "answer", "y_pred"),
        *("predicted_label", "pred", "preds", "pred_label", "response", "output"),
    ),
    "score": ("score", "scores"),
    "model": ("model",),
    "seed": ("seed",),
    "cluster": ("cluster", "clusters"),
    "task": ("task",),
}
"""Names of columns and arrays that need no option."""
AT_ONCE = 10_000  # the rows of a table that are looked at together
MOST_LABELS = 10_000_000  # of all documents together, in an array


class Column(NamedTuple):
    """A column of a file: its distinct values, and the code of each row.

    Values are in order of their first rows.
    """

    values: Array
    codes: NDArray[np.int64]
    """The position in ``values`` of the value of each row."""

    @classmethod
    def of(cls, values: Iterable[object], codes: Array | None = None) -> Self:
        """Return the column of ``values``, one a row if there are no codes.

        Unused values are dropped.
        """
        values = np.fromiter(values, object)
        if codes is None:
            return cls(values, np.arange(len(values)))
        first_row = np.full(len(values), len(codes))
        first_row[codes[::-1]] = np.arange(len(codes))[::-1]
        order = np.argsort(first_row)
        n_used = np.count_nonzero(first_row < len(codes))
        return cls(values[order[:n_used]], np.argsort(order)[codes])

    @classmethod
    def of_one(cls, value: object, n: int) -> Self:
        """Return the column of ``n`` rows with the same value."""
        return cls.of([value], np.zeros(n, int))


Columns = dict[str, Column]  # by the keys of NAMES


class Reading(NamedTuple):
    """How files are read."""

    columns: Mapping[str, str] = {}
    """By the keys of ``NAMES``; a dot leads into a JSON object."""
    only: tuple[str, str] | None = None
    """A column, and its value in the rows that count."""
    separator: str | None = None
    """It stands between the labels of a document."""
    labels: Column | None = None
    """Those that are in another file."""
    with_others: bool = False
    """Whether columns that no option names are read, too."""
    is_exact: bool = False
    """Whether answers that are no label stay as they are."""


class FileRows(NamedTuple):
    """The rows of a file."""

    file: str
    columns: Columns

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values())).codes)

    def rows(self, chosen: Mask) -> "FileRows":
        """Return some of the rows."""
        columns = {}
        for key, column in self.columns.items():
            columns[key] = Column.of(column.values, column.codes[chosen])
        return FileRows(self.file, columns)

    def numbers(self, key: str, names: Topics) -> NDArray[np.int32]:
        """Return the number of the name in each row.

        Without a column, each row has a name of its own.
        """
        names.where = f"{self.file}: {key}"
        column = self.columns.get(key)
        if column is None:
            column = Column.of(range(self.n_rows))
        places = names.places(column.values)[column.codes]
        lacking = int((places < 0).sum())
        if lacking:
            rows = counted(lacking, "row")
            raise UserError(f"{self.file}: {rows} without {with_article(key)}")
        return places


def answers_key(of_labels: bool) -> str:
    """Return the key of a file without a header: that of labels or of answers."""
    if of_labels:
        return "label"
    return "prediction"


def columns_of_rows(keys: Sequence[str], rows: Sequence[Sequence[object]]) -> Columns:
    """Return rows of values as columns."""
    return dict(zip(keys, map(Column.of, zip(*rows, strict=True)), strict=False))


def split_columns(columns: Columns, separator: str) -> None:
    """Split labels and answers that are texts into lists of labels."""
    for key in {"label", "prediction"} & columns.keys():
        lists = []
        for value in columns[key].values:
            if type(value) is str:
                value = split_labels(value, separator)  # noqa: PLW2901 - in place of it
            lists.append(value)
        columns[key] = Column.of(lists, columns[key].codes)


def find_columns(
    header: Sequence[str], chosen: Mapping[str, str], path: Path
) -> dict[str, str]:
    """Return the names of columns by what they hold."""
    names = {}
    for key, usual_names in NAMES.items():
        for name in usual_names:
            if name in header:
                names[key] = name
                break
    for key, name in chosen.items():
        names[key] = existing_column(name, header, path)
    tables.check_unique(names.values(), header, path)
    return names


def existing_column(name: str, header: Sequence[str], path: Path) -> str:
    """Return the name of a column if there is one; dots lead into objects of JSON."""
    if name not in header and name.partition(".")[0] not in header:
        raise UserError(f"{path}: no column '{name}' ({did_you_mean(name, header)})")
    return name


def decide_answers(
    scores: Array, classes: Sequence[object], labels: Column | None, path: Path
) -> Column:
    """Return the class with the best score of each row.

    If labels are lists, it is a list of the classes above half: probabilities from 0.5,
    or margins from 0. A row that is not whole has no answer.
    """
    if labels is None or not any(isinstance(value, list) for value in labels.values):
        return _best_classes(scores, classes)
    half = 0.0
    if np.nanmin(scores, initial=0) >= 0:
        half = 0.5
    elif np.nanmax(scores) <= 0:
        hint = "are they logarithms? should be probabilities or margins"
        raise UserError(f"{path}: no score is above 0 ({hint})")
    return _classes_from(half, scores, classes, path)


def _best_classes(scores: Array, classes: Sequence[object]) -> Column:
    """Return the class with the best score of each row."""
    answers: list[object] = []
    for start in range(0, len(scores), AT_ONCE):
        block = scores[start : start + AT_ONCE]
        is_complete = _are_complete(block)
        best = np.where(is_complete[:, np.newaxis], block, 0).argmax(axis=1)
        for position, has_answer in zip(best, is_complete, strict=True):
            answers.append(classes[position] if has_answer else None)
    return Column.of(answers)


def _classes_from(
    half: float, scores: Array, classes: Sequence[object], path: Path
) -> Column:
    """Return the classes with at least a score of each row, as lists."""
    answers: list[object] = []
    n_labels = 0
    for start in range(0, len(scores), AT_ONCE):
        block = scores[start : start + AT_ONCE]
        n_labels += int(np.count_nonzero(block >= half))
        check_number(n_labels, str(path))
        is_complete = _are_complete(block)
        for row, has_answer in zip(block, is_complete, strict=True):
            positions = np.flatnonzero(row >= half).tolist()
            names = [classes[position] for position in positions]
            answers.append(names if has_answer else None)
    return Column.of(answers)


def _are_complete(scores: Array) -> Mask:
    """Return which rows of scores lack none, ``(n,)``."""
    return np.asarray(~np.isnan(scores).any(axis=1))


def check_number(n_labels: int, where: str) -> None:
    """Raise ``UserError`` if documents have more labels than there is room for."""
    if n_labels > MOST_LABELS:
        raise UserError(f"{where}: more than {MOST_LABELS:,} labels")
