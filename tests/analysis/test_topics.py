import numpy as np
import pytest
from factories import LABELS, result
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from rnnbench.analysis.topics import confusion, f1_by_topic, frequent_topics

ANSWERS = st.lists(st.integers(0, 2), min_size=len(LABELS), max_size=len(LABELS))


def test_the_most_frequent_topics_come_first_and_level_ones_by_label():
    assert frequent_topics(np.array([3, 1, 1, 2, 3, 0]), 3) == [1, 3, 0]


def test_topics_without_wires_are_not_among_the_frequent():
    assert frequent_topics(np.array([2, 2, 5]), 10) == [2, 5]


def test_confusion_has_the_share_of_each_answer_by_true_topic():
    shares = confusion([result(answers=[0, 1, 1, 0])], topics=[0, 1])

    assert shares.tolist() == [[0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]]


def test_confusion_counts_all_trials_alike():
    shares = confusion([result(answers=[0, 0, 1, 2]), result(answers=[1, 1, 1, 2])], [0])

    assert shares[0].tolist() == [0.5, 0.5]


@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_each_row_with_wires_sums_to_one(answers):
    shares = confusion([result(answers=each) for each in answers], topics=[0, 1, 2])

    assert shares.sum(axis=1) == pytest.approx([1, 1, 1, 0])


@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_f1_by_topic_is_the_mean_over_trials_of_scikit_learns(answers):
    trials = [result(answers=each) for each in answers]

    scores = f1_by_topic({"rnn": trials}, [2, 0])

    expected = [
        f1_score(LABELS, each, labels=[2, 0], average=None, zero_division=0) for each in answers
    ]
    assert scores["rnn"] == pytest.approx(np.mean(expected, axis=0))
