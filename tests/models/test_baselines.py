"""The kinds of baselines: how they are written, their parameters, and their answers."""

import numpy as np
import pytest
from baseline_kinds import KINDS
from blas_kernels import run_with_kernel, two_kernels
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from rnnbench.errors import UserError
from rnnbench.models.baselines import (
    BASELINES,
    Baseline,
    check_installed,
    parse_baseline,
)

kinds = pytest.mark.parametrize("kind", KINDS)

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


COUNTED = {
    "analyzer": "word",
    "min_ngram": 1,
    "max_ngram": 1,
    "min_df": 1,
    "char_ngrams": None,
}
PAIRS = COUNTED | {"max_ngram": 2}
TFIDF = {"sublinear_tf": False}
OTHERS = {"analyzer": "char", "min_ngram": 3, "max_ngram": 5, "min_df": 2}
PARAMETERS = {
    "most_frequent": ({}, {}),
    "stratified": ({}, {}),
    "tfidf_linear_svm": (
        PAIRS | TFIDF | {"C": 1.0, "calibrated": False, "weights": None},
        {"sublinear_tf": True, "C": 0.5},
    ),
    "tfidf_logistic_regression": (
        PAIRS | TFIDF | {"C": 1.0},
        {"sublinear_tf": True, "C": 3.0},
    ),
    "multinomial_naive_bayes": (COUNTED | {"alpha": 1.0}, {"alpha": 2.0}),
    "complement_naive_bayes": (
        COUNTED | TFIDF | {"alpha": 1.0, "norm": False},
        {"sublinear_tf": True, "alpha": 2.0, "norm": True},
    ),
    "nb_svm": (
        PAIRS | {"alpha": 1.0, "C": 1.0, "beta": 0.25},
        {"alpha": 2.0, "C": 0.5, "beta": 1.0},
    ),
}
"""By kind, the defaults and other values."""


@pytest.mark.parametrize("kind", PARAMETERS)
def test_parameters_and_defaults_are_those_of_scikit_learn_but_for_pairs_of_words(kind):
    defaults, others = PARAMETERS[kind]
    others = others and OTHERS | others
    baseline = parse_baseline({kind: others})

    assert parse_baseline(kind).model_dump() == {kind: defaults}
    assert baseline.model_dump() == {kind: defaults | others}
    assert baseline.settings() == others
    assert parse_baseline(kind).settings() == {}
    if others:
        words, classifier = baseline.pipeline(seed=0)
        ngrams = dict(zip(("min_ngram", "max_ngram"), words.ngram_range, strict=True))
        assert (
            words.get_params() | classifier.get_params() | ngrams
        ).items() >= others.items()


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("kind", ["tfidf_linear_svm", "multinomial_naive_bayes"])
def test_words_and_characters_are_counted_as_scikit_learn_does(kind, analyzer):
    texts = [
        "grain exports 3",
        "grain prices fell",
        "Ünïted states exports fell",
        "3 3",
    ]
    baseline = BASELINES[kind](analyzer=analyzer, min_ngram=2, max_ngram=3)
    stock = TfidfVectorizer if kind == "tfidf_linear_svm" else CountVectorizer

    words, _ = fitted(baseline, texts, [0, 1, 0, 1])

    pattern = r"\S+" if analyzer == "word" else None
    expected = stock(
        analyzer=analyzer, ngram_range=(2, 3), lowercase=False, token_pattern=pattern
    ).fit(texts)
    assert_array_equal(words.get_feature_names_out(), expected.get_feature_names_out())
    assert_allclose(
        words.transform(texts).toarray(), expected.transform(texts).toarray()
    )


@pytest.mark.parametrize(
    "kind", ["tfidf_linear_svm", "multinomial_naive_bayes", "nb_svm"]
)
def test_words_and_the_characters_within_them_are_counted_together(kind):
    texts = ["grain exports 3", "grain prices fell", "3 3", ""]
    labels = [0, 1, 0, 1]
    within = {"analyzer": "char_wb", "min_ngram": 3, "max_ngram": 5}
    options = {"max_ngram": 1, "char_ngrams": [3, 5]}, {"max_ngram": 1}, within

    counted = (
        fitted(BASELINES[kind](**option), texts, labels)[0] for option in options
    )

    together, *parts = (vectorizer.transform(texts).toarray() for vectorizer in counted)
    assert_allclose(together, np.hstack(parts))


@pytest.mark.parametrize(
    ("kind", "parameter", "wrong"),
    [
        # With the last two, a solver would never end.
        (
            "tfidf_linear_svm",
            "C",
            [-1, float("inf"), float("nan"), "1", True, None, 1e-300, 1e300],
        ),
        ("multinomial_naive_bayes", "alpha", [0, float("inf")]),
        ("tfidf_linear_svm", "max_ngram", [0, 6, 1.5, "2"]),
        ("tfidf_linear_svm", "min_df", [0, 1.5]),
        (
            "tfidf_linear_svm",
            "char_ngrams",
            [[3], [0, 3], [5, 3], [3, 6], [3, 4, 5], "35"],
        ),
        ("nb_svm", "beta", [-0.1, 1.1, float("nan")]),
    ],
)
def test_strengths_are_positive_and_one_to_five_words_are_counted_together(
    kind, parameter, wrong
):
    for value in wrong:
        with pytest.raises(ValidationError):
            BASELINES[kind](**{parameter: value})


@kinds
def test_a_seed_changes_the_answers_of_random_baselines_only(kind):
    documents = [*DOCUMENTS, "77 88"] * 20
    pipelines = [
        BASELINES[kind]().pipeline(seed).fit(DOCUMENTS, LABELS) for seed in (0, 0, 1)
    ]

    first, again, other = (pipeline.predict(documents) for pipeline in pipelines)

    assert_array_equal(first, again)
    assert np.array_equal(first, other) != BASELINES[kind].is_random
    assert (
        hasattr(pipelines[0], "predict_proba")
        == parse_baseline(kind).gives_probabilities
    )


def test_a_baseline_whose_packages_are_not_installed_is_refused(monkeypatch):
    class Own(Baseline):
        kind = "own"
        packages = ("numpy", "no-such-package")
        install = "pip install no-such-package"

    message = "^baseline 'own' needs no-such-package: pip install no-such-package$"
    with pytest.raises(UserError, match=message):
        check_installed(Own())
    monkeypatch.setattr(Own, "packages", ("numpy",))
    check_installed(Own())


FIT_TEXT_VECTORS = """
import sys
import numpy as np
from rnnbench.models.baselines import SentenceEmbedding

random = np.random.default_rng(0)
file = sys.argv[1]
scale = 1 / np.arange(1, 257)  # a few features matter most, as in vectors of texts
labels = np.minimum(random.geometric(0.15, 600) - 1, 9)
centres = random.normal(size=(10, 256)) * scale
vectors = random.normal(size=(600, 256)) * scale + 0.3 * centres[labels] + 3 * scale
classifier = SentenceEmbedding(C=30).pipeline(seed=0)[1:]  # without the encoder of texts
np.save(file, classifier.fit(vectors, labels).predict_log_proba(vectors))
"""


def test_text_vectors_are_classified_alike_with_two_kernels_of_blas(tmp_path):
    scores = []
    for kernel in two_kernels():
        file = tmp_path / f"{kernel}.npy"
        run_with_kernel(kernel, FIT_TEXT_VECTORS, file)
        scores.append(np.load(file))

    first, second = scores
    assert_allclose(first, second, rtol=0, atol=5e-4)
    assert_array_equal(first.argmax(axis=1), second.argmax(axis=1))
