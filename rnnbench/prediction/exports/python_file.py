"""A kept model as a Python file that needs NumPy alone: ``PythonFile().content(kept)``.

It has the functions that its model needs, and no others.
"""

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from runpy import run_path

import numpy as np
from numpy.typing import NDArray

import rnnbench
from rnnbench.data.corpus import noun_of
from rnnbench.prediction.exports.file import Answer, Answered, FileFormat, splitting_of
from rnnbench.prediction.exports.program import AnswerProgram
from rnnbench.prediction.predict import KeptModel
from rnnbench.report.template import find_template


class PythonFile(FileFormat):
    """A program, which is a module, too, with the weights inside."""

    name = "python"
    ending = ".py"

    def content(self, kept: KeptModel) -> bytes:
        """Return the code, and what is in its last text: words, labels, arrays."""
        vocabulary = kept.vocabulary
        splitting = splitting_of(vocabulary)
        program = AnswerProgram(kept)
        split = program.spelled(splitting.split)
        about = {
            "labels": vocabulary.topics,
            "words": vocabulary.words,
            "pattern": splitting.pattern,
            "columns": program.mappings,
        }
        template = find_template("model.py.j2", __package__)
        return template.render(
            kept=kept,
            vocabulary=vocabulary,
            noun=noun_of(vocabulary.source),
            split=split,
            code="\n\n".join(program.sources.values()),
            lines=program.lines,
            data=_packed(about, program.arrays),
            version=rnnbench.__version__,
        ).encode()

    def reader(self, file: Path) -> Answer:
        """Return what answers texts by running the file."""
        module = run_path(str(file))

        def answer(texts: Sequence[str]) -> Answered:
            return Answered(*module["answer"](module["encode"](texts)))

        return answer


def _packed(about: object, arrays: Sequence[NDArray[np.generic]]) -> str:
    """Return facts and arrays as lines of text."""
    packed = io.BytesIO()
    as_json = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez_compressed(packed, as_json, *arrays)
    return base64.encodebytes(packed.getvalue()).decode()
