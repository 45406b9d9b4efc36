import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats
from simulations.crossed import Population, coverage

from rnnbench.analysis.comparisons import mcnemar_p
from rnnbench.analysis.intervals import (
    SMALLEST_P,
    Estimate,
    accuracy_interval,
    estimate_difference,
    folds_interval,
    folds_p,
    prediction_interval,
    t_interval,
)
from rnnbench.results.schema import Interval

T = {2: math.tan(0.95 * math.pi / 2), 3: 0.95 / math.sqrt(2 * 0.975 * 0.025), 5: 2.7764451}
"""Student's quantiles by number of values; those of two and three in closed form."""
Z = 1.9599640
"""The normal quantile."""

few_values = st.sampled_from(sorted(T)).flatmap(
    lambda n: st.lists(st.floats(0, 1), min_size=n, max_size=n)
)

hits_of_a_model = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9))


@st.composite
def pairs_of_models(draw):
    """Hits of two models on the same documents, each with its own number of trials."""
    n_documents = draw(st.integers(2, 30))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return tuple(random.random((draw(st.integers(1, 5)), n_documents)) < 0.8 for _ in "ab")


@pytest.mark.parametrize(("interval_of", "more"), [(t_interval, 0), (prediction_interval, 1)])
@given(values=few_values)
def test_intervals_of_a_mean_and_of_one_more_value_are_the_closed_form(interval_of, more, values):
    n, mean = len(values), math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = T[n] * spread * math.sqrt(more + 1 / n)

    interval = interval_of(values)

    assert (interval.low, interval.high) == pytest.approx((mean - half, mean + half), abs=1e-6)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_values_have_no_interval(values):
    assert t_interval(values) is None
    assert prediction_interval(values) is None


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_single_trial_is_wilsons_closed_form(counts):
    right, n = counts
    share = right / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))

    interval = accuracy_interval(np.arange(n)[np.newaxis] < right)

    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half), abs=1e-6)


def test_trials_that_agree_have_the_interval_of_one():
    hits = np.random.default_rng(0).random((1, 60)) < 0.8

    assert accuracy_interval(np.repeat(hits, 4, axis=0)) == accuracy_interval(hits)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 4), st.integers(1, 20))
def test_the_interval_of_an_accuracy_contains_it_and_lies_between_0_and_1(
    seed, accuracy, n_trials, n_documents
):
    hits = np.random.default_rng(seed).random((n_trials, n_documents)) < accuracy

    interval = accuracy_interval(hits)

    assert 0 <= interval.low <= hits.mean() + 1e-12
    assert hits.mean() - 1e-12 <= interval.high <= 1


def mean_squares(hits):
    """The mean squares of the two-way analysis of variance, spelled out."""
    n_seeds, n_columns = hits.shape
    mean, of_seeds, of_columns = hits.mean(), hits.mean(axis=1), hits.mean(axis=0)
    between_seeds = n_columns * sum((each - mean) ** 2 for each in of_seeds) / (n_seeds - 1)
    between_columns = n_seeds * sum((each - mean) ** 2 for each in of_columns) / (n_columns - 1)
    rest = sum(
        (hits[seed, column] - of_seeds[seed] - of_columns[column] + mean) ** 2
        for seed in range(n_seeds)
        for column in range(n_columns)
    ) / ((n_seeds - 1) * (n_columns - 1))
    return between_seeds, between_columns, rest


@given(hits_of_a_model)
def test_the_variance_of_a_difference_is_that_of_the_two_way_analysis_of_variance(hits):
    nothing = np.zeros((1, hits.shape[1]), bool)
    seeds, columns, rest = mean_squares(hits)

    estimate = estimate_difference(hits, nothing)

    whole = max(0, columns - rest) + seeds
    spread = seeds**2 / (len(hits) - 1) + columns**2 / (hits.shape[1] - 1)
    if whole**2 < spread:  # less than one degree of freedom
        whole = max(whole, columns)
    assert estimate.error == pytest.approx((whole / hits.size) ** 0.5, abs=1e-7)


@given(hits_of_a_model)
def test_degrees_of_freedom_are_satterthwaites(hits):
    n_seeds, n_columns = hits.shape
    nothing = np.zeros((1, n_columns), bool)
    seeds, columns, _ = mean_squares(hits)
    estimate = estimate_difference(hits, nothing)
    assume(estimate.error > 1e-6)

    spread = seeds**2 / (n_seeds - 1) + columns**2 / (n_columns - 1)
    assert estimate.df == pytest.approx((estimate.error**2 * hits.size) ** 2 / spread, rel=1e-6)


def test_the_seeds_of_both_models_add_to_the_variance():
    seeds_alone = np.zeros((3, 40), bool)
    seeds_alone[0] = True
    documents_alone = np.tile(np.arange(40) % 4 > 0, (5, 1))

    estimate = estimate_difference(seeds_alone, documents_alone)

    of_documents = 0.75 * 0.25 / 39  # right ones times wrong ones, over one less than their number
    variance = of_documents + 1 / 9
    assert estimate.error == pytest.approx(variance**0.5)
    assert estimate.df == pytest.approx(variance**2 / (of_documents**2 / 39 + (1 / 9) ** 2 / 2))
    assert estimate_difference(seeds_alone[:1], documents_alone[:1]).df == 39


@pytest.mark.parametrize(
    ("n_seeds", "n_documents", "accuracy", "points", "least"),
    [
        (5, 599, 0.85, 0.3, 0.93),
        (5, 599, 0.85, 1, 0.93),
        (10, 599, 0.85, 3, 0.93),
        (5, 2_189, 0.96, 1, 0.93),
        (3, 599, 0.85, 1, 0.93),
        (3, 599, 0.85, 3, 0.91),
        (5, 599, 0.95, 3, 0.91),
        (2, 599, 0.85, 1, 0.9),
    ],
)
def test_95_percent_intervals_contain_the_true_mean_in_93_to_98_and_fewer_with_few_seeds(
    n_seeds, n_documents, accuracy, points, least
):
    held = coverage(Population.of(accuracy, points), n_seeds, n_documents, times=2_000)

    assert least <= held <= 0.98


@pytest.mark.parametrize("n_seeds", [1, 5])
def test_intervals_of_blocks_contain_the_true_mean_even_if_errors_come_in_bursts(n_seeds):
    population = Population.of(0.975, 0.3, bursts=0.3)

    single, blocks = (
        coverage(population, n_seeds, 2_189, times=600, in_order=way) for way in (False, True)
    )

    assert single < 0.87
    assert 0.92 <= blocks <= 0.98


@pytest.mark.parametrize("models", [[3, 3], [5, 5], [5, 1]], ids=str)
@pytest.mark.parametrize("points", [0.3, 3])
def test_a_difference_that_is_not_there_is_found_in_5_percent(models, points):
    population = Population.of(0.85, points)
    drawn = population.draw(np.random.default_rng(2), 2_000, models, 599)

    found = [estimate_difference(a, b).p < 0.05 for a, b in zip(*drawn, strict=True)]

    chance = 2.5 * (0.05 * 0.95 / len(found)) ** 0.5
    assert 0.035 - chance <= np.mean(found) <= 0.065 + chance


def test_with_five_seeds_small_p_values_are_hardly_more_frequent_than_they_say():
    drawn = Population.of(0.85, 1).draw(np.random.default_rng(6), 3_000, [5, 5], 599)

    found = np.array([estimate_difference(a, b).p for a, b in zip(*drawn, strict=True)])

    for level in (0.05, 0.01, 0.05 / 21):  # the smallest of 21 p-values has to be below the latter
        assert np.mean(found < level) <= level + 2.5 * (level / len(found)) ** 0.5


@given(pairs_of_models())
def test_an_interval_contains_0_if_and_only_if_the_p_value_is_above_5_percent(models):
    estimate = estimate_difference(*models)
    assume(estimate.error and abs(estimate.p - 0.05) > 1e-9)

    assert (0 in estimate.interval) == (estimate.p > 0.05)


@given(pairs_of_models())
def test_exchanged_models_have_the_opposite_difference(models):
    one, other = estimate_difference(*models), estimate_difference(*models[::-1])

    assert (other.value, other.error, other.p) == pytest.approx((-one.value, one.error, one.p))
    assert other.interval.low == pytest.approx(-one.interval.high)


@given(st.floats(0.01, 2), st.floats(0.01, 2), st.floats(1, 50))
def test_a_p_value_is_twice_students_tail_beyond_the_value(value, error, df):
    estimate = Estimate(value, error, df)
    assume(estimate.p > SMALLEST_P)

    assert estimate.reach(estimate.p / 2) * error == pytest.approx(value, rel=1e-6)


def test_answers_that_are_the_same_do_not_differ():
    hits = np.random.default_rng(0).random((3, 50)) < 0.8

    estimate = estimate_difference(hits, hits)

    assert (estimate.value, estimate.error, estimate.p) == (0, 0, 1)
    assert estimate.interval == Interval(low=0, high=0)


def test_no_p_value_is_below_the_smallest():
    a, b = np.ones((1, 2_000), bool), np.zeros((1, 2_000), bool)
    b[0, 0] = True

    assert estimate_difference(a, b).p == SMALLEST_P


@pytest.mark.parametrize("n_documents", [1, 2, 3, 5, 6, 40])
def test_if_all_documents_agree_the_p_value_is_that_of_a_sign_test(n_documents):
    right, wrong = np.ones((2, n_documents), bool), np.zeros((3, n_documents), bool)
    in_turn = np.array([np.arange(n_documents) % 2 == seed for seed in (0, 1)])

    ahead, behind, half = (
        estimate_difference(*pair) for pair in ((right, wrong), (wrong, right), (in_turn, wrong))
    )

    assert (ahead.value, behind.value) == (1, -1)
    assert half.value == pytest.approx(0.5)
    assert ahead.error == behind.error == 0
    assert ahead.p == behind.p == mcnemar_p(right[0], wrong[0]) == 2 / 2**n_documents


@pytest.mark.parametrize("n_documents", [1, 40])
def test_hits_without_variation_have_wilsons_interval(n_documents):
    hits = np.full((3, n_documents), True)

    assert accuracy_interval(hits) == accuracy_interval(hits[:1])


def test_the_interval_over_folds_allows_for_their_overlap():
    folds = np.array([[0.7], [0.8], [0.75], [0.85], [0.9]])
    plain = t_interval(folds[:, 0])
    found = folds_interval(folds)

    ratio = (found.high - found.low) / (plain.high - plain.low)
    assert ratio == pytest.approx((1 + 5 / 4) ** 0.5), "1/5 + 1/4 in place of 1/5"
    assert (found.high + found.low) / 2 == pytest.approx(0.8)


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_the_p_value_over_folds_is_that_of_the_interval_of_the_difference(level):
    folds, other = np.array([0.7, 0.8, 0.75, 0.85, 0.9]), np.array([0.71, 0.78, 0.76, 0.8, 0.9])
    found = folds_interval((folds - other)[:, np.newaxis])
    reach = stats.t.ppf(1 - level / 2, 4) / stats.t.ppf(0.975, 4) * (found.high - found.low) / 2

    # Moved until an interval of this level ends at 0, the difference has the p-value of the level.
    moved = folds - (folds - other).mean() + reach

    assert folds_p(moved, other) == folds_p(other, moved) == pytest.approx(level)


def test_folds_that_all_show_one_difference_leave_no_doubt_and_one_fold_shows_nothing():
    assert folds_p([0.5, 0.7], [0.5, 0.7]) == 1
    assert folds_p([0.5, 0.75], [0.25, 0.5]) == SMALLEST_P
    assert folds_p([0.5], [0.7]) is None


def test_the_interval_over_seeds_of_one_part_is_students():
    accuracies = np.array([[0.7, 0.8, 0.75]])
    found, plain = folds_interval(accuracies), t_interval(accuracies[0])
    assert (found.low, found.high) == (pytest.approx(plain.low), pytest.approx(plain.high))


def test_seeds_that_differ_more_than_folds_widen_the_interval():
    folds = np.array([0.7, 0.8, 0.9])
    one = folds_interval(folds[:, np.newaxis])
    both = folds_interval(folds[:, np.newaxis] + np.array([-0.3, 0, 0.3]))
    assert both.low < one.low < one.high < both.high


def test_a_single_training_has_no_interval_and_trainings_that_agree_have_a_point():
    assert folds_interval(np.array([[0.5]])) is None
    assert folds_interval(np.full((3, 2), 0.5)) == Interval(low=0.5, high=0.5)
