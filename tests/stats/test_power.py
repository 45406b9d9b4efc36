"""Which differences could have been found."""

import numpy as np
import pytest
from numpy.random import default_rng

from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_difference, mean_squares
from rnnbench.stats.power import detectable, documents_needed, seeds_needed
from simulations.crossed import Population, draw_models
from simulations.planning import planned_with_seeds


@pytest.mark.parametrize(("n_seeds", "points"), [(5, 3), (10, 1)])
def test_a_detectable_difference_is_found_in_80_percent(n_seeds, points):
    random = default_rng(0)
    equal = Population.of(0.85, points).draw(random, 200, [n_seeds] * 2, 599)
    squares = [
        mean_squares(Correctness(a), Correctness(b))
        for a, b in zip(*equal, strict=True)
    ]
    half = np.median([detectable(entry, 0.05) for entry in squares]) / 2
    apart = [(Population.of(0.85 + sign * half, points), n_seeds) for sign in (1, -1)]

    drawn = draw_models(random, 400, apart, 599)

    are_clear = [
        estimate_difference(Correctness(a), Correctness(b)).p < 0.05
        for a, b in zip(*drawn, strict=True)
    ]
    assert np.mean(are_clear) == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("difference", [0.03, 0.04, 0.05])
def test_the_seeds_needed_are_the_fewest_with_which_the_difference_is_detectable(
    difference,
):
    drawn = Population.of(0.85, 3).draw(default_rng(1), 1, [3, 3], 2_568)
    squares = mean_squares(*(Correctness(entry[0]) for entry in drawn))

    n = seeds_needed(squares, 0.05, difference)

    assert n > 3
    assert detectable(squares.with_seeds(n), 0.05) <= difference
    assert detectable(squares.with_seeds(n - 1), 0.05) > difference


def test_no_difference_above_1_is_detectable():
    random = default_rng(0)
    few = (Correctness(random.random((3, 2)) < 0.5) for _ in "ab")

    assert detectable(mean_squares(*few), 0.001) is None


def test_no_difference_of_two_documents_is_detectable_at_a_very_low_level():
    squares = mean_squares(
        Correctness(np.array([[0.1, 0.2]])), Correctness(np.array([[0.0, 0.0]]))
    )

    assert detectable(squares, 0.05) is not None
    assert detectable(squares, 1e-11) is None


def test_the_documents_needed_find_the_difference_in_80_percent():
    _, found = planned_with_seeds(0.85, 0.3, n_seeds=5, points=3, times=300)

    assert found == pytest.approx(0.8, abs=0.08)


def test_no_number_of_documents_makes_up_for_seeds_that_differ():
    drawn = Population.of(0.85, 3).draw(default_rng(1), 1, [3, 3], 2_568)
    squares = mean_squares(*(Correctness(entry[0]) for entry in drawn))

    assert documents_needed(squares, 0.05, 0.001, n_documents=2_568) is None
