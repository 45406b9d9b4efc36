"""The layout of a table, found out from its first rows.

``sniff(Path("own.csv"), Layout())`` is, for example, ``Layout(";", "cp1252", "tweet",
"mood")``.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from rnnbench.data.sources.tables.encodings import encoding_of
from rnnbench.data.sources.tables.layout import (
    INDICATORS,
    SAMPLE_ROWS,
    Layout,
    Names,
    Row,
    Rows,
    log_once,
    names_of,
)
from rnnbench.data.sources.tables.opening import kind_of, open_table, open_wide
from rnnbench.errors import UserError
from rnnbench.text import counted, listed

LONGEST_SAMPLE = 1_000  # characters of a value that tell how long it is
LONGEST_SHORT = 100  # characters of a value that may name a group
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Names of columns that tell what is in them, the surest first.
TEXT_NAMES = (
    "text",
    "tweet",
    "sentence",
    "body",
    "content",
    "message",
    "comment",
    "review",
)
LABEL_NAMES = (
    "label",
    "topic",
    "class",
    "category",
    "target",
    "sentiment",
    "intent",
    "y",
)
USUAL = {"delimiter": ",", "encoding": "utf-8", "text": "text", "label": "label"}
"""Findings that are not worth a message."""


def sniff(path: Path, layout: Layout) -> Layout:
    """Return a layout with all that a table tells, which is logged.

    The columns may stay open if it is not clear which they are. An empty ``label``
    says that no column holds labels, so that none is looked for.
    """
    declared = layout
    layout = with_form(path, layout)
    name_columns = kind_of(path).name_columns
    if name_columns:
        layout = name_columns(path, layout)
    header, rows = open_table(path, layout)
    layout = replace(
        layout,
        text=split_columns(layout.text, header),
        label=split_columns(layout.label, header),
    )
    taken = _taken_columns(path, layout)
    free = [name for name in header if name not in taken]
    texts = _columns_called(TEXT_NAMES, free)
    labels = _columns_called(LABEL_NAMES, free)
    text = layout.text or next(iter(texts), None)
    label = layout.label
    if label is None:
        label = next(iter(labels), None)
    samples = {}
    if text is None or label is None:
        samples = _samples(header, rows, {*free}.difference([text, label]))
    if text is None and samples:
        text = max(samples, key=lambda name: sum(map(len, samples[name])))
        del samples[text]
    if label is None:
        label = _indicators(samples) or _with_few_values(path, samples)
    has_choice = len(texts) > 1 and layout.text is None
    layout = replace(layout, text=text, label=label)
    if has_choice or _is_unusual(layout, declared):
        log_once(path, f"read as {_in_words(layout)}")
    return layout


def _taken_columns(path: Path, layout: Layout) -> list[str]:
    """Return the columns that a layout names, each of which holds one thing."""
    taken = []
    for columns in (layout.text, layout.label, layout.group):
        taken += names_of(columns or None)
    if len(set(taken)) < len(taken):
        keys = "data.text, data.label and data.group"
        fault = f"{keys} should name different columns"
        raise UserError(f"{path}: {fault}: {listed(taken)}")
    return taken


def split_columns(columns: Names, header: Sequence[str]) -> Names:
    """Return several columns for ``title,body``, unless a column has this name."""
    joined = names_of(columns)
    if len(joined) == 1 and joined[0] not in header:
        names = tuple(map(str.strip, joined[0].split(",")))
        if set(header).issuperset(names):
            return names
    return columns


def _usable(rows: Rows) -> Iterator[Row]:
    """Yield those of the first rows that can be used."""
    return (row for row in islice(rows, SAMPLE_ROWS) if not row.fault)


def _columns_called(names: Iterable[str], columns: Sequence[str]) -> list[str]:
    """Return the columns that have one of some names, the surest first."""
    spelled = {column.lower(): column for column in reversed(columns)}
    return [spelled[name] for name in names if name in spelled]


def _samples(
    header: Sequence[str], rows: Rows, names: Collection[str | None]
) -> dict[str, list[str]]:
    """Return the first values of some columns, cut if they are long."""
    samples: dict[str, list[str]] = {name: [] for name in header if name in names}
    for row in _usable(rows):
        for name, value in zip(header, row.values, strict=True):
            if name in samples:
                samples[name].append(str(value)[:LONGEST_SAMPLE])
    return samples


def _indicators(samples: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """Return the columns of 0 and 1, one for each label, if all others are ids.

    At least two of them have both values.
    """
    names = []
    n_with_both = 0
    for name, values in samples.items():
        different = set(map(str.lower, values))
        if different <= INDICATORS.keys():
            names.append(name)
            n_with_both += len(set(map(INDICATORS.get, different))) == 2
        elif len(set(values)) < len(values):
            return None
    if n_with_both < 2:
        return None
    return tuple(names)


def _with_few_values(path: Path, columns: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column that clearly has fewer different values than the others.

    It has several, and most of them more than once; none is its name.
    """
    n_rows = max(map(len, columns.values()), default=0)
    few = []
    for name, values in columns.items():
        n_different = len(set(values) - {""})
        if 1 < n_different <= n_rows / 2:
            few.append((n_different, name))
    few.sort()
    if len(few) == 1 or (few and few[0][0] * 4 <= few[1][0]):
        _, label = few[0]
        if label in columns[label]:
            hint = f"'{label}' is a label; add a line with the names of the columns"
            raise UserError(f"{path}: its first line is not a header: {hint}")
        return label
    return None


def _is_unusual(detected: Layout, declared: Layout) -> bool:
    """Return whether anything that was detected is worth a message."""
    for key, usual in USUAL.items():
        value = getattr(detected, key)
        if value and not getattr(declared, key) and value != usual:
            return True
    return False


def _in_words(layout: Layout) -> str:
    """Return how a table is read."""
    parts = [DELIMITERS.get(layout.delimiter or "", layout.delimiter), layout.encoding]
    if layout.text:
        parts.append(f"texts in {_quoted(names_of(layout.text))}")
    labels = names_of(layout.label)
    if layout.label:
        parts.append(f"labels in {_quoted(labels)}")
    if len(labels) > 1:
        parts.append("which are 0 or 1: several labels a text (data.label=NAME if not)")
    return ", ".join(filter(None, parts))


def _quoted(names: Iterable[str]) -> str:
    return listed(list(map("'{}'".format, names)), most=20)


def label_candidates(path: Path, layout: Layout) -> list[str]:
    """Return the columns that may hold labels, the likeliest first.

    They have few values, which are short, repeated and seldom missing; they are not
    those of texts or groups.
    """
    header, rows = open_table(path, layout)
    taken = {*names_of(layout.text), layout.group}
    samples = _samples(header, rows, {*header} - taken)
    ranked = []
    for name, values in samples.items():
        n_different = len(set(values) - {""})
        half = len(values) / 2
        is_unlikely = not 1 < n_different <= half or values.count("") > half
        length = sum(map(len, values))
        number = counted(n_different, "value")
        ranked.append((is_unlikely, n_different, length, f"{name} ({number})"))
    ranked.sort()
    return [candidate for *_, candidate in ranked] or header


def short_columns(path: Path, layout: Layout) -> list[str]:
    """Return the columns whose first values are short texts or whole numbers.

    None is missing. ``doc.page`` is the key ``page`` of the JSON objects in the column
    ``doc``.
    """
    header, rows = open_table(path, layout)
    columns: dict[str, list[object]] = {}
    n_rows = 0
    for row in _usable(rows):
        n_rows += 1
        for name, value in zip(header, row.values, strict=True):
            cells = {name: value}
            if isinstance(value, dict):
                cells = {f"{name}.{key}": inner for key, inner in value.items()}
            for cell_name, cell in cells.items():
                columns.setdefault(cell_name, []).append(cell)
    counts = Counter(header)
    short = []
    for name, values in columns.items():
        if len(values) == n_rows and counts[name] < 2 and all(map(_is_short, values)):
            short.append(name)
    return short


def _is_short(value: object) -> bool:
    """Return whether a value is a short text or a whole number."""
    match value:
        case str():
            return 0 < len(value) <= LONGEST_SHORT
        case int():
            return True
    return False


def with_form(path: Path, layout: Layout) -> Layout:
    """Return a layout with the encoding and the delimiter of a table."""
    kind = kind_of(path)
    if layout.encoding is None and kind.is_text:
        layout = replace(layout, encoding=encoding_of(path))
    if layout.delimiter is None and kind.is_delimited:
        fitness = {}
        for delimiter in DELIMITERS:
            fitness[delimiter] = _fitness(path, replace(layout, delimiter=delimiter))
        best = max(fitness, key=fitness.__getitem__)  # the first of several
        layout = replace(layout, delimiter=best)
    return layout


def _fitness(path: Path, layout: Layout) -> tuple[float, int]:
    """Return the share of good rows with several columns, and the number of these."""
    try:
        header, rows = open_wide(path, layout)
        are_good = [not row.fault for row in islice(rows, SAMPLE_ROWS)]
    except UserError:  # with this delimiter, quotation marks may be wrong
        return 0.0, 1
    if len(header) < 2:
        return 0.0, 1
    return (1 + sum(are_good)) / (1 + len(are_good)), len(header)
