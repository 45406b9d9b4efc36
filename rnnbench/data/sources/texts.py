"""The texts in a table or a folder, one by one, each with its labels and its group.

``for text in read_texts(Path("own.csv"), Layout()): ...`` gives ``Text`` or ``BadRow``.
"""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench.data.fetch import Progress, silent
from rnnbench.data.groups import LikelyGroups, likely_groups
from rnnbench.data.sources.labels import split_labels
from rnnbench.data.sources.tables import (
    LONE_SURROGATES,
    MAX_TEXT,
    BadRow,
    Layout,
    codec_of,
    open_table,
    short_columns,
    sniff,
)
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.storage import read_file
from rnnbench.text import encodable, listed, visible

LONGEST_LABEL = 100
Fault = tuple[str, str]  # in two words, and in full


class Text(NamedTuple):
    """A text with its labels and group, and its place, for messages."""

    place: str  # the file and the line
    text: str
    labels: tuple[str, ...]
    has_one: bool  # not any number of labels
    group: str = "-"


def read_texts(
    path: Path, layout: Layout, progress: Progress = silent
) -> Iterator[Text | BadRow]:
    """Yield the texts in a table, or in a folder with one for each label.

    What cannot be used is yielded as a bad row.
    """
    if path.is_dir():
        yield from _texts_in_folder(path, layout)
        return
    layout = sniff(path, layout)
    names = {"text": layout.text, "label": layout.label}
    if layout.group:
        names["group"] = layout.group
    columns = [name for name in names.values() if name is not None]
    header, rows = open_table(path, layout, progress, columns)
    if not set(header).issuperset(names.values()):
        header, _ = open_table(path, layout)  # for the message, that of all columns
    positions = []
    for key, name in names.items():
        positions.append(_position(key, name, header, path))
    for row in rows:
        if isinstance(row, BadRow):
            yield row._replace(values=())  # there may be many
        else:
            place, values = row
            wanted = [values[position] for position in positions]
            yield _checked(place, layout, *wanted)


def _position(key: str, name: str | None, header: list[str], path: Path) -> int:
    """Return the position of the column that holds a key of the ``data`` section."""
    if name is None:
        fault = f"it is not clear which column holds the {key}s"
        hint = f"set data.{key}, as in --set data.{key}=NAME, to one of"
        raise UserError(f"{path}: {fault}; {hint} {listed(header)}")
    if header.count(name) > 1:
        raise UserError(f"{path}: there are two columns '{name}'; rename one of them")
    if name not in header:
        hint = did_you_mean(name, header)
        raise UserError(f"{path}: no column '{name}' ({hint}; data.{key} names it)")
    return header.index(name)


def _texts_in_folder(path: Path, layout: Layout) -> Iterator[Text | BadRow]:
    """Yield the texts in a folder with a folder of .txt files for each label."""
    for folder in sorted(path.iterdir()):
        is_hidden = folder.name.startswith(".")
        if is_hidden or folder.is_symlink() or not folder.is_dir():
            continue
        for file in sorted(folder.rglob("*.[tT][xX][tT]")):
            content = read_file(file, MAX_TEXT)
            text = content.decode(codec_of(layout), LONE_SURROGATES)
            yield _checked(str(file), layout, text, folder.name)


def _checked(
    place: str, layout: Layout, text: Any, label: Any, group: Any = "-"
) -> Text | BadRow:
    """Return the text in a row, if it and its labels and group can be used."""
    separator = layout.label_separator
    has_one = separator is None and not isinstance(label, list)
    labels = [label]
    if isinstance(label, list):
        labels = label
    elif separator is not None:
        labels = split_labels("" if label is None else str(label), separator)
    labels = [spelled(name) for name in labels]
    group = spelled(group)
    faults = [fault_of("text", text, layout.encoding)]
    faults += [_fault_of_label(name, layout) for name in labels]
    faults.append(fault_of("group", group, layout.encoding))
    for fault in faults:
        if fault:
            return BadRow(place, *fault)
    return Text(place, text, tuple(labels), has_one, group)


def _fault_of_label(label: Any, layout: Layout) -> Fault | None:
    """Return why a label cannot be used, if it cannot."""
    fault = fault_of("label", label, layout.encoding)
    separator = layout.label_separator
    if not fault and separator and separator in label:  # in a list
        return "split label", f"the label '{label}' has data.label_separator in it"
    return fault


def spelled(value: Any) -> Any:
    """Return a label as a text if it can be one.

    1.0 is 1, which tables with gaps store so.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and isfinite(value):
        value = int(value) if value.is_integer() else str(value)
    if isinstance(value, str | int):
        return " ".join(str(value).split())
    return value


def fault_of(key: str, value: Any, encoding: str | None = None) -> Fault | None:
    """Return why a value cannot be used, in two words and in full, if it cannot."""
    if value is None or not str(value).strip():
        return f"empty {key}", f"the {key} is empty"
    longest = LONGEST_LABEL
    kind = "a text or a number"
    if key == "text":
        longest = MAX_TEXT
        kind = "a text"
    if not isinstance(value, str):
        start = shortened(str(value), 40)
        return f"unusable {key}", f"{key}: should be {kind}: {start}"
    if len(value) > longest:
        fault = f"a {key} of {len(value):,} characters (allowed: {longest:,})"
        return f"long {key}", f"{fault}: {shortened(value, 40)}"
    if not value.isascii() and encodable(value) != value:
        fault = "half a character (a lone surrogate)"
        if any("\udc80" <= character <= "\udcff" for character in value):
            codec = encoding or "its encoding"
            fault = f"a byte that {codec} does not have; see data.encoding"
        return "not decodable", fault
    if key != "text" and not value.isprintable() and visible(value) != value:
        return f"unusable {key}", f"the {key} has characters that cannot be printed"
    return None


def undeclared_groups(path: Path, layout: Layout) -> LikelyGroups | None:
    """Return the groups of texts that a column of a table evidently names, if any."""
    layout = sniff(path, layout)
    label = str(layout.label)
    names = {*short_columns(path, layout), label} - {layout.text}
    header, rows = open_table(path, layout, columns=list(names))
    positions = {name: place for place, name in enumerate(header) if name in names}
    columns: dict[str, list[object]] = {name: [] for name in positions}
    for row in rows:
        if not isinstance(row, BadRow):
            for name, position in positions.items():
                columns[name].append(row[1][position])
    labels = [str(value) for value in columns.pop(label)]
    likely = likely_groups(columns, labels)
    if likely and likely[0].is_evident:
        return likely[0]
    return None
