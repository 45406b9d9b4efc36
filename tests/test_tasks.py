"""Kinds of task: what a right answer is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from sklearn.metrics import f1_score

from rnnbench.labels import documents_by_topic, in_words, keys_of
from rnnbench.stats.correctness import linearised
from rnnbench.tasks import ALWAYS, MULTI_LABEL, SINGLE_LABEL, Decision


@st.composite
def labels_and_answers(draw):
    random = default_rng(draw(st.integers(0, 2**32 - 1)))
    n_documents = draw(st.integers(1, 30))
    n_topics = draw(st.integers(2, 6))
    shape = (n_documents, n_topics)
    labels = random.random(shape) < draw(st.floats(0, 1))
    answers = random.random(shape) < draw(st.floats(0, 1))
    return labels.astype(np.uint8), answers.astype(np.uint8)


@given(labels_and_answers())
def test_the_values_of_documents_have_the_main_metric_as_their_mean(documents):
    labels, answers = documents
    expected = f1_score(labels, answers, average="micro", zero_division=0)

    assert MULTI_LABEL.score(labels, answers) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_with_one_topic_each_the_values_of_both_kinds_are_the_same(seed):
    random = default_rng(seed)
    labels, answers = random.integers(4, size=(2, 20))
    rows = np.eye(4, dtype=np.uint8)

    values = MULTI_LABEL.values(rows[labels], rows[answers])

    hits = SINGLE_LABEL.values(labels, answers).astype(float)
    assert values == pytest.approx(hits, abs=1e-12)


@given(documents=labels_and_answers(), seed=st.integers(0, 1_000))
def test_a_document_has_the_same_value_in_any_order_beside_other_trials(
    documents, seed
):
    labels, answers = documents
    order = default_rng(seed).permutation(len(labels))
    parts = MULTI_LABEL.parts(labels, answers)
    moved = MULTI_LABEL.parts(labels[order], answers[order])

    values, in_other_order = linearised(np.stack([parts, moved], axis=1))

    expected = MULTI_LABEL.values(labels, answers)
    assert values == pytest.approx(expected, abs=1e-12)
    assert in_other_order == pytest.approx(values[order], abs=1e-12)


@pytest.mark.parametrize(
    ("decision", "answers"),
    [
        pytest.param(
            Decision(threshold=0.5, best_above=None),
            ["a, b", "none", "none"],
            id="above a threshold",
        ),
        pytest.param(
            Decision(threshold=0.5, best_above=0.4),
            ["a, b", "a", "none"],
            id="or else the best above another",
        ),
        pytest.param(
            Decision(threshold=0.5, best_above=ALWAYS),
            ["a, b", "a", "a"],
            id="or else the best",
        ),
        pytest.param(
            Decision(threshold=[1.0, 0.5, 0.0], best_above=None),
            ["b, c", "c", "c"],
            id="above a threshold of the topic",
        ),
    ],
)
def test_a_rule_gives_topics_above_a_threshold_or_else_the_best(decision, answers):
    scores = [
        [0.9, 0.6, 0.1],
        [0.4, 0.3, 0.2],
        [0.1, 0.0, 0.0],
    ]

    rows = MULTI_LABEL.answers(np.array(scores, np.float32), decision)

    assert [in_words(key, "abc") for key in keys_of(rows)] == answers


POSITIONS = np.array([2, 0, 2])
ROWS = np.array([[0, 1, 1], [0, 0, 0], [0, 1, 1]], np.uint8)


def test_the_documents_of_each_topic_are_counted_in_both_forms():
    assert documents_by_topic(POSITIONS, 4).tolist() == [1, 0, 2, 0]
    assert documents_by_topic(ROWS, 3).tolist() == [0, 2, 2]


def test_documents_have_their_topics_as_keys_in_both_forms():
    assert keys_of(POSITIONS) == [2, 0, 2]
    assert keys_of(ROWS) == [(1, 2), (), (1, 2)]


@pytest.mark.parametrize("labels", [[0, 3], [0.0, 1.0], [[0, 1, 1]]])
def test_labels_that_are_no_positions_of_topics_are_refused(labels):
    assert SINGLE_LABEL.fault(np.array(labels), 3)
    assert not SINGLE_LABEL.fault(np.array([0, 2]), 3)


@pytest.mark.parametrize("labels", [[[0, 2, 1]], [[0, 1]], [0, 1, 2]])
def test_labels_that_are_no_rows_of_topics_are_refused(labels):
    assert MULTI_LABEL.fault(np.array(labels), 3)
    assert not MULTI_LABEL.fault(np.array([[0, 1, 1]]), 3)
