"""Log-probabilities, and the floor of probabilities that are 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnbench.training.outcome import LOWEST, log_probabilities, with_floor

TINY = np.finfo(np.float32).tiny
SMALLEST = np.finfo(np.float32).smallest_subnormal


@pytest.mark.parametrize("probability", [1, 0.5, 1e-30, TINY])
def test_a_network_has_the_logarithms_of_its_probabilities(probability):
    (found,) = log_probabilities(np.array([probability], np.float32))

    assert found.dtype == np.float32
    assert found == pytest.approx(np.log(probability), rel=1e-6)


@pytest.mark.parametrize("probability", [0, SMALLEST, TINY / 2])
def test_probabilities_below_the_smallest_normal_float_have_its_logarithm(probability):
    (found,) = log_probabilities(np.array([probability], np.float32))

    assert found == np.float32(LOWEST) == np.log(TINY)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1])
@pytest.mark.filterwarnings("error")
def test_a_training_that_diverged_is_not_hidden(wrong):
    assert not np.isfinite(log_probabilities(np.array([wrong], np.float32)))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-1, -2], [-1, -2]),
        ([-1, -5000], [-1, -5000]),
        ([0, -np.inf], [0, LOWEST]),
        ([0, -5000, -np.inf], [0, -5000, -5000]),
        ([-np.inf, -np.inf], [LOWEST, LOWEST]),
    ],
    ids=str,
)
def test_only_a_probability_of_0_is_given_another_logarithm(row, expected):
    np.testing.assert_array_equal(with_floor(np.array([row], float)), [expected])


rows = arrays.arrays(
    float,
    st.tuples(st.integers(1, 3), st.integers(1, 5)),
    elements=st.floats(-1e6, 0) | st.just(-np.inf),
)


@given(rows)
def test_a_topic_without_probability_outranks_none(logs):
    found = with_floor(logs)

    assert np.isfinite(found).all()
    for row, before in zip(found, logs, strict=True):
        for lowest in row[np.isneginf(before)]:
            assert lowest == min(LOWEST, row.min())


def test_numbers_that_are_none_stay():
    assert np.isnan(with_floor(np.array([[np.nan, -np.inf]]))[0, 0])
