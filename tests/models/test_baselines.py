"""Baselines as scikit-learn fits them: which texts they see, and what their scores mean."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnbench.data.dataset import PAD, START
from rnnbench.models.baselines import (
    BASELINES,
    Baseline,
    MostFrequent,
    MultinomialNaiveBayes,
    Stratified,
    TfidfLinearSVM,
    TfidfLogisticRegression,
)
from rnnbench.models.classifiers import count_params, make_classifier, score, texts

N_TOPICS = 5
KNOWN = [0, 2, 3]
"""The topics that stand in training; nothing is known of 1 and 4."""
LABELS = np.repeat(KNOWN, [4, 10, 6]).astype(np.int32)
WORDS = {topic: f"{topic}0 {topic}1 {topic}2" for topic in KNOWN}
"""Three words of its own for each topic; they are numbers, as ids are."""
WIRES = [WORDS[topic] for topic in LABELS.tolist()]

kinds = pytest.mark.parametrize("kind", BASELINES)
kinds_that_read = pytest.mark.parametrize(
    "kind", [kind for kind in BASELINES if kind not in ("most_frequent", "stratified")]
)


def fitted(baseline, wires=WIRES, labels=LABELS, seed=0):
    if isinstance(baseline, str):
        baseline = BASELINES[baseline]()
    return make_classifier(baseline, seed).fit(wires, labels)


def scores(baseline, wires=WIRES, seed=0):
    return score(fitted(baseline, seed=seed), wires, N_TOPICS)[0]


@kinds
def test_there_is_a_score_for_each_wire_and_topic(kind):
    found, _ = score(fitted(kind), WIRES[:7], N_TOPICS)

    assert found.shape == (7, N_TOPICS)
    assert np.isfinite(found).all()


@kinds
def test_scores_are_probabilities_of_all_but_the_svm_which_gives_margins(kind):
    found, are = score(fitted(kind), WIRES, N_TOPICS)

    assert are == ("margins" if kind == "tfidf_linear_svm" else "probabilities")
    if are == "probabilities":
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert (found >= 0).all()
    else:
        assert (found < 0).any(), "a margin says on which side of a boundary a wire is"


@kinds_that_read
def test_what_reads_words_tells_topics_of_different_words_apart(kind):
    np.testing.assert_array_equal(scores(kind).argmax(axis=1), LABELS)


@kinds
def test_a_topic_that_was_never_trained_on_is_never_answered(kind):
    found, are = score(fitted(kind), WIRES, N_TOPICS)
    unknown = np.setdiff1d(range(N_TOPICS), KNOWN)

    if are == "probabilities":
        assert (found[:, unknown] == 0).all()
    else:
        assert (found[:, unknown] < found[:, KNOWN].min()).all()


@kinds
def test_the_answer_with_the_best_score_is_the_one_that_scikit_learn_gives(kind):
    classifier = fitted(kind)

    best = score(classifier, WIRES, N_TOPICS)[0].argmax(axis=1)

    if kind == "stratified":  # each question is a draw
        classifier = fitted(kind)
    np.testing.assert_array_equal(best, classifier.predict(WIRES))


@pytest.mark.parametrize("pair", [(0, 1), (1, 3), (4, 0)])
@kinds_that_read
def test_of_two_topics_the_second_has_the_scores_of_the_second(kind, pair):
    labels = np.array(pair * 5, np.int32)
    wires = [f"{label}0 {label}1" for label in labels]

    found, _ = score(fitted(kind, wires, labels), wires, N_TOPICS)

    np.testing.assert_array_equal(found.argmax(axis=1), labels)


def test_the_margins_of_two_topics_are_opposite():
    wires, labels = ["5 6", "7 8"] * 3, np.array([1, 2] * 3, np.int32)

    found, _ = score(fitted("tfidf_linear_svm", wires, labels), wires, 3)

    np.testing.assert_allclose(found[:, 1], -found[:, 2])
    assert (found[:, 0] < found[:, 1:].min()).all()


def test_most_frequent_answers_the_most_frequent_topic_with_the_shares_of_all():
    found = scores("most_frequent", ["20", "never seen", ""])

    assert (found.argmax(axis=1) == 2).all()
    np.testing.assert_allclose(found, [[0.2, 0, 0.5, 0.3, 0]] * 3)


def test_stratified_answers_each_topic_as_often_as_it_comes():
    found = scores("stratified", ["any"] * 4000)

    assert set(found.flat) == {0, 1}, "it is sure of what it draws"
    np.testing.assert_allclose(found.mean(axis=0), [0.2, 0, 0.5, 0.3, 0], atol=0.04)


@kinds
def test_a_seed_changes_the_answers_of_what_is_random_and_of_nothing_else(kind):
    first, again, other = (scores(kind, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) != BASELINES[kind].is_random


WORD_COUNT = 9


@pytest.mark.parametrize(
    ("baseline", "params"),
    [
        (MostFrequent(), 0),
        (Stratified(), 0),
        (TfidfLogisticRegression(max_ngram=1), 3 * WORD_COUNT + 3),
        (TfidfLinearSVM(max_ngram=1), 3 * WORD_COUNT + 3),
        (TfidfLinearSVM(max_ngram=2), 3 * (WORD_COUNT + 6) + 3),
        (TfidfLinearSVM(max_ngram=3), 3 * (WORD_COUNT + 6 + 3) + 3),
        (MultinomialNaiveBayes(), 3 * WORD_COUNT + 3),
    ],
    ids=lambda value: f"{next(iter(value.model_dump()))}" if isinstance(value, Baseline) else "",
)
def test_parameters_are_a_number_a_topic_and_word_or_words_and_one_more_a_topic(baseline, params):
    assert count_params(fitted(baseline)) == params


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (TfidfLinearSVM(C=0.01), TfidfLinearSVM(C=10)),
        (TfidfLogisticRegression(C=0.01), TfidfLogisticRegression(C=10)),
    ],
)
def test_a_larger_c_leaves_larger_weights(low, high):
    sizes = [np.abs(fitted(each)[-1].coef_).sum() for each in (low, high)]

    assert sizes[0] < sizes[1]


def test_a_larger_alpha_smooths_more():
    sure, unsure = (scores(MultinomialNaiveBayes(alpha=alpha)).max() for alpha in (0.01, 10))

    assert unsure < sure


def test_the_order_of_words_counts_only_where_several_are_counted_together():
    wires, labels = ["5 6 7", "7 6 5"] * 4, np.array([0, 1] * 4, np.int32)

    alone, together = (
        score(fitted(TfidfLinearSVM(max_ngram=n), wires, labels), wires, 2)[0] for n in (1, 2)
    )

    np.testing.assert_allclose(alone[0], alone[1])
    np.testing.assert_array_equal(together.argmax(axis=1), labels)


@kinds
def test_a_wire_of_unknown_words_or_of_none_is_answered_all_the_same(kind):
    found = scores(kind, ["77 88", ""])

    assert np.isfinite(found).all()
    assert set(found.argmax(axis=1)) <= set(KNOWN)


def test_no_other_kind_can_be_made():
    with pytest.raises(TypeError, match="no classifier for"):
        make_classifier(SimpleNamespace(), 0)


ids = arrays.arrays(
    np.int32, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.integers(0, 40)
)


@given(ids=ids)
def test_a_text_has_the_ids_of_a_wire_in_order_without_padding_and_start_mark(ids):
    found = texts(ids)

    assert len(found) == len(ids)
    for text, row in zip(found, ids.tolist(), strict=True):
        assert [int(word) for word in text.split()] == [
            word for word in row if word not in (PAD, START)
        ]


@given(ids=ids, before=st.integers(0, 3), after=st.integers(0, 3))
def test_it_makes_no_difference_where_and_how_much_a_wire_is_padded(ids, before, after):
    padded = np.pad(ids, [(0, 0), (before, after)], constant_values=PAD)

    assert texts(padded) == texts(ids)


def test_the_unknown_word_is_a_word():
    assert texts(np.array([[1, 2, 30, 2, 0]], np.int32)) == ["2 30 2"]
