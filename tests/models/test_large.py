"""Linear models of many weights, which have scikit-learn's answers in less memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from rnnbench.models import large
from rnnbench.models.large import LargeLogisticRegression, LargeSVC, _axes

PAIRS = [
    (LargeLogisticRegression(tol=1e-8), LogisticRegression(tol=1e-8)),
    (LargeSVC(tol=1e-8, random_state=0), LinearSVC(tol=1e-8, random_state=0)),
]
pairs = pytest.mark.parametrize(("model", "expected"), PAIRS)


@pytest.fixture
def texts():
    """Features of ninety texts, their three topics, and how much each counts."""
    random = np.random.default_rng(0)
    x = random.random((90, 200)) * (random.random((90, 200)) < 0.1)
    return csr_matrix(x), random.integers(3, size=90), random.random(90) + 0.5


@pytest.fixture
def is_large(monkeypatch):
    monkeypatch.setattr(large, "MOST_WEIGHTS", 0)


@pairs
def test_few_weights_are_those_of_scikit_learn(model, expected, texts):
    model.fit(*texts)
    expected.fit(*texts)

    assert_array_equal(model.coef_, expected.coef_)
    x, *_ = texts
    assert_array_equal(model.decision_function(x), expected.decision_function(x))


@pytest.mark.usefixtures("is_large")
@pairs
def test_many_weights_are_nearly_those_of_scikit_learn(model, expected, texts):
    model.fit(*texts)
    expected.fit(*texts)

    assert model.coef_.dtype == np.float32
    assert_allclose(model.coef_, expected.coef_, atol=1e-3)
    assert_allclose(model.intercept_, expected.intercept_, atol=1e-3)


@pytest.mark.usefixtures("is_large")
@pairs
def test_two_topics_have_weights_of_scikit_learn(model, expected, texts):
    x, y, _ = texts

    model.fit(x, y > 0)

    assert_array_equal(model.coef_, expected.fit(x, y > 0).coef_)


def test_features_of_one_text_become_one(texts):
    x, *_ = texts
    alone = csr_matrix(np.diag([3.0, 4.0])[[0, 0, 1, 1]].T)  # two for each text
    both = hstack([x[:2], alone], "csr")

    axes = _axes(both)

    changed = both @ axes.T
    assert changed.shape[1] < both.shape[1]
    assert_allclose((changed @ changed.T).toarray(), (both @ both.T).toarray())
    assert_allclose((changed @ axes).toarray(), both.toarray())


def test_frequent_features_come_first_and_those_of_no_text_not_at_all():
    x = csr_matrix([[1.0, 0, 1, 0], [0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 0, 1]])

    axes = _axes(x)

    shared = axes[: -x.shape[0]]  # then comes one direction for each text
    assert shared.indices.tolist() == [2, 3, 0]


@pytest.mark.usefixtures("is_large")
def test_topics_are_fitted_in_blocks(monkeypatch, texts):
    expected = LargeLogisticRegression(tol=1e-8).fit(*texts)

    monkeypatch.setattr(large, "TOPICS_AT_ONCE", 2)

    model = LargeLogisticRegression(tol=1e-8).fit(*texts)
    assert_allclose(model.coef_, expected.coef_, atol=1e-4)
