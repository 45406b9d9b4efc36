"""Cells with several labels each, found by what separates the labels.

``find_separator(Counter(["earn", "acq", "earn; acq"])).separator`` is ``;``.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rnnbench.data.sources.labels import LISTS, SEPARATORS, items_of_list, split_labels
from rnnbench.errors import shortened
from rnnbench.labels import MAX_LABELS

MOST_ROWS = 50_000
"""Rows of a table that tell what separates its labels."""
MOST_CELLS = 10_000
"""Different cells in them."""
FEWEST_SEVERAL = 0.05
"""The smallest share of rows with several labels if the labels have a separator."""
MOST = 0.5
"""More than this share of labels are shared by several cells."""
NUMBERS = re.compile(r"-?\d+(?:,\d+)?")
"""With a comma, it may be a decimal number."""


class Separator(NamedTuple):
    """The separator of labels in the cells of a table, and the evidence for it."""

    mark: str
    reason: str


def find_separator(cells: Counter[str]) -> Separator | None:
    """Return what evidently separates labels; ``None`` if each cell may be one label.

    ``cells`` has the number of rows with each.
    """
    rows = f"{cells.total():,} rows"
    if cells.total() >= MOST_ROWS or len(cells) >= MOST_CELLS:
        rows = f"the first {rows}"
    filled = Counter({cell: n for cell, n in cells.items() if cell.strip()})
    if filled and all(map(_is_list_of_labels, filled)):
        example = shortened(filled.most_common(1)[0][0], 40)
        among = f"in {filled.total():,} of {rows}"
        return Separator(LISTS, f"labels are lists, such as {example}, {among}")
    for mark in SEPARATORS:
        labels_of = {}
        n_rows = 0
        for cell, n_equal in filled.items():
            labels_of[cell] = split_labels(cell, mark)
            if len(labels_of[cell]) > 1:
                n_rows += n_equal
        is_frequent = n_rows > FEWEST_SEVERAL * cells.total()
        if is_frequent and _are_labels(mark, labels_of):
            reason = f"'{mark}' separates labels in {n_rows:,} of {rows}"
            return Separator(mark, reason)
    return None


def _is_list_of_labels(cell: str) -> bool:
    """Return whether a cell is a list of different labels."""
    labels = items_of_list(cell)
    return labels is not None and len(set(labels)) == len(labels)


def _are_labels(mark: str, labels_of: Mapping[str, Sequence[str]]) -> bool:
    """Return whether the parts of cells are labels, not parts of names.

    Labels are shared by cells, and one is the first in a cell and not in another. In
    names such as ``Portland, OR`` and ``Salem, OR``, each part has its place. Because a
    comma may be in a name, most of the parts also have to be cells of their own.
    """
    lengths = set[int]()
    n_cells = Counter[str]()
    places = set[tuple[int, str]]()
    joined = set[str]()
    for labels in labels_of.values():
        if len(set(labels)) < len(labels):
            return False
        lengths.add(len(labels))
        n_cells.update(labels)
        places.update(enumerate(labels))
        if len(labels) > 1:
            joined.update(labels)
    has_places = len(places) == len(n_cells)
    if len(lengths) < 2 or has_places or len(n_cells) > MAX_LABELS:
        return False
    n_shared = sum(n_cells[label] > 1 for label in joined)
    if mark == ",":
        if all(map(NUMBERS.fullmatch, labels_of)):
            return False
        n_shared = min(n_shared, len(joined.intersection(labels_of)))
    return bool(n_shared > MOST * len(joined))
