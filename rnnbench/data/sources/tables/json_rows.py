"""Rows of .json and .jsonl files: objects whose keys are the columns."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.layout import (
    NOT_A_ROW,
    SAMPLE_ROWS,
    Layout,
    Row,
    Rows,
    TableKind,
    TextTable,
    Wanted,
)
from rnnbench.data.sources.tables.lines import LONE_SURROGATES, codec_of, lines
from rnnbench.data.sources.tables.packed import open_table_file
from rnnbench.errors import UserError

MAX_ARRAY = 2**29  # bytes of a file with a JSON array
NO_OBJECT = 'should be an object, such as {"text": ..., "label": ...}'


class Item(NamedTuple):
    """A value in a file, and where it stands."""

    place: str
    values: dict[str, Any]  # by column
    fault: str = ""  # why it is no row, if it is none


def read_json_lines(
    path: Path, layout: Layout, progress: Progress, columns: Wanted
) -> TextTable:
    """Read an object on each line."""
    return _table_of(_items_by_line(path, layout, progress), columns)


def _items_by_line(path: Path, layout: Layout, progress: Progress) -> Iterator[Item]:
    for number, line in enumerate(lines(path, layout, progress), start=1):
        place = f"{path}:{number}"
        try:
            if line.strip():
                yield _item(place, json.loads(line))
        except (ValueError, RecursionError) as error:
            yield Item(place, {}, f"not JSON: {error}")


def read_json_array(
    path: Path, layout: Layout, progress: Progress, columns: Wanted
) -> TextTable:
    """Read an array of objects; or an object on each line, as some such files have."""
    with open_table_file(path) as file:
        content = file.read(MAX_ARRAY + 1)
    if len(content) > MAX_ARRAY:
        fault = f"longer than {MAX_ARRAY:,} bytes"
        raise UserError(f"{path}: {fault} (use a .jsonl file instead)")
    try:
        values = json.loads(content.decode(codec_of(layout), LONE_SURROGATES))
    except (ValueError, RecursionError) as error:
        if "Extra data" in str(error):
            return read_json_lines(path, layout, progress, columns)
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, list):
        raise UserError(f"{path}: should be an array of objects")
    items = (_item(f"{path}, item {n}", value) for n, value in enumerate(values, 1))
    return _table_of(items, columns)


def _item(place: str, value: object) -> Item:
    if isinstance(value, dict):
        return Item(place, value)
    return Item(place, {}, NO_OBJECT)


def _table_of(items: Iterator[Item], columns: Wanted) -> TextTable:
    """Return a table whose columns are the keys of the first objects."""
    first = list(islice(items, SAMPLE_ROWS))
    names: dict[str, None] = {}  # each once, in order
    for item in first:
        names |= dict.fromkeys(item.values)
    if first and not names and first[0].fault:
        raise UserError(f"{first[0].place}: {first[0].fault}")
    wanted = set(columns or names)
    header = [name for name in names if name in wanted]
    rows = _rows(chain(first, items), header, has_all=not columns)
    return TextTable(header, rows)


def _rows(items: Iterable[Item], header: Sequence[str], *, has_all: bool) -> Rows:
    """Yield the rows; if the header has all columns, other keys make a bad row."""
    for place, values, fault in items:
        if fault:
            yield Row(place, (), NOT_A_ROW, fault)
            continue
        row = Row(place, [values.get(name) for name in header])
        new = set[str]()
        if has_all:
            new = values.keys() - header
        if new:
            key_fault = f"the key '{min(new)}' is not in the first rows"
            yield row._replace(reason=NOT_A_ROW, fault=key_fault)
        else:
            yield row


JSON_LINES = TableKind(read_json_lines)
JSON_ARRAY = TableKind(read_json_array)
