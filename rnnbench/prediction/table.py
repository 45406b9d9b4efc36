"""The rows of a table, written again with the answers of a model beside them.

``predict_table(question, source, target, column, progress)`` does it, row by row.
"""

import csv
import logging
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, starmap
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple, TypeVar

from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import Dataset
from rnnbench.data.fetch import Progress
from rnnbench.data.sources.labels import LISTS
from rnnbench.data.sources.tables import (
    DIALECTS,
    Layout,
    Names,
    Row,
    Rows,
    open_table,
    parts_of,
    row_of_file,
    sniff,
    text_files_in,
)
from rnnbench.data.sources.texts import (
    Getter,
    UnusableError,
    getter_of,
    text_of,
)
from rnnbench.data.vocabulary import encode
from rnnbench.errors import UserError
from rnnbench.prediction.changes import Drawn
from rnnbench.prediction.predict import KeptModel, Prediction
from rnnbench.prediction.promise import UNSURE
from rnnbench.prediction.writers import PARQUET, format_of, open_writer
from rnnbench.storage import temporary_folder
from rnnbench.text import counted, listed

AT_ONCE = 1024  # the most rows that are in memory at once
STEPS = 2**26  # and the most steps of their sequences
PREDICTED = "predicted"  # begins the names of the columns with the answer
DECIDED_BY = "decided_by"  # the column with the words that decided an answer
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of cells, in spreadsheets

T = TypeVar("T")
log = logging.getLogger(__name__)


class AnswerForm(NamedTuple):
    """How a table has the labels of a text, as that of the run had them."""

    separator: str | None
    """Stands between several; ``None`` for lists."""
    labels: Sequence[str] = ()
    """Those with a column of 0 and 1 each, if labels are in such columns."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns of an answer."""
        return [f"{PREDICTED}_{label}" for label in self.labels] or [PREDICTED]

    def cells(self, prediction: Prediction) -> list[object]:
        """Return an answer, which is empty if there is none."""
        answers = sorted(prediction.answers)
        if self.labels:
            if prediction.unsure or not prediction.topics:
                return [None] * len(self.labels)
            return [int(label in answers) for label in self.labels]
        if prediction.unsure or not prediction.has_any_number:
            return [prediction.answer]
        if self.separator is None:
            return [answers]
        if self.separator == LISTS:
            return [str(answers)]
        return [self.separator.join(answers)]


@dataclass(frozen=True)
class Target:
    """Where a table with answers goes, and in which form."""

    file: Path | None
    """A new file; ``None`` is standard output."""
    is_safe: bool = False
    """Whether texts that spreadsheets would run as formulas get an apostrophe before
    them."""


@dataclass(frozen=True)
class Question:
    """A model that is asked about the rows of a table."""

    model: KeptModel
    unsure_below: float | None = None
    """The probability below which the answer is that the model is unsure."""
    explain: bool = False
    """Whether a column says which words decided each answer."""
    cached: tuple[Corpus, Dataset] | None = None
    """The documents that the model was trained on, if they can be reached."""

    @cached_property
    def hashes_of_training_texts(self) -> frozenset[int]:
        """The hashes of the joined words of the documents that were trained on."""
        if self.cached is None:
            return frozenset()
        corpus, dataset = self.cached
        texts = map(corpus.text, dataset.train_documents.tolist())
        return frozenset(map(hash, texts))


@dataclass
class Tally:
    """The number of rows by their problem, and of those that were trained on."""

    problems: Counter[str | None] = field(default_factory=Counter)
    """Rows without a problem are counted under ``None``."""
    trained_on: int = 0
    drawn: Drawn = field(default_factory=Drawn)
    """Some of the texts."""


def predict_table(
    question: Question,
    source: Path,
    target: Target,
    column: Names,
    progress: Progress,
) -> Tally:
    """Write the rows of a table with the model's answers, and count them.

    The answers are new columns. Standard output gets the format of the ``source``.
    """
    header, rows, get = _open(source, column, progress)
    out = target.file
    ending = format_of(out or source)
    has_lists = ending not in DIALECTS
    separator = None
    if not has_lists:
        separator = question.model.label_separator
    form = AnswerForm(separator, question.model.label_columns)
    is_safe = target.is_safe and not has_lists
    tally = Tally()
    n_formulas = 0
    new_columns = _new_columns(question.model, form)
    if question.explain:
        new_columns.append(DECIDED_BY)
    for name in new_columns:
        if name in header:
            fault = f"rename the column '{name}': the answer needs this name"
            raise UserError(f"{source}: {fault}")
    columns = [*header, *new_columns]
    if is_safe:
        columns = list(map(_as_text, columns))
    with open_writer(out, source, columns) as write:
        for row, answer, text in _answered(question, rows, get):
            new_cells = _new_cells(answer, form, row.reason)
            tally.problems[_problem(answer, row.reason)] += 1
            tally.trained_on += hash(text) in question.hashes_of_training_texts
            tally.drawn.add(text, answer.words, len(answer.unknown_words))
            cells = [*_filled(row.values, len(header)), *new_cells]
            if question.explain:
                cells.append(_deciding_words(answer, ending))
            if is_safe:
                cells = list(map(_as_text, cells))
            elif not has_lists and any(map(_is_formula, cells)):
                n_formulas += 1
            try:
                write(cells)
            except (ValueError, csv.Error) as error:
                fault = f"cannot be written: {error} (use .jsonl)"
                raise UserError(f"{row.place}: {fault}") from None
    if n_formulas:
        has = "has a text" if n_formulas == 1 else "have texts"
        rows_with = f"{counted(n_formulas, 'row')} {has}"
        fault = f"{rows_with} that spreadsheets would run as a formula"
        log.warning("%s (--csv-safe puts an apostrophe before such texts)", fault)
    return tally


def answer_rows(
    model: KeptModel, answers: Iterable[Prediction]
) -> list[dict[str, object]]:
    """Return the new columns of a table, and their values, for each answer."""
    form = AnswerForm(None, model.label_columns)
    columns = _new_columns(model, form)
    rows: list[dict[str, object]] = []
    for answer in answers:
        rows.append(dict(zip(columns, _new_cells(answer, form), strict=True)))
    return rows


def _filled(values: Sequence[object], n: int) -> list[object]:
    """Return ``n`` values: those of a row, without those that have no column."""
    missing = [None] * (n - len(values))
    return [*values[:n], *missing]


def _new_columns(model: KeptModel, form: AnswerForm) -> list[str]:
    """Return the names of the new columns."""
    third = "second_best" if model.task.has_one_label else "number"
    return [*form.columns, model.kind, third, "unknown_words", "problem"]


def _answered(
    question: Question, rows: Rows, get: Getter
) -> Iterator[tuple[Row, Prediction, str]]:
    """Yield each row with the answer to its text, and the words of that, joined.

    Few rows are in memory at once.
    """
    model = question.model
    at_once = max(1, min(AT_ONCE, STEPS // model.vocabulary.timesteps))
    while True:
        block = []
        texts = []
        for row in islice(rows, at_once):
            checked, text = _checked(row, get)
            block.append(checked)
            texts.append(text)
        if not block:
            return
        encoded = encode(texts, model.vocabulary)
        answers = model.answers_to(
            encoded, 2, unsure_below=question.unsure_below, explain=question.explain
        )
        yield from zip(block, answers, encoded.texts, strict=True)


def _is_formula(cell: object) -> bool:
    """Return whether a cell is a text that a spreadsheet takes for a formula."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def _as_text(cell: T) -> T | str:
    return f"'{cell}" if _is_formula(cell) else cell


def _checked(row: Row, get: Getter) -> tuple[Row, str]:
    """Return a row and its text; a bad row, and no text, if this cannot be used."""
    if row.fault:
        return row, ""
    try:
        return row, text_of(get(row.values))
    except UnusableError as error:
        return row._replace(reason=error.reason, fault=error.fault), ""


def _new_cells(
    prediction: Prediction, form: AnswerForm, reason: str = ""
) -> tuple[object, ...]:
    """Return the values of the new columns, with a ``reason`` if there are none."""
    problem = _problem(prediction, reason)
    return (*form.cells(prediction), *_facts(prediction), problem)


def _problem(prediction: Prediction, reason: str) -> str | None:
    """Return why a row has no answer; ``None`` if it has one."""
    if not prediction.words:
        return reason or "no words"
    if not prediction.topics:
        return "unknown words"
    if prediction.unsure:
        return UNSURE
    return None


def _facts(prediction: Prediction) -> list[object]:
    """Return the score of the best topic, what comes next, and the unknown words.

    The second-best topic comes next, or the number of topics if there may be any.
    """
    if not prediction.words:
        return [None, None, None]
    unknown_share = round(len(prediction.unknown_words) / prediction.words, 4)
    if not prediction.topics:
        return [None, None, unknown_share]
    first, *others = prediction.topics
    third: str | int | None = others[0].topic if others else None
    if prediction.has_any_number:
        third = len(prediction.answers)
    return [round(first.score, 6), third, unknown_share]


def _deciding_words(
    prediction: Prediction, ending: str
) -> Mapping[str, float] | str | None:
    """Return the words that decided an answer: as an object in JSON, else as text."""
    if prediction.decided_by is None:
        return None
    weights = prediction.decided_by.words
    if ending in DIALECTS or ending == PARQUET:
        return ", ".join(starmap("{} {:+.3g}".format, weights.items()))
    return weights


def _open(
    path: Path, column: Names, progress: Progress
) -> tuple[list[str], Rows, Getter]:
    """Return the names of the columns, the rows, and what gets the text from a row."""
    first, *others = map(attrgetter("path"), parts_of(path))
    if first.is_dir():
        return ["file", "text"], _files_in(path), itemgetter(1)
    layout = sniff(first, Layout(text=column, label=""))
    header, rows = open_table(first, layout, progress)
    if len({*header}) < len(header):
        raise UserError(f"{first}: two columns have the same name")
    all_rows = chain(rows, _rows_of(others, header, layout))
    return header, all_rows, getter_of("text", layout.text, header, first)


def _rows_of(files: Iterable[Path], header: Sequence[str], layout: Layout) -> Rows:
    """Yield the rows of other parts of a table, which have the same columns."""
    for file in files:
        names, rows = open_table(file, layout)
        if names != header:
            raise UserError(f"{file}: should have the columns {listed(header)}")
        yield from rows


def _files_in(folder: Path) -> Rows:
    """Yield the names and the texts of the files in a folder, and in those inside."""
    for file in sorted(text_files_in(folder)):
        row = row_of_file(file, Layout())
        yield row._replace(values=(str(file.relative_to(folder)), *row.values))


@contextmanager
def standard_input() -> Iterator[Path]:
    """Yield a temporary file with all of standard input: JSON lines, or CSV."""
    stream = sys.stdin.buffer
    with temporary_folder() as folder:
        start = stream.read(1024)
        file = folder / "standard input.csv"
        if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            file = file.with_suffix(".jsonl")
        with file.open("wb") as opened:
            opened.write(start)
            shutil.copyfileobj(stream, opened)
        try:
            yield file
        except UserError as error:
            raise UserError(str(error).replace(str(file), "standard input")) from None
