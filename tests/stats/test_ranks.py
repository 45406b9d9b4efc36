"""Mean ranks over datasets, and their tests."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from rnnbench.stats.ranks import (
    ALPHA,
    critical_difference,
    friedman_test,
    groups_within,
)

# Demšar's table 6: the areas under the curve of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf. On
# the last dataset but one, C4.5+cf is ahead of C4.5+m+cf before rounding.
AREAS = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.975 - 1e-4],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


# His table 5a: the critical values of Nemenyi's test at 0.05, for 2 to 10 models.
QUANTILES = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


def test_friedmans_test_is_that_of_demsars_example():
    ranks = rankdata(-AREAS, axis=1)

    test = friedman_test(ranks)

    assert ranks[5].tolist() == [1, 2.5, 4, 2.5]
    assert ranks.mean(axis=0).round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    assert (round(test.chi_squared, 2), round(test.f, 2), test.df) == (
        9.28,
        3.69,
        (3, 39),
    )
    assert test.p < ALPHA, "the critical value of F(3, 39) is 2.85"


def test_critical_values_are_those_of_demsars_table():
    quantiles = [
        critical_difference(30, k) / (k * (k + 1) / (6 * 30)) ** 0.5
        for k in range(2, 11)
    ]

    assert quantiles == pytest.approx(QUANTILES, abs=0.001)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=9), st.integers(1, 31))
def test_two_models_share_a_group_exactly_if_they_differ_by_less(values, difference):
    means = {f"model{number}": value for number, value in enumerate(sorted(values))}

    groups = [set(group) for group in groups_within(means, difference)]

    for a, b in combinations(means, 2):
        assert any({a, b} <= group for group in groups) == (
            means[b] - means[a] < difference
        )
    assert not any(
        group <= other for group in groups for other in groups if group is not other
    )
    assert all(len(group) > 1 for group in groups)


@pytest.mark.parametrize(
    ("n", "k", "p"), [(2, 2, 1 / 2), (5, 2, 1 / 16), (3, 3, 1 / 36)]
)
def test_if_all_datasets_agree_the_p_value_is_the_probability_of_that(n, k, p):
    test = friedman_test(np.tile(np.arange(1.0, k + 1), (n, 1)))

    assert (test.f, test.p) == (None, pytest.approx(p))
