"""Answers in free text that are read as labels."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers
from rnnbench.outside.free_text import AnswerLabels

LABELS = ["Sports", "Politics", "very good"]


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("sports", "Sports"),
        (" **Sports**.\n", "Sports"),
        ("VERY-GOOD!", "very good"),
        ("The answer is Sports, as politics is not mentioned? No.", None),
        ("Politics comes up, but the answer is: Sports", "Sports"),
        ("Label: sports", "Sports"),
        ("It is about politics.", "Politics"),
        ("It is not sports, it is politics.", "Politics"),
        ("It is not sports.", None),
        ("Sports or politics", None),
        ("transports", None),
        ("water sports", None),
        ("This is a non-sports text.", None),
        ("The answer may be politics. Final answer: sports", "Sports"),
        ('{"label": "sports", "why": "a match"}', "Sports"),
        ("", None),
    ],
)
def test_an_answer_stands_for_at_most_one_label(answer, label):
    assert AnswerLabels(LABELS)[answer] == label


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True))
def test_a_label_stands_for_itself(labels):
    assert [AnswerLabels(labels)[label] for label in labels] == labels


@given(st.text(max_size=100))
def test_any_text_is_read(text):
    assert AnswerLabels(LABELS)[text] in {*LABELS, None}


def test_long_answers_are_read_quickly():
    labels = AnswerLabels(LABELS)
    start = time.process_time()

    for number in range(8):
        labels[f"{number}. " + "step by step, " * 700]

    assert time.process_time() - start < 2


def test_labels_that_differ_in_case_alone_stay_apart():
    labels = AnswerLabels(["US", "us"])

    assert (labels["US"], labels["us"], labels["Us."]) == ("US", "us", None)


@pytest.fixture
def answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("llm.csv").write_text("label,answer\na,A.\nb,It is b!\na,who knows\n")

    def read(**reading):
        (of_task,) = read_answers(["llm.csv"], None, Reading(**reading)).values()
        return list(of_task.answers["llm"][0])

    return read


def test_a_line_counts_answers_that_are_read_as_labels(answers, caplog):
    assert answers() == ["a", "b", "who knows"]
    assert "llm: 2 of 3 answers read as labels, such as 'A.' as 'a'" in caplog.text
    assert "llm: 1 of 3 answers are no label, such as 'who knows'" in caplog.text


def test_answers_may_be_taken_as_they_are(answers, caplog):
    assert answers(is_exact=True) == ["A.", "It is b!", "who knows"]
    assert "read as labels" not in caplog.text
