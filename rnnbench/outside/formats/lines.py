"""Text files of an answer a line: ``read_answer_lines(path, reading, of_labels)``."""

from pathlib import Path

from rnnbench.data.fetch import silent
from rnnbench.data.sources import tables
from rnnbench.data.sources.tables import Layout
from rnnbench.data.sources.tables.lines import lines
from rnnbench.outside.columns import (
    Column,
    Columns,
    Reading,
    answers_key,
    split_columns,
)


def read_answer_lines(
    path: Path, reading: Reading, of_labels: bool
) -> tuple[str, Columns]:
    """Return the lines as labels or as answers; empty ones are missing."""
    layout = tables.with_form(path, Layout())
    column = Column.of(map(str.strip, lines(path, layout, silent)))
    columns = {answers_key(of_labels): column}
    if reading.separator:
        split_columns(columns, reading.separator)
    return path.stem, columns
