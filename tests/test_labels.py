"""The two forms of labels: both say the same about documents with one topic each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.labels import ANY_NUMBER, ONE_LABEL, form_of

N_TOPICS = 4


@st.composite
def labels_of_one_topic(draw):
    numbers = st.integers(0, N_TOPICS - 1)
    return np.array(draw(st.lists(numbers, min_size=1, max_size=20)), np.int32)


def test_an_array_tells_its_form():
    assert form_of(np.array([0, 2])) is ONE_LABEL
    assert form_of(np.array([[0, 1], [1, 1]])) is ANY_NUMBER


@given(labels_of_one_topic())
def test_multi_hot_rows_have_as_many_documents_of_each_topic(labels):
    rows = ONE_LABEL.indicators(labels, N_TOPICS)

    counts = ANY_NUMBER.counts(rows, N_TOPICS)
    assert counts.tolist() == ONE_LABEL.counts(labels, N_TOPICS).tolist()


@given(labels_of_one_topic())
def test_multi_hot_rows_have_the_same_lowest_values(labels):
    values = np.array([3, 1, 4, 2])
    rows = ONE_LABEL.indicators(labels, N_TOPICS)

    lowest = ANY_NUMBER.lowest(values, rows)
    assert lowest.tolist() == ONE_LABEL.lowest(values, labels).tolist()


@given(labels_of_one_topic())
def test_multi_hot_rows_have_the_same_names(labels):
    topics = np.array(list("abcd"), object)
    rows = ONE_LABEL.indicators(labels, N_TOPICS)

    names = [[name] for name in ONE_LABEL.names(labels, topics)]
    assert ANY_NUMBER.names(rows, topics) == names


@given(labels_of_one_topic(), st.integers(2, 5))
def test_each_document_is_in_one_fold(labels, n_folds):
    for form in (ONE_LABEL, ANY_NUMBER):
        in_form = labels
        if form is ANY_NUMBER:
            in_form = ONE_LABEL.indicators(labels, N_TOPICS)
        folds = [form.fold(in_form, fold, n_folds) for fold in range(1, n_folds + 1)]

        assert sorted(np.concatenate(folds)) == list(range(len(labels)))


def test_labels_are_renumbered_among_the_topics_that_are_left():
    left = np.array([1, 3])

    assert ONE_LABEL.renumbered(np.array([3, 1, 3]), left).tolist() == [1, 0, 1]
    rows = np.array([[0, 1, 0, 1]], np.uint8)
    assert ANY_NUMBER.renumbered(rows, left).tolist() == [[1, 1]]


def test_probabilities_of_one_topic_add_up():
    logits = np.array([[1.0, 2.0, -3.0]])

    assert ONE_LABEL.add_up(np.exp(ONE_LABEL.log_probabilities(logits)))
    assert not ONE_LABEL.add_up(np.exp(ANY_NUMBER.log_probabilities(logits)))


def test_weights_that_balance_topics_count_each_topic_the_same():
    labels = np.array([0, 0, 0, 2])

    weights = ONE_LABEL.balancing_weights(labels)

    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 2].sum())
