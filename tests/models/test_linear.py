"""Fitted baselines as arrays: they score texts as the pipelines do, without
scikit-learn.
"""

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
from rnnbench.training.engines.scikit_learn import score

N_TOPICS = 5
KNOWN = np.array([0, 2, 3])
LABELS = np.repeat(KNOWN, [4, 10, 6])
DOCUMENTS = [
    f"{topic}0 {topic}1 a{topic} {topic}2 {topic}{row % 3}"
    for row, topic in enumerate(LABELS)
]
NEW = ["20 21 a3", "30 9 9 9", "", "21", "00 " * 300]
TWO = np.arange(20) % 2


def rule_of_words(*, gives_probabilities):
    """What is known of a baseline of word ids before it is fitted."""
    return LinearRule(
        reads_words=False,
        gives_probabilities=gives_probabilities,
        labels=KNOWN.tolist(),
        counts=None,
    )


def fitted(baseline, labels=LABELS):
    """Return a fitted baseline as arrays, and the scores that its pipeline gives new
    texts.
    """
    pipeline = baseline.pipeline(0).fit(DOCUMENTS, labels)
    learned = np.unique(labels)
    rule = LinearRule(
        reads_words=baseline.reads_words,
        gives_probabilities=baseline.gives_probabilities,
        labels=learned.tolist(),
        counts=None,
    )
    scores = score(baseline, pipeline, DOCUMENTS, N_TOPICS, learned)
    expected = score(baseline, pipeline, NEW, N_TOPICS, learned)[:, learned]
    return (
        arrays_of(pipeline, rule, DOCUMENTS, scores),
        expected,
        learned.tolist(),
    )


OTHERS = [
    {"tfidf_linear_svm": {"analyzer": "char_wb", "min_ngram": 2, "max_ngram": 5}},
    {"tfidf_linear_svm": {"analyzer": "char", "max_ngram": 3, "sublinear_tf": True}},
    {"tfidf_linear_svm": {"calibrated": True, "C": 10}},
    {"nb_svm": {"char_ngrams": [3, 5]}},
    {"complement_naive_bayes": {"sublinear_tf": True, "norm": True, "max_ngram": 3}},
    {"tfidf_logistic_regression": {"char_ngrams": [1, 4], "min_df": 2}},
]


@pytest.mark.parametrize("two", [False, True], ids=["three topics", "two topics"])
@pytest.mark.parametrize("given", [*KINDS, *OTHERS], ids=str)
def test_the_arrays_of_every_baseline_score_new_texts_as_its_pipeline_does(given, two):
    if given == "stratified":
        pytest.skip("it draws its answers")
    arrays, expected, learned = fitted(parse_baseline(given), TWO if two else LABELS)

    scores = LinearModel(arrays, N_TOPICS).scores(NEW)

    clipped = np.clip([scores[:, learned], expected], -20, None)
    assert clipped[0] == pytest.approx(clipped[1], abs=1e-5)
    others = np.delete(scores, learned, axis=1)
    assert (others < scores[:, learned].min(axis=1, keepdims=True)).all()


texts = st.lists(
    st.sampled_from(["a", "bc", "def", "gh", "é", "  ", " ", "\n"]), max_size=9
)


@given(
    st.lists(texts.map("".join), min_size=1, max_size=4),
    st.sampled_from(["word", "char", "char_wb"]),
    st.tuples(st.integers(1, 3), st.integers(0, 3)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "l1", "l2"]),
)
def test_terms_and_their_values_are_those_of_scikit_learn(
    given, analyzer, range_, a, b, norm
):
    ngrams = range_[0], sum(range_)
    options = {
        "analyzer": analyzer,
        "ngram_range": ngrams,
        "binary": a,
        "sublinear_tf": b,
    }
    options["norm"] = norm
    split = (
        {"tokenizer": str.split, "token_pattern": None} if analyzer == "word" else {}
    )
    vectorizer = TfidfVectorizer(lowercase=False, **options, **split)
    ours = Counts(**options, n_terms=0)

    analyze = vectorizer.build_analyzer()
    for text in given:
        assert sorted(ours.terms(text)) == sorted(analyze(text))
    if any(map(analyze, given)):
        expected = vectorizer.fit_transform(given).toarray()
        for text, row in zip(given, expected, strict=True):
            here, values = ours.features(text, vectorizer.vocabulary_, vectorizer.idf_)
            assert sorted(here) == np.flatnonzero(row).tolist()
            assert values == pytest.approx(row[here])


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

    rule = rule_of_words(gives_probabilities=True)
    assert arrays_of(pipeline, rule, DOCUMENTS, scores) == []


def test_what_is_no_pipeline_has_no_arrays():
    rule = rule_of_words(gives_probabilities=False)
    scores = np.zeros((20, N_TOPICS))
    assert arrays_of(RidgeClassifier(), rule, DOCUMENTS, scores) == []


def test_a_pipeline_from_another_package_has_arrays_if_it_is_such_a_rule():
    pipeline = make_pipeline(TfidfVectorizer(**SPLIT), RidgeClassifier()).fit(
        DOCUMENTS, LABELS
    )
    scores = np.full((20, N_TOPICS), -9.0)
    scores[:, [0, 2, 3]] = pipeline.decision_function(DOCUMENTS)

    rule = rule_of_words(gives_probabilities=False)
    arrays = arrays_of(pipeline, rule, DOCUMENTS, scores)

    scores = LinearModel(arrays, N_TOPICS).scores(NEW)[:, [0, 2, 3]]
    assert scores == pytest.approx(pipeline.decision_function(NEW), abs=1e-6)
    scores[0, 2] += 2e-5
    assert arrays_of(pipeline, rule, DOCUMENTS, scores) == [], "other scores"


@pytest.fixture(scope="module")
def arrays():
    """The arrays of a linear SVM."""
    return fitted(parse_baseline("tfidf_linear_svm"))[0]


def with_facts(arrays, **changes):
    record = json.loads(arrays[0].tobytes()) | changes
    return [np.frombuffer(json.dumps(record).encode(), np.uint8), *arrays[1:]]


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays[:4],
        lambda arrays: [*arrays, arrays[0]],
        lambda arrays: [*arrays[:1], arrays[1].astype(np.int32), *arrays[2:]],
        lambda arrays: [*arrays[:1], arrays[1][1:], *arrays[2:]],
        lambda arrays: [*arrays[:1], arrays[1].T, *arrays[2:]],
        lambda arrays: [*arrays[:2], arrays[2][1:], *arrays[3:]],
        lambda arrays: [*arrays[:3], arrays[3][1:], *arrays[4:]],
        lambda arrays: [*arrays[:4], arrays[4][:-9]],
        lambda arrays: [*arrays[:4], arrays[4] | 128],
        lambda arrays: [arrays[0][:-1], *arrays[1:]],
        lambda arrays: with_facts(arrays, labels=[0, 2, N_TOPICS]),
        lambda arrays: with_facts(arrays, labels=[0, 2, 2]),
        lambda arrays: with_facts(arrays, counts=None),
        lambda arrays: with_facts(arrays, counts=[]),
        lambda arrays: with_facts(arrays, schema_version=2),
        lambda arrays: with_facts(arrays, code="print()"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(arrays, change):
    with pytest.raises(ValueError, match=r".+"):
        LinearModel(change(arrays), N_TOPICS)
