"""Clusters that a verdict was not told of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench import UserError, verdict
from rnnbench.stats.agreement import agreement_p

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_agreement_is_tested_as_by_an_analysis_of_variance(seed):
    from scipy.stats import f_oneway

    random = np.random.default_rng(seed)
    groups = np.append(np.arange(12), random.integers(12, size=60))
    values = random.random(72) + random.random(12)[groups]

    expected = f_oneway(*(values[groups == number] for number in range(12))).pvalue

    assert agreement_p(values, groups) == pytest.approx(expected)


@given(SEEDS)
def test_equal_values_in_each_group_agree(seed):
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(20), 5)

    assert agreement_p(random.random(20)[groups], groups) == pytest.approx(0, abs=1e-12)


def test_values_that_are_all_equal_say_nothing_about_groups():
    assert agreement_p(np.ones(100), np.repeat(np.arange(20), 5)) == 1


@pytest.mark.parametrize("order", ["as given", "shuffled"])
def test_ids_of_python_name_clusters(order, caplog):
    random = np.random.default_rng(0)
    right = np.repeat(random.random(100) < 0.8, 6).astype(int)
    ids = np.array([f"passage{place // 6}-{place % 6}" for place in range(600)])
    places = np.arange(600) if order == "as given" else random.permutation(600)

    verdict(np.ones(600, int), {"mine": right[places]}, ids=ids[places])

    assert "documents whose 'id' begins alike (100 clusters)" in caplog.text


def test_columns_are_those_of_the_documents_that_count(caplog):
    random = np.random.default_rng(0)
    right = np.repeat(random.random(100) < 0.8, 6).astype(int).tolist()
    passages = [f"p{place // 6}" for place in range(600)]
    right[::7] = [None] * len(right[::7])

    verdict([1] * 600, {"mine": right}, columns={"passage": passages}, missing="drop")

    assert "documents with the same 'passage' (100 clusters)" in caplog.text


def test_a_column_of_another_length_is_refused():
    with pytest.raises(UserError, match="columns: passage: 1 value, but 2 documents"):
        verdict([1, 2], {"mine": [1, 1]}, columns={"passage": ["a"]})
