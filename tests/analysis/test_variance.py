from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from simulations.crossed import Population

from rnnbench.analysis.variance import N_BLOCKS, mean_squares


def drawn(n_seeds, n_documents=599, points=1.0, seed=0):
    population = Population.of(0.85, points)
    return population.draw(np.random.default_rng(seed), 1, [n_seeds], n_documents)[0][0]


def squares_of(hits):
    return mean_squares(hits.mean(axis=0), hits)


@given(st.integers(0, 1_000))
def test_the_same_number_of_seeds_only_raises_variances_that_are_below_chance(seed):
    squares = squares_of(drawn(4, 200, seed=seed))

    same = squares.with_seeds(4)

    assert same.documents == pytest.approx(max(squares.documents, squares.chance.sum()))
    assert same.seeds == pytest.approx(np.maximum(squares.seeds, squares.chance))
    assert same.chance == pytest.approx(squares.chance)


def test_more_seeds_leave_the_variance_over_documents():
    squares = squares_of(drawn(4))
    of_documents = squares.documents - squares.chance.sum()

    many = squares.with_seeds(10**9)

    assert many.variance == pytest.approx(of_documents, rel=1e-6)
    assert many.df(many.variance) == pytest.approx(598, rel=1e-6)


def test_the_variance_that_is_expected_of_more_seeds_is_that_of_more_seeds():
    few = [squares_of(drawn(3, points=3, seed=seed)).with_seeds(12).variance for seed in range(300)]
    many = [squares_of(drawn(12, points=3, seed=seed)).variance for seed in range(300)]

    assert np.mean(few) == pytest.approx(np.mean(many), rel=0.1)


def test_the_seeds_of_a_model_with_a_single_trial_do_not_count():
    a, b = drawn(3), drawn(1)

    both = mean_squares(a.mean(axis=0) - b[0], a, b)

    assert both.n_seeds.tolist() == [3]


# Documents in order of time.


def test_blocks_vary_as_clusters_do():
    hits = np.repeat([[True, False]], [40, 21], axis=1)
    ends = np.arange(N_BLOCKS + 1) * 61 // N_BLOCKS  # of blocks of three or four documents
    sums = [(hits[0] - 40 / 61)[start:end].sum() for start, end in pairwise(ends)]

    squares = mean_squares(hits.mean(axis=0), hits, in_order=True)

    by_hand = N_BLOCKS / (N_BLOCKS - 1) * np.square(sums).sum() / 61**2
    assert squares.documents == pytest.approx(by_hand)
    assert squares.df(squares.variance) == pytest.approx(N_BLOCKS - 1)


@given(arrays(bool, (3, N_BLOCKS)), st.integers(2, 5))
def test_documents_that_come_several_times_in_a_row_count_once(hits, times):
    once, repeated = squares_of(hits), np.repeat(hits, times, axis=1)

    squares = mean_squares(repeated.mean(axis=0), repeated, in_order=True)

    assert squares.documents == pytest.approx(once.documents)
    if once.documents:
        assert squares.n_documents == N_BLOCKS
        assert squares.seeds == pytest.approx(once.seeds)
        assert squares.chance == pytest.approx(once.chance)


@given(arrays(bool, (2, 80)), st.permutations(range(N_BLOCKS)))
def test_the_order_of_blocks_and_of_documents_in_a_block_does_not_matter(hits, order):
    blocks = np.arange(80).reshape(N_BLOCKS, -1)
    other = hits[:, blocks[order, ::-1].ravel()]

    in_order, mixed = (
        mean_squares(each.mean(axis=0), each, in_order=True) for each in (hits, other)
    )

    assert mixed.documents == pytest.approx(in_order.documents)
    assert mixed.variance == pytest.approx(in_order.variance)


@given(arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 60))))
def test_order_never_makes_documents_vary_less_and_a_few_are_their_own_blocks(hits):
    single, in_order = (
        mean_squares(hits.mean(axis=0), hits, in_order=way) for way in (False, True)
    )

    assert in_order.documents >= single.documents
    if hits.shape[1] <= N_BLOCKS:
        assert in_order.documents == pytest.approx(single.documents)
        assert in_order.chance == pytest.approx(single.chance)
