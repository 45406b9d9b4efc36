"""Kinds of task: what a right answer is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from rnnbench.labels import documents_by_topic, in_words, keys_of
from rnnbench.stats.correctness import linearised
from rnnbench.tasks import ALWAYS, MULTI_LABEL, SINGLE_LABEL, Decision


@st.composite
def labels_and_answers(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    return tuple(
        (random.random(shape) < draw(st.floats(0, 1))).astype(np.uint8)
        for _ in range(2)
    )


@given(labels_and_answers())
def test_the_values_of_documents_have_the_main_metric_as_their_mean(labelled):
    labels, answers = labelled
    expected = f1_score(labels, answers, average="micro", zero_division=0)

    assert MULTI_LABEL.score(labels, answers) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_with_one_topic_each_the_values_of_both_kinds_are_the_same(seed):
    random = np.random.default_rng(seed)
    labels, answers = random.integers(4, size=(2, 20))
    one_each = [np.eye(4, dtype=np.uint8)[topics] for topics in (labels, answers)]

    hits = SINGLE_LABEL.values(labels, answers)
    assert MULTI_LABEL.values(*one_each) == pytest.approx(hits.astype(float), abs=1e-12)


@given(labels_and_answers(), st.integers(0, 1_000))
def test_a_document_has_the_same_value_in_any_order_and_beside_other_trials(
    labelled, seed
):
    order = np.random.default_rng(seed).permutation(len(labelled[0]))
    parts, moved = (
        MULTI_LABEL.parts(*(array[rows] for array in labelled))
        for rows in (slice(None), order)
    )

    values, in_other_order = linearised(np.stack([parts, moved], axis=1))

    assert values == pytest.approx(MULTI_LABEL.values(*labelled), abs=1e-12)
    assert in_other_order == pytest.approx(values[order], abs=1e-12)


def test_a_rule_gives_topics_above_a_threshold_or_else_the_best():
    scores = np.array([[0.9, 0.6, 0.1], [0.4, 0.3, 0.2], [0.1, 0.0, 0.0]], np.float32)

    def answers(**rule):
        return [
            in_words(key, "abc")
            for key in keys_of(MULTI_LABEL.answers(scores, Decision(**rule)))
        ]

    assert answers(threshold=0.5) == ["a, b", "none", "none"]
    assert answers(threshold=0.5, best_above=0.4) == ["a, b", "a", "none"]
    assert answers(threshold=0.5, best_above=ALWAYS) == ["a, b", "a", "a"]
    assert answers(threshold=[1.0, 0.5, 0.0]) == ["b, c", "c", "c"]


def test_labels_are_counted_and_compared_in_both_forms():
    numbers, rows = (
        np.array([2, 0, 2]),
        np.array([[0, 1, 1], [0, 0, 0], [0, 1, 1]], np.uint8),
    )

    assert documents_by_topic(numbers, 4).tolist() == [1, 0, 2, 0]
    assert documents_by_topic(rows, 3).tolist() == [0, 2, 2]
    assert [
        keys[0] == keys[2] != keys[1] for keys in map(keys_of, (numbers, rows))
    ] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        (SINGLE_LABEL, np.array([0, 3])),
        (SINGLE_LABEL, np.array([0.0, 1.0])),
        (SINGLE_LABEL, np.array([[0, 1, 1]])),
        (MULTI_LABEL, np.array([[0, 2, 1]])),
        (MULTI_LABEL, np.array([[0, 1]])),
        (MULTI_LABEL, np.array([0, 1, 2])),
    ],
)
def test_labels_that_cannot_be_are_found(kind, labels):
    assert kind.fault(labels, 3)
    right = np.array([0, 2]) if kind is SINGLE_LABEL else np.array([[0, 1, 1]])
    assert not kind.fault(right, 3)
