"""The user's own texts: tables with a row for each text, and folders with a file for
each.
"""

import logging
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import count, product
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus, rank_words_of
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.groups import LikelyGroups, likely_groups
from rnnbench.data.source import TOKENIZERS, Source, words
from rnnbench.data.sources import tables
from rnnbench.data.sources.labels import hint_at_lists, split_labels
from rnnbench.data.sources.tables import MAX_TEXT, READERS, BadRow, Layout
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.labels import Labels, documents_by_topic, form_of
from rnnbench.storage import read_file
from rnnbench.text import counted, encodable, listed, visible

log = logging.getLogger(__name__)
MAX_LABELS, LONGEST_LABEL = 1_000, 100
LONGEST_EXCERPT = 1_000  # characters of a text that a report can show
SHOWN_ROWS = 10


class Text(NamedTuple):
    """A text with its labels and group, and its place: the file and the line, for
    messages.
    """

    place: str
    text: str
    labels: tuple[str, ...]
    has_one: bool  # not any number of labels
    group: str = "-"


def read(
    path: Path,
    *,
    test: Path | None = None,
    tokenizer: str = "words",
    on_bad: str = "error",
    progress: Progress = silent,
    **layout: str,
) -> Corpus:
    """Return the corpus of the texts in a table or a folder; labels are sorted.

    With texts to ``test`` on, those in ``path`` are to train on. ``layout`` has fields
    of a ``Layout``. ``UserError`` names what is wrong and where, unless ``on_bad`` is
    ``skip``.
    """
    files = [path, *([test] if test else [])]
    texts = (read_texts(file, Layout(**layout), progress) for file in files)
    corpus, bad, firsts = _numbered(
        texts, TOKENIZERS[tokenizer], [file.parent for file in files]
    )
    has_one_label = form_of(corpus.labels).has_one_label
    if has_one_label and layout.get("label_separator") is None:
        hint_at_lists(path, corpus.topics, "--set 'data.label_separator=\"{}\"'")
    if bad:
        _tell(path, bad, corpus, skip=on_bad == "skip")
    _check_labels(corpus, firsts, path)
    if not has_one_label:
        n_labels = corpus.labels.sum(axis=1, dtype=int)
        which = f"{counted(len(n_labels), 'text')} may have any number of labels"
        n_several, n_none = (
            np.count_nonzero(n_labels > 1),
            np.count_nonzero(n_labels == 0),
        )
        log.warning(
            "%s: %s: %d have several, %d have none", path, which, n_several, n_none
        )
    origin = " and ".join(file.name for file in files)
    origin += f", without {counted(len(bad), 'bad row')}" if bad else ""
    return replace(
        rank_words_of(corpus, np.arange(len(corpus)))[0],
        is_test=corpus.is_test if test else None,
        groups=corpus.groups if "group" in layout else None,
        provenance={"from": origin, "tokenizer": tokenizer},
        bad_rows=tuple(row[:3] for row in bad),
    )


class _Excerpts:
    """The places and beginnings of texts, one after another; see
    ``Corpus.excerpts``.
    """

    def __init__(self) -> None:
        self._content = bytearray()
        self._ends = array("q")

    def add(self, text: Text, folder: Path) -> None:
        """Add a text of a file in a folder; its place leaves out the name of the
        folder.
        """
        place = text.place.removeprefix(f"{folder}/")
        start = " ".join(text.text[:LONGEST_EXCERPT].split())
        if len(text.text) > LONGEST_EXCERPT:
            start += " …"
        self._content += f"{' '.join(place.split())}\n{start}".encode(errors="replace")
        self._ends.append(len(self._content))

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return all excerpts, and their ends."""
        return np.frombuffer(self._content, np.uint8), np.asarray(self._ends, np.int64)


def _numbered(
    files: Iterable[Iterable[Text | BadRow]],
    tokenize: Callable[[str], list[str]],
    folders: Sequence[Path],
) -> tuple[Corpus, list[BadRow], dict[str, str]]:
    """Return the corpus, words unranked; bad rows; and where each label comes first."""
    excerpts = _Excerpts()
    tokens, ends, groups, is_test = array("i"), array("q", [0]), array("i"), bytearray()
    labels, bad, firsts = list[tuple[str, ...]](), list[BadRow](), dict[str, str]()
    are_single = True
    word_ids, group_ids = (defaultdict[str, int](count().__next__) for _ in range(2))
    for number, text in (
        (number, text) for number, file in enumerate(files) for text in file
    ):
        if isinstance(text, BadRow):
            bad.append(text)
        elif not (found := tokenize(text.text)):
            fault = (
                f"no words in the text: {shortened(' '.join(text.text.split()), 40)}"
            )
            bad.append(BadRow(text.place, "no words", fault))
        else:
            tokens.fromlist(
                list(map(word_ids.__getitem__, found))
            )  # faster than extend
            ends.append(len(tokens))
            labels.append(text.labels)
            are_single &= text.has_one
            groups.append(group_ids[text.group])
            for label in text.labels:
                firsts.setdefault(label, text.place)
            is_test.append(number)
            excerpts.add(text, folders[number])
    topics = tuple(sorted(firsts))
    content, content_ends = excerpts.arrays()
    corpus = Corpus(
        excerpts=content,
        excerpt_ends=content_ends,
        tokens=np.asarray(tokens) + np.int32(1),
        offsets=np.asarray(ends),
        labels=_coded(labels, topics, are_single),
        topics=topics,
        vocabulary=tuple(word_ids),
        is_test=np.asarray(is_test).astype(bool),
        groups=np.asarray(groups),
    )
    return corpus, bad, firsts


def _coded(
    labels: Sequence[tuple[str, ...]], topics: Sequence[str], are_single: bool
) -> Labels:
    """Return the labels of texts by position or, if any has several, as 0 and 1."""
    place = {topic: position for position, topic in enumerate(topics)}
    if are_single:
        return np.array([place[label] for (label,) in labels], np.int32)
    if len(topics) > MAX_LABELS:  # they will be refused, and would take much memory
        return np.zeros((len(labels), 0), np.uint8)
    rows = np.zeros((len(labels), len(topics)), np.uint8)
    for row, several in zip(rows, labels, strict=True):
        row[[place[label] for label in several]] = 1
    return rows


def _tell(path: Path, bad: Sequence[BadRow], corpus: Corpus, *, skip: bool) -> None:
    """Warn of the rows that are left out, or raise ``UserError`` if none may be."""
    reasons = Counter(row.reason for row in bad).most_common()
    which = f"{len(bad):,} of {counted(len(bad) + len(corpus), 'row')} cannot be used"
    lines = [
        f"{path}: {which}: " + ", ".join(f"{n:,} {reason}" for reason, n in reasons)
    ]
    lines += [f"  {row.place}: {row.fault}" for row in bad[:SHOWN_ROWS]]
    if (hidden := len(bad) - SHOWN_ROWS) > 0:
        lines.append(
            f"  and {hidden:,} more" + "; a run lists all in its bad_rows.csv" * skip
        )
    if not skip:
        raise UserError("\n".join([*lines, "To leave them out, set data.on_bad=skip."]))
    log.warning("%s", "\n".join(lines))


def _check_labels(corpus: Corpus, firsts: Mapping[str, str], path: Path) -> None:
    """Make sure that there are labels to tell apart, and warn of those that occur
    once.
    """
    if not len(corpus):
        kind = "no folder with .txt files" if path.is_dir() else "no row with a text"
        raise UserError(f"{path}: {kind} in it")
    if not 2 <= len(firsts) <= MAX_LABELS:
        number = counted(len(firsts), "different label")
        raise UserError(
            f"{path}: {number} (allowed: 2 to {MAX_LABELS:,}); see data.label"
        )
    counts = documents_by_topic(corpus.labels, len(corpus.topics))
    if once := [
        label for label, n in zip(corpus.topics, counts, strict=True) if n == 1
    ]:
        named = listed([f"'{label}' ({firsts[label]})" for label in once], most=3)
        log.warning("%s: labels that occur once: %s", path, named)


def read_texts(
    path: Path, layout: Layout, progress: Progress = silent
) -> Iterator[Text | BadRow]:
    """Yield the texts in a table, or in a folder with one for each label, and the bad
    rows.
    """
    if path.is_dir():
        yield from _folder(path, layout)
        return
    layout = tables.sniff(path, layout)
    names = {"text": layout.text, "label": layout.label}
    names |= {"group": layout.group} if layout.group else {}
    header, rows = tables.open_table(
        path, layout, progress, list(filter(None, names.values()))
    )
    if not set(header).issuperset(names.values()):
        header = tables.open_table(path, layout)[
            0
        ]  # for the message, that of all columns
    positions = [_position(key, name, header, path) for key, name in names.items()]
    for row in rows:
        if isinstance(row, BadRow):
            yield row._replace(values=())  # there may be many
        else:
            yield _checked(
                row[0], layout, *(row[1][position] for position in positions)
            )


def undeclared_groups(path: Path, layout: Layout) -> LikelyGroups | None:
    """Return the groups of texts that a column of a table evidently names, if one
    does.
    """
    layout = tables.sniff(path, layout)
    label = str(layout.label)
    names = {*tables.short_columns(path, layout), label} - {layout.text}
    header, rows = tables.open_table(path, layout, columns=list(names))
    places = {name: place for place, name in enumerate(header) if name in names}
    columns: dict[str, list[object]] = {name: [] for name in places}
    for row in rows:
        if not isinstance(row, BadRow):
            for name, place in places.items():
                columns[name].append(row[1][place])
    labels = list(map(str, columns.pop(label)))
    likely = likely_groups(columns, labels)
    if likely and likely[0].is_evident:
        return likely[0]
    return None


def _position(key: str, name: str | None, header: list[str], path: Path) -> int:
    """Return the position of a column in the header; ``key`` is that of the ``data``
    section.
    """
    if name is None:
        hint = (
            f"set data.{key}, as in --set data.{key}=NAME, to one of {listed(header)}"
        )
        raise UserError(
            f"{path}: it is not clear which column holds the {key}s; {hint}"
        )
    if header.count(name) > 1:
        raise UserError(f"{path}: there are two columns '{name}'; rename one of them")
    if name not in header:
        hint = did_you_mean(name, header)
        raise UserError(f"{path}: no column '{name}' ({hint}; data.{key} names it)")
    return header.index(name)


def _checked(place: str, layout: Layout, text: Any, *names: Any) -> Text | BadRow:
    """Return the text in a row, if it can be used; ``names`` are the label and any
    group.
    """
    label, *group = names
    separator = layout.label_separator
    is_one = separator is None and not isinstance(label, list)
    if separator is not None and not isinstance(label, list):
        label = split_labels("" if label is None else str(label), separator)
    labels = [spelled(own) for own in ([label] if is_one else label)]
    named = [*product(["label"], labels), *product(["group"], map(spelled, group))]
    for key, value in [("text", text), *named]:
        fault = fault_of(key, value, layout.encoding)
        if (
            not fault and key == "label" and separator and separator in value
        ):  # in a list
            fault = "split label", f"the label '{value}' has data.label_separator in it"
        if fault:
            return BadRow(place, *fault)
    return Text(place, text, tuple(labels), is_one, *map(spelled, group))


def spelled(value: Any) -> Any:
    """Return a label as a text if it can be one; 1.0 is 1, which tables with gaps store
    so.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and isfinite(value):
        value = int(value) if value.is_integer() else str(value)
    return " ".join(str(value).split()) if isinstance(value, str | int) else value


def fault_of(
    key: str, value: Any, encoding: str | None = None
) -> tuple[str, str] | None:
    """Return the reason why a value cannot be used, in two words and in full, if there
    is one.
    """
    longest, kind = (
        (MAX_TEXT, "a text") if key == "text" else (LONGEST_LABEL, "a text or a number")
    )
    if value is None or not str(value).strip():
        return f"empty {key}", f"the {key} is empty"
    if not isinstance(value, str):
        return (
            f"unusable {key}",
            f"{key}: should be {kind}: {shortened(str(value), 40)}",
        )
    if len(value) > longest:
        fault = f"a {key} of {len(value):,} characters (allowed: {longest:,})"
        return f"long {key}", f"{fault}: {shortened(value, 40)}"
    if not value.isascii() and encodable(value) != value:
        is_byte = any("\udc80" <= character <= "\udcff" for character in value)
        byte = (
            f"a byte that {encoding or 'its encoding'} does not have; see data.encoding"
        )
        return (
            "not decodable",
            byte if is_byte else "half a character (a lone surrogate)",
        )
    if key != "text" and not value.isprintable() and visible(value) != value:
        return f"unusable {key}", f"the {key} has characters that cannot be printed"
    return None


def _folder(path: Path, layout: Layout) -> Iterator[Text | BadRow]:
    inside = (found for found in path.iterdir() if found.name[0] != ".")
    for folder in sorted(
        found for found in inside if found.is_dir() and not found.is_symlink()
    ):
        for file in sorted(folder.rglob("*.[tT][xX][tT]")):
            text = read_file(file, MAX_TEXT).decode(
                tables.codec_of(layout), tables.LONE_SURROGATES
            )
            yield _checked(str(file), layout, text, folder.name)


FILES = Source(
    name="files",
    help="Your own texts, each with a label.",
    file=f"a table ({', '.join(READERS)}), or a folder with a folder of .txt files for each label",
    read=read,
    tokenize=words,
    patterns=tuple(f"*{ending}" for ending in READERS),
    folder_patterns=("*/**/*.txt",),
    split=None,
    options=(
        "test",
        "tokenizer",
        "on_bad",
        "progress",
        *(field.name for field in fields(Layout)),
    ),
    ranks_words_of="training",
)
