"""The rows of a table, written again with the answers of a model beside them."""

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
from typing import Any

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.files import fault_of
from rnnbench.data.sources.tables import (
    DIALECTS,
    BadRow,
    Layout,
    dialect_of,
    open_table,
    sniff,
)
from rnnbench.errors import UserError, did_you_mean
from rnnbench.prediction.predict import UNSURE, KeptModel, Prediction
from rnnbench.storage import atomic_write, temporary_folder
from rnnbench.text import counted, visible

AT_ONCE, STEPS = (
    4096,
    2**26,
)  # the most rows, and steps of sequences, that are in memory at once
Row = tuple[str, Sequence[Any]] | BadRow
Rows = Iterator[Row]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of cells, in spreadsheets

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """Where a table with answers goes, and in which form."""

    file: Path | None
    """A new file; ``None`` is standard output."""
    is_safe: bool = False
    """Whether texts that spreadsheets would run as formulas get an apostrophe before
    them."""


def predict_table(
    model: KeptModel,
    source: Path,
    target: Target,
    column: str | None,
    progress: Progress,
    unsure_below: float | None = None,
) -> Counter[str | None]:
    """Write the rows of a table with the model's answers as new columns; count their
    problems.

    If there may be any number of topics, they are joined by the separator of the table
    that the model learned from, or a list in JSON; the score is that of the best one,
    and their number takes the place of the second-best topic. Standard output gets the
    format of the ``source``. Rows without a problem are counted under ``None``.
    """
    header, position, rows = _open(source, column, progress)
    out = target.file
    has_lists = (out or source).suffix.lower() not in DIALECTS
    separator = None if has_lists else model.label_separator
    is_safe = target.is_safe and not has_lists
    counts = Counter[str | None]({None: 0})
    n_formulas = 0
    columns = [*header, *_new_columns(model, source, header)]
    if is_safe:
        columns = list(map(_as_text, columns))
    with _writer(out, source, columns) as write:
        for row, answer in _answered(model, rows, position, unsure_below):
            new_values = _values(answer, row, separator)
            counts[new_values[-1]] += 1
            values = [*row[-1], *[None] * len(header)][: len(header)]
            cells = [*values, *new_values]
            if is_safe:
                cells = list(map(_as_text, cells))
            elif not has_lists and any(map(_is_formula, cells)):
                n_formulas += 1
            try:
                write(cells)
            except (ValueError, csv.Error) as error:
                raise UserError(
                    f"{row[0]}: cannot be written: {error} (use .jsonl)"
                ) from None
    if n_formulas:
        has = "has a text" if n_formulas == 1 else "have texts"
        fault = f"{counted(n_formulas, 'row')} {has} that spreadsheets would run as a formula"
        log.warning("%s (--csv-safe puts an apostrophe before such texts)", fault)
    return counts


def _new_columns(model: KeptModel, source: Path, header: Sequence[str]) -> list[str]:
    """Return the names of the new columns; ``UserError`` if the table has one of
    them.
    """
    third = "second_best" if model.task.has_one_label else "number"
    new = ["predicted", model.kind, third, "unknown_words", "problem"]
    taken = [name for name in new if name in header]
    if taken:
        raise UserError(
            f"{source}: rename the column '{taken[0]}': the answer needs this name"
        )
    return new


def _answered(
    model: KeptModel, rows: Rows, position: int, unsure_below: float | None
) -> Iterator[tuple[Row, Prediction]]:
    """Yield each row with the answer to its text; only some rows are in memory at
    once.
    """
    at_once = max(1, min(AT_ONCE, STEPS // model.vocabulary.timesteps))
    block = [_checked(row, position) for row in islice(rows, at_once)]
    while block:
        texts = ["" if isinstance(row, BadRow) else row[1][position] for row in block]
        answers = model.answers(texts, 2, unsure_below=unsure_below)
        yield from zip(block, answers, strict=True)
        block = [_checked(row, position) for row in islice(rows, at_once)]


def _is_formula(cell: Any) -> bool:
    """Return whether a cell is a text, not a number, that a spreadsheet takes for a
    formula.
    """
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if _is_formula(cell) else cell


def _checked(row: Row, position: int) -> Row:
    fault = None if isinstance(row, BadRow) else fault_of("text", row[1][position])
    return BadRow(row[0], *fault, row[-1]) if fault else row


def _values(found: Prediction, row: Row, separator: str | None) -> list[Any]:
    """Return the values of the new columns; topics stay a list without a
    ``separator``.
    """
    first, second = (*found.topics, None, None)[:2]
    unknown = round(len(found.unknown_words) / found.words, 4) if found.words else None
    no_words = row.reason if isinstance(row, BadRow) else "no words"
    nothing = "unknown words" if found.words else no_words
    problem = nothing if first is None else UNSURE if found.unsure else None
    values: list[Any] = [
        found.answer,
        first and round(first.score, 6),
        second and second.topic,
    ]
    if first and first.given is not None:  # there may be any number of topics
        if separator is None and not found.unsure:
            values[0] = found.answers
        elif separator is not None and found.answers and not found.unsure:
            values[0] = separator.join(found.answers)
        values[2] = len(found.answers)
    return [*values, unknown, problem]


class _VisibleText(TextIOWrapper):
    """Text for a terminal, whose characters cannot control it."""

    def write(self, text: str) -> int:
        """Write text with visible replacements of control characters."""
        return super().write(visible(text))


@contextmanager
def _writer(
    out: Path | None, source: Path, columns: Sequence[str]
) -> Iterator[Callable[..., Any]]:
    ending = (out or source).suffix.lower()
    with ExitStack() as stack:
        raw: Any = stack.enter_context(atomic_write(out)) if out else sys.stdout.buffer
        kind = _VisibleText if out is None and sys.stdout.isatty() else TextIOWrapper
        text = kind(raw, "utf-8", errors="backslashreplace", newline="")
        stack.callback(text.detach)  # or it would close standard output
        if ending in DIALECTS:
            is_same = ending == source.suffix.lower()
            dialect = dialect_of(source, Layout()) if is_same else DIALECTS[ending]
            write = csv.writer(text, lineterminator="\n", **dialect).writerow
            write(columns)
            yield write
        else:
            to_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
            yield lambda row: print(
                to_json(dict(zip(columns, row, strict=True))), file=text
            )


def _open(
    path: Path, column: str | None, progress: Progress
) -> tuple[list[str], int, Rows]:
    """Return the names of the columns, the position of that with the texts, and the
    rows.
    """
    layout = sniff(path, Layout(text=column, label=""))
    header, rows = open_table(path, layout, progress)
    if len({*header}) < len(header):
        raise UserError(f"{path}: two columns have the same name")
    if layout.text not in header:
        hint = did_you_mean(str(layout.text), header)
        raise UserError(f"{path}: no column '{layout.text}' ({hint}; --text names it)")
    return header, header.index(layout.text), rows


@contextmanager
def standard_input() -> Iterator[Path]:
    """Yield a temporary file with all of standard input: JSON lines, or a table with
    commas.
    """
    stream = sys.stdin.buffer
    with temporary_folder() as folder:
        start = stream.read(1024)
        is_json = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        file = folder / f"standard input{'.jsonl' if is_json else '.csv'}"
        with file.open("wb") as opened:
            opened.write(start)
            shutil.copyfileobj(stream, opened)
        try:
            yield file
        except UserError as error:
            raise UserError(str(error).replace(str(file), "standard input")) from None
