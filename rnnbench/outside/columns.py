"""Columns of files with answers, and how files are read.

>>> column = Column.of(["earn", "acq"], np.array([1, 1, 0]))
>>> column.values.tolist(), column.codes.tolist()
(['acq', 'earn'], [0, 0, 1])
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.sources import tables
from rnnbench.data.sources.tables.sniffing import TEXT_NAMES
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
    "text": TEXT_NAMES,
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
    """It stands between the labels of a document; by default found."""
    labels: Column | None = None
    """Those that are in another file."""
    elsewhere: Collection[str] = ()
    """The keys of columns that another file may have in place of this one."""
    with_others: bool = False
    """Whether columns that no option names are read, too."""
    with_texts: bool = False
    """Whether texts are read, too."""
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


def find_columns(header: Sequence[str], reading: Reading, path: Path) -> dict[str, str]:
    """Return the names of columns by what they hold."""
    names = {}
    for key, usual_names in NAMES.items():
        for name in usual_names:
            if name in header and (key != "text" or reading.with_texts):
                names[key] = name
                break
    chosen = dict(reading.columns)
    if reading.only:
        chosen["only"] = reading.only[0]
    for key, name in chosen.items():
        # dots lead into objects of JSON
        if name in header or name.partition(".")[0] in header:
            names[key] = name
        elif key not in reading.elsewhere:
            hint = did_you_mean(name, header)
            raise UserError(f"{path}: no column '{name}' ({hint})")
    tables.check_unique(names.values(), header, path)
    return names


def decide_answers(
    scores: Array, classes: Sequence[object], labels: Column | None, path: Path
) -> Column:
    """Return the class with the best score of each row.

    If labels are lists, it is a list of the classes above half: probabilities from 0.5,
    or margins from 0. A row that is not whole has no answer.
    """
    if labels is None or not any(isinstance(value, list) for value in labels.values):
        best = scores.argmax(axis=1)
        best[~_are_complete(scores)] = len(classes)
        return Column.of([*classes, None], best)
    half = 0.0
    if np.nanmin(scores, initial=0) >= 0:
        half = 0.5
    elif np.nanmax(scores) <= 0:
        hint = "are they logarithms? should be probabilities or margins"
        raise UserError(f"{path}: no score is above 0 ({hint})")
    return Column.of(classes_from(half, scores, classes, str(path)))


def classes_from(
    least: float, scores: Array, classes: Sequence[object], where: str
) -> list[list[object] | None]:
    """Return the classes with at least a score, of each row."""
    answers: list[list[object] | None] = []
    n_labels = 0
    for start in range(0, len(scores), AT_ONCE):
        block = scores[start : start + AT_ONCE]
        n_labels += int(np.count_nonzero(block >= least))
        if n_labels > MOST_LABELS:
            raise UserError(f"{where}: more than {MOST_LABELS:,} labels")
        for row, is_complete in zip(block, _are_complete(block), strict=True):
            answer = None
            if is_complete:
                places = np.flatnonzero(row >= least).tolist()
                answer = [classes[place] for place in places]
            answers.append(answer)
    return answers


def _are_complete(scores: Array) -> Mask:
    """Return which rows of scores lack none, ``(n,)``."""
    return np.asarray(~np.isnan(scores.max(axis=1)))
