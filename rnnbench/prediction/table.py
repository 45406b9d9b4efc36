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
from rnnbench.prediction.predict import UNSURE, KeptModel
from rnnbench.storage import atomic_write, temporary_folder

AT_ONCE, STEPS = 4096, 2**26
"""The most rows, and steps of their sequences, that are in memory at once."""
Row = tuple[str, Sequence[Any]]
Rows = Iterator[Row | BadRow]
Write = Callable[[list[Any]], object]


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
        while block := list(islice(rows, at_once)):
            answers = _answers(model, block, position, unsure_below, has_lists=has_lists)
            for (place, *_, values), answer in zip(block, answers, strict=True):
                counts[answer[-1]] += 1
                found = [*values, *[None] * len(header)][: len(header)]
                try:
                    write([*found, *answer])
                except (ValueError, csv.Error) as error:
                    raise UserError(f"{place}: cannot be written: {error} (use .jsonl)") from None
    return counts


def _answers(
    model: KeptModel,
    rows: Sequence[Row | BadRow],
    position: int,
    unsure_below: float | None,
    *,
    has_lists: bool,
) -> Iterator[list[Any]]:
    reasons = [
        row.reason if isinstance(row, BadRow) else (fault_of("text", row[1][position]) or [None])[0]
        for row in rows
    ]
    texts = ["" if bad else row[-1][position] for row, bad in zip(rows, reasons, strict=True)]
    answers = model.answers(texts, 2, unsure_below=unsure_below)
    for found, reason in zip(answers, reasons, strict=True):
        first, second = (*found.topics, None, None)[:2]
        unknown = round(len(found.unknown_words) / found.words, 4) if found.words else None
        nothing = "unknown words" if found.words else reason or "no words"
        problem = nothing if first is None else UNSURE if found.unsure else None
        row: list[Any] = [found.answer, first and round(first.score, 6), second and second.topic]
        if first and not model.task.has_one_label:
            row[0] = found.answers if has_lists and not found.unsure else found.answer
            row[2] = len(found.answers)
        yield [*row, unknown, problem]


@contextmanager
def _writer(out: Path | None, source: Path, columns: Sequence[str]) -> Iterator[Write]:
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
