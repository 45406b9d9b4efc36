"""Tables of texts: what they look like, and their rows one by one.

Files are read once, piece by piece, and never kept in memory as a whole, except for JSON arrays.
"""

import csv
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from statistics import mean
from typing import Any, BinaryIO, NamedTuple

from rnnbench.data.fetch import Progress, silent
from rnnbench.errors import UserError, did_you_mean
from rnnbench.storage import MAX_UNPACKED, open_regular, read_file
from rnnbench.text import counted

log = logging.getLogger(__name__)

MAX_FILE = 4 * 2**30
"""The size of the largest file that is read, in bytes."""
MAX_TEXT = 16 * 2**20
"""The most characters in a line of a table or in a text, or bytes in a file with one text."""
AT_ONCE, MAX_ROWS = 64 * 2**20, 10_000
"""The bytes of text, and the rows, of a compressed table that are unpacked at once."""
NOT_A_ROW = "not a row"
"""The reason of rows that have too many or too few fields, or are not JSON."""
SAMPLE, SAMPLE_ROWS = 2**20, 200
"""The bytes and the rows at the start of a file that tell what it looks like."""
MOST_LINES = 10_000
"""A longer faulty row is an error; after a shorter one, reading goes on at its second line."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MOST_WRONG = 0.1
"""A file is UTF-8 if at most this share of its lines with non-ASCII characters is invalid."""
ENCODINGS = (
    *("utf_16", "utf_32", *(f"cp125{number}" for number in range(9))),
    *("iso8859_2", "koi8_r", "mac_roman"),
)
OF_EAST_ASIA, DENSE = ("gb18030", "big5", "cp932", "euc_jp", "cp949"), 0.3
"""The encodings of files that are not UTF-8; those of East Asia only if more than this share of
the bytes is not ASCII. Rarer encodings would be guessed too often."""
CENTRAL_EUROPEAN = bytes.fromhex("8a8e9a9e9c9fb3b9")
"""Letters such as š, ž and ł in the encoding cp1250, and rare signs in cp1252."""
TEXT_NAMES = ("text", "tweet", "sentence", "body", "content", "message", "comment", "review")
LABEL_NAMES = ("label", "topic", "class", "category", "target", "sentiment", "intent", "y")
"""Names of columns that tell what is in them, the surest first."""


@dataclass(frozen=True)
class Layout:
    """The form of a table; an attribute that is ``None`` is detected.

    Attributes:
        delimiter: a character between the columns of a ``.csv`` file.
        encoding: a Python codec, such as ``utf-8`` or ``cp1252``.
        text: the name of the column with the texts.
        label: the name of the column with the labels.
        group: the name of the column with the groups of texts that belong together, if any.
    """

    delimiter: str | None = None
    encoding: str | None = None
    text: str | None = None
    label: str | None = None
    group: str | None = None

    def in_words(self) -> str:
        """Return it in one line."""
        parts = [DELIMITERS.get(self.delimiter, self.delimiter)] if self.delimiter else []
        parts += [self.encoding] if self.encoding else []
        columns = {"texts": self.text, "labels": self.label}
        parts += [f"{key} in '{name}'" for key, name in columns.items() if name]
        return ", ".join(parts)


EXPECTED = {("delimiter", ","), ("encoding", "utf-8"), ("text", "text"), ("label", "label")}
"""The layout that everyone expects, and that need not be mentioned."""


class BadRow(NamedTuple):
    """A row that cannot be used: its place, the reason in two words, and the fault.

    Its values are those that were found.
    """

    place: str
    reason: str
    fault: str
    values: Sequence[Any] = ()


def sniff(path: Path, layout: Layout) -> Layout:
    """Return the layout of a table: what the given one leaves open is detected, and logged.

    Columns are recognized by their names, or else by the first rows. They stay open if that is not
    clear.

    Raises:
        UserError: this is no table, or it has no header.
    """
    ending, given = path.suffix.lower(), asdict(layout)
    if layout.encoding is None and ending != ".parquet":
        layout = replace(layout, encoding=_encoding_of(path))
    if layout.delimiter is None and ending == ".csv":
        layout = replace(layout, delimiter=_delimiter_of(path, layout))
    header, rows = open_table(path, layout)
    first = [row[1] for row in islice(rows, SAMPLE_ROWS) if not isinstance(row, BadRow)]
    columns = {
        name: [str(row[position]) for row in first]
        for position, name in enumerate(header)
        if name not in (layout.text, layout.label, layout.group)
    }
    if layout.text is None and columns:
        longest = max(columns, key=lambda name: sum(map(len, columns[name])))
        layout = replace(layout, text=_named(TEXT_NAMES, header) or longest)
    if layout.label is None:
        columns.pop(layout.text or "", None)
        layout = replace(layout, label=_named(LABEL_NAMES, header) or _with_few_values(columns))
    if layout.label in columns.get(layout.label or "", ()):
        hint = f"'{layout.label}' is a label; add a line with the names of the columns"
        raise UserError(f"{path}: its first line is not a header: {hint}")
    found = {key: value for key, value in asdict(layout).items() if value and not given[key]}
    if found.items() - EXPECTED:
        _mention(f"{path}: read as {layout.in_words()}")
    return layout


def _with_few_values(columns: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column that clearly has fewer different values than the others, but several."""
    counts = {name: len(set(values) - {""}) for name, values in columns.items()}
    rows = max(map(len, columns.values()), default=0)
    few = sorted((n, name) for name, n in counts.items() if 1 < n <= rows / 2)
    is_clear = len(few) == 1 or (few and few[0][0] * 4 <= few[1][0])
    return few[0][1] if is_clear else None


@lru_cache(maxsize=100)  # a table may be looked at several times
def _mention(text: str) -> None:
    log.warning("%s", text)


def _named(names: Sequence[str], header: Sequence[str]) -> str | None:
    """Return the first of ``names`` that is in a header, as it is spelled there."""
    spelled = {name.lower(): name for name in reversed(header)}
    return next((spelled[name] for name in names if name in spelled), None)


def _encoding_of(path: Path) -> str:
    with open_regular(path, MAX_FILE) as file:
        sample = file.read(SAMPLE)
    if sample.count(0) > len(sample) / 4 and sample[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    whole = sample.splitlines()[: None if len(sample) < SAMPLE else -1]
    lines = [line for line in whole if not line.isascii()]
    if sum("\ufffd" in line.decode(errors="replace") for line in lines) <= MOST_WRONG * len(lines):
        return "utf-8"
    from charset_normalizer import from_bytes

    foreign = sample if b"\0" in sample else b"\n".join(lines)
    is_dense = sum(byte > 127 for byte in foreign) > DENSE * len(foreign)
    encodings = [*ENCODINGS, *(OF_EAST_ASIA if is_dense else ())]
    matches = from_bytes(foreign, cp_isolation=encodings)
    best = matches.best()
    if best and "cp1252" not in [m.encoding for m in matches if m.chaos - best.chaos < 0.02]:
        return best.encoding
    central = sum(byte in CENTRAL_EUROPEAN for byte in foreign)
    return "cp1250" if central > MOST_WRONG * sum(byte > 127 for byte in foreign) else "cp1252"


def _delimiter_of(path: Path, layout: Layout) -> str:
    """Return the delimiter that makes several columns in as many of the first rows as possible."""

    def fitness(delimiter: str) -> tuple[float, int]:
        header, rows = open_table(path, replace(layout, delimiter=delimiter))
        good = mean(not isinstance(row, BadRow) for row in chain([()], islice(rows, SAMPLE_ROWS)))
        return (good, len(header)) if len(header) > 1 else (0.0, 1)

    return max(DELIMITERS, key=fitness)  # the first of several


Row = tuple[str, list[Any]]
"""The place of a row, and its values in the order of the header."""


def open_table(
    path: Path, layout: Layout, progress: Progress = silent, columns: Sequence[str] | None = None
) -> tuple[list[str], Iterator[Row | BadRow]]:
    """Return the header of a table and its rows; a Parquet file may give some ``columns`` alone.

    What ``layout`` leaves open is the default: commas, UTF-8.

    Raises:
        UserError: this is no table, or it has no header.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        hint = did_you_mean(path.suffix or path.name, READERS)
        raise UserError(f"{path}: not a table of texts ({hint}; or a folder)")
    rows = reader(path, layout, progress, columns)
    header: list[str] = next(rows, [])
    if not header:
        raise UserError(f"{path}: it is empty")
    return header, rows


def _separated(
    path: Path, layout: Layout, progress: Progress, _: Sequence[str] | None
) -> Iterator[Any]:
    """Read comma-separated or tab-separated values."""
    lines, again, number = _lines(path, layout, progress), deque[str](), 1
    taken: list[str] = []  # the lines of a row
    dialect = {"delimiter": layout.delimiter or ","} | DIALECTS[path.suffix.lower()]

    def given() -> Iterator[str]:
        while line := again.popleft() if again else next(lines, ""):
            taken.append(line)
            yield line

    rows = csv.reader(given(), **dialect)
    before = csv.field_size_limit(MAX_TEXT)  # the limit is that of the process
    try:
        header: list[str] = [name.strip() for name in next(rows, [])]
        if header and header[0].lower() == "sep=":  # Excel's own line
            header = [name.strip() for name in next(rows, [])]
        yield header
        while True:
            number += len(taken)
            taken.clear()
            place = f"{path}:{number}"
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                if len(taken) > MOST_LINES:
                    fault = f"a row of more than {MOST_LINES:,} lines: {error}"
                    raise UserError(f"{place}: {fault}; is a quotation mark not closed?") from None
                yield BadRow(place, NOT_A_ROW, f"cannot be read as a row: {error}")
                again.extendleft(reversed(taken[1:]))
                del taken[1:]
                rows = csv.reader(given(), **dialect)
                continue
            if row and len(row) != len(header):
                found = counted(len(row), "field")
                fault = f"{found}, but the header has {len(header)}"
                yield BadRow(place, NOT_A_ROW, fault, row)
            elif row:
                yield place, row
    finally:
        csv.field_size_limit(before)


def _json_lines(
    path: Path, layout: Layout, progress: Progress, columns: Sequence[str] | None
) -> Iterator[Any]:
    """Read a JSON object on each line."""

    def parsed(line: str) -> Any:
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            return error

    numbered = enumerate(_lines(path, layout, progress), start=1)
    found = ((f"{path}:{number}", parsed(line)) for number, line in numbered if line.strip())
    return _of_json(found, columns)


def _json_array(
    path: Path, layout: Layout, _progress: Progress, columns: Sequence[str] | None
) -> Iterator[Any]:
    """Read a JSON array of objects."""
    try:
        items = json.loads(read_file(path, 2**29).decode(codec_of(layout)))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(items, list):
        raise UserError(f"{path}: should be an array of objects")
    numbered = ((f"{path}, item {number}", item) for number, item in enumerate(items, start=1))
    return _of_json(numbered, columns)


def _of_json(items: Iterator[tuple[str, Any]], columns: Sequence[str] | None) -> Iterator[Any]:
    """Yield the header and the rows of items with their places; the first ones tell the columns.

    A row with another key would lose its value, unless only some ``columns`` are wanted.
    """
    first = list(islice(items, SAMPLE_ROWS))
    header = list(dict.fromkeys(key for _, item in first if isinstance(item, dict) for key in item))
    if first and not header and (fault := _fault_of_json(first[0][1], None)):
        raise UserError(f"{first[0][0]}: {fault}")
    yield header
    for place, item in chain(first, items):
        values = [item.get(name) for name in header] if isinstance(item, dict) else []
        if fault := _fault_of_json(item, None if columns else header):
            yield BadRow(place, NOT_A_ROW, fault, values)
        else:
            yield place, values


def _fault_of_json(item: Any, header: Sequence[str] | None) -> str | None:
    if isinstance(item, Exception):
        return f"not JSON: {item}"
    if not isinstance(item, dict):
        return 'should be an object, such as {"text": ..., "label": ...}'
    new = item.keys() - header if header else ()
    return f"the key '{min(new)}' is not in the first rows" if new else None


def _parquet(
    path: Path, _layout: Layout, progress: Progress, columns: Sequence[str] | None
) -> Iterator[Any]:
    """Read a Parquet file, unpacking about ``AT_ONCE`` bytes at a time."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(f"{path}: needs pyarrow: pip install 'rnnbench[parquet]'") from None
    try:
        with open_regular(path, MAX_FILE) as raw, parquet.ParquetFile(raw) as file:
            names = file.schema_arrow.names
            plain = [name for name in names if _is_plain(file.schema_arrow.field(name).type)]
            header = plain if columns is None else [name for name in names if name in columns]
            if wrong := [name for name in header if name not in plain]:
                raise UserError(f"{path}: {wrong[0]}: should be a text")
            yield header
            at_once = min(MAX_ROWS, max(1, AT_ONCE // _longest_in_parquet(raw, header, path)))
            total = file.metadata.num_rows
            number = 0
            for batch in file.iter_batches(at_once, columns=header):
                progress(f"reading the rows of {path.name}", number, total)
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", list(row.values())
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file cannot be opened
        raise UserError(f"{path}: cannot be read as Parquet: {error}") from None


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_primitive(kind) or str(kind) in ("string", "large_string", "string_view")


def _longest_in_parquet(raw: BinaryIO, columns: Sequence[str], path: Path) -> int:
    """Return the size of the longest text in columns of a Parquet file, in bytes, or 1.

    A repeated text takes only a few bits in each row, so a small file may hold endless text. Here
    the repetitions are counted, but not unpacked.
    """
    from pyarrow import compute, parquet, types

    longest, total = 1, 0
    file = parquet.ParquetFile(raw, read_dictionary=list(columns))
    for batch in file.iter_batches(MAX_ROWS, columns=list(columns)):
        for texts in (column for column in batch.columns if types.is_dictionary(column.type)):
            sizes = compute.binary_length(texts.dictionary).take(texts.indices)
            longest = max(longest, compute.max(sizes).as_py() or 0)
            total += compute.sum(sizes).as_py() or 0
        if total > MAX_UNPACKED:
            message = f"its texts unpack to more than {MAX_UNPACKED:,} bytes"
            raise UserError(f"{path}: {message} (use a .csv or .jsonl file instead)")
    return longest


def codec_of(layout: Layout) -> str:
    """Return the codec that reads a table; a byte order mark is no part of the text."""
    return "utf-8-sig" if layout.encoding in (None, "utf-8") else str(layout.encoding)


def _lines(path: Path, layout: Layout, progress: Progress) -> Iterator[str]:
    """Yield the lines of a file, none of which may be endless.

    Bytes that cannot be decoded become lone surrogates, by which their row is found later.
    """
    text = partial(TextIOWrapper, encoding=codec_of(layout), errors="surrogateescape", newline="")
    with open_regular(path, MAX_FILE) as raw, text(raw) as file:
        size = path.stat().st_size
        lines = iter(partial(file.readline, MAX_TEXT + 1), "")
        for number, line in enumerate(lines):
            if len(line) > MAX_TEXT:
                raise UserError(f"{path}:{number + 1}: longer than {MAX_TEXT:,} characters")
            if (number + 1) % 5_000 == 0:
                progress(f"reading {path.name}", raw.tell(), size)
            yield line


DIALECTS: dict[str, dict[str, Any]] = {
    ".csv": {"strict": True},
    # Quotation marks are text, because no text may contain a tab or a new line.
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None},
}
"""Those of Python's ``csv``, by the end of the name of a file."""
READERS: dict[str, Callable[..., Iterator[Any]]] = {
    **dict.fromkeys(DIALECTS, _separated),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_array,
    ".parquet": _parquet,
}
"""By the end of the name of a file, what yields the header of a table, and then its rows."""
