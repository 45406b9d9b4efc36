"""The rows of a table, written again with the answers of a model beside them."""

import csv
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables import DIALECTS, BadRow, Layout, open_table, sniff
from rnnbench.errors import UserError, did_you_mean
from rnnbench.prediction.predict import UNSURE, KeptModel, Prediction
from rnnbench.storage import atomic_write, temporary_folder

AT_ONCE, STEPS = 4096, 2**26
"""The most rows, and steps of their sequences, that are in memory at once."""
Row = dict[str, Any]


def predict_table(
    model: KeptModel,
    source: Path,
    out: Path | None,
    column: str | None,
    progress: Progress,
    unsure_below: float | None = None,
) -> Counter[str]:
    """Write the rows of a table with the model's answers as new columns, in the same order.

    These are the topic, its probability or margin, the second-best topic, and the share of words
    that are not in the vocabulary of the run. A text without words, or without any that the model
    knows, has no answer. Only some thousand rows are in memory at once. Standard output gets the
    format of the ``source``. Returned are the numbers of rows with and without an answer.

    Raises:
        UserError: a row cannot be read or written, or a column is missing or exists already.
    """
    counts = Counter(answered=0, unknown=0, empty=0)
    if unsure_below is not None:
        counts[UNSURE] = 0
    at_once = max(1, min(AT_ONCE, STEPS // model.vocabulary.timesteps))
    column, rows = _rows(source, column, progress)
    write = None
    with ExitStack() as stack:
        while block := list(islice(rows, at_once)):
            texts = [row[column] if isinstance(row[column], str) else "" for _, row in block]
            answers = model.answers(texts, 2, unsure_below=unsure_below)
            for (place, row), found in zip(block, answers, strict=True):
                kind = "answered" if found.topics else "unknown" if found.words else "empty"
                counts[UNSURE if found.unsure else kind] += 1
                answer = _answer(found, model.kind)
                if taken := answer.keys() & row.keys():
                    raise UserError(
                        f"{place}: rename the column '{min(taken)}': the answer needs this name"
                    )
                whole = row | answer
                write = write or stack.enter_context(_writer(out, source.suffix, whole))
                try:
                    write(whole)
                except (ValueError, csv.Error) as error:
                    raise UserError(f"{place}: cannot be written: {error} (use .jsonl)") from None
    if write is None:
        raise UserError(f"{source}: it has no rows")
    return counts


def _answer(found: Prediction, kind: str) -> Row:
    """Return the new columns of a row."""
    first, second = (*found.topics, None, None)[:2]
    return {
        "predicted": found.answer,
        kind: first and round(first.score, 6),
        "second_best": second and second.topic,
        "unknown_words": round(len(found.unknown_words) / found.words, 4) if found.words else None,
    }


@contextmanager
def _writer(out: Path | None, ending: str, first: Row) -> Iterator[Callable[[Row], None]]:
    """Yield a function that writes rows with the columns of the ``first``."""
    ending = (out.suffix if out else ending).lower()
    with ExitStack() as stack:
        raw: Any = stack.enter_context(atomic_write(out)) if out else sys.stdout.buffer
        text = TextIOWrapper(raw, "utf-8", errors="backslashreplace", newline="")
        stack.callback(text.detach)  # or it would close standard output
        if ending not in DIALECTS:
            yield lambda row: print(json.dumps(row, ensure_ascii=False, default=str), file=text)
            return
        writer = csv.DictWriter(text, list(first), lineterminator="\n", **DIALECTS[ending])
        writer.writeheader()
        yield writer.writerow


def _rows(
    path: Path, column: str | None, progress: Progress
) -> tuple[str, Iterator[tuple[str, Row]]]:
    """Return the name of the column with the texts, and each row with its place."""
    layout = sniff(path, Layout(text=column, label=""))
    header, rows = open_table(path, layout, progress)
    if len({*header}) < len(header):
        raise UserError(f"{path}: two columns have the same name")
    if layout.text not in header:
        hint = did_you_mean(str(layout.text), header)
        raise UserError(f"{path}: no column '{layout.text}' ({hint}; --text names it)")

    def whole() -> Iterator[tuple[str, Row]]:
        for row in rows:
            if isinstance(row, BadRow):
                raise UserError(f"{row.place}: {row.fault}")
            yield row[0], dict(zip(header, row[1], strict=True))

    return layout.text, whole()


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
