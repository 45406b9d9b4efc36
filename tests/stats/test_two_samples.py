"""Whether two samples of texts can be told apart."""

import numpy as np
import pytest
from numpy.random import default_rng
from scipy.sparse import csr_array

from rnnbench.stats.two_samples import tell_apart
from simulations.two_samples import results_of

IS_NEW = np.arange(200) >= 100


def made_up(extra=0.0, seed=0):
    """Return which of six words texts have; new ones have more often the first."""
    random = default_rng(seed)
    has_word = random.random((200, 6)) < 0.3
    has_word[IS_NEW, 0] |= random.random(100) < extra
    return csr_array(has_word, dtype="f4")


def test_texts_of_one_source_are_seldom_told_apart():
    results = results_of(share=0.0, n=50, times=40)

    assert np.mean([result.p <= 0.05 for result in results]) <= 0.125
    assert np.mean([0.5 in result.interval for result in results]) >= 0.85


def test_other_words_are_found():
    results = results_of(share=0.05, n=200, times=10)

    assert all(result.p <= 0.05 for result in results)
    assert all(result.auc > 0.6 for result in results)


def test_the_word_that_differs_has_the_largest_excess():
    result = tell_apart(made_up(0.5), IS_NEW)

    assert np.argmax(result.excess) == 0
    assert result.p == pytest.approx(1 / 200)


def test_texts_without_a_word_in_common_are_always_told_apart():
    has_word = csr_array(np.stack([IS_NEW, ~IS_NEW], axis=1), dtype="f4")

    result = tell_apart(has_word, IS_NEW)

    assert result.auc == result.interval.high == 1
    assert 0.95 < result.interval.low < 1


def test_the_same_texts_give_the_same_result():
    first, second = [tell_apart(made_up(0.1), IS_NEW) for _ in "ab"]

    assert (first.auc, first.p) == (second.auc, second.p)


def test_equal_texts_are_told_apart_by_chance_alone():
    result = tell_apart(csr_array(np.ones((200, 1), "f4")), IS_NEW)

    assert result.p > 0.01
    assert 0.5 in result.interval


def test_a_word_of_all_texts_has_no_excess():
    result = tell_apart(csr_array(np.ones((200, 2), "f4")), IS_NEW)

    assert result.excess.tolist() == [0, 0]
