"""The rows of a table, written again with the answers of a model beside them."""

import csv
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from rnnbench.data.fetch import Progress
from rnnbench.data.sources import files
from rnnbench.errors import UserError, did_you_mean
from rnnbench.prediction.predict import KeptModel, Prediction
from rnnbench.storage import atomic_write, open_regular, temporary_folder

AT_ONCE, STEPS = 4096, 2**26
"""The most rows, and steps of their sequences, that are in memory at once."""
DIALECTS: dict[str, Any] = {
    ".csv": {"strict": True},
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None},
}
JSON_LINES = (".jsonl", ".ndjson")
Row = dict[str, Any]


def predict_table(
    model: KeptModel, source: Path, out: Path | None, column: str, progress: Progress
) -> Counter[str]:
    """Write the rows of a table with the model's answers as new columns, in the same order.

    These are the topic, its probability or margin, the second-best topic, and the share of words
    that are not in the vocabulary of the run. A text without words, or without any that the model
    knows, has no answer. Only some thousand rows are in memory at once. Standard output gets lines
    of the kind of the ``source``. The rows of each kind are counted.

    Raises:
        UserError: a row cannot be read or written, or a column is missing or exists already.
    """
    counts = Counter(answered=0, unknown=0, empty=0)
    at_once = max(1, min(AT_ONCE, STEPS // model.vocabulary.timesteps))
    rows, write = _rows(source, progress), None
    with ExitStack() as stack:
        while block := list(islice(rows, at_once)):
            texts = [_text_of(row, column, place) for place, row in block]
            for (place, row), found in zip(block, model.answers(texts, 2), strict=True):
                counts["answered" if found.topics else "unknown" if found.words else "empty"] += 1
                answer = _answer(found, model.kind)
                if taken := answer.keys() & row.keys():
                    raise UserError(f"{place}: rename the column '{min(taken)}', which is added")
                whole = row | answer
                write = write or stack.enter_context(_writer(out, source.suffix, whole))
                try:
                    write(whole)
                except (ValueError, csv.Error) as error:
                    raise UserError(f"{place}: cannot be written: {error} (use .jsonl)") from None
    if write is None:
        raise UserError(f"{source}: no row in it")
    return counts


def _text_of(row: Row, column: str, place: str) -> str:
    if column not in row:
        hint = did_you_mean(column, row)
        raise UserError(f"{place}: no column '{column}' ({hint}; --text names it)")
    return "" if row[column] is None else str(row[column])


def _answer(found: Prediction, kind: str) -> Row:
    """Return the new columns of a row."""
    first, second = (*found.topics, None, None)[:2]
    return {
        "predicted": first and first.topic,
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
        if ending in JSON_LINES:
            yield lambda row: print(json.dumps(row, ensure_ascii=False, default=str), file=text)
            return
        dialect = DIALECTS.get(ending, {})
        writer = csv.DictWriter(text, list(first), lineterminator="\n", **dialect)
        writer.writeheader()
        yield writer.writerow


def _rows(path: Path, progress: Progress) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a table, each with its place and all of its columns."""
    ending, size, done = path.suffix.lower(), path.stat().st_size, 0
    if ending not in files.READERS:
        hint = did_you_mean(ending or path.name, files.READERS)
        raise UserError(f"{path}: not a table of texts ({hint})")

    def lines() -> Iterator[str]:
        nonlocal done
        for number, line in enumerate(files._lines(path)):
            done += len(line)
            if number % AT_ONCE == 0:
                progress(path.name, min(done, size), size)
            yield line

    if ending == ".parquet":
        yield from _parquet_rows(path, progress)
    elif ending in DIALECTS:
        yield from _separated_rows(path, lines(), DIALECTS[ending])
    else:
        for number, line in enumerate(lines(), start=1):
            if line.strip():
                yield f"{path}:{number}", _object(line, f"{path}:{number}")


def _object(line: str, place: str) -> Row:
    with suppress(ValueError, RecursionError):
        if isinstance(row := json.loads(line), dict):
            return row
    raise UserError(f'{place}: should be a JSON object, such as {{"text": ...}}')


def _separated_rows(path: Path, lines: Iterator[str], dialect: Any) -> Iterator[tuple[str, Row]]:
    before = csv.field_size_limit(files.MAX_TEXT)  # the limit is that of the process
    rows = csv.reader(lines, **dialect)
    try:
        header = [name.strip() for name in next(rows, [])]
        if len({*header}) < len(header):
            raise UserError(f"{path}: two columns have the same name")
        for row in filter(None, rows):
            place = f"{path}:{rows.line_num}"
            if len(row) != len(header):
                raise UserError(f"{place}: {len(row)} fields, but the header has {len(header)}")
            yield place, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: cannot be read as a table: {error}") from None
    finally:
        csv.field_size_limit(before)


def _parquet_rows(path: Path, progress: Progress) -> Iterator[tuple[str, Row]]:
    try:
        from pyarrow import ArrowException, parquet

        with open_regular(path, files.MAX_FILE) as raw, parquet.ParquetFile(raw) as file:
            schema, done = file.schema_arrow, 0
            longest = files._longest_in_parquet(raw, schema, schema.names, path)
            for batch in file.iter_batches(min(AT_ONCE, max(1, files.AT_ONCE // longest))):
                progress(path.name, done, file.metadata.num_rows)
                for number, row in enumerate(batch.to_pylist(), start=done + 1):
                    yield f"{path}, row {number}", row
                done += batch.num_rows
    except ImportError:
        raise UserError(f"{path}: needs pyarrow: pip install 'rnnbench[parquet]'") from None
    except ArrowException as error:
        raise UserError(f"{path}: cannot be read as Parquet: {error}") from None


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
        yield file
