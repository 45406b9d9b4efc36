"""The rows of a table, written again with the answers of a model beside them.

``predict_table(model, source, target, column, progress)`` does it, row by row.
"""

import csv
import json
import logging
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables import (
    DIALECTS,
    Layout,
    Names,
    Row,
    Rows,
    dialect_of,
    open_table,
    sniff,
)
from rnnbench.data.sources.texts import (
    Getter,
    UnusableError,
    getter_of,
    text_of,
)
from rnnbench.errors import UserError
from rnnbench.prediction.predict import UNSURE, KeptModel, Prediction
from rnnbench.storage import atomic_write, temporary_folder
from rnnbench.text import counted, visible

AT_ONCE = 4096  # the most rows that are in memory at once
STEPS = 2**26  # and the most steps of their sequences
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of cells, in spreadsheets

log = logging.getLogger(__name__)


class NewCells(NamedTuple):
    """The values of the new columns of a row."""

    answer: str | list[str] | None = None
    score: float | None = None
    third: str | int | None = None
    unknown_words: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Target:
    """Where a table with answers goes, and in which form."""

    file: Path | None
    """A new file; ``None`` is standard output."""
    is_safe: bool = False
    """Whether texts that spreadsheets would run as formulas get an apostrophe before
    them."""
    unsure_below: float | None = None
    """The probability below which the answer is that the model is unsure."""


def predict_table(
    model: KeptModel,
    source: Path,
    target: Target,
    column: Names,
    progress: Progress,
) -> Counter[str | None]:
    """Write the rows of a table with the model's answers, and count their problems.

    The answers are new columns. If there may be any number of topics, they are joined
    by the separator of the table that the model learned from, or a list in JSON; the
    score is that of the best one, and their number takes the place of the second-best
    topic. Standard output gets the format of the ``source``. Rows without a problem are
    counted under ``None``.
    """
    header, rows, get = _open(source, column, progress)
    out = target.file
    has_lists = (out or source).suffix.lower() not in DIALECTS
    separator = None if has_lists else model.label_separator
    is_safe = target.is_safe and not has_lists
    counts = Counter[str | None]({None: 0})
    n_formulas = 0
    columns: list[object] = [*header, *_new_columns(model, source, header)]
    if is_safe:
        columns = list(map(_as_text, columns))
    with _writer(out, source, columns) as write:
        for row, answer in _answered(model, rows, get, target.unsure_below):
            new_cells = _new_cells(answer, row, separator)
            counts[new_cells.problem] += 1
            cells = [*_filled(row.values, len(header)), *new_cells]
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
    return counts


def _filled(values: Sequence[object], n: int) -> list[object]:
    """Return ``n`` values: those of a row, without those that have no column."""
    missing = [None] * (n - len(values))
    return [*values[:n], *missing]


def _new_columns(model: KeptModel, source: Path, header: Sequence[str]) -> list[str]:
    """Return the names of the new columns; ``UserError`` if the table has one."""
    third = "second_best" if model.task.has_one_label else "number"
    new = ["predicted", model.kind, third, "unknown_words", "problem"]
    for name in new:
        if name in header:
            fault = f"rename the column '{name}': the answer needs this name"
            raise UserError(f"{source}: {fault}")
    return new


def _answered(
    model: KeptModel, rows: Rows, get: Getter, unsure_below: float | None
) -> Iterator[tuple[Row, Prediction]]:
    """Yield each row with the answer to its text; few rows are in memory at once."""
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
        answers = model.answers(texts, 2, unsure_below=unsure_below)
        yield from zip(block, answers, strict=True)


def _is_formula(cell: object) -> bool:
    """Return whether a cell is a text that a spreadsheet takes for a formula."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def _as_text(cell: object) -> object:
    return f"'{cell}" if _is_formula(cell) else cell


def _checked(row: Row, get: Getter) -> tuple[Row, str]:
    """Return a row and its text; a bad row, and no text, if this cannot be used."""
    if row.fault:
        return row, ""
    try:
        return row, text_of(get(row.values))
    except UnusableError as error:
        return row._replace(reason=error.reason, fault=error.fault), ""


def _new_cells(prediction: Prediction, row: Row, separator: str | None) -> NewCells:
    """Return the values of the new columns.

    Topics stay a list without a ``separator``.
    """
    if not prediction.words:
        return NewCells(problem=row.reason or "no words")
    unknown_share = round(len(prediction.unknown_words) / prediction.words, 4)
    if not prediction.topics:
        return NewCells(unknown_words=unknown_share, problem="unknown words")
    first, *others = prediction.topics
    answer: str | list[str] | None = prediction.answer
    third: str | int | None = others[0].topic if others else None
    if first.given is not None:  # there may be any number of topics
        third = len(prediction.answers)
        if not prediction.unsure:
            answer = prediction.answers
            if separator is not None:
                answer = separator.join(prediction.answers) or prediction.answer
    problem = UNSURE if prediction.unsure else None
    return NewCells(answer, round(first.score, 6), third, unknown_share, problem)


class _VisibleText(TextIOWrapper):
    """Text for a terminal, whose characters cannot control it."""

    def write(self, text: str) -> int:
        """Write text with visible replacements of control characters."""
        return super().write(visible(text))


@contextmanager
def _writer(
    out: Path | None, source: Path, columns: Sequence[object]
) -> Iterator[Callable[[Sequence[object]], object]]:
    """Yield what writes a row; the columns are written before."""
    ending = (out or source).suffix.lower()
    with _opened(out) as text:
        if ending in DIALECTS:
            dialect = DIALECTS[ending]
            if ending == source.suffix.lower():
                dialect = dialect_of(source, Layout())
            write = csv.writer(text, dialect, lineterminator="\n").writerow
            write(columns)
            yield write
        else:
            to_json = json.JSONEncoder(ensure_ascii=False, default=str).encode

            def write_json(row: Sequence[object]) -> None:
                values = dict(zip(columns, row, strict=True))
                text.write(to_json(values) + "\n")

            yield write_json


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIOWrapper]:
    """Yield a new file, or standard output, as text."""
    with ExitStack() as stack:
        kind: type[TextIOWrapper] = TextIOWrapper
        if out:
            raw = stack.enter_context(atomic_write(out))
        else:
            raw = sys.stdout.buffer
            if sys.stdout.isatty():
                kind = _VisibleText
        text = kind(raw, "utf-8", errors="backslashreplace", newline="")
        stack.callback(text.detach)  # or it would close standard output
        yield text


def _open(
    path: Path, column: Names, progress: Progress
) -> tuple[list[str], Rows, Getter]:
    """Return the names of the columns, the rows, and what gets the text from a row."""
    layout = sniff(path, Layout(text=column, label=""))
    header, rows = open_table(path, layout, progress)
    if len({*header}) < len(header):
        raise UserError(f"{path}: two columns have the same name")
    return header, rows, getter_of("text", layout.text, header, path)


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
