"""Text files of an answer a line: ``read_answer_lines(path, reading, of_labels)``."""

from collections.abc import Iterable
from pathlib import Path

from rnnbench.data.fetch import silent
from rnnbench.data.sources import tables
from rnnbench.data.sources.tables import Layout
from rnnbench.data.sources.tables.lines import lines
from rnnbench.errors import UserError
from rnnbench.outside.columns import Column, Columns, Reading
from rnnbench.text import listed


def read_answer_lines(path: Path, reading: Reading, of_labels: bool) -> Columns:
    """Return the lines as labels or as answers; empty ones are missing."""
    layout = tables.with_form(path, Layout())
    answers = map(str.strip, lines(path, layout, silent))
    return answers_alone(answers, path, reading, of_labels)


def answers_alone(
    answers: Iterable[object], path: Path, reading: Reading, of_labels: bool
) -> Columns:
    """Return labels or answers as the only column.

    Raises:
        UserError: others are wanted.
    """
    wanted = set(reading.columns)
    if reading.only:
        wanted.add("only")
    lacking = sorted(wanted.difference(reading.elsewhere))
    if lacking:
        hint = "use a table that has them, such as a .csv"
        fault = f"has only answers, and no columns for: {listed(lacking)}"
        raise UserError(f"{path}: {fault} ({hint})")
    key = "label" if of_labels else "prediction"
    return {key: Column.of(answers)}
