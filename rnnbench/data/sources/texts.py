"""The texts in a table or a folder, one by one, each with its labels and its group.

``for text in read_texts(Path("own.csv"), Layout(), bad_rows): ...``
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from rnnbench.data.fetch import Progress, silent
from rnnbench.data.groups import LikelyGroups, likely_groups
from rnnbench.data.sources.labels import ONE_LABEL, split_labels
from rnnbench.data.sources.separators import MOST_CELLS, MOST_ROWS, find_separator
from rnnbench.data.sources.tables import (
    INDICATORS,
    MAX_TEXT,
    Layout,
    Names,
    Row,
    Rows,
    check_unique,
    label_candidates,
    names_of,
    open_table,
    read_folder,
    short_columns,
    sniff,
)
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.labels import LONGEST_LABEL, spelled
from rnnbench.text import encodable, listed, visible

log = logging.getLogger(__name__)
MOST_BAD_ROWS = 1_000_000
LONGEST_CELL = 2_000  # characters of a cell with labels, if these are to be told apart
Getter = Callable[[Sequence[object]], object]  # of a cell, or of several, from a row


class Text(NamedTuple):
    """A text with its labels and group, and its place, for messages."""

    place: str  # the file and the line
    text: str
    labels: tuple[str, ...]
    has_one: bool  # not any number of labels
    group: str = "-"


class UnusableError(Exception):
    """A value of a table cannot be used: why, in two words and in full."""

    def __init__(self, reason: str, fault: str):
        super().__init__(fault)
        self.reason = reason
        self.fault = fault


def read_texts(
    path: Path, layout: Layout, bad_rows: list[Row], progress: Progress = silent
) -> Iterator[Text]:
    """Yield the texts in a table, or in a folder with one for each label.

    Rows that cannot be used join the ``bad_rows``.
    """
    if layout.label_separator == ONE_LABEL:
        layout = replace(layout, label_separator=None)
    if not path.is_dir():
        layout = sniff(path, layout)
    rows, getters = _open(path, layout, progress)
    for row in rows:
        if row.fault:
            bad_rows.append(row._replace(values=()))  # there may be many
            continue
        try:
            text = _text_in(row, getters, layout)
        except UnusableError as error:
            bad_rows.append(Row(row.place, (), error.reason, error.fault))
        else:
            yield text
            continue
        if len(bad_rows) > MOST_BAD_ROWS:
            last = bad_rows[-1]
            fault = f"more than {MOST_BAD_ROWS:,} rows cannot be used"
            raise UserError(f"{path}: {fault}, such as {last.place}: {last.fault}")


def _open(path: Path, layout: Layout, progress: Progress) -> tuple[Rows, list[Getter]]:
    """Return the rows of texts, and what gets those, labels and groups from a row."""
    columns = {"text": layout.text, "label": layout.label}
    if layout.group:
        columns["group"] = layout.group
    if path.is_dir():
        header, rows = read_folder(path, layout)
        columns["text"] = layout.text or "text"
        columns["label"] = layout.label or "label"
        names = header
    else:
        names = list(chain.from_iterable(map(names_of, columns.values())))
        header, rows = open_table(path, layout, progress, names)
    if None in columns.values() or not set(header).issuperset(names):
        header, _ = open_table(path, layout)  # for the message, that of all columns
    getters = []
    for key, of_key in columns.items():
        if of_key is None:
            raise UserError(unclear_column(key, path, layout))
        getters.append(getter_of(key, of_key, header, path))
    return rows, getters


def unclear_column(key: str, path: Path, layout: Layout) -> str:
    """Return the message that a column is not known, with those that it may be."""
    fault = f"it is not clear which column holds the {key}s"
    candidates = label_candidates(path, layout)
    hint = f"set data.{key}, as in --{key} NAME, to one of"
    return f"{path}: {fault}; {hint} {listed(candidates, most=20)}"


def getter_of(key: str, columns: Names, header: list[str], path: Path) -> Getter:
    """Return what gets the cells that hold a key of the ``data`` section from a row."""
    names = names_of(columns)
    check_unique(names, header, path)
    positions = dict(zip(header, range(len(header)), strict=True))
    for name in names:
        if name not in positions:
            hint = did_you_mean(name, header)
            raise UserError(f"{path}: no column '{name}' ({hint}; --{key} names it)")
    return itemgetter(*map(positions.__getitem__, names))


def text_of(cell: object, encoding: str | None = None) -> str:
    """Return the text in a cell, or in several one below the other.

    ``UnusableError`` is raised if it cannot be used.
    """
    match cell:
        case tuple():
            parts = []
            for part in cell:
                if part is not None and str(part).strip():
                    parts.append(usable("text", part, encoding))
            cell = "\n".join(parts)
    return usable("text", cell, encoding)


def _indicated(cells: Sequence[object], names: Sequence[str]) -> list[str]:
    """Return the names of the columns with 1, or raise ``UnusableError``."""
    labels = []
    for name, cell in zip(names, cells, strict=True):
        value = INDICATORS.get(str(cell).lower())
        if value is None:
            fault = f"{name}: should be 0 or 1: {shortened(str(cell), 40)}"
            raise UnusableError("not 0 or 1", fault)
        if value:
            labels.append(name)
    return labels


def _text_in(row: Row, getters: Sequence[Getter], layout: Layout) -> Text:
    """Return the text in a row, or raise ``UnusableError``."""
    text, label, *groups = [get(row.values) for get in getters]
    text = text_of(text, layout.encoding)
    separator = layout.label_separator
    has_one = False
    labels: Sequence[object] = []
    if isinstance(label, list):
        labels = label
    elif isinstance(label, tuple):
        labels = _indicated(label, names_of(layout.label))
    elif separator is None:
        labels = [label]
        has_one = True
    elif label is not None:
        labels = split_labels(str(label), separator)
    names = tuple(_label_of(value, layout) for value in labels)
    group = "-"
    if groups:
        group = usable("group", spelled(groups[0]), layout.encoding)
    return Text(row.place, text, names, has_one, group)


def _label_of(value: object, layout: Layout) -> str:
    """Return a label, or raise ``UnusableError``."""
    label = usable("label", spelled(value), layout.encoding)
    separator = layout.label_separator
    if separator and separator in label:  # in a list
        fault = f"the label '{label}' has data.label_separator in it"
        raise UnusableError("split label", fault)
    return label


def usable(key: str, value: object, encoding: str | None = None) -> str:
    """Return a value that can be used as a text, or raise ``UnusableError``."""
    if value is None or not str(value).strip():
        raise UnusableError(f"empty {key}", f"the {key} is empty")
    longest = LONGEST_LABEL
    kind = "a text or a number"
    if key == "text":
        longest = MAX_TEXT
        kind = "a text"
    if not isinstance(value, str):
        start = shortened(str(value), 40)
        raise UnusableError(f"unusable {key}", f"{key}: should be {kind}: {start}")
    if len(value) > longest:
        fault = f"a {key} of {len(value):,} characters (allowed: {longest:,})"
        raise UnusableError(f"long {key}", f"{fault}: {shortened(value, 40)}")
    if not value.isascii() and encodable(value) != value:
        fault = "half a character (a lone surrogate)"
        if any("\udc80" <= character <= "\udcff" for character in value):
            codec = encoding or "its encoding"
            fault = f"a byte that {codec} does not have; see data.encoding"
        raise UnusableError("not decodable", fault)
    if key != "text" and not value.isprintable() and visible(value) != value:
        fault = f"the {key} has characters that cannot be printed"
        raise UnusableError(f"unusable {key}", fault)
    return value


def with_separator(paths: Sequence[Path], layout: Layout) -> tuple[Layout, bool]:
    """Return a layout with what evidently separates labels in tables, which is logged.

    And whether a text may have several labels.
    """
    if layout.label_separator:
        return layout, layout.label_separator != ONE_LABEL
    cells = Counter[str]()
    all_cells = chain(*(_cells_with_labels(path, layout) for path in paths))
    for value in islice(all_cells, MOST_ROWS):
        match value:
            case list():
                return layout, True
            case tuple():
                return replace(layout, label=value), True
            case None:
                cell = ""
            case _:
                cell = str(value)
        cells[cell] += 1
        if len(cell) > LONGEST_CELL:
            return layout, False
        if len(cells) == MOST_CELLS:
            break
    separator = find_separator(cells)
    if separator is None:
        return layout, False
    hint = "several labels a text; data.label_separator=none if not"
    log.warning("%s: %s: %s", paths[0], separator.reason, hint)
    return replace(layout, label_separator=separator.mark), True


def _cells_with_labels(path: Path, layout: Layout) -> Iterator[object]:
    """Yield the first values in the column of labels, or the names of several."""
    if path.is_dir():
        return
    layout = sniff(path, layout)
    names = names_of(layout.label)
    if len(names) > 1:
        yield layout.label
        return
    try:
        header, rows = open_table(path, layout, columns=names)
        position = header.index(str(layout.label))
    except (UserError, ValueError):  # it is said when the texts are read
        return
    for row in rows:
        if not row.fault:
            yield row.values[position]


def undeclared_groups(path: Path, layout: Layout) -> LikelyGroups | None:
    """Return the groups of texts that a column of a table evidently names, if any."""
    layout = sniff(path, layout)
    label_names = names_of(layout.label)
    names = {*short_columns(path, layout), *label_names}.difference(
        names_of(layout.text)
    )
    header, rows = open_table(path, layout, columns=list(names))
    positions = {name: place for place, name in enumerate(header) if name in names}
    columns: dict[str, list[object]] = {name: [] for name in positions}
    for row in rows:
        if not row.fault:
            for name, position in positions.items():
                columns[name].append(row.values[position])
    labels = []
    for cells in zip(*map(columns.pop, label_names), strict=True):
        labels.append(" ".join(map(str, cells)))
    likely = likely_groups(columns, labels)
    if likely and likely[0].is_evident:
        return likely[0]
    return None
