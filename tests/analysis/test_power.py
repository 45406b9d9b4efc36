import numpy as np
import pytest
from factories import scored_run
from simulations.crossed import Population, draw_models

from rnnbench.analysis.intervals import estimate_difference
from rnnbench.analysis.power import detectable, power_of_pairs, seeds_needed
from rnnbench.analysis.variance import mean_squares
from rnnbench.errors import UserError


def squares_of(a, b):
    return mean_squares(a.mean(axis=0) - b.mean(axis=0), a, b)


@pytest.mark.parametrize(("n_seeds", "points"), [(5, 0.3), (5, 3), (10, 1)])
def test_a_detectable_difference_is_found_in_80_percent(n_seeds, points):
    random = np.random.default_rng(0)
    equal = Population.of(0.85, points).draw(random, 200, [n_seeds] * 2, 599)
    half = np.median([detectable(squares_of(*each), 0.05) for each in zip(*equal, strict=True)]) / 2
    apart = [(Population.of(0.85 + sign * half, points), n_seeds) for sign in (1, -1)]

    drawn = draw_models(random, 400, apart, 599)

    found = [estimate_difference(*each).p < 0.05 for each in zip(*drawn, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


@pytest.fixture(scope="module")
def run():
    """Two models that are close, one far away, and one with a single seed."""
    return scored_run({"a": [17, 16, 17], "b": [12, 13, 12], "far": [2, 3, 2], "one": [14]})


def by_names(pairs):
    return {(each.comparison.a, each.comparison.b): each for each in pairs}


def test_pairs_that_are_not_clear_are_listed(run):
    unclear = {
        (each.a, each.b)
        for each in run.results.comparisons
        if not each.is_clear and not each.b.startswith("always")
    }

    assert set(by_names(power_of_pairs(run))) == unclear


def test_pairs_that_need_the_fewest_seeds_come_first_and_those_that_no_number_tells_apart_last():
    rights = {
        "a": [880, 850, 910],
        "b": [850, 820, 880],
        "c": [800, 760, 840],
        "d": [879, 849, 909],
    }

    pairs = power_of_pairs(scored_run(rights, of=1_000))

    needed = [each.seeds_needed for each in pairs]
    assert [each is None for each in needed] == [False, False, False, False, False, True]
    assert needed[:5] == sorted(needed[:5])
    assert len(set(needed[:5])) > 2


@pytest.mark.parametrize("difference", [0.03, 0.04, 0.05])
def test_the_seeds_needed_are_the_fewest_with_which_the_difference_is_detectable(difference):
    drawn = Population.of(0.85, 3).draw(np.random.default_rng(1), 1, [3, 3], 2_568)
    squares = squares_of(*(each[0] for each in drawn))

    n = seeds_needed(squares, 0.05, difference)

    assert n > 3
    assert detectable(squares.with_seeds(n), 0.05) <= difference
    assert detectable(squares.with_seeds(n - 1), 0.05) > difference


def test_a_difference_is_detectable_alone_before_it_is_among_all(run):
    pair = by_names(power_of_pairs(run))["a", "b"]
    hits = [np.stack([t.answers == t.labels for t in run.trials[name]]) for name in "ab"]

    assert pair.detectable == detectable(squares_of(*hits), 0.05) < pair.detectable_corrected


def test_documents_in_order_of_time_hide_larger_differences():
    rights = {"a": [880, 850, 910], "b": [850, 820, 880]}

    single, blocks = (
        power_of_pairs(scored_run(rights, of=1_000, dataset={"in_order": way}))[0].detectable
        for way in (False, True)
    )

    assert blocks > single


def test_one_seed_says_nothing_about_others(run):
    pair = by_names(power_of_pairs(run))["a", "one"]

    assert (pair.seeds_needed, pair.is_spread_known) == (None, False)
    assert (pair.detectable, pair.detectable_corrected) == (None, None)


def test_with_two_seeds_no_difference_would_be_clear():
    (pair,) = power_of_pairs(scored_run({"a": [17, 15], "b": [16, 14]}))

    assert (pair.detectable, pair.detectable_corrected) == (None, None)
    assert pair.is_spread_known


def test_no_number_of_seeds_makes_up_for_documents():
    run = scored_run({"a": [12, 12, 12], "b": [11, 11, 11]})

    (pair,) = power_of_pairs(run)

    assert (pair.seeds_needed, pair.is_spread_known) == (None, True)


def test_only_the_chosen_models_are_compared(run):
    assert set(by_names(power_of_pairs(run, ["a", "b"]))) == {("a", "b")}
    with pytest.raises(UserError, match="no run has a model 'c'"):
        power_of_pairs(run, ["c"])


def test_a_difference_above_1_is_not_detectable_at_all():
    random = np.random.default_rng(0)
    few = [random.random((3, 2)) < 0.5 for _ in range(2)]

    assert detectable(squares_of(*few), 0.001) is None
