"""A kept model as a Python file that needs NumPy alone: ``PythonFile().content(kept)``.

It has the functions that its model needs, and no others.
"""

import base64
import inspect
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from runpy import run_path
from types import FunctionType

import numpy as np
from numpy.typing import NDArray

import rnnbench
from rnnbench.data.corpus import noun_of
from rnnbench.prediction.exports.file import Answer, Answered, FileFormat, splitting_of
from rnnbench.prediction.exports.program import Line, Name, Program
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
        code = _Code()
        lines = list(map(code.spelled_line, Program(kept).lines))
        split = code.spelled(splitting.split)
        about = {
            "labels": vocabulary.topics,
            "words": vocabulary.words,
            "pattern": splitting.pattern,
            "columns": code.mappings,
        }
        template = find_template("model.py.j2", __package__)
        return template.render(
            kept=kept,
            vocabulary=vocabulary,
            noun=noun_of(vocabulary.source),
            split=split,
            code="\n\n".join(code.functions.values()),
            lines=lines,
            data=_packed(about, code.arrays),
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


class _Code:
    """The functions that lines call, and the arrays that these are given."""

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}
        """Their source, by their names."""
        self.arrays: list[NDArray[np.generic]] = []
        self.mappings: list[Mapping[str, int]] = []

    def spelled_line(self, line: Line) -> str:
        """Return a line as Python."""
        values = ", ".join(map(self.spelled, line.arguments))
        if line.function:
            values = f"{self.spelled(line.function)}({values})"
        return f"{line.results} = {values}"

    def spelled(self, value: object) -> str:
        """Return what stands for a value in the code."""
        match value:
            case Name():
                spelled = str(value)
            case FunctionType():
                self.add(value)
                spelled = value.__name__
            case np.ndarray():
                self.arrays.append(value)
                spelled = f"W[{len(self.arrays) - 1}]"
            case dict():
                self.mappings.append(value)
                spelled = f"COLUMNS[{len(self.mappings) - 1}]"
            case list() | tuple():
                spelled = f"[{', '.join(map(self.spelled, value))}]"
            case _ if callable(value):
                spelled = f"np.{getattr(value, '__name__', '')}"
            case _:
                spelled = repr(value)
        return spelled

    def add(self, function: FunctionType) -> None:
        """Add the source of a function, and of those that it calls."""
        if function.__name__ in self.functions:
            return
        self.functions[function.__name__] = inspect.getsource(function)
        for name in function.__code__.co_names:
            match function.__globals__.get(name):
                case FunctionType() as called:
                    self.add(called)
