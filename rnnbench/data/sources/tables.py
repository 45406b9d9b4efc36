"""Tables of texts: what they look like, and their rows one by one, piece by piece."""

import codecs
import csv
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from numpy.typing import NDArray

from rnnbench.data.fetch import Progress, silent
from rnnbench.errors import UserError, did_you_mean
from rnnbench.storage import MAX_UNPACKED, open_regular, read_file
from rnnbench.text import counted, listed

_warn_once = lru_cache(maxsize=100)(
    logging.getLogger(__name__).warning
)  # not at each reading
MAX_FILE = 4 * 2**30  # the size of the largest file that is read, in bytes
MAX_TEXT = (
    16 * 2**20
)  # characters in a line or a text, or bytes in a file with one text
MAX_ROWS = 1_000  # the rows of a compressed table that are unpacked at once
MAX_COLUMNS = 20_000
MAX_CELLS = (
    MAX_UNPACKED // 8
)  # of a compressed table that is read at once, as each takes 8 bytes
NOT_A_ROW, NO_OBJECT = (
    "not a row",
    'should be an object, such as {"text": ..., "label": ...}',
)
SAMPLE, SAMPLE_ROWS, LONGEST_SAMPLE = 2**20, 200, 1_000
"""At most so many bytes, rows, and characters of each value tell what a file looks
like."""
LONGEST_SHORT = 100  # characters of a value that may name a group
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MOST_WRONG = (
    0.1  # the largest share of lines not in ASCII that are wrong in a UTF-8 file
)
ENCODINGS = (
    *(f"cp125{number}" for number in range(9)),
    "iso8859_2",
    "cp852",
    "koi8_r",
    "mac_roman",
)
OF_EAST_ASIA, DENSE = ("gb18030", "big5", "cp932", "euc_jp", "cp949"), 0.3
"""The encodings of files that are not UTF-8; those of East Asia only if more than this
share of the bytes is not ASCII. Rarer encodings would be guessed too often."""
CENTRAL_EUROPEAN = bytes.fromhex("8a8e9a9e9c9fb3b9be")
"""Letters such as š, ž and ł in cp1250 and iso8859_2, and rare signs in cp1252."""
TEXT_NAMES = (
    "text",
    "tweet",
    "sentence",
    "body",
    "content",
    "message",
    "comment",
    "review",
)
LABEL_NAMES = (
    "label",
    "topic",
    "class",
    "category",
    "target",
    "sentiment",
    "intent",
    "y",
)
NAMES = (
    TEXT_NAMES,
    LABEL_NAMES,
)  # of columns that tell what is in them, the surest first
EXPECTED = {
    ("delimiter", ","),
    ("encoding", "utf-8"),
    ("text", "text"),
    ("label", "label"),
}
LONE_SURROGATES = "rnnbench.lone_surrogates"
"""Names the handling of bytes that cannot be decoded; by what they become, their row is
found."""
codecs.register_error(
    LONE_SURROGATES, lambda error: ("\udcff", getattr(error, "end", 0))
)

Columns = Sequence[str] | None  # the names of the columns that are wanted, or all
Row = tuple[str, Sequence[Any]]  # its place, and its values
Coded = tuple[
    list[Any], NDArray[Any]
]  # values, and the position of each row's value among them


@dataclass(frozen=True)
class Layout:
    """The form of a table; an attribute that is ``None`` is detected."""

    delimiter: str | None = None  # the character between the columns of a .csv file
    encoding: str | None = None  # a Python codec
    text: str | None = None  # the name of the column with the texts
    label: str | None = None  # that of the column with the labels
    group: str | None = None  # that of the column with the groups, if any
    label_separator: str | None = None  # stands between the labels of a text


class BadRow(NamedTuple):
    """A row that cannot be used: its place, the reason in two words, the fault, and its
    values.
    """

    place: str
    reason: str
    fault: str
    values: Sequence[Any] = ()


def sniff(path: Path, layout: Layout) -> Layout:
    """Return a layout with all that a table tells, which is logged; columns may stay
    open.
    """
    given, layout = asdict(layout), with_form(path, layout)
    header, rows = open_table(path, layout)
    taken = [*filter(None, (layout.text, layout.label, layout.group))]
    if len({*taken}) < len(taken):
        columns_of = "data.text, data.label and data.group"
        raise UserError(
            f"{path}: {columns_of} should name different columns: {listed(taken)}"
        )
    free = [name for name in header if name not in taken]
    spelled = {name.lower(): name for name in reversed(free)}
    of_texts, of_labels = (
        list(filter(None, map(spelled.get, names))) for names in NAMES
    )
    text = layout.text or next(iter(of_texts), None)
    label = next(iter(of_labels), None) if layout.label is None else layout.label
    columns: dict[str, list[str]] = {
        name: [] for name in free if name not in (text, label)
    }
    for row in islice(rows, SAMPLE_ROWS):
        for name, value in (
            () if isinstance(row, BadRow) else zip(header, row[1], strict=True)
        ):
            if name in columns:
                columns[name].append(str(value)[:LONGEST_SAMPLE])
    if text is None and columns:
        text = max(columns, key=lambda name: sum(map(len, columns[name])))
        del columns[text]
    if label is None:
        label = _with_few_values(columns)
    if label in columns.get(label or "", ()):
        hint = f"'{label}' is a label; add a line with the names of the columns"
        raise UserError(f"{path}: its first line is not a header: {hint}")
    layout = replace(layout, text=text, label=label)
    found = {
        key: value for key, value in asdict(layout).items() if value and not given[key]
    }
    if found.items() - EXPECTED or (len(of_texts) > 1 and "text" in found):
        parts = [
            DELIMITERS.get(layout.delimiter or "", layout.delimiter),
            layout.encoding,
        ]
        parts += [
            f"{key}s in '{name}'"
            for key, name in (("text", text), ("label", label))
            if name
        ]
        _warn_once("%s: read as %s", path, ", ".join(filter(None, parts)))
    return layout


def short_columns(path: Path, layout: Layout) -> list[str]:
    """Return the columns whose first values are short texts or whole numbers, and never
    missing.

    ``doc.page`` is the key ``page`` of the JSON objects in the column ``doc``.
    """
    header, rows = open_table(path, layout)
    columns: dict[str, list[object]] = {}
    n_rows = 0
    for row in islice(rows, SAMPLE_ROWS):
        if isinstance(row, BadRow):
            continue
        n_rows += 1
        for name, value in zip(header, row[1], strict=True):
            if isinstance(value, dict):
                for key, inner in value.items():
                    columns.setdefault(f"{name}.{key}", []).append(inner)
            else:
                columns.setdefault(name, []).append(value)
    counts = Counter(header)
    short = []
    for name, values in columns.items():
        if len(values) == n_rows and counts[name] < 2 and all(map(_is_short, values)):
            short.append(name)
    return short


def _is_short(value: object) -> bool:
    """Return whether a value is a short text or a whole number."""
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST_SHORT
    return isinstance(value, int)


def with_form(path: Path, layout: Layout) -> Layout:
    """Return a layout with the encoding and the delimiter of a table, detected if it
    has none.
    """
    ending = path.suffix.lower()
    if layout.encoding is None and ending != ".parquet":
        layout = replace(layout, encoding=_encoding_of(path))
    if layout.delimiter is None and ending == ".csv":
        layout = replace(layout, delimiter=_delimiter_of(path, layout))
    return layout


def _with_few_values(columns: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column that clearly has fewer different values than the others, but
    several.
    """
    counts = {name: len(set(values) - {""}) for name, values in columns.items()}
    rows = max(map(len, columns.values()), default=0)
    few = sorted((n, name) for name, n in counts.items() if 1 < n <= rows / 2)
    is_clear = len(few) == 1 or (few and few[0][0] * 4 <= few[1][0])
    return few[0][1] if is_clear else None


def _encoding_of(path: Path) -> str:
    with open_regular(path, MAX_FILE) as file:
        sample = file.read(SAMPLE)
        if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            return "utf_32"
        if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf_16"
        if b"\0\n" in sample or b"\n\0" in sample:
            hint = "store it in UTF-8, or set data.encoding: utf-16-le"
            raise UserError(
                f"{path}: looks like UTF-16 without a byte order mark ({hint})"
            )
        while sample.isascii() and (more := file.read(SAMPLE)):  # which tells nothing
            sample = more
    whole = sample.splitlines()[: None if len(sample) < SAMPLE else -1]
    lines = [line for line in whole if not line.isascii()]
    if sum(
        "\ufffd" in line.decode(errors="replace") for line in lines
    ) <= MOST_WRONG * len(lines):
        return "utf-8"
    from charset_normalizer import from_bytes

    foreign = b"\n".join(lines)
    n_foreign = sum(byte > 127 for byte in foreign)
    of_east_asia = OF_EAST_ASIA if n_foreign > DENSE * len(foreign) else ()
    matches = from_bytes(foreign, cp_isolation=[*ENCODINGS, *of_east_asia])
    best = matches.best()
    close = [
        m.could_be_from_charset for m in matches if best and m.chaos - best.chaos < 0.02
    ]
    central = sum(byte in CENTRAL_EUROPEAN for byte in foreign)
    if best and "cp1252" not in chain(*close):
        found = best.encoding
    else:
        found = "cp1250" if central > MOST_WRONG * n_foreign else "cp1252"
    # Texts in cp1250 have letters where iso8859_2 has control characters.
    has_letters = any(0x80 <= byte < 0xA0 for byte in foreign)
    return "iso8859_2" if found == "cp1250" and not has_letters else found


def _delimiter_of(path: Path, layout: Layout) -> str:
    """Return the delimiter that makes several columns in as many of the first rows as
    possible.
    """

    def fitness(delimiter: str) -> tuple[float, int]:
        with suppress(UserError):  # with this delimiter, quotation marks may be wrong
            header, rows = _header_and_rows(path, replace(layout, delimiter=delimiter))
            good = [not isinstance(row, BadRow) for row in islice(rows, SAMPLE_ROWS)]
            if len(header) > 1:
                return mean([True, *good]), len(header)
        return 0.0, 1

    return max(DELIMITERS, key=fitness)  # the first of several


def open_table(
    path: Path, layout: Layout, progress: Progress = silent, columns: Columns = None
) -> tuple[list[str], Iterator[Row | BadRow]]:
    """Return the header of a table, or of some ``columns``, and the place and values of
    rows.
    """
    header, rows = _header_and_rows(path, layout, progress, columns)
    if len(header) > MAX_COLUMNS:
        allowed = f"allowed: {MAX_COLUMNS:,}; keep those with texts and labels"
        raise UserError(f"{path}: {counted(len(header), 'column')} ({allowed})")
    return header, rows


def _header_and_rows(
    path: Path, layout: Layout, progress: Progress = silent, columns: Columns = None
) -> tuple[list[str], Iterator[Row | BadRow]]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        hint = did_you_mean(path.suffix or path.name, READERS)
        raise UserError(f"{path}: not a table of texts ({hint}; or a folder)")
    rows = reader(path, layout, progress, columns)
    if not (header := next(rows, None)):
        raise UserError(f"{path}: it is empty")
    return header, rows


def _separated(
    path: Path, layout: Layout, progress: Progress, _: Columns
) -> Iterator[Any]:
    """Read comma-separated or tab-separated values; empty fields beyond the header are
    no fault.
    """
    rows = _records(path, layout, progress)
    first: Any = next(rows, ("", []))
    if first[1] and first[1][0].lower() == "sep=":  # Excel's own line
        first = next(rows, ("", []))
    if isinstance(first, BadRow):
        raise UserError(f"{first.place}: the header {first.fault}")
    header = [name.strip() for name in first[1]]
    yield header
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        while len(row[1]) > len(header) and not row[1][-1]:
            row[1].pop()
        if len(header) > 1 and row[1] == first[1]:
            yield BadRow(row[0], NOT_A_ROW, "the header again", row[1])
        elif len(row[1]) == len(header):
            yield row
        else:
            fault = f"{counted(len(row[1]), 'field')}, but the header has {len(header)}"
            yield BadRow(row[0], NOT_A_ROW, fault, row[1])


def _records(path: Path, layout: Layout, progress: Progress) -> Iterator[Any]:
    """Yield the rows that are not empty, and a ``BadRow`` for each line that starts no
    row.

    A bad row may have many lines, each of which may start a row. So that no line is
    read more than twice, the lines of a bad row are read again one by one, except for
    the last, from which reading goes on as usual. A row that starts in one of these
    lines and does not end there is bad, too: it is inside quotation marks, like the bad
    row, and meets the same end.
    """
    dialect = {"delimiter": layout.delimiter or ","} | dialect_of(path, layout)
    lines = _lines(path, layout, progress)
    last_of_bad: list[str] = []
    taken: list[str] = []  # the lines of a row
    number = 1
    name = str(path)  # once, as there may be millions of rows
    before = csv.field_size_limit(MAX_TEXT)  # the limit is that of the process
    try:
        while True:
            try:
                for row in csv.reader(
                    _taken(chain(last_of_bad, lines), taken), **dialect
                ):
                    if row:
                        yield f"{name}:{number}", row
                    number += len(taken)
                    taken.clear()
                return
            except csv.Error as error:
                yield _not_a_row(f"{name}:{number}", error)
            number += 1
            for line in taken[1:-1]:
                row_or_fault = _in_one_line(line, f"{name}:{number}", dialect)
                if row_or_fault:
                    yield row_or_fault
                number += 1
            last_of_bad = taken[1:][-1:]
            taken.clear()
    finally:
        csv.field_size_limit(before)


def _taken(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    """Yield lines, and add each to those ``taken`` by a row, which may be as long as a
    text.
    """
    size = 0
    for line in lines:
        if not taken:
            size = 0
        size += len(line)
        taken.append(line)
        if size > MAX_TEXT:
            raise csv.Error(f"longer than {MAX_TEXT:,} characters")
        yield line


def _in_one_line(
    line: str, place: str, dialect: Mapping[str, Any]
) -> Row | BadRow | None:
    """Return the row in a line, if it is not empty."""
    try:
        row = next(csv.reader([line], **dialect), [])
    except csv.Error as error:
        return _not_a_row(place, error)
    return (place, row) if row else None


def _not_a_row(place: str, error: csv.Error) -> BadRow:
    return BadRow(place, NOT_A_ROW, f"cannot be read as a row: {error}")


def dialect_of(path: Path, layout: Layout) -> dict[str, Any]:
    """Return the dialect of a table; tabs are between quoted fields if it looks so."""
    dialect = DIALECTS[path.suffix.lower()]
    if "quoting" not in dialect:
        return dialect
    start = "".join(islice(_lines(path, layout, silent), SAMPLE_ROWS))
    fields = [found[1] for found in QUOTED.finditer(start)]
    # Programs quote what needs it, and a quotation mark that is text seldom has a
    # partner.
    is_quoted = start[:1] == '"' or any(
        _needs_quotes(field) for field in fields if field
    )
    is_quoted &= fields.count(None) <= MOST_WRONG * len(fields)
    return {"delimiter": "\t", "strict": True} if is_quoted else dialect


def _needs_quotes(field: str) -> bool:
    """Return whether the content of a field has to be quoted, unless it may be several
    fields.
    """
    return "\t" not in field and ("\n" in field or '""' in field)


def _json_lines(
    path: Path, layout: Layout, progress: Progress, columns: Columns
) -> Iterator[Any]:
    def parsed() -> Iterator[tuple[str, Any]]:
        for number, line in enumerate(_lines(path, layout, progress), start=1):
            place = f"{path}:{number}"
            try:
                if line.strip():
                    yield place, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield place, BadRow(place, NOT_A_ROW, f"not JSON: {error}")

    return _of_json(parsed(), columns)


def _json_array(
    path: Path, layout: Layout, progress: Progress, columns: Columns
) -> Iterator[Any]:
    """Read a JSON array of objects; or an object on each line, as some files called so
    have.
    """
    try:
        items = json.loads(
            read_file(path, 2**29).decode(codec_of(layout), LONE_SURROGATES)
        )
    except (ValueError, RecursionError) as error:
        if "Extra data" in str(error):
            return _json_lines(path, layout, progress, columns)
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(items, list):
        raise UserError(f"{path}: should be an array of objects")
    return _of_json(
        ((f"{path}, item {n}", item) for n, item in enumerate(items, start=1)), columns
    )


def _of_json(values: Iterator[tuple[str, Any]], columns: Columns) -> Iterator[Any]:
    """Yield the header, which the first objects tell, and the rows; a later key makes a
    bad row.
    """
    first = list(islice(values, SAMPLE_ROWS))
    header = list(
        dict.fromkeys(
            key for _, item in first if isinstance(item, dict) for key in item
        )
    )
    place, bad = first[0] if first else ("", {})
    if not header and bad != {}:
        raise UserError(
            f"{place}: {bad.fault if isinstance(bad, BadRow) else NO_OBJECT}"
        )
    names = set(header)
    if columns:
        wanted = set(columns)
        header = [name for name in header if name in wanted]
    yield header
    for place, item in chain(first, values):
        if not isinstance(item, dict):
            yield (
                item
                if isinstance(item, BadRow)
                else BadRow(place, NOT_A_ROW, NO_OBJECT)
            )
            continue
        row = [item.get(name) for name in header]
        new = [] if columns else [name for name in item if name not in names]
        if new:
            yield BadRow(
                place, NOT_A_ROW, f"the key '{min(new)}' is not in the first rows", row
            )
        else:
            yield place, row


def _parquet(
    path: Path, _layout: Layout, progress: Progress, columns: Columns
) -> Iterator[Any]:
    """Read a Parquet file, of which a few bits in each row may be endless texts."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(
            f"{path}: needs pyarrow: pip install 'rnnbench[parquet]'"
        ) from None
    try:
        with open_regular(path, MAX_FILE) as raw:
            as_stored = parquet.ParquetFile(raw)
            header = _parquet_header(path, as_stored.schema_arrow, columns)
            yield header
            repeated = _leaves(as_stored.schema, header)
            file = parquet.ParquetFile(
                raw, metadata=as_stored.metadata, read_dictionary=repeated
            )
            total, number, size, name = file.metadata.num_rows, 0, 0, str(path)
            for batch in file.iter_batches(MAX_ROWS, columns=header):
                progress(f"reading the rows of {path.name}", number, total)
                columns_of_batch = list(map(_unpacked, batch.columns))
                size += sum(map(_size, chain(*columns_of_batch)))
                if size > MAX_UNPACKED:
                    fault = f"its texts unpack to more than {MAX_UNPACKED:,} characters"
                    raise UserError(
                        f"{path}: {fault} (use a .csv or .jsonl file instead)"
                    )
                for row in zip(*columns_of_batch, strict=True):
                    number += 1
                    yield f"{name}, row {number}", row
    except (pyarrow.ArrowException, ValueError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file cannot be opened
        raise UserError(f"{path}: cannot be read as Parquet: {error}") from None


def _parquet_header(path: Path, schema: Any, columns: Columns) -> list[str]:
    """Return the names of the columns with texts, numbers or lists of these; or
    ``columns``.
    """
    plain = [field.name for field in schema if _is_plain(field.type)]
    header = list(schema.names if columns else plain)
    if columns:
        wanted = set(columns)
        header = [name for name in header if name in wanted]
    check_unique(header, schema.names, path)
    wrong = set(header) - set(plain)
    if wrong:
        raise UserError(f"{path}: {min(wrong)}: should be a text")
    return header


def check_unique(names: Iterable[str], header: Sequence[str], path: Path) -> None:
    """Raise ``UserError`` if several columns of a table have one of some names."""
    counts = Counter(header)
    for name in names:
        if counts[name] > 1:
            raise UserError(
                f"{path}: there are two columns '{name}'; rename one of them"
            )


def _leaves(schema: Any, names: Sequence[str]) -> list[str]:
    """Return the paths of columns in Parquet; the path of a list leads to its
    values.
    """
    wanted = set(names)
    paths = [schema.column(number).path for number in range(len(schema))]
    return [
        path for path in paths if path in wanted or path.split(".list.")[0] in wanted
    ]


def columns_at_once(
    path: Path, layout: Layout, columns: Sequence[str]
) -> dict[str, Coded] | None:
    """Return columns for millions of rows, or ``None`` if reading row by row is needed.

    It reads .csv files in UTF-8 without quotation marks, and Parquet without lists.
    """
    try:
        import pyarrow
        from pyarrow import csv, parquet
    except ImportError:
        return None
    ending, kind = (
        path.suffix.lower(),
        pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    )
    try:
        with open_regular(path, MAX_FILE) as raw:
            are_quoted = (
                b'"' in block for block in iter(partial(raw.read, SAMPLE), b"")
            )
            if ending == ".parquet":
                file = parquet.ParquetFile(raw, read_dictionary=columns)
                if not _fits(file.metadata, len(columns)):
                    return None
                table = file.read(columns)
            elif ending != ".csv" or codec_of(layout) != "utf-8-sig" or any(are_quoted):
                return None
            else:
                raw.seek(0)
                dialect = csv.ParseOptions(
                    delimiter=layout.delimiter or ",", quote_char=False
                )
                kinds = dict.fromkeys(columns, kind)
                of_csv = csv.ConvertOptions(include_columns=columns, column_types=kinds)
                table = csv.read_csv(raw, parse_options=dialect, convert_options=of_csv)
        found = {
            name: _coded(table.column(name).unify_dictionaries()) for name in columns
        }
    except (pyarrow.ArrowException, ValueError, KeyError, OverflowError, OSError):
        return None  # reading row by row tells the fault
    is_header_again = any(name in values for name, (values, _) in found.items())
    return None if is_header_again else found


def _fits(metadata: Any, n_columns: int) -> bool:
    """Return whether some columns of a Parquet file can be read at once."""
    n_bytes = 0
    for number in range(metadata.num_row_groups):
        n_bytes += metadata.row_group(number).total_byte_size
    return n_bytes <= MAX_UNPACKED and metadata.num_rows * n_columns <= MAX_CELLS


def _size(value: Any) -> int:
    """Return the number of characters in a text, or in the texts of a list and their
    number.
    """
    own = value if isinstance(value, str | list) else ()
    return len(own) + (sum(map(_size, own)) if isinstance(own, list) else 0)


def _is_plain(kind: Any) -> bool:
    """Return whether values of a type are texts, numbers or lists of these."""
    from pyarrow import types

    kind = kind.value_type if types.is_list(kind) or types.is_large_list(kind) else kind
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_primitive(kind) or str(kind) in (
        "string",
        "large_string",
        "string_view",
    )


def _unpacked(column: Any) -> Sequence[Any]:
    """Return the values of a part of a column; equal ones are one object, to save
    memory.
    """
    if not hasattr(column, "value_lengths"):
        values, codes = _coded(column)
        return [values[code] for code in codes.tolist()]
    rest = iter(_unpacked(column.flatten()))  # of lists
    lengths = column.value_lengths().to_pylist()
    return [None if n is None else list(islice(rest, n)) for n in lengths]


def _coded(column: Any) -> Coded:
    column.validate(full=True)  # codes of a damaged file may be those of no value
    coded = column.dictionary_encode()
    coded = coded.combine_chunks() if hasattr(coded, "chunks") else coded
    values = [*coded.dictionary.to_pylist(), None]
    codes = coded.indices
    if codes.null_count:
        codes = codes.fill_null(len(values) - 1)
    return values, codes.to_numpy()


def codec_of(layout: Layout) -> str:
    """Return the codec that reads a table; a byte order mark is no part of the text."""
    return "utf-8-sig" if layout.encoding in (None, "utf-8") else str(layout.encoding)


def _lines(path: Path, layout: Layout, progress: Progress) -> Iterator[str]:
    """Yield the lines of a file, none of which may be endless."""
    text = partial(
        TextIOWrapper, encoding=codec_of(layout), errors=LONE_SURROGATES, newline=""
    )
    with open_regular(path, MAX_FILE) as raw, text(raw) as file:
        size = path.stat().st_size
        lines = iter(partial(file.readline, MAX_TEXT + 1), "")
        try:
            for number, line in enumerate(lines, start=1):
                if len(line) > MAX_TEXT:
                    raise UserError(
                        f"{path}:{number}: longer than {MAX_TEXT:,} characters"
                    )
                if number % 5_000 == 0:
                    progress(f"reading {path.name}", raw.tell(), size)
                yield line
        except UnicodeError as error:  # of the file as a whole
            hint = "data.encoding names another encoding"
            raise UserError(f"{path}: cannot be decoded: {error}; {hint}") from None


DIALECTS: dict[str, dict[str, Any]] = {  # of ``csv``, by the end of the name of a file
    ".csv": {"strict": True},
    # Quotation marks are text, because no text may contain a tab or a new line; see
    # ``dialect_of``.
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None},
}
QUOTED = re.compile(r'(?:^|(?<=\t))"(?:((?:[^"]|"")*+)"(?=[\t\r\n]|\Z))?', re.MULTILINE)
"""A field that starts with a quotation mark; and what is inside if it ends with one,
too."""
READERS: dict[
    str, Callable[..., Iterator[Any]]
] = {  # yield the header of a table, then its rows
    **dict.fromkeys(DIALECTS, _separated),
    **dict.fromkeys((".jsonl", ".ndjson"), _json_lines),
    ".json": _json_array,
    ".parquet": _parquet,
}
