"""Whether right answers agree in groups of documents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.stats.agreement import agreement_p

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_agreement_is_tested_as_by_an_analysis_of_variance(seed):
    from scipy.stats import f_oneway

    random = default_rng(seed)
    groups = np.append(np.arange(12), random.integers(12, size=60))
    values = random.random(72) + random.random(12)[groups]

    expected = f_oneway(*(values[groups == number] for number in range(12))).pvalue

    assert agreement_p(values, groups) == pytest.approx(expected)


@given(SEEDS)
def test_equal_values_in_each_group_agree(seed):
    random = default_rng(seed)
    groups = np.repeat(np.arange(20), 5)

    assert agreement_p(random.random(20)[groups], groups) == pytest.approx(0, abs=1e-12)


def test_values_that_are_all_equal_say_nothing_about_groups():
    assert agreement_p(np.ones(100), np.repeat(np.arange(20), 5)) == 1
