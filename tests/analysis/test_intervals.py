import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

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


@pytest.mark.parametrize("n", [2, 3, 5])
def test_intervals_contain_the_true_mean_or_the_next_value_in_95_percent(n):
    drawn = np.random.default_rng(n).normal(0.8, 0.01, (4_000, n + 1))

    mean = [0.8 in t_interval(values) for *values, _ in drawn]
    one_more = [value in prediction_interval(values) for *values, value in drawn]

    assert np.mean(mean) == pytest.approx(0.95, abs=0.011)
    assert np.mean(one_more) == pytest.approx(0.95, abs=0.011)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_the_closed_form(counts):
    hits, n = counts
    share = hits / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))

    interval = wilson_interval(hits, n)

    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half), abs=1e-6)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (8, 10, 0.49016247, 0.94331785),
        (0, 20, 0.0, 0.16112516),
        (500, 599, 0.80286513, 0.86231805),
    ],
)
def test_wilsons_interval_is_that_of_another_library(hits, n, low, high):
    interval = wilson_interval(hits, n)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-8)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_contains_the_share_and_lies_between_0_and_1(counts):
    hits, n = counts

    interval = wilson_interval(hits, n)

    assert 0 <= interval.low <= hits / n <= interval.high <= 1


@pytest.mark.parametrize("n", [599, 2568])
@pytest.mark.parametrize("accuracy", [0.5, 0.75, 0.85, 0.97])
def test_wilsons_interval_contains_the_accuracy_in_95_percent(accuracy, n):
    hits = np.arange(n + 1)
    chances = binom.pmf(hits, n, accuracy)
    likely = hits[chances > 1e-7]  # the others do not add up to a thousandth

    held = sum(chances[each] for each in likely if accuracy in wilson_interval(int(each), n))

    assert held == pytest.approx(0.95, abs=0.01)
