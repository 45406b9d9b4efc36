"""Fitted baselines as arrays, which score texts as the pipelines do."""

import json

import numpy as np
import pytest
from baseline_kinds import KINDS
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from rnnbench.models.baselines import parse_baseline
from rnnbench.models.linear import Counts, LinearModel, LinearRule, arrays_of
from rnnbench.models.terms import weighted_sums
from rnnbench.training.engines.scikit_learn import score

N_TOPICS = 5
LEARNED = [0, 2, 3]
LABELS = np.repeat(LEARNED, [4, 10, 6])
DOCUMENTS = [
    f"{topic}0 {topic}1 a{topic} {topic}2 {topic}{row % 3}"
    for row, topic in enumerate(LABELS)
]
NEW = ["20 21 a3", "30 9 9 9", "", "21", "00 " * 300]
TWO = np.arange(20) % 2


def rule_of(*, gives_probabilities, reads_words=False, learned=LEARNED):
    """Return the rule of a baseline, without what it counts."""
    return LinearRule(
        reads_words=reads_words,
        gives_probabilities=gives_probabilities,
        labels=learned,
        counts=None,
    )


def fitted(baseline, labels=LABELS):
    """Return the arrays of a baseline, and its scores of new texts by learned topic."""
    pipeline = baseline.pipeline(0).fit(DOCUMENTS, labels)
    learned = np.unique(labels)
    rule = rule_of(
        gives_probabilities=baseline.gives_probabilities,
        reads_words=baseline.reads_words,
        learned=learned.tolist(),
    )
    scores = score(baseline, pipeline, DOCUMENTS, N_TOPICS, learned)
    expected = score(baseline, pipeline, NEW, N_TOPICS, learned)[:, learned]
    return arrays_of(pipeline, rule, DOCUMENTS, scores), expected


OTHERS = [
    {"tfidf_linear_svm": {"analyzer": "char_wb", "min_ngram": 2, "max_ngram": 5}},
    {"tfidf_linear_svm": {"analyzer": "char", "max_ngram": 3, "sublinear_tf": True}},
    {"tfidf_linear_svm": {"calibrated": True, "C": 10}},
    {"tfidf_linear_svm": {"weights": "log_odds"}},
    {"tfidf_linear_svm": {"weights": "log_odds", "calibrated": True}},
    {"nb_svm": {"char_ngrams": [3, 5]}},
    {"complement_naive_bayes": {"sublinear_tf": True, "norm": True, "max_ngram": 3}},
    {"tfidf_logistic_regression": {"char_ngrams": [1, 4], "min_df": 2}},
]


@pytest.mark.parametrize("labels", [LABELS, TWO], ids=["three topics", "two topics"])
@pytest.mark.parametrize("baseline", [*KINDS, *OTHERS], ids=str)
def test_the_arrays_of_every_baseline_score_new_texts_as_its_pipeline_does(
    baseline, labels
):
    if baseline == "stratified":
        pytest.skip("it draws its answers")
    arrays, expected = fitted(parse_baseline(baseline), labels)

    scores = LinearModel(arrays, N_TOPICS).scores(NEW)

    learned = np.unique(labels)
    of_learned = scores[:, learned]
    assert of_learned.clip(-20) == pytest.approx(expected.clip(-20), abs=1e-5)
    of_others = np.delete(scores, learned, axis=1)
    assert (of_others < of_learned.min(axis=1, keepdims=True)).all()


texts = st.lists(
    st.sampled_from(["a", "bc", "def", "gh", "é", "  ", " ", "\n"]), max_size=9
)


all_counts = st.builds(
    Counts,
    analyzer=st.sampled_from(["word", "char", "char_wb"]),
    ngram_range=st.sampled_from([(1, 1), (1, 4), (2, 2), (2, 3), (3, 6)]),
    binary=st.booleans(),
    sublinear_tf=st.booleans(),
    norm=st.sampled_from([None, "l1", "l2"]),
    n_terms=st.just(0),
)


@given(st.lists(texts.map("".join), min_size=1, max_size=4), all_counts)
def test_terms_have_the_values_of_scikit_learn(documents, counts):
    vectorizer = TfidfVectorizer(lowercase=False)
    vectorizer.set_params(**counts.model_dump(exclude={"n_terms"}))
    if counts.analyzer == "word":
        vectorizer.set_params(tokenizer=str.split, token_pattern=None)

    analyze = vectorizer.build_analyzer()
    find, *lengths = counts.part({}).terms
    for text in documents:
        assert sorted(find(text, *lengths)) == sorted(analyze(text))
    if any(map(analyze, documents)):
        expected = vectorizer.fit_transform(documents).toarray()
        n_terms = len(vectorizer.idf_)
        weights = (np.eye(n_terms), np.zeros(n_terms), vectorizer.idf_)
        part = counts.part(vectorizer.vocabulary_)
        assert weighted_sums(documents, weights, [part]) == pytest.approx(expected)


SPLIT = {"lowercase": False, "tokenizer": str.split, "token_pattern": None}


@pytest.mark.parametrize(
    "steps",
    [
        [CountVectorizer(**SPLIT), KNeighborsClassifier()],
        [CountVectorizer(**SPLIT), BernoulliNB()],
        [HashingVectorizer(n_features=64), LogisticRegression()],
        [CountVectorizer(), LogisticRegression()],
        [CountVectorizer(**SPLIT | {"lowercase": True}), LogisticRegression()],
        [CountVectorizer(**SPLIT | {"analyzer": str.split}), LogisticRegression()],
        [TfidfVectorizer(**SPLIT), TfidfVectorizer(**SPLIT), LogisticRegression()],
    ],
    ids=lambda steps: type(steps[-1]).__name__,
)
def test_what_is_no_linear_rule_over_counted_words_has_no_arrays(steps):
    pipeline = make_pipeline(*steps[-2:]).fit(DOCUMENTS, LABELS)
    pipeline.steps = [*zip("abc", steps[:-2], strict=False), *pipeline.steps]
    scores = np.log(np.full((20, N_TOPICS), 0.2))

    rule = rule_of(gives_probabilities=True)
    assert arrays_of(pipeline, rule, DOCUMENTS, scores) == []


def test_what_is_no_pipeline_has_no_arrays():
    rule = rule_of(gives_probabilities=False)
    scores = np.zeros((20, N_TOPICS))
    assert arrays_of(RidgeClassifier(), rule, DOCUMENTS, scores) == []


def test_a_pipeline_from_another_package_has_arrays_if_it_is_such_a_rule():
    pipeline = make_pipeline(TfidfVectorizer(**SPLIT), RidgeClassifier())
    pipeline.fit(DOCUMENTS, LABELS)
    scores = np.full((20, N_TOPICS), -9.0)
    scores[:, LEARNED] = pipeline.decision_function(DOCUMENTS)

    rule = rule_of(gives_probabilities=False)
    arrays = arrays_of(pipeline, rule, DOCUMENTS, scores)

    margins = LinearModel(arrays, N_TOPICS).scores(NEW)[:, LEARNED]
    assert margins == pytest.approx(pipeline.decision_function(NEW), abs=1e-6)
    scores[0, 2] += 2e-5
    assert arrays_of(pipeline, rule, DOCUMENTS, scores) == [], "other scores"


@pytest.fixture(scope="module")
def arrays():
    """The arrays of a linear SVM: rule, weights, intercepts, IDF and terms."""
    arrays, _ = fitted(parse_baseline("tfidf_linear_svm"))
    return arrays


def assert_is_refused(arrays):
    with pytest.raises(ValueError, match=r".+"):
        LinearModel(arrays, N_TOPICS)


def test_another_number_of_arrays_is_refused(arrays):
    assert_is_refused(arrays[:4])
    assert_is_refused([*arrays, arrays[0]])


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, lambda rule: rule[:-1]),
        (1, lambda weights: weights.astype(np.int32)),
        (1, lambda weights: weights[1:]),
        (1, lambda weights: weights.T),
        (2, lambda intercepts: intercepts[1:]),
        (3, lambda idf: idf[1:]),
        (4, lambda terms: terms[:-9]),
        (4, lambda terms: terms | 128),
    ],
)
def test_an_array_that_does_not_fit_the_others_is_refused(arrays, place, change):
    changed = [*arrays]
    changed[place] = change(arrays[place])

    assert_is_refused(changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [0, 2, N_TOPICS]},
        {"labels": [0, 2, 2]},
        {"counts": None},
        {"counts": []},
        {"schema_version": 2},
        {"code": "print()"},
    ],
)
def test_a_rule_that_does_not_fit_the_arrays_is_refused(arrays, changes):
    rule = json.loads(arrays[0].tobytes()) | changes
    as_json = np.frombuffer(json.dumps(rule).encode(), np.uint8)

    assert_is_refused([as_json, *arrays[1:]])
