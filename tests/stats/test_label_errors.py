"""Labels that look wrong, on plain arrays."""

import numpy as np
import pytest
from factories import corpus_of_texts
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.stats import confident_joint, suspicion, wrong_labels
from simulations.suspects import MODELS, rows_of

SEEDS = st.integers(0, 2**32 - 1)


def random_answers(seed, n=60, n_topics=4):
    random = default_rng(seed)
    return random.dirichlet(np.ones(n_topics), n), random.integers(n_topics, size=n)


@given(SEEDS)
def test_a_label_is_suspicious_if_another_topic_is_likelier(seed):
    probabilities, labels = random_answers(seed)

    is_suspicious = suspicion(probabilities, labels) > 0.5

    assert (is_suspicious == (probabilities.argmax(axis=1) != labels)).all()


@given(SEEDS)
def test_two_topics_are_one_question_of_yes_or_no(seed):
    probabilities, labels = random_answers(seed, n_topics=2)

    as_rows = suspicion(probabilities[:, 1:], labels[:, np.newaxis])

    assert np.allclose(as_rows, suspicion(probabilities, labels))


@given(SEEDS)
def test_the_joint_has_as_many_documents_of_each_label_as_there_are(seed):
    probabilities, labels = random_answers(seed)

    joint = confident_joint(probabilities, labels)

    assert np.allclose(joint.sum(axis=1), np.bincount(labels, minlength=4))


@given(SEEDS)
def test_sure_models_find_exactly_the_wrong_labels(seed):
    truth = default_rng(seed).permutation(np.repeat(np.arange(4), 15))
    labels = truth.copy()
    labels[:6] = (labels[:6] + 1) % 4
    probabilities = np.full((60, 4), 0.01)
    probabilities[np.arange(60), truth] = 0.97

    share, low, high = wrong_labels(probabilities, labels)

    assert share == pytest.approx(0.1)
    assert low < share < high
    assert set(np.argsort(-suspicion(probabilities, labels))[:6]) == set(range(6))


def test_the_interval_is_that_of_clopper_and_pearson():
    probabilities = np.array([[0.9, 0.1]] * 50 + [[0.1, 0.9]] * 50)
    labels = np.repeat([0, 1], 50)

    assert wrong_labels(probabilities, labels) == pytest.approx(
        (0, 0, 0.0362), abs=1e-4
    )


def test_changed_labels_are_found_where_models_are_good():
    random = default_rng(0)
    labels = random.integers(3, size=400)
    words = np.array([f"w{number}" for number in range(60)])
    texts = [
        " ".join([*words[random.integers(20, size=8) + 20 * label], f"n{number}"])
        for number, label in enumerate(labels)
    ]
    corpus = corpus_of_texts(texts, list(map(str, labels)))

    none, *changed = rows_of("made-up", corpus, MODELS[:1])

    assert none[6].startswith("0.00%")
    for row in changed:
        assert float(row[4]) > 0.9
        assert row[6].startswith("5.0")
