import numpy as np
import pytest
from factories import LABELS, result
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from rnnbench.analysis.topics import confusion, f1_by_topic, frequent_topics

ANSWERS = st.lists(st.integers(0, 2), min_size=len(LABELS), max_size=len(LABELS))


@pytest.mark.parametrize(
    ("labels", "n", "topics"), [([3, 1, 1, 2, 3, 0], 3, [1, 3, 0]), ([2, 2, 5], 10, [2, 5])]
)
def test_the_most_frequent_topics_come_first_ties_by_label_and_empty_ones_not_at_all(
    labels, n, topics
):
    assert frequent_topics(np.array(labels), n) == topics


def test_confusion_has_the_share_of_each_answer_by_true_topic():
    shares = confusion([result(answers=[0, 1, 1, 0])], topics=[0, 1])

    assert shares.tolist() == [[0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]]


@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_confusion_is_the_mean_over_trials_and_each_row_with_documents_sums_to_one(answers):
    trials = [result(answers=each) for each in answers]

    shares = confusion(trials, topics=[0, 1, 2])

    assert shares == pytest.approx(np.mean([confusion([t], [0, 1, 2]) for t in trials], axis=0))
    assert shares.sum(axis=1) == pytest.approx([1, 1, 1, 0])


@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_f1_by_topic_is_that_of_scikit_learn_as_a_mean_over_trials(answers):
    trials = [result(answers=each) for each in answers]

    scores = f1_by_topic({"rnn": trials}, [2, 0])

    expected = [
        f1_score(LABELS, each, labels=[2, 0], average=None, zero_division=0) for each in answers
    ]
    assert scores["rnn"] == pytest.approx(np.mean(expected, axis=0))
