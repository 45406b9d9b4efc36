"""The source of the user's own texts: tables with a row for each, or folders of files.

``read(Path("own.csv"), text="tweet", label="mood")`` is their corpus.
"""

import logging
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import count
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Corpus, rank_words_of, rows_of_labels
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.source import TOKENIZERS, Source, Tokenizer, words
from rnnbench.data.sources.labels import hint_at_lists
from rnnbench.data.sources.tables import (
    READERS,
    TABLE_ENDINGS,
    TEST,
    VALIDATION,
    DataPart,
    Layout,
    Row,
    is_folder_of_texts,
    parts_of,
)
from rnnbench.data.sources.texts import Text, read_texts, with_separator
from rnnbench.errors import UserError, shortened
from rnnbench.labels import MAX_LABELS, Labels, documents_by_topic
from rnnbench.storage import names_file
from rnnbench.text import counted, listed

log = logging.getLogger(__name__)
LONGEST_EXCERPT = 1_000  # characters of a text that a report can show
SHOWN_ROWS = 10


def read(
    path: Path,
    *,
    test: Path | None = None,
    tokenizer: str = "words",
    on_bad: str = "error",
    progress: Progress = silent,
    **form: str,
) -> Corpus:
    """Return the corpus of the texts in a table or a folder; labels are sorted.

    With texts to ``test`` on, those in ``path`` are to train on. ``form`` has fields
    of a ``Layout``. ``UserError`` names what is wrong and where, unless ``on_bad`` is
    ``skip``.
    """
    files = [path]
    parts = parts_of(path)
    if test:
        files.append(test)
        for part in parts_of(test):
            parts.append(DataPart(part.path, TEST))
    if VALIDATION in map(attrgetter("name"), parts):
        log.warning("%s: the texts for validation are used for training, too", path)
    layout, _ = with_separator([part.path for part in parts], Layout(**form))
    texts = _Texts(TOKENIZERS[tokenizer])
    for part in parts:
        rows = read_texts(part.path, layout, texts.bad_rows, progress)
        texts.add_file(part.path, rows, part.name == TEST)
    corpus = texts.corpus()
    if texts.have_one_label and layout.label_separator is None:
        hint_at_lists(path, corpus.topics, "--set 'data.label_separator=\"{}\"'")
    _warn_of_names(path, corpus)
    if texts.bad_rows:
        _report_bad_rows(path, texts.bad_rows, len(corpus), skip=on_bad == "skip")
    _check_labels(corpus, texts.first_places, path)
    if not texts.have_one_label:
        _log_numbers_of_labels(path, corpus.labels)
    origin = " and ".join(file.name for file in files)
    if texts.bad_rows:
        origin += f", without {counted(len(texts.bad_rows), 'bad row')}"
    return replace(
        rank_words_of(corpus),
        is_test=corpus.is_test if texts.have_tests else None,
        groups=corpus.groups if layout.group else None,
        provenance={"from": origin, "tokenizer": tokenizer},
        bad_rows=tuple((row.place, row.reason, row.fault) for row in texts.bad_rows),
    )


class _Texts:
    """Texts that become a corpus, with as little memory for each as possible."""

    def __init__(self, tokenize: Tokenizer):
        self.bad_rows: list[Row] = []
        self.first_places: dict[str, str] = {}  # where each label comes first
        self.have_one_label = True
        self.have_tests = False
        self._tokenize = tokenize
        self._tokens = array("i")
        self._ends = array("q", [0])
        self._labels: list[tuple[str, ...]] = []
        self._equal_labels: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._groups = array("i")
        self._is_test = bytearray()
        self._excerpts = _Excerpts()
        self._word_ids = defaultdict[str, int](count(1).__next__)
        self._group_ids = defaultdict[str, int](count().__next__)

    def add_file(self, file: Path, texts: Iterable[Text], is_test: bool) -> None:
        """Add the texts of a file."""
        self.have_tests |= is_test
        for text in texts:
            words_of_text = self._tokenize(text.text)
            if not words_of_text:
                start = shortened(" ".join(text.text.split()), 40)
                fault = f"no words in the text: {start}"
                self.bad_rows.append(Row(text.place, (), "no words", fault))
                continue
            self._add(text, words_of_text)
            self._is_test.append(is_test)
            self._excerpts.add(text, file.parent)

    def _add(self, text: Text, words_of_text: list[str]) -> None:
        ids = map(self._word_ids.__getitem__, words_of_text)
        self._tokens.fromlist(list(ids))  # faster than extend
        self._ends.append(len(self._tokens))
        self._labels.append(self._equal_labels.setdefault(text.labels, text.labels))
        self.have_one_label &= text.has_one
        self._groups.append(self._group_ids[text.group])
        for label in text.labels:
            self.first_places.setdefault(label, text.place)

    def corpus(self) -> Corpus:
        """Return the corpus, whose words are in the order of their occurrence."""
        topics = tuple(sorted(self.first_places))
        excerpts, excerpt_ends = self._excerpts.arrays()
        return Corpus(
            excerpts=excerpts,
            excerpt_ends=excerpt_ends,
            tokens=np.asarray(self._tokens),
            offsets=np.asarray(self._ends),
            labels=self._coded_labels(topics),
            topics=topics,
            vocabulary=tuple(self._word_ids),
            is_test=np.asarray(self._is_test).astype(bool),
            groups=np.asarray(self._groups),
        )

    def _coded_labels(self, topics: Sequence[str]) -> Labels:
        """Return labels by position or, if any text has several, as 0 and 1."""
        if self.have_one_label:
            position = {topic: number for number, topic in enumerate(topics)}
            return np.array([position[label] for (label,) in self._labels], np.int32)
        if len(topics) > MAX_LABELS:  # they will be refused, and would take much memory
            return np.zeros((len(self._labels), 0), np.uint8)
        return rows_of_labels(self._labels, topics)


class _Excerpts:
    """The places and beginnings of texts; see ``Corpus.excerpts``.

    They are kept in a temporary file, as they take more memory than all words.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - as long as its mapping
        self._size = 0
        self._ends = array("q")

    def add(self, text: Text, folder: Path) -> None:
        """Add a text of a file; its place leaves out the name of the folder."""
        place = text.place.removeprefix(f"{folder}/")
        start = " ".join(text.text[:LONGEST_EXCERPT].split())
        if len(text.text) > LONGEST_EXCERPT:
            start += " …"
        content = f"{' '.join(place.split())}\n{start}".encode(errors="replace")
        self._file.write(content)
        self._size += len(content)
        self._ends.append(self._size)

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return all excerpts, and their ends."""
        ends = np.asarray(self._ends, np.int64)
        if not self._size:
            return np.zeros(0, np.uint8), ends
        self._file.flush()
        return np.asarray(np.memmap(self._file, np.uint8, "r")), ends


def _report_bad_rows(
    path: Path, bad_rows: Sequence[Row], n_good: int, *, skip: bool
) -> None:
    """Warn of the rows that are left out, or raise ``UserError`` if none may be."""
    counts = Counter(row.reason for row in bad_rows)
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in counts.most_common())
    rows = counted(len(bad_rows) + n_good, "row")
    lines = [f"{path}: {len(bad_rows):,} of {rows} cannot be used: {reasons}"]
    lines += [f"  {row.place}: {row.fault}" for row in bad_rows[:SHOWN_ROWS]]
    n_hidden = len(bad_rows) - SHOWN_ROWS
    if n_hidden > 0:
        lines.append(f"  and {n_hidden:,} more")
        if skip:
            lines[-1] += "; a run lists all in its bad_rows.csv"
    if not skip:
        lines.append("To leave them out, set data.on_bad=skip.")
        raise UserError("\n".join(lines))
    log.warning("%s", "\n".join(lines))


def _check_labels(corpus: Corpus, first_places: Mapping[str, str], path: Path) -> None:
    """Make sure that there are several labels, and warn of those that occur once."""
    if not len(corpus):
        kind = "no folder with texts" if path.is_dir() else "no row with a text"
        raise UserError(f"{path}: {kind} in it")
    if not 2 <= len(first_places) <= MAX_LABELS:
        number = counted(len(first_places), "different label")
        allowed = f"allowed: 2 to {MAX_LABELS:,}"
        raise UserError(f"{path}: {number} ({allowed}); see data.label")
    counts = documents_by_topic(corpus.labels, len(corpus.topics))
    once = []
    for label, n in zip(corpus.topics, counts, strict=True):
        if n == 1:
            once.append(f"'{label}' ({first_places[label]})")
    if once:
        log.warning("%s: labels that occur once: %s", path, listed(once, most=3))


def _warn_of_names(path: Path, corpus: Corpus) -> None:
    """Warn of labels that are almost equal, and of texts that are names of files."""
    spellings = defaultdict[str, list[str]](list)
    for label in corpus.topics:
        spellings["".join(label.split()).casefold()].append(f"'{label}'")
    alike = []
    for labels in spellings.values():
        if len(labels) > 1:
            alike.append(" and ".join(labels))
    if alike:
        fault = "labels that differ only in case or spaces"
        log.warning("%s: %s: %s", path, fault, listed(alike, most=3))
    text = ""
    for number in range(min(SHOWN_ROWS, len(corpus))):
        excerpt = corpus.excerpt(number)
        if excerpt is None or not names_file(excerpt.text, path.parent):
            return
        text = excerpt.text
    if text:
        fault = f"the texts are names of files, such as {text}"
        hint = "--text names another column, or use a folder with one for each label"
        log.warning("%s: %s (%s)", path, fault, hint)


def _log_numbers_of_labels(path: Path, labels: Labels) -> None:
    """Say how many texts have several labels, or none."""
    n_labels = labels.sum(axis=1, dtype=int)
    texts = f"{counted(len(n_labels), 'text')} may have any number of labels"
    n_several = np.count_nonzero(n_labels > 1)
    n_none = np.count_nonzero(n_labels == 0)
    log.warning("%s: %s: %d have several, %d have none", path, texts, n_several, n_none)


FILES = Source(
    name="files",
    help="Your own texts, each with a label.",
    file=f"a table ({', '.join(READERS)}), "
    "or a folder with a folder of texts for each label",
    read=read,
    tokenize=words,
    patterns=tuple(f"*{ending}" for ending in TABLE_ENDINGS),
    reads_folder=is_folder_of_texts,
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
