import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulations.crossed import Population

from rnnbench.analysis.variance import mean_squares


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
