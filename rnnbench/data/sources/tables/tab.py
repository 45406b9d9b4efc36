"""Rows of .tab files, in which Orange may say what is in the columns.

``ORANGE.name_columns(Path("own.tab"), Layout())`` has the class as ``label``.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from rnnbench.data.fetch import Progress, silent
from rnnbench.data.sources.tables.layout import (
    Layout,
    Rows,
    TableKind,
    TextTable,
    Wanted,
    columns_called,
    names_of,
)
from rnnbench.data.sources.tables.separated import read_separated

TYPE = re.compile(r"[cdnst]?|continuous|discrete|numeric|string|time", re.IGNORECASE)
ROLES = re.compile(
    r"(?:(?:class|meta|ignore|weight|[cmiw]|[\w-]+=\S*) *)*", re.IGNORECASE
)
PREFIX = re.compile(r"(?:([cmiw])[CDNST]?|[CDNST])#(.+)", re.DOTALL)
"""A prefix, such as ``cD#`` of a class, and the name."""
CLASS = re.compile(r"(?:class|c)\b", re.IGNORECASE)
INCLUDED = re.compile(r".*\binclude=true\b", re.IGNORECASE)
"""The roles of columns with labels and with texts."""


class OrangeTable(NamedTuple):
    """A table, and the roles of the columns; the last ones may have none."""

    header: list[str]
    roles: Sequence[str]
    rows: Rows


def read_tab(
    path: Path, layout: Layout, progress: Progress, _columns: Wanted
) -> TextTable:
    """Read tab-separated values, without what Orange says of the columns."""
    table = _read(path, layout, progress)
    return TextTable(table.header, table.rows)


def _read(path: Path, layout: Layout, progress: Progress) -> OrangeTable:
    """Read a table whose header is of three lines, or has prefixes, or is as usual."""
    header, rows = read_separated(path, layout, progress, None)
    first = list(islice(rows, 2))
    if len(first) == 2:
        types = first[0].values
        roles = first[1].values
        if _have_types(types) and all(map(ROLES.fullmatch, roles)):
            return OrangeTable(header, roles, rows)
    names = []
    roles = []
    for written in header:
        role = ""
        name = written
        prefix = PREFIX.fullmatch(written)
        if prefix:
            role, name = prefix.groups("")
        names.append(name)
        roles.append(role)
    return OrangeTable(names, roles, chain(first, rows))


def _have_types(fields: Sequence[str]) -> bool:
    return any(fields) and all(map(TYPE.fullmatch, fields))


def _with_roles(path: Path, layout: Layout) -> Layout:
    """Return a layout with the columns that Orange names, unless it has others."""
    table = _read(path, layout, silent)
    taken = [*names_of(layout.text), *names_of(layout.label)]
    texts = []
    label = layout.label
    for name, role in zip(table.header, table.roles, strict=False):
        if name in taken:
            continue
        if label is None and CLASS.match(role):
            label = name
        elif INCLUDED.match(role):
            texts.append(name)
    return replace(layout, text=layout.text or columns_called(texts), label=label)


ORANGE = TableKind(read_tab, name_columns=_with_roles)
