import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis.intervals import prediction_interval, t_interval, wilson_interval

T = {2: math.tan(0.95 * math.pi / 2), 3: 0.95 / math.sqrt(2 * 0.975 * 0.025), 5: 2.7764451}
"""Student's quantiles by number of values; those of two and three in closed form."""
Z = 1.9599640
"""The normal quantile."""

few_values = st.sampled_from(sorted(T)).flatmap(
    lambda n: st.lists(st.floats(0, 1), min_size=n, max_size=n)
)


@pytest.mark.parametrize(("interval_of", "more"), [(t_interval, 0), (prediction_interval, 1)])
@given(values=few_values)
def test_intervals_of_a_mean_and_of_one_more_value_are_the_closed_form(interval_of, more, values):
    n, mean = len(values), math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = T[n] * spread * math.sqrt(more + 1 / n)

    interval = interval_of(values)

    assert (interval.low, interval.high) == pytest.approx((mean - half, mean + half), abs=1e-6)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_values_have_no_interval(values):
    assert t_interval(values) is None
    assert prediction_interval(values) is None


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_the_closed_form(counts):
    hits, n = counts
    share = hits / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))

    interval = wilson_interval(hits, n)

    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half), abs=1e-6)
