"""Tests of the comparisons of many models."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.stats import many_models
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.many_models import (
    beyond_draws,
    corrected_p,
    first_step_level,
    rank_intervals,
    rank_models,
    smallest_p,
    worse_than_best_p,
)
from simulations.crossed import Population

few = settings(max_examples=15)
seeds_of_chance = st.integers(0, 10_000)


def describe(models, in_order=False):
    """The scores of models, each of which has an array of correctness."""
    return many_models.describe([Correctness(right, in_order) for right in models])


def equal_models(seed, n_models, n_seeds, n_documents=300):
    """The answers of models with the same true accuracy, ``(n_seeds, n_documents)``
    each.
    """
    population = Population(seeds=0.1)
    seeds_of_models = [n_seeds] * n_models
    drawn = population.draw(default_rng(seed), 1, seeds_of_models, n_documents)
    return [answers[0] for answers in drawn]


def all_pairs(scores):
    """The corrected p-values of all pairs, ``(m, m)``."""
    n_models = len(scores.units)
    first, second = np.triu_indices(n_models, 1)
    p = np.ones((n_models, n_models))
    p[first, second] = p[second, first] = corrected_p(scores, first, second)
    return p


def with_accuracies(*shares, n_documents=400):
    """Models that are right about the first documents, a share of them each."""
    places = np.arange(n_documents)
    models = []
    for share in shares:
        right = places < share * n_documents
        models.append(right[np.newaxis])
    return models


differences_of_documents = st.lists(
    st.integers(-2, 2),
    min_size=8,
    max_size=8,
).filter(any)


@few
@given(differences_of_documents)
def test_the_p_value_of_one_pair_is_the_share_of_signs_that_give_as_large_a_statistic(
    differences,
):
    differences = np.array(differences, float)

    def statistic(values):
        # Squared, and at least the variance over the documents as they are.
        variance = max(values.var(ddof=1), differences.var(ddof=1))
        return values.mean() ** 2 / max(variance, 1e-30)

    statistics = []
    for signs in product((-1, 1), repeat=8):
        statistics.append(statistic(np.array(signs) * differences))
    smallest = statistic(differences) * (1 - 1e-6)
    exact = np.mean(np.array(statistics) >= smallest)

    scores = describe([differences[np.newaxis], np.zeros((1, 8))])

    (p,) = corrected_p(scores, np.array([0]), np.array([1]))
    assert p == pytest.approx(exact, abs=0.02)


@few
@given(seed=seeds_of_chance, n_seeds=st.sampled_from([1, 3]))
def test_p_values_do_not_depend_on_the_order_of_models(seed, n_seeds):
    models = equal_models(seed, 5, n_seeds)
    order = default_rng(seed).permutation(5)
    in_other_order = [models[place] for place in order]

    p = all_pairs(describe(models))
    shuffled = all_pairs(describe(in_other_order))

    expected = p[np.ix_(order, order)]
    assert shuffled == pytest.approx(expected, abs=1e-3)


@few
@given(seed=seeds_of_chance, order=st.permutations(range(7)))
def test_p_values_do_not_depend_on_the_place_of_copies(seed, order):
    never_right = np.zeros((2, 300))
    models = equal_models(seed, 5, n_seeds=3)
    models += [never_right, never_right]
    in_other_order = [models[place] for place in order]

    p = all_pairs(describe(models))
    moved = all_pairs(describe(in_other_order))

    expected = p[np.ix_(order, order)]
    assert moved == pytest.approx(expected, rel=0.01)


@few
@given(seeds_of_chance, st.sampled_from([1, 3]))
def test_a_pair_that_is_further_apart_never_has_a_larger_p_value(seed, n_seeds):
    scores = describe(equal_models(seed, 6, n_seeds))
    first, second = np.triu_indices(6, 1)

    p = corrected_p(scores, first, second)

    order = np.argsort(-np.abs(scores.z[first, second]))
    assert (np.diff(p[order]) >= 0).all()


@few
@given(seeds_of_chance, st.sampled_from([1, 3]))
def test_no_model_is_worse_than_the_best_of_equal_copies(seed, n_seeds):
    models = equal_models(seed, 1, n_seeds) * 4

    p = worse_than_best_p(describe(models))

    assert p.tolist() == [1, 1, 1, 1]


def test_the_model_with_the_highest_score_could_be_the_best():
    p = worse_than_best_p(describe(with_accuracies(0.5, 0.9, 0.7)))

    assert p[1] == 1
    assert p[[0, 2]].max() < 0.05


@pytest.mark.parametrize(("n_models", "n_seeds"), [(4, 1), (4, 3), (15, 1)])
def test_equal_models_are_called_different_in_5_percent(n_models, n_seeds, monkeypatch):
    monkeypatch.setattr(many_models, "N_DRAWS", 399)
    times = 120

    is_false = []
    for seed in range(times):
        models = equal_models(seed, n_models, n_seeds)
        p = all_pairs(describe(models))
        is_false.append((p < 0.05).any())

    assert np.mean(is_false) <= 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_a_truly_best_model_is_excluded_in_5_percent(n_seeds, monkeypatch):
    monkeypatch.setattr(many_models, "N_DRAWS", 399)
    times = 120
    is_never_right = np.arange(300) % 10 == 0

    is_excluded = []
    for seed in range(times):
        best = equal_models(seed, 3, n_seeds)
        worse = [answers & ~is_never_right for answers in best]
        p = worse_than_best_p(describe([*best, *worse]))
        is_excluded.append((p[:3] < 0.05).any())

    assert np.mean(is_excluded) <= 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5


@pytest.mark.parametrize("n_models", [3, 60])
def test_no_number_of_models_hides_a_large_difference(n_models):
    random = default_rng(0)
    models = [random.random((1, 400)) < 0.95]
    for _ in range(n_models - 1):
        models.append(random.random((1, 400)) < 0.5)

    p = worse_than_best_p(describe(models, in_order=True))

    assert p[1:].max() < 0.001


def test_no_number_of_draws_limits_a_p_value():
    scores = describe(with_accuracies(0.95, 0.5))

    (p,) = corrected_p(scores, np.array([0]), np.array([1]))

    assert p < 1e-9


def test_models_that_err_alike_cost_less_than_bonferroni():
    models = [*with_accuracies(0.9), *equal_models(1, 20, 1, 400)]
    first, second = np.triu_indices(21, 1)

    level = first_step_level(describe(models), first, second)

    assert 0.05 / len(first) < level < 0.05


@few
@given(seeds_of_chance)
def test_the_interval_of_ranks_contains_the_measured_rank(seed):
    scores = describe(equal_models(seed, 8, 1))

    intervals = rank_intervals(scores)

    means = scores.units.mean(axis=1)
    best_place = 1 + (means > means[:, np.newaxis]).sum(axis=1)
    worst_place = (means >= means[:, np.newaxis]).sum(axis=1)
    assert (intervals[:, 0] <= best_place).all()
    assert (intervals[:, 1] >= worst_place).all()


def test_models_that_are_told_apart_have_ranks_of_their_own():
    scores = describe(with_accuracies(0.5, 0.9, 0.7))

    assert rank_intervals(scores).tolist() == [[3, 3], [1, 1], [2, 2]]


@few
@given(seeds_of_chance, st.sampled_from([1, 3]))
def test_ranks_and_the_best_by_the_same_draws_are_those_by_draws_of_their_own(
    seed, n_seeds
):
    scores = describe(equal_models(seed, 6, n_seeds))

    ranks, p_of_best = rank_models(scores)

    assert ranks.tolist() == rank_intervals(scores).tolist()
    assert p_of_best.tolist() == worse_than_best_p(scores).tolist()


@pytest.mark.parametrize(
    ("n_groups", "smallest"),
    [
        (2, 0.5),
        (5, 0.0625),
        (16, 0),
        (400, 0),
    ],
)
def test_few_groups_limit_p_values(n_groups, smallest):
    assert smallest_p(n_groups) == smallest


@pytest.mark.parametrize(("p", "z", "expected"), [(0.02, 9, 0.02), (1e-4, 2, 1e-4)])
def test_a_p_value_that_draws_can_tell_stays_as_it_is(p, z, expected):
    assert beyond_draws(p, z) == expected


def test_a_p_value_beyond_the_draws_is_that_of_the_normal_distribution():
    assert beyond_draws(1e-4, 6) == pytest.approx(1.97e-9, rel=0.01)
