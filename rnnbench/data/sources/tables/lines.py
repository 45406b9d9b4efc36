"""The lines of a text file, whatever its encoding, none of which may be endless.

``lines(Path("own.csv"), Layout(encoding="cp1252"), silent)``.
"""

import codecs
from collections.abc import Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from rnnbench.data.fetch import Progress
from rnnbench.data.sources.tables.layout import Layout
from rnnbench.data.sources.tables.packed import open_table_file, size_of
from rnnbench.errors import UserError

MAX_TEXT = 16 * 2**20
"""Characters in a line or a text, or bytes in a file with one text."""
LONE_SURROGATES = "rnnbench.lone_surrogates"
"""Names what bytes become that cannot be decoded; it shows in which row they are."""
codecs.register_error(
    LONE_SURROGATES, lambda error: ("\udcff", getattr(error, "end", 0))
)


def codec_of(layout: Layout) -> str:
    """Return the codec that reads a table; a byte order mark is no part of the text."""
    if layout.encoding in (None, "utf-8"):
        return "utf-8-sig"
    return str(layout.encoding)


def lines(path: Path, layout: Layout, progress: Progress) -> Iterator[str]:
    """Yield the lines of a file, with their ends."""
    codec = codec_of(layout)
    with (
        open_table_file(path) as raw,
        TextIOWrapper(raw, codec, errors=LONE_SURROGATES, newline="") as file,
    ):
        size = size_of(path)
        read_line = partial(file.readline, MAX_TEXT + 1)
        try:
            for number, line in enumerate(iter(read_line, ""), start=1):
                if len(line) > MAX_TEXT:
                    fault = f"longer than {MAX_TEXT:,} characters"
                    raise UserError(f"{path}:{number}: {fault}")
                if number % 5_000 == 0:
                    progress(f"reading {path.name}", raw.tell(), size)
                yield line
        except UnicodeError as error:  # of the file as a whole
            hint = "data.encoding names another encoding"
            raise UserError(f"{path}: cannot be decoded: {error}; {hint}") from None
