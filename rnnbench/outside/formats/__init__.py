"""Kinds of files with answers, told by their ends or by the keys of their JSON.

``read_file(path, reading, of_labels=False)``. A new kind is a module with a function
that returns the name of the model and the columns, and a line in ``BY_ENDING`` or in
``BY_KEYS``. Kinds of tables are told by their header, in ``tables``.
"""

from collections.abc import Callable
from pathlib import Path

from rnnbench.errors import UserError
from rnnbench.outside.columns import Columns, Reading
from rnnbench.outside.formats.arrays import read_arrays
from rnnbench.outside.formats.inspect_logs import read_inspect_archive, read_inspect_log
from rnnbench.outside.formats.json_lists import read_json_lists
from rnnbench.outside.formats.lines import read_answer_lines
from rnnbench.outside.formats.promptfoo import read_promptfoo
from rnnbench.outside.formats.tables import read_table
from rnnbench.storage import Document, peek
from rnnbench.text import listed

Read = tuple[str, Columns]
"""The name of a model, unless a column has it, and the columns."""
BY_ENDING: dict[str, Callable[[Path, Reading, bool], Read]] = {
    ".npy": read_arrays,
    ".npz": read_arrays,
    ".txt": read_answer_lines,
    ".eval": read_inspect_archive,
}
BY_KEYS: dict[tuple[str, ...], Callable[[Path, Document, Reading, bool], Read]] = {
    ("eval", "plan"): read_inspect_log,
    ("results", "evalId"): read_promptfoo,
    (): read_json_lists,
}
"""The keys of JSON objects; the first whose keys are all there is used."""


def read_file(path: Path, reading: Reading, *, of_labels: bool) -> Read:
    """Return the name of the model and the columns of a file.

    Raises:
        UserError: the file is damaged, or what it holds cannot be used.
    """
    ending = path.suffix.lower()
    document: Document = {}
    if ending == ".json":
        document = peek(path)
    if ending in BY_ENDING:
        name, columns = BY_ENDING[ending](path, reading, of_labels)
    elif document:
        kind = next(keys for keys in BY_KEYS if document.keys() >= set(keys))
        try:
            name, columns = BY_KEYS[kind](path, document, reading, of_labels)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            fault = f"its JSON is not that of a kind that is read: {error!r}"
            raise UserError(f"{path}: {fault}") from None
    else:
        return read_table(path, reading, of_labels)
    unused = list(reading.columns.keys() - columns.keys())
    if reading.only:
        unused.append("only")
    if unused and not of_labels:
        fault = f"only tables have columns for: {listed(sorted(unused))}"
        raise UserError(f"{path}: {fault}")
    return name, columns
