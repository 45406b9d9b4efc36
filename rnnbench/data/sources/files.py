"""The user's own texts: tables with a row for each text, and folders with a file for each.

Files are read once, piece by piece, and never kept in memory as a whole.
"""

import csv
import json
import logging
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from rnnbench.data.corpus import Corpus, ranks_of
from rnnbench.data.source import TOKENIZERS, Source, words
from rnnbench.errors import UserError, did_you_mean, line_of, shortened
from rnnbench.storage import MAX_UNPACKED, open_regular, read_file
from rnnbench.text import counted, encodable

log = logging.getLogger(__name__)

MAX_LABELS, LONGEST_LABEL = 1_000, 100
TOKENIZER = "words"
MAX_FILE = 4 * 2**30
"""The size of the largest file that is read, in bytes."""
MAX_TEXT = 16 * 2**20
"""The most characters in a line of a table or in a text, or bytes in a file with one text."""
AT_ONCE, MAX_ROWS = 64 * 2**20, 10_000
"""The bytes of text, and the rows, of a compressed table that are unpacked at once."""


Columns = tuple[str, str]
"""The names of the columns that hold the texts and the labels."""


class Text(NamedTuple):
    """A text with its label, and its place: the file and the line, for messages."""

    place: str
    text: str
    label: str


def read(
    path: Path,
    *,
    test: Path | None = None,
    text_column: str = "text",
    label_column: str = "label",
    tokenizer: str = TOKENIZER,
) -> Corpus:
    """Return the corpus of the texts in a table or a folder; labels are sorted.

    With texts to ``test`` on, those in ``path`` are to train on, and the corpus has a split of its
    own. Words are ranked by frequency; of equally frequent ones, the first to occur comes first.

    Raises:
        UserError: something in a file is wrong; the message names the line.
    """
    files = [path, *([test] if test else [])]
    tokens, ends, labels, is_test = array("i"), array("q", [0]), array("i"), bytearray()
    word_ids: dict[str, int] = {}
    firsts: dict[str, Text] = {}
    label_ids: dict[str, int] = {}
    for number, file in enumerate(files):
        for text in read_texts(file, (text_column, label_column)):
            if len(text.label) > LONGEST_LABEL:
                label = shortened(text.label, 40)
                raise UserError(f"{text.place}: a label of {len(text.label):,} characters: {label}")
            in_words = TOKENIZERS[tokenizer](text.text)
            if not in_words:
                start = shortened(" ".join(text.text.split()), 40)
                raise UserError(f"{text.place}: no words in the text: {start}")
            tokens.extend([word_ids.setdefault(word, len(word_ids)) for word in in_words])
            ends.append(len(tokens))
            labels.append(label_ids.setdefault(text.label, len(label_ids)))
            if len(firsts) <= MAX_LABELS:  # more are refused, and need not be kept
                firsts.setdefault(text.label, text)
            is_test.append(number)
    _check_labels(list(firsts.values()), np.bincount(labels, minlength=1).tolist(), path)
    sorted_positions = np.argsort(np.argsort(np.array(list(label_ids), object)))
    numbers, words_found = np.frombuffer(tokens, np.int32), list(word_ids)
    order = np.argsort(-np.bincount(numbers, minlength=len(word_ids)), kind="stable")
    return Corpus(
        tokens=ranks_of(order)[numbers],
        offsets=np.frombuffer(ends, np.int64),
        labels=sorted_positions[np.frombuffer(labels, np.int32)].astype(np.int32),
        topics=tuple(sorted(label_ids)),
        vocabulary=tuple(words_found[number] for number in order),
        is_test=np.frombuffer(is_test, bool) if test else None,
        provenance={"from": " and ".join(file.name for file in files), "tokenizer": tokenizer},
    )


def _check_labels(firsts: list[Text], counts: list[int], path: Path) -> None:
    """Make sure that there are labels to tell apart, and warn of those that occur once."""
    if not firsts:
        kind = "no folder with .txt files" if path.is_dir() else "no row with a text"
        raise UserError(f"{path}: {kind} in it")
    if not 2 <= len(counts) <= MAX_LABELS:
        number = counted(len(counts), "different label")
        raise UserError(f"{path}: {number} (allowed: 2 to {MAX_LABELS:,}); see data.label_column")
    once = [text for text, count in zip(firsts, counts, strict=True) if count == 1]
    for text in once[:3]:
        log.warning("%s: the label '%s' occurs once", text.place, text.label)
    if once[3:]:
        log.warning("%s: %s more labels occur once", path, len(once) - 3)


def read_texts(path: Path, columns: Columns) -> Iterator[Text]:
    """Yield the texts in a table or a folder, in their order.

    The texts of a folder are those of its folders, one for each label, as in
    ``keras.utils.text_dataset_from_directory``: labels and the names of ``.txt`` files are sorted.
    """
    reader = _folder if path.is_dir() else READERS.get(path.suffix.lower())
    if reader is None:
        hint = did_you_mean(path.suffix or path.name, READERS)
        raise UserError(f"{path}: not a table of texts ({hint}; or a folder)")
    for place, text, found in reader(path, columns):
        label = found.strip()
        if len(text) > MAX_TEXT:
            raise UserError(f"{place}: longer than {MAX_TEXT:,} characters")
        if not text.strip():
            raise UserError(f"{place}: the text is empty")
        if not label:
            raise UserError(f"{place}: the label is empty")
        if not label.isprintable():
            raise UserError(f"{place}: the label has characters that cannot be printed")
        if encodable(text) != text:
            raise UserError(f"{place}: the text has half a character (a lone surrogate)")
        yield Text(place, text, label)


def _folder(path: Path, _columns: Columns) -> Iterator[Text]:
    inside = (found for found in path.iterdir() if found.name[0] != ".")
    for folder in sorted(found for found in inside if found.is_dir() and not found.is_symlink()):
        for file in sorted(folder.rglob("*.[tT][xX][tT]")):
            try:
                yield Text(str(file), read_file(file, MAX_TEXT).decode("utf-8-sig"), folder.name)
            except UnicodeDecodeError as error:
                raise UserError(f"{file}:{line_of(error)}: not UTF-8") from None


def _separated(path: Path, columns: Columns, **dialect: Any) -> Iterator[Text]:
    """Yield the texts of a file of comma-separated or tab-separated values with a header."""
    rows = csv.reader(_lines(path), **dialect)
    before = csv.field_size_limit(MAX_TEXT)  # the limit is that of the process
    try:
        header = [name.strip() for name in next(rows, [])]
        text, label = (_position(name, header, path) for name in columns)
        for row in filter(None, rows):
            place = f"{path}:{rows.line_num}"
            if len(row) != len(header):
                fields = counted(len(row), "field")
                raise UserError(f"{place}: {fields}, but the header has {len(header)}")
            yield Text(place, row[text], row[label])
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: cannot be read as a table: {error}") from None
    finally:
        csv.field_size_limit(before)


def _json_lines(path: Path, columns: Columns) -> Iterator[Text]:
    """Yield the texts of a file with a JSON object on each line."""
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}:{number}: not JSON: {error}") from None
            yield _of_json(row, columns, f"{path}:{number}")


def _of_json(row: Any, columns: Columns, place: str) -> Text:
    if not isinstance(row, dict):
        raise UserError(f'{place}: should be an object, such as {{"text": ..., "label": ...}}')
    for name in columns:
        _position(name, list(row), place)
    text, label = (row[name] for name in columns)
    if not isinstance(text, str):
        raise UserError(f"{place}: {columns[0]}: should be a text")
    if not isinstance(label, str | int) or isinstance(label, bool):
        raise UserError(f"{place}: {columns[1]}: should be a text or an integer")
    return Text(place, text, str(label))


def _parquet(path: Path, columns: Columns) -> Iterator[Text]:
    """Yield the texts of a Parquet file, unpacking about ``AT_ONCE`` bytes at a time."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(f"{path}: needs pyarrow: pip install 'rnnbench[parquet]'") from None
    try:
        with open_regular(path, MAX_FILE) as raw, parquet.ParquetFile(raw) as file:
            for name in columns:
                _position(name, file.schema_arrow.names, path)
            longest = _longest_in_parquet(raw, file.schema_arrow, columns, path)
            at_once = min(MAX_ROWS, max(1, AT_ONCE // longest))
            batches = file.iter_batches(at_once, columns=list(columns))
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                yield _of_json(row, columns, f"{path}, row {number}")
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file cannot be opened
        raise UserError(f"{path}: cannot be read as Parquet: {error}") from None


def _longest_in_parquet(raw: BinaryIO, schema: Any, columns: Columns, path: Path) -> int:
    """Return the size of the longest text in columns of a Parquet file, in bytes, or 1.

    A repeated text takes only a few bits in each row, so a small file may hold endless text. Here
    the repetitions are counted, but not unpacked.
    """
    from pyarrow import compute, parquet, types

    for name in columns:
        kind = schema.field(name).type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not (types.is_primitive(kind) or str(kind) in ("string", "large_string", "string_view")):
            raise UserError(f"{path}: {name}: should be a text")
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


def _position(name: str, header: list[str], place: Path | str) -> int:
    if not header:
        raise UserError(f"{place}: it is empty")
    if header.count(name) > 1:
        raise UserError(f"{place}: two columns '{name}'")
    if name not in header:
        hint = f"{did_you_mean(name, header)}; data.text_column and data.label_column name them"
        raise UserError(f"{place}: no column '{name}' ({hint})")
    return header.index(name)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, none of which may be endless."""
    # A strict decoder reads many lines at once, and would not say which one is wrong.
    text = partial(TextIOWrapper, encoding="utf-8-sig", errors="surrogateescape", newline="")
    with open_regular(path, MAX_FILE) as raw, text(raw) as file:
        lines = iter(partial(file.readline, MAX_TEXT + 1), "")
        for number, line in enumerate(lines, start=1):
            if len(line) > MAX_TEXT:
                raise UserError(f"{path}:{number}: longer than {MAX_TEXT:,} characters")
            if encodable(line) != line:
                raise UserError(f"{path}:{number}: not UTF-8")
            yield line


READERS: dict[str, Callable[[Path, Columns], Iterator[Text]]] = {
    ".csv": partial(_separated, strict=True),
    # Only commas need quotes, because a tab or a new line in a text would be ambiguous.
    ".tsv": partial(_separated, delimiter="\t", quoting=csv.QUOTE_NONE),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
"""The readers of tables, by the end of the name of a file."""

FILES = Source(
    name="files",
    help="Your own texts, each with a label.",
    file=f"a table ({', '.join(READERS)}), or a folder with a folder of .txt files for each label",
    read=read,
    tokenize=words,
    patterns=tuple(f"*{ending}" for ending in READERS),
    folder_patterns=("*/**/*.txt",),
    split=None,
    options=("test", "text_column", "label_column", "tokenizer"),
    ranks_words_of="training",
)
