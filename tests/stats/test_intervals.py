"""Intervals, differences and the variances that they come from."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.random import default_rng
from scipy import stats

from rnnbench.stats.correctness import N_BLOCKS, Correctness, blocks, n_equal
from rnnbench.stats.intervals import (
    SMALLEST_P,
    Estimate,
    Interval,
    estimate_difference,
    estimate_mean,
    estimate_over_folds,
    mean_squares,
    score_interval,
    t_interval,
)
from rnnbench.stats.paired import mcnemar_p
from simulations.crossed import Population, coverage

T = {
    2: math.tan(0.95 * math.pi / 2),
    3: 0.95 / math.sqrt(2 * 0.975 * 0.025),
    5: 2.7764451,
}
"""Student's quantiles by number of values; those of two and three in closed form."""
Z = 1.9599640
"""The normal quantile."""

few = settings(max_examples=25)
few_values = st.sampled_from(sorted(T)).flatmap(
    lambda n: st.lists(
        st.floats(0, 1),
        min_size=n,
        max_size=n,
    )
)


@st.composite
def pairs_of_models(draw):
    """Correctness of two models on the same documents, each with its own number of trials."""
    n_documents = draw(st.integers(2, 30))
    random = default_rng(draw(st.integers(0, 2**32 - 1)))
    models = []
    for _ in range(2):
        n_trials = draw(st.integers(1, 5))
        right = random.random((n_trials, n_documents)) < 0.8
        models.append(Correctness(right))
    return models


def drawn(n_seeds, n_documents=599, points=1.0, seed=0):
    population = Population.of(0.85, points)
    ((right,),) = population.draw(default_rng(seed), 1, [n_seeds], n_documents)
    return Correctness(right)


def middle_of(interval):
    return (interval.low + interval.high) / 2


def half_width_of(interval):
    return (interval.high - interval.low) / 2


@pytest.mark.parametrize("more", [0, 1])
@few
@given(values=few_values)
def test_an_interval_of_a_mean_or_of_one_more_value_is_the_closed_form(more, values):
    n = len(values)
    mean = math.fsum(values) / n
    squares = [(value - mean) ** 2 for value in values]
    spread = math.sqrt(math.fsum(squares) / (n - 1))
    half = T[n] * spread * math.sqrt(more + 1 / n)

    interval = t_interval(values, more)

    assert interval.low == pytest.approx(mean - half, abs=1e-6)
    assert interval.high == pytest.approx(mean + half, abs=1e-6)


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_values_have_no_interval(more, values):
    assert t_interval(values, more) is None


@few
@given(data=st.data(), n=st.integers(1, 500))
def test_the_interval_of_a_single_trial_is_wilsons_closed_form(data, n):
    n_right = data.draw(st.integers(0, n))
    share = n_right / n
    scale = 1 + Z**2 / n
    centre = (share + Z**2 / (2 * n)) / scale
    variance = share * (1 - share) / n + Z**2 / (4 * n**2)
    half = Z / scale * math.sqrt(variance)
    right = np.arange(n)[np.newaxis] < n_right

    interval = score_interval(Correctness(right))

    assert interval.low == pytest.approx(centre - half, abs=1e-6)
    assert interval.high == pytest.approx(centre + half, abs=1e-6)


def test_the_interval_of_a_loss_is_students_above_0_without_an_upper_limit():
    losses = np.array([[0.0, 0.0, 3.0, 9.0]])

    interval = score_interval(Correctness(losses, is_loss=True))

    assert interval.low == 0
    error = stats.sem(losses[0])
    assert interval.high == pytest.approx(3 + stats.t.ppf(0.975, 3) * error)


@pytest.mark.parametrize("share", [0.8, 1])
def test_trials_that_agree_have_the_interval_of_one(share):
    right = default_rng(0).random((1, 60)) < share
    four_times = np.repeat(right, 4, axis=0)

    interval = score_interval(Correctness(four_times))

    assert interval == score_interval(Correctness(right))


@pytest.mark.parametrize("n_seeds", [1, 4])
def test_the_interval_of_micro_f1_is_students_near_that_of_resampled_documents(
    n_seeds,
):
    random = default_rng(0)
    both = random.integers(0, 3, (1, 900)) * np.ones((n_seeds, 1))
    parts = np.stack([2 * both, both + random.integers(2, 5, 900)])
    hits = Correctness(parts)
    top, bottom = parts[:, 0]

    interval = score_interval(hits)

    assert hits.score == pytest.approx(top.sum() / bottom.sum())
    assert middle_of(interval) == pytest.approx(hits.score)
    resampled = random.integers(0, 900, (2_000, 900))
    scores = top[resampled].sum(axis=1) / bottom[resampled].sum(axis=1)
    expected = 1.963 * np.std(scores)
    assert half_width_of(interval) == pytest.approx(expected, rel=0.05)
    assert interval == estimate_mean(Correctness(hits.values)).interval


@pytest.mark.parametrize("f1", [0, 1])
def test_a_micro_f1_of_0_or_1_has_an_interval_of_more_than_a_point(f1):
    top = np.full((2, 60), 2 * f1)
    bottom = np.full((2, 60), 2)

    interval = score_interval(Correctness(np.stack([top, bottom])))

    right = np.full((1, 60), f1 == 1)
    assert interval == score_interval(Correctness(right))


def two_way_analysis(hits):
    """The mean squares of the two-way analysis of variance, spelled out."""
    n_seeds, n_columns = hits.shape
    mean = hits.mean()
    of_seeds = hits.mean(axis=1)
    of_columns = hits.mean(axis=0)
    squares_of_seeds = 0
    for mean_of_seed in of_seeds:
        squares_of_seeds += n_columns * (mean_of_seed - mean) ** 2
    squares_of_columns = 0
    for mean_of_column in of_columns:
        squares_of_columns += n_seeds * (mean_of_column - mean) ** 2
    squares_of_rest = 0
    for seed in range(n_seeds):
        for column in range(n_columns):
            expected = of_seeds[seed] + of_columns[column] - mean
            squares_of_rest += (hits[seed, column] - expected) ** 2
    return (
        squares_of_seeds / (n_seeds - 1),
        squares_of_columns / (n_columns - 1),
        squares_of_rest / ((n_seeds - 1) * (n_columns - 1)),
    )


matrices_of_answers = arrays(
    bool,
    array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9),
)


@few
@given(matrices_of_answers)
def test_the_error_of_a_difference_is_that_of_the_two_way_analysis(right):
    n_seeds, n_columns = right.shape
    seeds, columns, rest = two_way_analysis(right)
    never_right = np.zeros((1, n_columns), bool)

    estimate = estimate_difference(Correctness(right), Correctness(never_right))

    variance = max(0, columns - rest) + seeds
    spread = seeds**2 / (n_seeds - 1) + columns**2 / (n_columns - 1)
    if variance**2 < spread:  # less than one degree of freedom
        variance = max(variance, columns)
    assert estimate.error == pytest.approx((variance / right.size) ** 0.5, abs=1e-7)
    assume(estimate.error > 1e-6)
    expected = (estimate.error**2 * right.size) ** 2 / spread
    assert estimate.df == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def seeds_alone():
    """Answers that depend on the seed alone: only the first of three is right."""
    right = np.zeros((3, 40), bool)
    right[0] = True
    return right


@pytest.fixture
def documents_alone():
    """Answers that depend on the document alone: five seeds agree."""
    right = np.arange(40) % 4 > 0
    return np.tile(right, (5, 1))


def test_the_seeds_of_both_models_add_to_the_variance(seeds_alone, documents_alone):
    of_seeds = Correctness(seeds_alone)
    of_documents = Correctness(documents_alone)

    estimate = estimate_difference(of_seeds, of_documents)

    # Right ones times wrong ones, over one less than their number.
    variance_of_documents = 0.75 * 0.25 / 39
    variance_of_seeds = 1 / 9
    variance = variance_of_documents + variance_of_seeds
    assert estimate.error == pytest.approx(variance**0.5)
    spread = variance_of_documents**2 / 39 + variance_of_seeds**2 / 2
    assert estimate.df == pytest.approx(variance**2 / spread)


def test_without_other_seeds_the_degrees_of_freedom_are_those_of_documents(
    seeds_alone, documents_alone
):
    of_seeds = Correctness(seeds_alone[:1])
    of_documents = Correctness(documents_alone[:1])

    estimate = estimate_difference(of_seeds, of_documents)

    assert estimate.df == 39


@pytest.mark.parametrize(
    ("n_seeds", "n_documents", "accuracy", "points", "least"),
    [
        pytest.param(
            5,
            599,
            0.85,
            0.3,
            0.93,
            id="five seeds that agree",
        ),
        pytest.param(
            5,
            2_189,
            0.96,
            1,
            0.93,
            id="five seeds and many documents",
        ),
        pytest.param(
            2,
            599,
            0.85,
            1,
            0.9,
            id="two seeds",
        ),
    ],
)
def test_95_percent_intervals_contain_the_true_mean_in_93_to_98_or_fewer_with_few_seeds(
    n_seeds, n_documents, accuracy, points, least
):
    population = Population.of(accuracy, points)

    held = coverage(population, n_seeds, n_documents, times=500)

    assert least <= held <= 0.98


@pytest.mark.parametrize("n_seeds", [1, 5])
def test_intervals_of_blocks_contain_the_true_mean_even_if_errors_come_in_bursts(
    n_seeds,
):
    population = Population.of(0.975, 0.3, bursts=0.3)

    single = coverage(population, n_seeds, 2_189, times=300, in_order=False)
    blocks = coverage(population, n_seeds, 2_189, times=300, in_order=True)

    assert single < 0.87
    assert 0.92 <= blocks <= 0.98


@pytest.mark.parametrize(
    ("n_seeds", "points"),
    [
        ([3, 3], 0.3),
        ([5, 5], 3),
        ([5, 1], 0.3),
    ],
)
def test_a_difference_that_is_not_there_is_found_in_5_percent(n_seeds, points):
    population = Population.of(0.85, points)
    first, second = population.draw(default_rng(2), 1_000, n_seeds, 599)

    are_clear = []
    for a, b in zip(first, second, strict=True):
        estimate = estimate_difference(Correctness(a), Correctness(b))
        are_clear.append(estimate.p < 0.05)

    chance = 2.5 * (0.05 * 0.95 / len(are_clear)) ** 0.5
    assert 0.035 - chance <= np.mean(are_clear) <= 0.065 + chance


@few
@given(pairs_of_models())
def test_an_interval_contains_0_exactly_if_the_p_value_is_above_5_percent(models):
    estimate = estimate_difference(*models)
    assume(estimate.error and abs(estimate.p - 0.05) > 1e-9)

    assert (0 in estimate.interval) == (estimate.p > 0.05)


@few
@given(
    value=st.floats(0.01, 2),
    error=st.floats(0.01, 2),
    df=st.floats(1, 50),
)
def test_a_p_value_is_twice_students_tail_beyond_the_value(value, error, df):
    expected = 2 * stats.t.sf(value / error, df)
    expected = max(expected, SMALLEST_P)

    assert Estimate(value, error, df).p == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("error", [0.0, 1e-9])
def test_a_p_value_is_never_0(error):
    assert Estimate(1.0, error, 2_000).p == SMALLEST_P


@pytest.mark.parametrize("n_documents", [1, 2, 5, 40])
def test_if_all_documents_agree_the_p_value_is_that_of_a_sign_test(n_documents):
    right = np.ones((2, n_documents), bool)
    wrong = np.zeros((3, n_documents), bool)

    ahead = estimate_difference(Correctness(right), Correctness(wrong))
    behind = estimate_difference(Correctness(wrong), Correctness(right))

    assert ahead.value == 1
    assert behind.value == -1
    assert ahead.error == behind.error == 0
    assert ahead.p == behind.p == 2 / 2**n_documents
    assert ahead.p == mcnemar_p(right[0], wrong[0])


@pytest.mark.parametrize("n_documents", [1, 2, 5, 40])
def test_a_model_that_is_right_with_one_of_two_seeds_is_half_a_difference_ahead(
    n_documents,
):
    is_odd = np.arange(n_documents) % 2 == 1
    in_turn = np.array([~is_odd, is_odd])
    wrong = np.zeros((3, n_documents), bool)

    half = estimate_difference(Correctness(in_turn), Correctness(wrong))

    assert half.value == pytest.approx(0.5)


def test_the_interval_over_folds_allows_for_their_overlap():
    folds = np.array([[0.7], [0.8], [0.75], [0.85], [0.9]])
    plain = t_interval(folds[:, 0])

    interval = estimate_over_folds(folds).around

    ratio = half_width_of(interval) / half_width_of(plain)
    assert ratio == pytest.approx((1 + 5 / 4) ** 0.5), "1/5 + 1/4 in place of 1/5"
    assert middle_of(interval) == pytest.approx(0.8)


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_the_p_value_over_folds_is_that_of_the_interval_of_the_difference(level):
    folds = np.array([0.7, 0.8, 0.75, 0.85, 0.9])
    other = np.array([0.71, 0.78, 0.76, 0.8, 0.9])
    differences = folds - other
    interval = estimate_over_folds(differences[:, np.newaxis]).around
    quantile = stats.t.ppf(1 - level / 2, 4)
    quantile_of_interval = stats.t.ppf(0.975, 4)
    reach = quantile / quantile_of_interval * half_width_of(interval)

    # Moved until an interval of this level ends at 0, the difference has the p-value of
    # the level.
    moved = differences - differences.mean() + reach

    assert estimate_over_folds(moved[:, np.newaxis]).p == pytest.approx(level)


def test_one_fold_shows_nothing():
    assert estimate_over_folds(np.array([[0.5]])) is None


def test_folds_that_agree_are_counted_like_documents():
    assert estimate_over_folds(np.zeros((2, 1))).p == 1
    assert estimate_over_folds(np.full((5, 1), 0.25)).p == 2 / 2**5


def test_the_interval_of_folds_that_agree_is_a_point():
    estimate = estimate_over_folds(np.full((3, 2), 0.5))

    assert estimate.around == Interval(low=0.5, high=0.5)


def test_the_variance_that_is_expected_of_more_seeds_is_that_of_more_seeds():
    expected = []
    actual = []
    for seed in range(150):
        three = mean_squares(drawn(3, points=3, seed=seed))
        expected.append(three.with_seeds(12).variance)
        twelve = mean_squares(drawn(12, points=3, seed=seed))
        actual.append(twelve.variance)

    assert np.mean(expected) == pytest.approx(np.mean(actual), rel=0.1)


def test_blocks_vary_as_clusters_do():
    right = np.repeat([[True, False]], [40, 21], axis=1)
    rest = right[0] - 40 / 61
    ends = np.arange(N_BLOCKS + 1) * 61 // N_BLOCKS  # three or four documents a block
    sums = [rest[start:end].sum() for start, end in pairwise(ends)]

    squares = mean_squares(Correctness(right, in_order=True))

    by_hand = N_BLOCKS / (N_BLOCKS - 1) * np.square(sums).sum() / 61**2
    assert squares.documents == pytest.approx(by_hand)
    assert squares.df(squares.variance) == pytest.approx(N_BLOCKS - 1)


@few
@given(
    right=arrays(bool, (3, N_BLOCKS)),
    times=st.integers(2, 5),
)
def test_documents_that_come_several_times_in_a_row_count_once(right, times):
    once = mean_squares(Correctness(right))
    repeated = np.repeat(right, times, axis=1)

    squares = mean_squares(Correctness(repeated, in_order=True))

    assert squares.documents == pytest.approx(once.documents)
    if once.documents:
        assert squares.n_documents == N_BLOCKS
        assert squares.seeds == pytest.approx(once.seeds)
        assert squares.chance == pytest.approx(once.chance)


@few
@given(arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 60))))
def test_order_never_makes_documents_vary_less(right):
    single = mean_squares(Correctness(right, in_order=False))
    in_order = mean_squares(Correctness(right, in_order=True))

    assert in_order.documents >= single.documents
    n_documents = right.shape[1]
    if n_documents <= N_BLOCKS:
        assert in_order.documents == pytest.approx(single.documents)
        assert in_order.chance == pytest.approx(single.chance)


# Clusters


def groups_of_sixty(random, n_clusters):
    """Return the clusters of documents: one in each, and 60 in any."""
    others = random.integers(n_clusters, size=60)
    return np.append(np.arange(n_clusters), others)


@few
@given(
    seed=st.integers(0, 1_000),
    n_clusters=st.integers(2, 12),
)
def test_the_variance_of_clusters_is_that_of_their_sums(seed, n_clusters):
    """In closed form: Liang and Zeger, with G / (G - 1)."""
    random = default_rng(seed)
    groups = groups_of_sixty(random, n_clusters)
    values = random.random((1, len(groups))) + random.random(n_clusters)[groups]
    rest = values[0] - values.mean()
    sums = np.bincount(groups, weights=rest)
    expected = n_clusters / (n_clusters - 1) * (sums**2).sum() / len(groups) ** 2

    squares = mean_squares(Correctness(values, clusters=groups))

    single = mean_squares(Correctness(values)).documents
    expected = max(expected, single)
    assert squares.documents == pytest.approx(expected)


@few
@given(
    seed=st.integers(0, 1_000),
    n_clusters=st.integers(2, 12),
)
def test_uneven_clusters_count_as_fewer_equal_ones(seed, n_clusters):
    groups = groups_of_sixty(default_rng(seed), n_clusters)

    sizes = np.bincount(groups)
    unevenness = np.var(sizes) / np.mean(sizes) ** 2
    assert n_equal(groups) == pytest.approx(n_clusters / (1 + unevenness))


@few
@given(st.integers(1, 200))
def test_blocks_are_cut_as_evenly_as_possible(n):
    sizes = np.bincount(blocks(n))

    assert len(sizes) == min(n, N_BLOCKS)
    assert np.ptp(sizes) <= 1
    assert (np.diff(blocks(n)) >= 0).all()
