"""Log-probabilities, and the floor of probabilities that are 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnbench.training.outcome import LOWEST, log_probabilities, with_floor

TINY = np.finfo(np.float32).tiny
SMALLEST = np.finfo(np.float32).smallest_subnormal


def test_a_network_has_the_logarithms_of_its_probabilities_or_that_of_the_smallest_normal_float():
    probabilities = np.array([1, 0.5, 1e-30, TINY, TINY / 2, SMALLEST, 0], np.float32)

    found = log_probabilities(probabilities)

    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, np.log(np.maximum(probabilities, TINY)), rtol=1e-6
    )
    assert (found[-4:] == np.float32(LOWEST)).all()


@pytest.mark.filterwarnings("error")
def test_a_training_that_diverged_is_not_hidden():
    assert not np.isfinite(
        log_probabilities(np.array([np.nan, np.inf, -1], np.float32))
    ).any()


rows = arrays.arrays(
    float,
    st.tuples(st.integers(1, 3), st.integers(1, 5)),
    elements=st.floats(-1e6, 0) | st.just(-np.inf),
)


@given(rows)
def test_only_a_probability_of_0_is_given_another_logarithm_which_outranks_none(logs):
    found = with_floor(logs)

    for row, before in zip(found, logs, strict=True):
        finite = before[np.isfinite(before)]
        lowest = min([LOWEST, *finite])
        assert row.tolist() == np.where(np.isfinite(before), before, lowest).tolist()
    assert np.isnan(with_floor(np.array([[np.nan, -np.inf]]))[0, 0]), (
        "what is no number stays"
    )
