"""Scores in the precision in which they are stored."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnbench.training.outcome import rounded

scores = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.integers(1, 6)), elements=st.floats(0, 1, width=32)
)


@given(scores)
def test_rounded_scores_are_close_and_give_the_same_answers(scores):
    found = rounded(scores)

    np.testing.assert_array_equal(found.argmax(axis=1), scores.argmax(axis=1))
    np.testing.assert_allclose(found, scores, rtol=2e-3, atol=1e-7)
    assert found.dtype == np.float32


@given(scores)
def test_rounding_twice_changes_nothing(scores):
    once = rounded(scores)

    np.testing.assert_array_equal(rounded(once), once)
    np.testing.assert_array_equal(once.astype(np.float16).astype(np.float32), once)


def test_of_two_scores_that_round_to_one_the_higher_stays_higher():
    close = np.array([[0.5, np.nextafter(np.float32(0.5), np.float32(1)), 0.1]], np.float32)

    assert rounded(close).argmax() == 1


def test_margins_beyond_the_range_stay_numbers():
    assert np.isfinite(rounded(np.array([[1e6, -1e6]], np.float32))).all()
