import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.training.steps import count_batches, ms_per_step, order_generator


@given(n=st.integers(1, 1000), batch_size=st.integers(1, 1000))
def test_the_last_and_smaller_batch_is_counted(n, batch_size):
    assert count_batches(n, batch_size) == len(range(0, n, batch_size))


def test_a_step_takes_its_share_of_the_median_epoch_but_for_the_first_which_compiles():
    assert ms_per_step([60.0, 1.0, 9.0, 2.0], steps=4) == 500


def test_the_first_epoch_counts_where_it_is_alone():
    assert ms_per_step([3.0], steps=2) == 1500


@pytest.mark.parametrize(("seeds", "is_same"), [((3, 3), True), ((3, 4), False)])
def test_the_seed_of_pythons_random_numbers_decides_the_orders(seeds, is_same):
    orders = []
    for seed in seeds:
        random.seed(seed)
        order = order_generator()
        orders.append([order.permutation(20).tolist() for _ in range(3)])

    assert (orders[0] == orders[1]) == is_same
    assert orders[0][0] != orders[0][1], "each epoch has an order of its own"
