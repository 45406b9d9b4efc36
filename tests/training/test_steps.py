"""The order of the steps: nothing but the arguments decides it."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.training.steps import batches, count_batches, ms_per_step

sizes = st.integers(1, 300)
seeds = st.integers(0, 2**32 - 1)
epochs = st.integers(1, 1000)


@given(n=sizes, batch_size=sizes, seed=seeds, epoch=epochs)
def test_every_document_comes_once_in_batches_of_which_only_the_last_may_be_smaller(
    n, batch_size, seed, epoch
):
    parts = batches(n, batch_size, seed, epoch)

    assert sorted(np.concatenate(parts)) == list(range(n))
    assert len(parts) == count_batches(n, batch_size)
    assert {len(part) for part in parts[:-1]} <= {batch_size}
    assert 0 < len(parts[-1]) <= batch_size


@given(n=sizes, batch_size=sizes, seed=seeds, epoch=epochs, other=seeds)
def test_no_global_state_and_no_batch_size_changes_the_order(n, batch_size, seed, epoch, other):
    before = np.concatenate(batches(n, batch_size, seed, epoch))
    random.seed(other)
    np.random.seed(other)

    np.testing.assert_array_equal(np.concatenate(batches(n, n, seed, epoch)), before)


@given(trial=st.tuples(seeds, epochs), other=st.tuples(seeds, epochs))
def test_each_seed_and_each_epoch_has_an_order_of_its_own(trial, other):
    (ours,), (theirs,) = batches(100, 100, *trial), batches(100, 100, *other)

    assert np.array_equal(ours, theirs) == (trial == other)


def test_the_order_is_the_documented_one():
    expected = np.random.default_rng([3, 2]).permutation(5)

    assert [part.tolist() for part in batches(5, 3, seed=3, epoch=2)] == [
        expected[:3].tolist(),
        expected[3:].tolist(),
    ]


def test_the_time_of_a_step_is_that_of_the_median_epoch_without_the_first_which_compiles():
    assert ms_per_step([60.0, 1.0, 9.0, 2.0], steps=4) == 500


def test_the_first_epoch_counts_if_it_is_the_only_one():
    assert ms_per_step([3.0], steps=2) == 1500
