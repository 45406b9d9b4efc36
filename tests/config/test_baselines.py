"""The kinds of baselines, how they are written, and their parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rnnbench.models.baselines import (
    BASELINES,
    MostFrequent,
    MultinomialNaiveBayes,
    Stratified,
    TfidfLinearSVM,
    TfidfLogisticRegression,
    parse_baseline,
)

kinds = pytest.mark.parametrize("kind", BASELINES)


@kinds
def test_a_baseline_is_written_as_its_kind_alone_or_with_parameters(kind):
    assert parse_baseline(kind) == parse_baseline({kind: None}) == parse_baseline({kind: {}})
    assert type(parse_baseline(kind)) is BASELINES[kind]


@pytest.mark.parametrize(
    ("written", "baseline"),
    [
        ({"tfidf_linear_svm": {"C": 0.5}}, TfidfLinearSVM(C=0.5)),
        ({"tfidf_logistic_regression": {"max_ngram": 5}}, TfidfLogisticRegression(max_ngram=5)),
        ({"multinomial_naive_bayes": {"alpha": 2}}, MultinomialNaiveBayes(alpha=2.0)),
    ],
)
def test_its_parameters_are_named_as_in_scikit_learn(written, baseline):
    assert parse_baseline(written) == baseline


@kinds
def test_a_baseline_is_dumped_as_it_is_written_every_default_with_it(kind):
    baseline = parse_baseline(kind)
    assert list(baseline.model_dump()) == [kind]
    assert parse_baseline(baseline.model_dump()) == baseline


def test_the_defaults_are_those_of_scikit_learn_but_for_pairs_of_words():
    assert MostFrequent().model_dump() == {"most_frequent": {}}
    assert Stratified().model_dump() == {"stratified": {}}
    pairs = {"max_ngram": 2, "C": 1.0}
    assert TfidfLinearSVM().model_dump() == {"tfidf_linear_svm": pairs}
    assert TfidfLogisticRegression().model_dump() == {"tfidf_logistic_regression": pairs}
    assert MultinomialNaiveBayes().model_dump() == {
        "multinomial_naive_bayes": {"max_ngram": 1, "alpha": 1.0}
    }


def test_a_baseline_that_is_one_already_stays():
    baseline = TfidfLinearSVM(C=3)
    assert parse_baseline(baseline) is baseline


@kinds
def test_a_seed_changes_only_the_one_that_answers_at_random(kind):
    assert BASELINES[kind].is_random == (kind == "stratified")


@given(
    written=st.none()
    | st.integers()
    | st.lists(st.sampled_from(sorted(BASELINES)))
    | st.lists(st.sampled_from(sorted(BASELINES)), unique=True)
    .map(dict.fromkeys)
    .filter(lambda described: len(described) != 1)
)
def test_nothing_else_is_a_baseline(written):
    with pytest.raises(
        PydanticCustomError, match="a baseline is written as `baseline: tfidf_linear_svm`"
    ):
        parse_baseline(written)


def test_a_kind_that_there_is_not_is_answered_with_the_nearest_that_there_is():
    for written in ("naive_bayes", {"naive_bayes": {"alpha": 1}}):
        with pytest.raises(
            PydanticCustomError,
            match=r"unknown baseline 'naive_bayes' \(allowed: most_frequent, .*; "
            r"did you mean 'multinomial_naive_bayes'\?\)",
        ):
            parse_baseline(written)


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "1", True, None])
@pytest.mark.parametrize(
    ("baseline", "parameter"),
    [(TfidfLinearSVM, "C"), (TfidfLogisticRegression, "C"), (MultinomialNaiveBayes, "alpha")],
)
def test_how_strongly_a_baseline_is_smoothed_is_a_positive_number(baseline, parameter, value):
    with pytest.raises(ValidationError):
        baseline(**{parameter: value})


@pytest.mark.parametrize("max_ngram", [0, 6, 1.5, "2"])
def test_one_to_five_words_are_counted_together(max_ngram):
    with pytest.raises(ValidationError):
        TfidfLinearSVM(max_ngram=max_ngram)


@pytest.mark.parametrize("baseline", [MostFrequent, Stratified])
def test_what_looks_at_no_words_has_no_parameters(baseline):
    with pytest.raises(ValidationError, match=r"unknown key \(allowed: none\)"):
        baseline(max_ngram=1)
