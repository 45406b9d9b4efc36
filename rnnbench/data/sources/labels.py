"""Several labels in one cell of a table: how to split them, and how to notice them.

``split_labels("earn; acq", ";")`` is ``["earn", "acq"]``.
"""

import ast
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rnnbench.errors import shortened

log = logging.getLogger(__name__)
IN_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
ITEM = r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|-?\d++(?:\.\d++)?"""
LIST = re.compile(rf"\[\s*+(?:(?:{ITEM})(?:\s*+,\s*+|\s++|(?=\])))*+\]", re.DOTALL)
"""Texts and numbers as Python, JSON or NumPy, which has no commas, writes them."""
ONE_LABEL = "none"
"""The value of ``data.label_separator`` with which each cell is one label."""
LISTS = "[]"
"""The value with which cells are lists as Python, JSON or NumPy writes them."""
MOST_LABELS = 10_000  # that are looked at
SEPARATORS = (";", "|", ",")  # the surest first: a comma may well be part of a label


def split_labels(cell: str, separator: str) -> list[str]:
    """Return the labels in a cell, or in a list as Python or JSON writes it.

    >>> split_labels("earn; acq", ";")
    ['earn', 'acq']
    >>> split_labels("['earn', 'acq']", ",")
    ['earn', 'acq']
    """
    items = items_of_list(cell)
    inside = IN_BRACKETS.fullmatch(cell.strip())
    if items is not None:
        parts = items
    elif inside is None:
        parts = cell.split(separator)
    elif separator in inside[1]:
        parts = inside[1].split(separator)
    else:
        parts = inside[1].split(",")
    return list(filter(None, map(str.strip, parts)))


def items_of_list(cell: str) -> list[str] | None:
    """Return the items of a list as Python, JSON or NumPy writes it, if it is one.

    >>> items_of_list("['earn' 'acq']")
    ['earn', 'acq']
    """
    written = cell.strip()
    if LIST.fullmatch(written) is None:
        return None
    return list(map(_plain_item, re.findall(ITEM, written, re.DOTALL)))


def _plain_item(item: str) -> str:
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError):
            return str(parse(item))
    return item[1:-1]


def hint_at_lists(path: Path, labels: Iterable[str], option: str) -> None:
    """Say how to read several labels if any label in a file looks like a list of them.

    ``option`` is what the user has to write, with ``{}`` in place of the separator.
    """
    list_like = find_list(labels)
    if list_like is not None:
        label, separator = list_like
        example = f"labels look like lists, such as {shortened(label, 60)!r}"
        hint = f"{option.format(separator)} reads several"
        log.warning("%s: %s, but each is read as one (%s)", path, example, hint)


def find_list(labels: Iterable[str]) -> tuple[str, str] | None:
    """Return a label that looks like several, and their separator, if one does.

    ``Health, Fitness`` may be one label, so with commas, each part has to occur in
    another label, too.
    """
    names = sorted(set(labels))[:MOST_LABELS]
    for name in names:
        inside = IN_BRACKETS.fullmatch(name.strip())
        if inside and re.search(r"""['",]""", inside[1]):
            return name, ","
    for separator in SEPARATORS:
        parts_of = {name: split_labels(name, separator) for name in names}
        counts = Counter[str]()
        for parts in parts_of.values():
            counts.update(set(parts))
        lists = [name for name, parts in parts_of.items() if len(parts) > 1]
        for name in lists:
            recurring = [counts[part] > 1 for part in parts_of[name]]
            is_sure = separator != "," and (any(recurring) or len(lists) > 1)
            if is_sure or all(recurring):
                return name, separator
    return None
