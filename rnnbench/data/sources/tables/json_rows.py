"""Rows of .json and .jsonl files: objects whose keys are the columns."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.layout import (
    NOT_A_ROW,
    SAMPLE_ROWS,
    BadRow,
    Columns,
    Layout,
    Rows,
    TextTable,
)
from rnnbench.data.sources.tables.lines import LONE_SURROGATES, codec_of, lines
from rnnbench.errors import UserError
from rnnbench.storage import read_file

MAX_ARRAY = 2**29  # bytes of a file with a JSON array
NO_OBJECT = 'should be an object, such as {"text": ..., "label": ...}'
Item = tuple[str, Any]  # a place, and its value or a ``BadRow``


def read_json_lines(
    path: Path, layout: Layout, progress: Progress, columns: Columns
) -> TextTable:
    """Read an object on each line."""
    return _table_of(_items_by_line(path, layout, progress), columns)


def _items_by_line(path: Path, layout: Layout, progress: Progress) -> Iterator[Item]:
    for number, line in enumerate(lines(path, layout, progress), start=1):
        place = f"{path}:{number}"
        try:
            if line.strip():
                yield place, json.loads(line)
        except (ValueError, RecursionError) as error:
            yield place, BadRow(place, NOT_A_ROW, f"not JSON: {error}")


def read_json_array(
    path: Path, layout: Layout, progress: Progress, columns: Columns
) -> TextTable:
    """Read an array of objects; or an object on each line, as some such files have."""
    content = read_file(path, MAX_ARRAY)
    try:
        values = json.loads(content.decode(codec_of(layout), LONE_SURROGATES))
    except (ValueError, RecursionError) as error:
        if "Extra data" in str(error):
            return read_json_lines(path, layout, progress, columns)
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, list):
        raise UserError(f"{path}: should be an array of objects")
    items = ((f"{path}, item {n}", value) for n, value in enumerate(values, start=1))
    return _table_of(items, columns)


def _table_of(items: Iterator[Item], columns: Columns) -> TextTable:
    """Return a table whose columns are the keys of the first objects."""
    first = list(islice(items, SAMPLE_ROWS))
    names: dict[str, None] = {}  # each once, in order
    for _, value in first:
        if isinstance(value, dict):
            names |= dict.fromkeys(value)
    if first and not names:
        place, value = first[0]
        if isinstance(value, BadRow):
            raise UserError(f"{place}: {value.fault}")
        if value != {}:
            raise UserError(f"{place}: {NO_OBJECT}")
    if not columns:
        return TextTable(list(names), _rows(chain(first, items), list(names), names))
    wanted = set(columns)
    header = [name for name in names if name in wanted]
    return TextTable(header, _rows(chain(first, items), header))


def _rows(
    items: Iterable[Item], header: Sequence[str], names: Iterable[str] | None = None
) -> Rows:
    """Yield the rows; if ``names`` are given, other keys make a bad row."""
    for place, value in items:
        if isinstance(value, BadRow):
            yield value
        elif not isinstance(value, dict):
            yield BadRow(place, NOT_A_ROW, NO_OBJECT)
        else:
            row = [value.get(name) for name in header]
            new = set()
            if names is not None:
                new = value.keys() - names
            if new:
                fault = f"the key '{min(new)}' is not in the first rows"
                yield BadRow(place, NOT_A_ROW, fault, row)
            else:
                yield place, row
