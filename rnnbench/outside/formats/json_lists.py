"""JSON objects of lists, such as what Hugging Face's ``Trainer.predict`` returns.

``{"predictions": [[0.1, 0.9], ...], "label_ids": [1, ...]}``, or ``{"id": "answer"}``.
"""

from pathlib import Path

import numpy as np

from rnnbench.data.sources.tables.packed import faults_named
from rnnbench.errors import UserError
from rnnbench.outside.columns import Column, Columns, Reading, find_columns
from rnnbench.outside.formats.arrays import columns_of_arrays
from rnnbench.outside.formats.lines import answers_alone
from rnnbench.storage import Document


def read_json_lists(
    path: Path, document: Document, reading: Reading, of_labels: bool
) -> Columns:
    """Return the lists of an object as columns, or its texts as answers by id."""
    if {str, int} >= set(map(type, document.values())):
        answers = answers_alone(document.values(), path, reading, of_labels)
        return {"id": Column.of(document)} | answers
    arrays = {}
    with faults_named(path, "cannot be read as lists"):
        for use, name in find_columns(list(document), reading, path).items():
            try:
                arrays[use] = np.asarray(document[name])
            except ValueError:  # lists of labels, of any length
                arrays[use] = np.fromiter(document[name], object)
    if not arrays:
        hint = 'should be rows, or lists: {"predictions": [...], "label_ids": [...]}'
        raise UserError(f"{path}: {hint}")
    return columns_of_arrays(arrays, reading, path)
