"""The user's own texts: tables with a row for each text, and folders with a file for each."""

import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnbench.data.corpus import Corpus, ranks_of
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.source import TOKENIZERS, Source, words
from rnnbench.data.sources.tables import (
    MAX_TEXT,
    READERS,
    BadRow,
    Layout,
    codec_of,
    open_table,
    sniff,
)
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.storage import read_file
from rnnbench.text import counted, encodable, listed

log = logging.getLogger(__name__)

MAX_LABELS, LONGEST_LABEL = 1_000, 100
TOKENIZER = "words"
SHOWN_ROWS = 10
"""The most bad rows that a message shows."""


class Text(NamedTuple):
    """A text with its label and group, and its place: the file and the line, for messages."""

    place: str
    text: str
    label: str
    group: str = "-"


def read(
    path: Path,
    *,
    test: Path | None = None,
    tokenizer: str = TOKENIZER,
    on_bad: str = "error",
    progress: Progress = silent,
    **layout: str,
) -> Corpus:
    """Return the corpus of the texts in a table or a folder; labels are sorted.

    With texts to ``test`` on, those in ``path`` are to train on, and the corpus has a split of its
    own. Words are ranked by frequency; of equally frequent ones, the first to occur comes first.
    The other arguments are those of a ``Layout``.

    Raises:
        UserError: something in a file is wrong; the message names the lines. If ``on_bad`` is
            ``skip``, rows that cannot be used are left out instead.
    """
    files = [path, *([test] if test else [])]
    tokens, ends, is_test = array("i"), array("q", [0]), bytearray()
    labels, groups = array("i"), array("i")
    word_ids: dict[str, int] = {}
    label_ids: dict[str, int] = {}
    group_ids: dict[str, int] = {}
    firsts: dict[str, Text] = {}
    bad: list[BadRow] = []
    for number, file in enumerate(files):
        for text, in_words in _in_words(file, Layout(**layout), TOKENIZERS[tokenizer], progress):
            if isinstance(text, BadRow):
                bad.append(text)
                continue
            tokens.extend([word_ids.setdefault(word, len(word_ids)) for word in in_words])
            ends.append(len(tokens))
            labels.append(label_ids.setdefault(text.label, len(label_ids)))
            groups.append(group_ids.setdefault(text.group, len(group_ids)))
            if len(firsts) <= MAX_LABELS:  # more are refused, and need not be kept
                firsts.setdefault(text.label, text)
            is_test.append(number)
    if bad:
        _tell(path, bad, len(labels), skip=on_bad == "skip")
    _check_labels(list(firsts.values()), np.bincount(labels, minlength=1).tolist(), path)
    sorted_positions = np.argsort(np.argsort(np.array(list(label_ids), object)))
    numbers, words_found = np.frombuffer(tokens, np.int32), list(word_ids)
    order = np.argsort(-np.bincount(numbers, minlength=len(word_ids)), kind="stable")
    origin = " and ".join(file.name for file in files)
    without = f", without {counted(len(bad), 'bad row')}" if bad else ""
    return Corpus(
        tokens=ranks_of(order)[numbers],
        offsets=np.frombuffer(ends, np.int64),
        labels=sorted_positions[np.frombuffer(labels, np.int32)].astype(np.int32),
        topics=tuple(sorted(label_ids)),
        vocabulary=tuple(words_found[number] for number in order),
        is_test=np.frombuffer(is_test, bool) if test else None,
        groups=np.frombuffer(groups, np.int32) if "group" in layout else None,
        provenance={"from": f"{origin}{without}", "tokenizer": tokenizer},
        bad_rows=tuple(row[:3] for row in bad),
    )


def _in_words(
    file: Path, layout: Layout, tokenize: Callable[[str], list[str]], progress: Progress
) -> Iterator[tuple[Text | BadRow, list[str]]]:
    """Yield each text with its words; the row of one without words cannot be used."""
    for text in read_texts(file, layout, progress):
        words_of_text = [] if isinstance(text, BadRow) else tokenize(text.text)
        if words_of_text or isinstance(text, BadRow):
            yield text, words_of_text
        else:
            fault = f"no words in the text: {shortened(' '.join(text.text.split()), 40)}"
            yield BadRow(text.place, "no words", fault), []


def _tell(path: Path, bad: Sequence[BadRow], n_good: int, *, skip: bool) -> None:
    """Warn of the rows that are left out, or raise ``UserError`` if none may be."""
    reasons = Counter(row.reason for row in bad).most_common()
    count = f"{len(bad):,} of {counted(len(bad) + n_good, 'row')} cannot be used"
    lines = [f"{path}: {count}: " + ", ".join(f"{n:,} {reason}" for reason, n in reasons)]
    lines += [f"  {row.place}: {row.fault}" for row in bad[:SHOWN_ROWS]]
    hidden = len(bad) - SHOWN_ROWS
    if not skip:
        lines += [f"  and {hidden:,} more"] * (hidden > 0)
        raise UserError("\n".join([*lines, "To leave them out, set data.on_bad=skip."]))
    lines += [f"  and {hidden:,} more; a run lists all in its bad_rows.csv"] * (hidden > 0)
    log.warning("%s", "\n".join(lines))


def _check_labels(firsts: list[Text], counts: list[int], path: Path) -> None:
    """Make sure that there are labels to tell apart, and warn of those that occur once."""
    if not firsts:
        kind = "no folder with .txt files" if path.is_dir() else "no row with a text"
        raise UserError(f"{path}: {kind} in it")
    if not 2 <= len(counts) <= MAX_LABELS:
        number = counted(len(counts), "different label")
        raise UserError(f"{path}: {number} (allowed: 2 to {MAX_LABELS:,}); see data.label")
    once = [text for text, count in zip(firsts, counts, strict=True) if count == 1]
    for text in once[:3]:
        log.warning("%s: the label '%s' occurs once", text.place, text.label)
    if once[3:]:
        log.warning("%s: %s more labels occur once", path, len(once) - 3)


def read_texts(path: Path, layout: Layout, progress: Progress = silent) -> Iterator[Text | BadRow]:
    """Yield the texts in a table or a folder, in their order, and the rows that cannot be used.

    What the layout of a table leaves open is detected. The texts of a folder are those of its
    folders, one for each label, as in ``keras.utils.text_dataset_from_directory``: labels and the
    names of ``.txt`` files are sorted.
    """
    if path.is_dir():
        yield from _folder(path, layout)
        return
    layout = sniff(path, layout)
    names = {"text": layout.text, "label": layout.label}
    names |= {"group": layout.group} if layout.group else {}
    header, rows = open_table(path, layout, progress, list(filter(None, names.values())))
    positions = [_position(key, name, header, path) for key, name in names.items()]
    for row in rows:
        if isinstance(row, BadRow):
            yield row._replace(values=())  # there may be many
        else:
            place, values = row
            yield _checked(place, *(values[position] for position in positions))


def _position(key: str, name: str | None, header: list[str], path: Path) -> int:
    """Return the position of a column in the header; ``key`` is that of the ``data`` section."""
    if name is None:
        hint = f"set data.{key}, or --{key}, to one of {listed(header)}"
        raise UserError(f"{path}: it is not clear which column holds the {key}s; {hint}")
    if header.count(name) > 1:
        raise UserError(f"{path}: there are two columns '{name}'")
    if name not in header:
        hint = did_you_mean(name, header)
        raise UserError(f"{path}: no column '{name}' ({hint}; data.{key} names it)")
    return header.index(name)


def _checked(place: str, text: Any, label: Any, group: Any = "-") -> Text | BadRow:
    """Return the text in a row, or the row if it cannot be used."""
    names = {"label": _spelled(label), "group": _spelled(group)}
    if fault := next(faults(text, names), None):
        return BadRow(place, *fault)
    return Text(place, text, **names)


def _spelled(value: Any) -> Any:
    """Return a label as a text if it can be one; 1.0 is 1, which tables with gaps store so."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str | int):
        return str(value).lower() if isinstance(value, bool) else str(value).strip()
    return value


def faults(text: Any, names: Mapping[str, Any] | None = None) -> Iterator[tuple[str, str]]:
    """Yield the reasons why a row cannot be used, in two words and in full."""
    names = names or {}
    if text is None or not str(text).strip():
        yield "empty text", "the text is empty"
    if not isinstance(text, str):
        yield "not a text", f"should be a text: {shortened(str(text), 40)}"
    elif len(text) > MAX_TEXT:
        yield "too long", f"longer than {MAX_TEXT:,} characters"
    whole = "".join(map(str, (text, *names.values())))
    if not whole.isascii() and encodable(whole) != whole:
        is_byte = any("\udc80" <= character <= "\udcff" for character in whole)
        half = "half a character (a lone surrogate)"
        yield "not decodable", "a byte that its encoding does not have" if is_byte else half
    for name, value in names.items():
        if value is None or value == "":
            yield f"no {name}", f"the {name} is empty"
        elif not isinstance(value, str):
            yield f"unusable {name}", f"{name}: should be a text or an integer: {value}"
        elif not value.isprintable():
            yield f"unusable {name}", f"the {name} has characters that cannot be printed"
        elif len(value) > LONGEST_LABEL:
            start = shortened(value, 40)
            yield f"unusable {name}", f"a {name} of {len(value):,} characters: {start}"


def _folder(path: Path, layout: Layout) -> Iterator[Text | BadRow]:
    inside = (found for found in path.iterdir() if found.name[0] != ".")
    for folder in sorted(found for found in inside if found.is_dir() and not found.is_symlink()):
        for file in sorted(folder.rglob("*.[tT][xX][tT]")):
            content = read_file(file, MAX_TEXT)
            text = content.decode(codec_of(layout), errors="surrogateescape")
            yield _checked(str(file), text, folder.name)


FILES = Source(
    name="files",
    help="Your own texts, each with a label.",
    file=f"a table ({', '.join(READERS)}), or a folder with a folder of .txt files for each label",
    read=read,
    tokenize=words,
    patterns=tuple(f"*{ending}" for ending in READERS),
    folder_patterns=("*/**/*.txt",),
    split=None,
    options=("test", "tokenizer", "on_bad", "progress", *(field.name for field in fields(Layout))),
    ranks_words_of="training",
)
