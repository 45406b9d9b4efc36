"""Kept models as files of Python: a process with NumPy alone gives their answers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from kept_networks import STACKS, kept

from rnnbench.prediction.exports.python_file import PythonFile
from rnnbench.prediction.exports.writing import export


def with_numpy_alone(file: Path, text: str) -> list[dict[str, float]]:
    """Run a file where NumPy is the only package that can be imported."""
    site = file.parent / "site"
    site.mkdir()
    for package in Path(np.__file__).parents[1].glob("numpy*"):
        (site / package.name).symlink_to(package)
    start = f"import sys, runpy; sys.path.append({str(site)!r}); "
    code = start + f"runpy.run_path({str(file)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        check=True,
    )
    return list(map(json.loads, done.stdout.splitlines()))


def test_a_file_needs_numpy_alone(tmp_path):
    model = kept(STACKS["recurrent"])
    file = tmp_path / "net.py"
    export(model, PythonFile(), file, list)

    lines = with_numpy_alone(file, "w1 w2 W3!\nw4\n")

    expected = model.shown_scores(["w1 w2 W3!", "w4"]).max(axis=1)
    assert [max(line.values()) for line in lines] == pytest.approx(expected, abs=1e-5)
    assert [*map(list, lines)] == [[t] for t in model.predict(["w1 w2 W3!", "w4"])]


def test_a_text_without_known_words_has_no_answer(tmp_path):
    file = tmp_path / "net.py"
    export(kept(STACKS["recurrent"]), PythonFile(), file, list)

    assert with_numpy_alone(file, "unheard\n\n") == [None, None]


def test_a_single_text_is_read_as_one(tmp_path):
    file = tmp_path / "net.py"
    export(kept(STACKS["recurrent"]), PythonFile(), file, list)

    predict = run_path(str(file))["predict"]

    assert predict("w1 w2 W3!") == predict(["w1 w2 W3!"])
