"""Text files of an answer a line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(**reading):
    answers = read_answers(["mine.txt"], Path("gold.txt"), Reading(**reading))
    return answers[""].labels, list(answers[""].answers["mine"][0])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["yes", "no", "Šport"]), min_size=2))
def test_each_line_is_an_answer(labels):
    Path("gold.txt").write_text("\n".join(labels))
    Path("mine.txt").write_text("\r\n".join([*reversed(labels), ""]))

    assert read() == (labels, labels[::-1])


def test_lines_may_have_several_labels():
    Path("gold.txt").write_text("a; b\nb\n")
    Path("mine.txt").write_text("a\nb\n")

    assert read(separator=";") == ([["a", "b"], ["b"]], [["a"], ["b"]])
