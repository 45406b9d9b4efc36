"""Tests of differences between models, and their power."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from factories import scored_run
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.analysis.comparisons import (
    compare_pairs,
    compare_with_best,
    parts_of,
    rank_models,
)
from rnnbench.analysis.pairs import SHOWN_IN_PAIRS, by_better_model
from rnnbench.analysis.power import power_of_pairs
from rnnbench.errors import UserError
from rnnbench.stats.correctness import N_BLOCKS, Correctness, blocks, sums_of
from rnnbench.stats.intervals import estimate_difference, mean_squares
from rnnbench.stats.paired import (
    ANOVA,
    BLOCKS,
    CLUSTERS,
    MCNEMAR,
    MOST_SWAPPED,
    RANDOMIZATION,
    STUDENT,
    blocks_p,
    mcnemar_p,
    swaps_p,
)
from rnnbench.stats.power import detectable
from simulations.crossed import Population


def answers(only_a: int, only_b: int, both: int = 50, neither: int = 20):
    """Whether each was right, if only one was right about so many documents."""
    a = np.repeat([True, False, True, False], [only_a, only_b, both, neither])
    b = np.repeat([False, True, True, False], [only_a, only_b, both, neither])
    return a, b


few = settings(max_examples=25)


def compare(right, fixed=()):
    """Compare all pairs of models."""
    hits = {}
    for name, correct in right.items():
        hits[name] = Correctness(correct, is_random=name not in fixed)
    return compare_pairs(list(combinations(hits, 2)), hits)


@few
@given(
    only_a=st.integers(0, 60),
    only_b=st.integers(0, 60),
    both=st.integers(0, 30),
    neither=st.integers(0, 30),
)
def test_mcnemars_p_value_is_the_two_sided_binomial_tail(only_a, only_b, both, neither):
    n = only_a + only_b
    fewer = min(only_a, only_b)
    ways = sum(comb(n, hits) for hits in range(fewer + 1))
    tail = ways / 2**n

    p = mcnemar_p(*answers(only_a, only_b, both, neither))

    assert p == pytest.approx(min(1, 2 * tail))


@few
@given(st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_the_p_value_of_blocks_is_the_share_of_signs_that_give_as_large_a_difference(
    sizes,
):
    differences = np.zeros(N_BLOCKS, int)
    differences[:5] = sizes
    places = np.arange(3)
    only_a = np.maximum(0, differences)
    only_b = np.maximum(0, -differences)
    a = places < only_a[:, np.newaxis]
    b = places < only_b[:, np.newaxis]

    p = blocks_p(a.ravel(), b.ravel(), blocks(a.size))

    signs = np.array([*product((-1, 1), repeat=5)])
    sums = np.abs(signs @ sizes)
    assert p == pytest.approx(np.mean(sums >= abs(sum(sizes))))


@few
@given(st.integers(0, 1_000))
def test_single_trials_in_order_of_time_are_compared_by_blocks(seed):
    drawn = Population(seeds=0).draw(default_rng(seed), 1, [1, 1], 200)
    a, b = (trials[0] for trials in drawn)
    hits = {
        "a": Correctness(a, in_order=True),
        "b": Correctness(b, in_order=True),
    }

    (comparison,) = compare_pairs([("a", "b")], hits)

    assert comparison.method == BLOCKS
    of_documents = mcnemar_p(a[0], b[0])
    of_blocks = blocks_p(a[0], b[0], blocks(200))
    assert comparison.p == max(of_documents, of_blocks)
    estimate = estimate_difference(hits["a"], hits["b"])
    assert comparison.interval == estimate.interval


def parts_of_f1(seed, n_documents):
    """Numerators and denominators of the micro-F1 of two models, ``(2, 2,
    n_documents)``.
    """
    random = default_rng(seed)
    both = random.integers(0, 3, (2, n_documents))
    extra = random.integers(0, 2, (2, n_documents))
    numerators = 2 * both
    denominators = both + random.integers(2, 4, n_documents) + extra
    parts = np.stack([numerators, denominators], axis=1)
    return parts.astype(float)


def f1_of(parts):
    numerators, denominators = parts
    return numerators.sum() / denominators.sum()


@few
@given(st.integers(0, 1_000))
def test_the_p_value_of_swaps_is_the_share_of_all_swaps_that_give_as_large_a_difference(
    seed,
):
    a, b = parts_of_f1(seed, 8)

    p = swaps_p(a, b)

    differences = []
    for is_swapped in product((False, True), repeat=8):
        first = np.where(is_swapped, b, a)
        second = np.where(is_swapped, a, b)
        differences.append(abs(f1_of(first) - f1_of(second)))
    difference = abs(f1_of(a) - f1_of(b))
    is_as_large = np.array(differences) >= difference - 1e-12
    assert p == pytest.approx(np.mean(is_as_large), abs=0.02)


@few
@given(st.integers(0, 1_000))
def test_the_p_value_of_swaps_is_the_same_in_any_order_of_documents_or_models(seed):
    a, b = parts_of_f1(seed, 8)
    order = default_rng(seed).permutation(8)

    assert swaps_p(b[:, order], a[:, order]) == swaps_p(a, b)


def test_the_p_value_of_swaps_never_changes():
    n = np.arange(300)
    a = np.stack([n % 3, n % 5 + 1])
    b = np.stack([n % 7 % 3, n % 4 + 1])

    assert swaps_p(a, b) == 7029 / 10_001
    assert swaps_p(a, a) == 1


def test_the_p_value_of_swaps_is_near_mcnemars_if_answers_are_right_or_wrong():
    a, b = answers(30, 15)
    full = np.full(len(a), 2.0)
    parts_of_a = np.stack([2.0 * a, full])
    parts_of_b = np.stack([2.0 * b, full])

    p = swaps_p(parts_of_a, parts_of_b)

    assert p == pytest.approx(mcnemar_p(a, b), abs=0.01)


def hits_of_f1(a, b, in_order=False):
    """Return the correctness of a single trial of two models."""
    return {
        "a": Correctness(a[:, np.newaxis], in_order),
        "b": Correctness(b[:, np.newaxis], in_order),
    }


def test_single_trials_of_several_topics_are_compared_by_swaps():
    a, b = parts_of_f1(1, 200)

    (comparison,) = compare_pairs([("a", "b")], hits_of_f1(a, b))

    assert comparison.method == RANDOMIZATION
    assert comparison.p == swaps_p(a, b)
    assert comparison.difference == pytest.approx(f1_of(a) - f1_of(b))


def test_single_trials_of_several_topics_in_order_are_compared_by_swaps_of_blocks():
    a, b = parts_of_f1(1, 200)
    hits = hits_of_f1(a, b, in_order=True)

    (comparison,) = compare_pairs([("a", "b")], hits)

    sums_of_a = sums_of(a, blocks(200))
    sums_of_b = sums_of(b, blocks(200))
    assert comparison.method == BLOCKS
    assert comparison.p == max(swaps_p(a, b), swaps_p(sums_of_a, sums_of_b))
    assert comparison.difference == pytest.approx(f1_of(a) - f1_of(b))


@pytest.mark.parametrize("in_order", [False, True])
def test_several_trials_of_several_topics_are_compared_by_variances(in_order):
    a, b = parts_of_f1(1, 200)
    hits = hits_of_f1(a, b, in_order)
    hits["b"] = Correctness(np.stack([b, a], axis=1), in_order)

    (comparison,) = compare_pairs([("a", "b")], hits)

    assert comparison.method == ANOVA


@pytest.fixture
def right():
    """Answers of three models: three trials of the first agree, those of the last differ."""
    drawn = Population(seeds=0.1).draw(default_rng(1), 1, [1, 1, 3], 200)
    c, a, b = (trials[0] for trials in drawn)
    return {
        "c": np.tile(c, (3, 1)),
        "a": a,
        "b": b,
    }


def test_trials_that_agree_are_compared_by_mcnemars_test_others_by_variances(right):
    comparisons = compare(right)

    methods = [(entry.a, entry.b, entry.method) for entry in comparisons]
    assert methods == [
        ("c", "a", MCNEMAR),
        ("c", "b", ANOVA),
        ("a", "b", ANOVA),
    ]
    for comparison in comparisons:
        a = right[comparison.a]
        b = right[comparison.b]
        if comparison.method == MCNEMAR:
            assert comparison.p == mcnemar_p(a[0], b[0])
        else:
            estimate = estimate_difference(Correctness(a), Correctness(b))
            assert comparison.p == estimate.p
        assert comparison.p <= comparison.p_corrected <= 1


def test_differences_are_estimated_the_same_way_whatever_the_test(right):
    for comparison in compare(right):
        a = Correctness(right[comparison.a])
        b = Correctness(right[comparison.b])
        estimate = estimate_difference(a, b)
        assert comparison.difference == estimate.value
        assert comparison.interval == estimate.interval


@pytest.mark.parametrize(
    "n_trials",
    [
        [5, 5, 5, 1, 1],
        [1, 1, 1, 1],
    ],
    ids=str,
)
def test_any_difference_that_is_not_there_is_found_in_5_percent(n_trials):
    times = 200
    drawn = Population(seeds=0.1).draw(default_rng(4), times, n_trials, 599)

    are_clear = []
    for trials in zip(*drawn, strict=True):
        right = {str(number): answers for number, answers in enumerate(trials)}
        comparisons = compare(right)
        are_clear.append(any(comparison.is_clear for comparison in comparisons))

    assert np.mean(are_clear) <= 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5


def test_the_best_of_58_models_in_order_of_time_is_clearly_better_than_half_as_good_ones():
    random = default_rng(0)
    shares = [0.95] + [0.5] * 57
    hits = {}
    for number, share in enumerate(shares):
        right = random.random((1, 1_000)) < share
        hits[f"model{number}"] = Correctness(right, in_order=True)

    against_best = compare_with_best(hits)

    assert all(comparison.is_clear for comparison in against_best.values())


def test_the_best_of_33_models_of_several_topics_is_clearly_better_than_far_worse_ones():
    random = default_rng(0)
    topics = random.integers(1, 4, 400)
    hits = {}
    for number, share in enumerate([0.97] + [0.56] * 32):
        right = random.binomial(topics, share)
        parts = np.stack([2.0 * right, 2.0 * topics])[:, np.newaxis]
        hits[f"model{number}"] = Correctness(parts)

    pairs = compare_pairs([("model0", "model1")], hits, list(combinations(hits, 2)))

    assert pairs[0].is_clear
    assert compare_with_best(hits)["model1"].is_clear


def test_a_p_value_of_swaps_is_not_limited_by_their_number():
    right = np.ones((2, 1, 300))
    wrong = right.copy()
    wrong[0] = 0.1
    hits = {
        "a": Correctness(right),
        "b": Correctness(wrong),
    }

    (comparison,) = compare_pairs([("a", "b")], hits)

    assert comparison.p < 1e-4


@pytest.mark.parametrize(
    ("n_seeds", "fixed", "expected", "verdict"),
    [
        pytest.param(
            (5, 3),
            "",
            3,
            "clear",
            id="three seeds of the second",
        ),
        pytest.param(
            (5, 1),
            "b",
            5,
            "clear",
            id="the second has no seeds",
        ),
        pytest.param(
            (2, 1),
            "b",
            2,
            "too few seeds",
            id="two seeds of the first",
        ),
        pytest.param(
            (5, 2),
            "",
            2,
            "too few seeds",
            id="two seeds of the second",
        ),
        pytest.param(
            (5, 1),
            "",
            1,
            "too few seeds",
            id="one seed of the second",
        ),
        pytest.param(
            (1, 1),
            "ab",
            None,
            "clear",
            id="neither has seeds",
        ),
    ],
)
def test_a_verdict_needs_three_seeds_of_each_model_that_depends_on_them(
    n_seeds, fixed, expected, verdict
):
    pair = answers(60, 0, neither=0)
    random = default_rng(0)
    right = {}
    for name, correct, n in zip("ab", pair, n_seeds, strict=True):
        is_changed = random.random((n, len(correct))) < 0.01
        right[name] = correct ^ is_changed

    (comparison,) = compare(right, fixed)

    assert comparison.p_corrected < 0.05
    assert comparison.n_seeds == expected
    assert comparison.verdict == verdict
    assert comparison.is_clear == (verdict == "clear")


@pytest.mark.parametrize(
    ("n_better", "n_worse", "expected"),
    [
        (3, 3, [(1, 1), (2, 2)]),
        (2, 3, [(1, 2), (1, 2)]),
        (1, 3, [(1, 2), (1, 2)]),
        (1, 1, [(1, 1), (2, 2)]),
    ],
)
def test_ranks_stay_open_between_models_with_too_few_seeds(n_better, n_worse, expected):
    random = default_rng(0)
    better = random.random((n_better, 400)) < 0.95
    worse = random.random((n_worse, 400)) < 0.3
    hits = {
        "better": Correctness(better),
        "worse": Correctness(worse),
    }

    ranks = rank_models(hits).ranks

    assert list(ranks.values()) == expected


def by_better(results, *names):
    """Return the worse models of each better one, of all models or of some."""
    models = [model for model in results.models if not names or model.name in names]
    worse = {}
    for better, pairs in by_better_model(results.comparisons, models).items():
        worse[better] = [pair.b for pair in pairs]
    return worse


@pytest.fixture(scope="module")
def three_models():
    """The results of three models; only the worst has several seeds."""
    rights = {
        "low": [2, 3, 4],
        "high": [18],
        "middle": [9],
    }
    return scored_run(rights).results


def test_pairs_are_grouped_by_their_better_model_the_most_accurate_first(three_models):
    worse = by_better(three_models)

    assert worse == {
        "high": ["middle", "low"],
        "middle": ["low"],
    }
    assert [*worse] == ["high", "middle"]


def test_of_equal_models_the_first_ones_stand_for_the_better():
    equal = scored_run({"a": [9], "b": [9], "c": [9]}).results

    assert [*by_better(equal)] == ["a", "b"]


def test_only_pairs_of_the_models_asked_for_are_grouped(three_models):
    worse = by_better(three_models, "low", "middle")

    assert worse == {"middle": ["low"]}


def test_a_pair_is_turned_to_begin_with_its_better_model(three_models):
    by_model = by_better_model(three_models.comparisons, three_models.models)

    turned = by_model["high"][1]

    by_pair = {(pair.a, pair.b): pair for pair in three_models.comparisons}
    stored = by_pair["low", "high"]
    assert turned.difference == -stored.difference == pytest.approx(0.75)
    assert turned.interval.low == -stored.interval.high
    assert turned.interval.high == -stored.interval.low
    assert turned.p_corrected == stored.p_corrected
    assert turned.n_seeds == stored.n_seeds


@pytest.mark.parametrize("n", [SHOWN_IN_PAIRS + 1, 61])
def test_of_many_models_only_the_pairs_with_the_best_are_returned(n):
    rights = {}
    for number in range(n):
        rights[f"model{number}"] = [2 + number % 17]

    worse = by_better(scored_run(rights).results)

    best = max(rights, key=rights.get)
    assert [*worse] == [best]
    assert {*worse[best]} == rights.keys() - {best}


@pytest.fixture(scope="module")
def run():
    """Two models that are close, one far away, and one with a single seed."""
    rights = {
        "a": [17, 16, 17],
        "b": [14, 15, 14],
        "far": [2, 3, 2],
        "one": [14],
    }
    return scored_run(rights)


def by_names(pairs):
    named = {}
    for pair in pairs:
        named[pair.comparison.a, pair.comparison.b] = pair
    return named


@pytest.mark.parametrize(
    ("rights", "is_spread_known", "is_detectable"),
    [
        pytest.param(
            {"a": [17, 16, 17], "one": [14]},
            False,
            False,
            id="one seed says nothing about others",
        ),
        pytest.param(
            {"a": [17, 15], "b": [16, 14]},
            True,
            False,
            id="two are too few",
        ),
        pytest.param(
            {"a": [12, 12, 12], "b": [11, 11, 11]},
            True,
            True,
            id="documents are too few",
        ),
    ],
)
def test_a_pair_that_no_number_of_seeds_tells_apart_says_why(
    rights, is_spread_known, is_detectable
):
    (pair,) = power_of_pairs(scored_run(rights))

    assert pair.is_spread_known == is_spread_known
    assert pair.seeds_needed is None or rights["a"] == [17, 15], (
        "more than two seeds could tell"
    )
    assert (pair.detectable is not None) == is_detectable
    assert (pair.detectable_corrected is not None) == is_detectable


def test_a_difference_is_detectable_alone_before_it_is_among_all(run):
    a = Correctness(parts_of(run.trials["a"]))
    b = Correctness(parts_of(run.trials["b"]))
    squares = mean_squares(a, b)

    pair = by_names(power_of_pairs(run))["a", "b"]

    assert pair.detectable == detectable(squares, 0.05) < pair.detectable_corrected


def test_only_pairs_that_are_not_clear_are_compared(run):
    unclear = set()
    for pair in run.results.comparisons:
        if not pair.is_clear and not pair.b.startswith("always"):
            unclear.add((pair.a, pair.b))

    assert set(by_names(power_of_pairs(run))) == unclear


def test_only_the_chosen_models_are_compared(run):
    assert [*by_names(power_of_pairs(run, ["a", "b"]))] == [("a", "b")]


def test_a_chosen_model_that_is_not_in_the_run_is_refused(run):
    with pytest.raises(UserError, match="no model 'c'"):
        power_of_pairs(run, ["c"])


def test_single_trials_that_differ_on_few_documents_are_compared_by_swaps():
    a, b = default_rng(0).random((2, 1, 200))
    hits = {
        "a": Correctness(a),
        "b": Correctness(b),
    }

    (comparison,) = compare_pairs([("a", "b")], hits)

    assert comparison.method == RANDOMIZATION


def test_single_trials_that_differ_on_very_many_documents_are_compared_by_students_test():
    a, b = default_rng(0).random((2, 1, MOST_SWAPPED + 1))
    hits = {
        "a": Correctness(a),
        "b": Correctness(b),
    }

    (comparison,) = compare_pairs([("a", "b")], hits)

    assert comparison.method == STUDENT
    assert comparison.p == estimate_difference(hits["a"], hits["b"]).p


@pytest.fixture
def groups():
    """The clusters of 150 documents."""
    return default_rng(1).integers(20, size=150)


@pytest.fixture
def values_in_clusters(groups):
    """Values of two models, to which each cluster adds, ``(1, 150)``."""
    random = default_rng(2)
    of_clusters = random.random(20)[groups]
    a = random.random((1, 150)) + of_clusters
    b = random.random((1, 150)) + 0.7 * of_clusters
    return a, b


def compare_clusters(a, b, groups):
    hits = {
        "a": Correctness(a, clusters=groups),
        "b": Correctness(b, clusters=groups),
    }
    (comparison,) = compare_pairs([("a", "b")], hits)
    return comparison


def test_single_trials_in_clusters_are_compared_by_clusters(groups, values_in_clusters):
    a, b = values_in_clusters
    a = a > 1
    b = b > 0.8

    comparison = compare_clusters(a, b, groups)

    assert comparison.method == CLUSTERS
    of_documents = mcnemar_p(a[0], b[0])
    of_clusters = blocks_p(a[0], b[0], groups)
    assert comparison.p == max(of_documents, of_clusters)


def test_values_of_single_trials_in_clusters_are_compared_by_swaps_of_clusters(
    groups, values_in_clusters
):
    a, b = values_in_clusters

    comparison = compare_clusters(a, b, groups)

    assert comparison.method == CLUSTERS
    of_documents = swaps_p(a[0], b[0])
    of_clusters = swaps_p(sums_of(a[0], groups), sums_of(b[0], groups))
    assert comparison.p == max(of_documents, of_clusters)
