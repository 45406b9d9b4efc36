"""The form of a table, and what its reader gives.

``Layout(delimiter=";", text="body", label="topic")``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench.errors import UserError

SAMPLE_ROWS = 200  # rows that tell what a table looks like
NOT_A_ROW = "not a row"


@dataclass(frozen=True)
class Layout:
    """The form of a table; an attribute that is ``None`` is detected."""

    delimiter: str | None = None  # the character between the columns of a .csv file
    encoding: str | None = None  # a Python codec
    text: str | None = None  # the name of the column with the texts
    label: str | None = None  # that of the column with the labels
    group: str | None = None  # that of the column with the groups, if any
    label_separator: str | None = None  # stands between the labels of a text


class BadRow(NamedTuple):
    """A row that cannot be used: why, in two words and in full, and its values."""

    place: str
    reason: str
    fault: str
    values: Sequence[Any] = ()


Columns = Sequence[str] | None  # the names of the columns that are wanted, or all
Row = tuple[str, Sequence[Any]]  # its place, and its values
Rows = Iterator[Row | BadRow]


class TextTable(NamedTuple):
    """The names of the columns, and the rows."""

    header: list[str]
    rows: Rows


def check_unique(names: Iterable[str], header: Sequence[str], path: Path) -> None:
    """Raise ``UserError`` if several columns of a table have one of some names."""
    counts = Counter(header)
    for name in names:
        if counts[name] > 1:
            fault = f"there are two columns '{name}'; rename one of them"
            raise UserError(f"{path}: {fault}")
