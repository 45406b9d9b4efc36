"""The SVM that starts from naive Bayes, against plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC

from rnnbench.models.nb_svm import NaiveBayesSVM

N, WORDS, TOPICS = 24, 7, 3
shares = st.sampled_from([0.0, 0.25, 1.0])
seeds = st.integers(0, 99)


def documents(seed, topics=TOPICS):
    """Return which words occur in some documents, and their topics, each of which is there."""
    random = np.random.default_rng(seed)
    x = (random.random((N, WORDS)) < 0.4).astype(np.int64)
    return x, np.arange(N) % topics


def log_ratios(x, is_topic, alpha):
    """Return how much more often each word occurs with a topic than without it."""
    p, q = alpha + x[is_topic].sum(axis=0), alpha + x[~is_topic].sum(axis=0)
    return np.log((p / np.abs(p).sum()) / (q / np.abs(q).sum()))


@settings(max_examples=20)
@given(seed=seeds, beta=shares, alpha=st.sampled_from([0.5, 1.0]))
def test_the_margins_are_those_of_wang_and_manning(seed, beta, alpha):
    x, y = documents(seed)

    found = NaiveBayesSVM(alpha, C=0.5, beta=beta).fit(csr_matrix(x), y)

    for topic in range(TOPICS):
        ratios = log_ratios(x, y == topic, alpha)
        svm = LinearSVC(C=0.5, random_state=0, max_iter=10_000).fit(x * ratios, y == topic)
        weights = svm.coef_[0]
        interpolated = (1 - beta) * np.abs(weights).sum() / WORDS + beta * weights
        margins = (x * ratios) @ interpolated + svm.intercept_
        np.testing.assert_allclose(
            found.decision_function(csr_matrix(x))[:, topic], margins, atol=1e-6
        )


@settings(max_examples=20)
@given(seed=seeds)
def test_without_a_share_of_the_svm_the_weights_are_those_of_naive_bayes_up_to_their_scale(seed):
    x, y = documents(seed, topics=2)

    found = NaiveBayesSVM(beta=0.0).fit(csr_matrix(x), y).coef_[1]

    without, with_topic = MultinomialNB().fit(x, y).feature_log_prob_
    expected = with_topic - without
    np.testing.assert_allclose(found * expected.sum(), expected * found.sum(), atol=1e-8)


@settings(max_examples=20)
@given(seed=seeds)
def test_the_topic_with_the_largest_margin_is_the_answer(seed):
    x, y = documents(seed)
    labels = np.array([7, 2, 5])[y]

    classifier = NaiveBayesSVM().fit(csr_matrix(x), labels)

    margins = classifier.decision_function(csr_matrix(x))
    assert margins.shape == (N, TOPICS)
    answers = np.array([2, 5, 7])[margins.argmax(axis=1)]
    np.testing.assert_array_equal(classifier.predict(csr_matrix(x)), answers)


def test_of_two_topics_one_has_the_opposite_margins_of_the_other():
    x, y = documents(0, topics=2)

    margins = NaiveBayesSVM(C=0.1).fit(csr_matrix(x), y).decision_function(csr_matrix(x))

    np.testing.assert_allclose(margins[:, 0], -margins[:, 1], atol=1e-4)


def test_it_is_an_estimator_of_scikit_learn():
    assert clone(NaiveBayesSVM(2.0, 3.0, 0.5)).get_params() == {"alpha": 2.0, "C": 3.0, "beta": 0.5}


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0])
def test_words_that_tell_the_topic_are_learned(beta):
    x = np.eye(3, dtype=np.int64)[[0, 1, 2] * 4]

    answers = NaiveBayesSVM(beta=beta).fit(csr_matrix(x), [0, 1, 2] * 4).predict(csr_matrix(x))

    assert list(answers) == [0, 1, 2] * 4
