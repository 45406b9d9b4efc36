"""The kinds of baselines: how they are written, their parameters, and their answers."""

import numpy as np
import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rnnbench.models.baselines import BASELINES, TfidfLinearSVM, parse_baseline

kinds = pytest.mark.parametrize("kind", BASELINES)

LABELS = np.repeat([0, 2, 3], [4, 10, 6])
DOCUMENTS = [f"{topic}0 {topic}1 {topic}2" for topic in LABELS]
"""Three words for each topic, none of them in another; they are numbers, as ids are."""


def fitted(baseline, documents=DOCUMENTS, labels=LABELS):
    return baseline.pipeline(seed=0).fit(documents, labels)


@kinds
def test_a_baseline_is_its_kind_alone_or_with_parameters(kind):
    baseline = parse_baseline(kind)

    assert type(baseline) is BASELINES[kind]
    assert baseline == parse_baseline({kind: None}) == parse_baseline({kind: {}})
    assert parse_baseline(baseline) is baseline


@pytest.mark.parametrize(
    ("kind", "defaults", "others"),
    [
        ("most_frequent", {}, {}),
        ("stratified", {}, {}),
        ("tfidf_linear_svm", {"max_ngram": 2, "C": 1.0}, {"max_ngram": 5, "C": 0.5}),
        ("tfidf_logistic_regression", {"max_ngram": 2, "C": 1.0}, {"max_ngram": 1, "C": 3.0}),
        ("multinomial_naive_bayes", {"max_ngram": 1, "alpha": 1.0}, {"max_ngram": 2, "alpha": 2.0}),
    ],
)
def test_parameters_and_defaults_are_those_of_scikit_learn_but_for_pairs_of_words(
    kind, defaults, others
):
    baseline = parse_baseline({kind: others})

    assert parse_baseline(kind).model_dump() == {kind: defaults}
    assert baseline.model_dump() == {kind: others}
    if others:
        words, classifier = baseline.pipeline(seed=0)
        parameters = classifier.get_params() | {"max_ngram": words.ngram_range[1]}
        assert parameters.items() >= others.items()


@pytest.mark.parametrize("written", [None, 3, ["stratified"], {}, {"stratified": 1, "svm": 2}])
def test_nothing_else_is_a_baseline(written):
    with pytest.raises(
        PydanticCustomError, match="a baseline is written as `baseline: tfidf_linear_svm`"
    ):
        parse_baseline(written)


@pytest.mark.parametrize("written", ["naive_bayes", {"naive_bayes": {"alpha": 1}}])
def test_an_unknown_kind_is_answered_with_the_nearest_one(written):
    with pytest.raises(
        PydanticCustomError,
        match=r"unknown baseline 'naive_bayes' \(allowed: most_frequent, .*; "
        r"did you mean 'multinomial_naive_bayes'\?\)",
    ):
        parse_baseline(written)


@pytest.mark.parametrize(
    ("kind", "parameter", "wrong"),
    [
        ("tfidf_linear_svm", "C", [0, -1, float("inf"), float("nan"), "1", True, None]),
        ("tfidf_logistic_regression", "C", [0, float("inf")]),
        ("multinomial_naive_bayes", "alpha", [0, float("inf")]),
        ("tfidf_linear_svm", "max_ngram", [0, 6, 1.5, "2"]),
        ("most_frequent", "max_ngram", [1]),
    ],
)
def test_strengths_are_positive_and_one_to_five_words_are_counted_together(kind, parameter, wrong):
    for value in wrong:
        with pytest.raises(ValidationError):
            BASELINES[kind](**{parameter: value})


@kinds
def test_a_pipeline_has_the_scores_that_its_kind_says(kind):
    classifier = fitted(BASELINES[kind]())

    assert hasattr(classifier, "predict_proba") == BASELINES[kind].gives_probabilities


@kinds
def test_a_seed_changes_the_answers_of_random_baselines_only(kind):
    documents = [*DOCUMENTS, "77 88"] * 20
    first, again, other = (
        BASELINES[kind]().pipeline(seed).fit(DOCUMENTS, LABELS).predict(documents)
        for seed in (0, 0, 1)
    )

    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) != BASELINES[kind].is_random


def test_the_order_of_words_counts_only_where_several_are_counted_together():
    documents, labels = ["5 6 7", "7 6 5"] * 4, np.array([0, 1] * 4)

    alone, together = (
        fitted(TfidfLinearSVM(max_ngram=n), documents, labels).decision_function(documents)
        for n in (1, 2)
    )

    np.testing.assert_allclose(alone[0], alone[1])
    np.testing.assert_array_equal(together > 0, labels == 1)
