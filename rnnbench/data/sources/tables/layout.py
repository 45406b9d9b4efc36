"""The form of a table, its rows, and what each kind of file says of its own reader.

``Layout(delimiter=";", text="body", label="topic")``.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from rnnbench.data.fetch import Progress
from rnnbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow

log = logging.getLogger(__name__)
SAMPLE_ROWS = 200  # rows that tell what a table looks like
NOT_A_ROW = "not a row"
INDICATORS = dict.fromkeys(("1", "1.0", "true"), True)
INDICATORS |= dict.fromkeys(("0", "0.0", "false"), False)
"""Whether a text has the label that a column stands for."""


Names = str | tuple[str, ...] | None
"""The name of a column, or those of several that are read as one."""


@dataclass(frozen=True)
class Layout:
    """The form of a table; an attribute that is ``None`` is detected."""

    delimiter: str | None = None  # the character between the columns of a .csv file
    encoding: str | None = None  # a Python codec
    text: Names = None  # the column with the texts, or several with parts of them
    label: Names = None  # that with the labels, or one of 0 and 1 for each label
    group: str | None = None  # that of the column with the groups, if any
    label_separator: str | None = None  # stands between the labels of a text


class Row(NamedTuple):
    """A row of a table; or a bad row, which cannot be used."""

    place: str  # the file and the line, for messages
    values: Sequence[Any]  # one for each column, unless it is a bad row
    reason: str = ""  # why it cannot be used, in two words
    fault: str = ""  # the same in full; empty if it can be used


Wanted = Sequence[str] | None  # the names of the columns that are wanted, or all
Rows = Iterator[Row]


class TextTable(NamedTuple):
    """The names of the columns, and the rows."""

    header: list[str]
    rows: Rows


@dataclass(frozen=True)
class TableKind:
    """A kind of file that holds a table.

    Attributes:
        read: returns the table in a file, with all columns or some.
        is_text: whether the file is text, whose encoding is detected.
        is_delimited: whether a delimiter stands between its columns, which is detected.
        at_once: returns some columns of millions of rows in a file; ``None`` if they
            have to be read row by row.
        name_columns: returns a layout with the columns that the file itself says to
            hold texts and labels, if such files say so.
    """

    read: Callable[[Path, Layout, Progress, Wanted], TextTable]
    is_text: bool = True
    is_delimited: bool = False
    at_once: (
        Callable[[IO[bytes], Layout, Sequence[str]], "pyarrow.Table | None"] | None
    ) = None
    name_columns: Callable[[Path, Layout], Layout] | None = None


@lru_cache(maxsize=100)
def log_once(path: Path, said: str) -> None:
    """Say how a table or a folder is read, though not at each reading."""
    log.warning("%s: %s", path, said)


def names_of(columns: Names) -> list[str]:
    """Return the names of columns; none if they are not known."""
    match columns:
        case str():
            return [columns]
        case tuple():
            return list(columns)
    return []


def columns_called(names: Sequence[str] | None) -> Names:
    """Return the columns of some names; ``None`` if there are no names."""
    if not names:
        return None
    if len(names) == 1:
        return names[0]
    return tuple(names)


def check_unique(names: Iterable[str], header: Sequence[str], path: Path) -> None:
    """Raise ``UserError`` if several columns of a table have one of some names."""
    counts = Counter(header)
    for name in names:
        if counts[name] > 1:
            fault = f"there are two columns '{name}'; rename one of them"
            raise UserError(f"{path}: {fault}")
