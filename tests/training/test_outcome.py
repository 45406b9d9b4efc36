"""Log-probabilities, and the floor of probabilities that are 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose

from rnnbench.training.outcome import LOWEST, log_probabilities, with_floor

TINY = np.finfo(np.float32).tiny
SMALLEST = np.finfo(np.float32).smallest_subnormal


def test_log_probabilities_are_at_least_that_of_the_smallest_normal_float():
    probabilities = np.array([1, 0.5, 1e-30, TINY, TINY / 2, SMALLEST, 0], np.float32)

    logs = log_probabilities(probabilities)

    assert logs.dtype == np.float32
    expected = np.log(np.maximum(probabilities, TINY))
    assert_allclose(logs, expected, rtol=1e-6)
    assert (logs[-4:] == np.float32(LOWEST)).all()


@pytest.mark.filterwarnings("error")
def test_a_training_that_diverged_is_not_hidden():
    wrong = np.array([np.nan, np.inf, -1], np.float32)

    assert not np.isfinite(log_probabilities(wrong)).any()


ROWS = arrays.arrays(
    float,
    st.tuples(st.integers(1, 3), st.integers(1, 5)),
    elements=st.floats(-1e6, 0) | st.just(-np.inf),
)


@given(ROWS)
def test_only_a_probability_of_0_gets_another_logarithm_which_outranks_none(logs):
    for row, before in zip(with_floor(logs), logs, strict=True):
        is_finite = np.isfinite(before)
        lowest = min([LOWEST, *before[is_finite]])
        assert row.tolist() == np.where(is_finite, before, lowest).tolist()


def test_what_is_no_number_stays():
    floored = with_floor(np.array([[np.nan, -np.inf]]))

    assert np.isnan(floored[0, 0])
