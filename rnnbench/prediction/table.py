"""The rows of a table, written again with the answers of a model beside them."""

import csv
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.files import fault_of
from rnnbench.data.sources.tables import DIALECTS, BadRow, Layout, dialect_of, open_table, sniff
from rnnbench.errors import UserError, did_you_mean
from rnnbench.prediction.predict import UNSURE, KeptModel, Prediction
from rnnbench.storage import atomic_write, temporary_folder

AT_ONCE, STEPS = 4096, 2**26  # the most rows, and steps of sequences, that are in memory at once
Row = tuple[str, Sequence[Any]] | BadRow
Rows = Iterator[Row]


def predict_table(
    model: KeptModel,
    source: Path,
    out: Path | None,
    column: str | None,
    progress: Progress,
    unsure_below: float | None = None,
) -> Counter[str | None]:
    """Write the rows of a table with the model's answers as new columns; count their problems.

    If there may be any number of topics, they are joined, or a list in JSON; the score is that of
    the best one, and their number takes the place of the second-best topic. Standard output gets
    the format of the ``source``. Rows without a problem are counted under ``None``.
    """
    header, position, rows = _open(source, column, progress)
    has_lists = (out or source).suffix.lower() not in DIALECTS
    third = "second_best" if model.task.has_one_label else "number"
    new = ["predicted", model.kind, third, "unknown_words", "problem"]
    if taken := [name for name in new if name in header]:
        raise UserError(f"{source}: rename the column '{taken[0]}': the answer needs this name")
    counts = Counter[str | None]({None: 0})
    at_once = max(1, min(AT_ONCE, STEPS // model.vocabulary.timesteps))
    with _writer(out, source, [*header, *new]) as write:
        while block := [_checked(row, position) for row in islice(rows, at_once)]:
            texts = ["" if isinstance(row, BadRow) else row[1][position] for row in block]
            answers = model.answers(texts, 2, unsure_below=unsure_below)
            for row, answer in zip(block, answers, strict=True):
                new_values = _values(answer, row, has_lists)
                counts[new_values[-1]] += 1
                values = [*row[-1], *[None] * len(header)][: len(header)]
                try:
                    write([*values, *new_values])
                except (ValueError, csv.Error) as error:
                    raise UserError(f"{row[0]}: cannot be written: {error} (use .jsonl)") from None
    return counts


def _checked(row: Row, position: int) -> Row:
    fault = None if isinstance(row, BadRow) else fault_of("text", row[1][position])
    return BadRow(row[0], *fault, row[-1]) if fault else row


def _values(found: Prediction, row: Row, has_lists: bool) -> list[Any]:
    """Return the values of the new columns."""
    first, second = (*found.topics, None, None)[:2]
    unknown = round(len(found.unknown_words) / found.words, 4) if found.words else None
    no_words = row.reason if isinstance(row, BadRow) else "no words"
    nothing = "unknown words" if found.words else no_words
    problem = nothing if first is None else UNSURE if found.unsure else None
    values: list[Any] = [found.answer, first and round(first.score, 6), second and second.topic]
    if first and first.given is not None:  # there may be any number of topics
        values[0] = found.answers if has_lists and not found.unsure else found.answer
        values[2] = len(found.answers)
    return [*values, unknown, problem]


@contextmanager
def _writer(out: Path | None, source: Path, columns: Sequence[str]) -> Iterator[Callable[..., Any]]:
    ending = (out or source).suffix.lower()
    with ExitStack() as stack:
        raw: Any = stack.enter_context(atomic_write(out)) if out else sys.stdout.buffer
        text = TextIOWrapper(raw, "utf-8", errors="backslashreplace", newline="")
        stack.callback(text.detach)  # or it would close standard output
        if ending in DIALECTS:
            is_same = ending == source.suffix.lower()
            dialect = dialect_of(source, Layout()) if is_same else DIALECTS[ending]
            write = csv.writer(text, lineterminator="\n", **dialect).writerow
            write(columns)
            yield write
        else:
            to_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
            yield lambda row: print(to_json(dict(zip(columns, row, strict=True))), file=text)


def _open(path: Path, column: str | None, progress: Progress) -> tuple[list[str], int, Rows]:
    """Return the names of the columns, the position of that with the texts, and the rows."""
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
    """Yield a temporary file with all of standard input: JSON lines, or a table with commas."""
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
