"""The documents that tell two single trainings apart, by McNemar's exact test."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.stats.paired import mcnemar_p
from rnnbench.stats.planning import (
    mcnemar_detectable,
    mcnemar_documents,
    mcnemar_power,
)
from simulations.planning import found_by_numbers


def enumerated(n, agree, difference):
    """The power as a sum over all numbers of documents that only one gets right."""
    power = 0
    p_a = (1 - agree + difference) / 2
    p_b = (1 - agree - difference) / 2
    for only_a in range(n + 1):
        for only_b in range(min(only_a, n - only_a + 1)):
            a = np.arange(only_a + only_b) < only_a
            if mcnemar_p(a, ~a) < 0.05:
                both = n - only_a - only_b
                ways = comb(n, both) * comb(n - both, only_a)
                power += ways * p_a**only_a * p_b**only_b * agree**both
    return power


@settings(max_examples=15)
@given(st.integers(1, 20), st.floats(0, 0.9), st.floats(0, 1))
def test_the_power_is_that_of_all_outcomes(n, agree, share):
    difference = share * (1 - agree)

    power = mcnemar_power(n, agree, difference)

    assert power == pytest.approx(enumerated(n, agree, difference), abs=1e-6)


@pytest.mark.parametrize(("n", "agree"), [(100, 0.8), (500, 0.9), (3_000, 0.98)])
def test_the_smallest_difference_is_found_in_80_percent(n, agree):
    difference = mcnemar_detectable(n, agree)

    found = found_by_numbers(n, agree, difference, times=4_000)

    assert found == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("agree", "difference"), [(0.9, 0.01), (0.5, 0.05)])
def test_one_document_fewer_than_needed_is_too_few(agree, difference):
    n = mcnemar_documents(agree, difference)

    assert mcnemar_power(n, agree, difference) >= 0.8
    assert mcnemar_power(n - 1, agree, difference) < 0.8


def test_equal_models_are_seldom_told_apart():
    assert 0.015 < mcnemar_power(3_000, 0.9, 0) <= 0.025


@pytest.mark.parametrize(("n", "agree"), [(10_000_000, 0.5), (1_000_000, 0.999_999)])
def test_many_documents_are_planned_in_a_moment(n, agree):
    assert 0 <= mcnemar_power(n, agree, (1 - agree) / 1_000) <= 1


def test_models_that_always_agree_have_no_difference_to_be_found():
    assert mcnemar_detectable(1_000, agree=1.0) is None
    assert mcnemar_documents(agree=1.0, difference=0.01) is None
