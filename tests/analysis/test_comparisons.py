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
    ranks_of,
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
    hits = {
        name: Correctness(correct, is_random=name not in fixed)
        for name, correct in right.items()
    }
    return compare_pairs(list(combinations(hits, 2)), hits)


@few
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 30), st.integers(0, 30))
def test_mcnemars_p_value_is_the_two_sided_binomial_tail(only_a, only_b, both, neither):
    n = only_a + only_b
    fewer = min(only_a, only_b)
    tail = sum(comb(n, hits) for hits in range(fewer + 1)) / 2**n

    p = mcnemar_p(*answers(only_a, only_b, both, neither))

    assert p == pytest.approx(min(1, 2 * tail))


@few
@given(st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_the_p_value_of_blocks_is_the_share_of_signs_that_give_as_large_a_difference(
    sizes,
):
    differences = np.array([*sizes, *[0] * (N_BLOCKS - 5)])
    a, b = (
        np.arange(3) < np.maximum(0, sign * differences)[:, np.newaxis]
        for sign in (1, -1)
    )
    sums = [abs(np.dot(signs, sizes)) for signs in product((-1, 1), repeat=5)]

    p = blocks_p(a.ravel(), b.ravel(), blocks(a.size))

    assert p == pytest.approx(np.mean(np.array(sums) >= abs(sum(sizes))))


@few
@given(st.integers(0, 1_000))
def test_single_trials_in_order_of_time_are_compared_by_blocks(
    seed,
):
    a, b = Population(seeds=0).draw(default_rng(seed), 1, [1, 1], 200)
    hits = {
        name: Correctness(drawn[0], in_order=True)
        for name, drawn in (("a", a), ("b", b))
    }

    (comparison,) = compare_pairs([("a", "b")], hits)

    assert comparison.method == BLOCKS
    assert comparison.p == max(
        mcnemar_p(a[0][0], b[0][0]), blocks_p(a[0][0], b[0][0], blocks(200))
    )
    assert comparison.interval == estimate_difference(*hits.values()).interval


def parts_of_f1(seed, n_documents):
    """Numerators and denominators of the micro-F1 of two models, ``(2, 2,
    n_documents)``.
    """
    random = default_rng(seed)
    both = random.integers(0, 3, (2, n_documents))
    extra = random.integers(0, 2, (2, n_documents))
    return (
        np.stack([2 * both, both + random.integers(2, 4, n_documents) + extra], axis=1)
        * 1.0
    )


@few
@given(st.integers(0, 1_000))
def test_the_p_value_of_swaps_is_the_share_of_all_swaps_that_give_as_large_a_difference(
    seed,
):
    a, b = parts_of_f1(seed, 8)
    f1 = lambda parts: parts[0].sum() / parts[1].sum()  # noqa: E731
    swaps = np.array(list(product((False, True), repeat=8)))
    all_ways = [abs(f1(np.where(way, b, a)) - f1(np.where(way, a, b))) for way in swaps]

    p = swaps_p(a, b)

    exact = np.mean(np.array(all_ways) >= abs(f1(a) - f1(b)) - 1e-12)
    assert p == pytest.approx(exact, abs=0.02)
    order = default_rng(seed).permutation(8)
    assert swaps_p(b[:, order], a[:, order]) == p, (
        "in any order of documents and models"
    )


def test_the_p_value_of_swaps_never_changes():
    n = np.arange(300)
    a = np.stack([n % 3, n % 5 + 1])
    b = np.stack([n % 7 % 3, n % 4 + 1])

    assert swaps_p(a, b) == 7029 / 10_001
    assert swaps_p(a, a) == 1


def test_the_p_value_of_swaps_is_near_mcnemars_if_answers_are_right_or_wrong():
    right = [
        np.stack([2.0 * correct, np.full(len(correct), 2.0)])
        for correct in answers(30, 15)
    ]

    assert swaps_p(*right) == pytest.approx(mcnemar_p(*answers(30, 15)), abs=0.01)


@pytest.mark.parametrize("in_order", [False, True])
def test_single_trials_of_several_topics_are_compared_by_swaps_others_by_variances(
    in_order,
):
    a, b = parts_of_f1(1, 200)
    pair = {
        "a": Correctness(a[:, np.newaxis], in_order),
        "b": Correctness(b[:, np.newaxis], in_order),
    }

    (comparison,) = compare_pairs([("a", "b")], pair)

    of_blocks = swaps_p(*(sums_of(parts, blocks(200)) for parts in (a, b)))
    assert comparison.p == (
        max(swaps_p(a, b), of_blocks) if in_order else swaps_p(a, b)
    )
    assert comparison.method == (BLOCKS if in_order else RANDOMIZATION)
    assert comparison.difference == pytest.approx(
        a[0].sum() / a[1].sum() - b[0].sum() / b[1].sum()
    )
    pair["b"] = Correctness(np.stack([b, a], axis=1), in_order)
    assert compare_pairs([("a", "b")], pair)[0].method == ANOVA


def test_trials_that_agree_are_compared_by_mcnemars_test_others_by_an_analysis_of_variance():
    drawn = Population(seeds=0.1).draw(default_rng(1), 1, [1, 1, 3], 200)
    right = {name: entry[0] for name, entry in zip("cab", drawn, strict=True)}
    right["c"] = np.tile(right["c"], (3, 1))

    comparisons = compare(right)

    methods = [(entry.a, entry.b, entry.method) for entry in comparisons]
    assert methods == [("c", "a", MCNEMAR), ("c", "b", ANOVA), ("a", "b", ANOVA)]
    for entry in comparisons:
        a = right[entry.a]
        b = right[entry.b]
        estimate = estimate_difference(Correctness(a), Correctness(b))
        assert entry.difference == estimate.value
        assert entry.interval == estimate.interval
        assert entry.p == (
            mcnemar_p(a[0], b[0]) if entry.method == MCNEMAR else estimate.p
        )
        assert entry.p <= entry.p_corrected <= 1


@pytest.mark.parametrize("trials", [[5, 5, 5, 5, 1, 1, 1], [1, 1, 1, 1]], ids=str)
def test_any_difference_that_is_not_there_is_found_in_5_percent(trials):
    times = 200
    drawn = Population(seeds=0.1).draw(default_rng(4), times, trials, 599)

    benchmarks = (
        dict(zip(map(str, range(len(trials))), entry, strict=True))
        for entry in zip(*drawn, strict=True)
    )
    are_clear = [any(entry.is_clear for entry in compare(hits)) for hits in benchmarks]

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
    parts = np.ones((2, 1, 300))
    wrong = parts * np.array([0.1, 1])[:, np.newaxis, np.newaxis]

    (comparison,) = compare_pairs(
        [("a", "b")], {"a": Correctness(parts), "b": Correctness(wrong + 0.0)}
    )

    assert comparison.p < 1e-4


@pytest.mark.parametrize(
    ("n_seeds", "fixed", "expected", "verdict"),
    [
        ((5, 3), "", 3, "clear"),
        ((5, 1), "b", 5, "clear"),
        ((2, 1), "b", 2, "too few seeds"),
        ((5, 2), "", 2, "too few seeds"),
        ((5, 1), "", 1, "too few seeds"),
        ((1, 1), "ab", None, "clear"),
    ],
)
def test_a_verdict_needs_three_seeds_of_each_model_that_depends_on_them(
    n_seeds, fixed, expected, verdict
):
    a, b = answers(60, 0, neither=0)
    random = default_rng(0)
    hits = {
        name: entry ^ (random.random((n, len(entry))) < 0.01)
        for name, entry, n in zip("ab", (a, b), n_seeds, strict=True)
    }

    (comparison,) = compare(hits, fixed)

    assert comparison.p_corrected < 0.05
    assert (comparison.n_seeds, comparison.verdict) == (expected, verdict)
    assert comparison.is_clear == (verdict == "clear")


@pytest.mark.parametrize(
    ("n_seeds", "expected"),
    [
        ((3, 3), [(1, 1), (2, 2)]),
        ((2, 3), [(1, 2), (1, 2)]),
        ((1, 3), [(1, 2), (1, 2)]),
        ((1, 1), [(1, 1), (2, 2)]),
    ],
)
def test_ranks_stay_open_between_models_with_too_few_seeds(n_seeds, expected):
    random = default_rng(0)
    better = Correctness(random.random((n_seeds[0], 400)) < 0.95)
    worse = Correctness(random.random((n_seeds[1], 400)) < 0.3)

    ranks = ranks_of({"better": better, "worse": worse})

    assert list(ranks.values()) == expected


def by_better(results, *names):
    models = [model for model in results.models if not names or model.name in names]
    return by_better_model(results.comparisons, models)


def test_pairs_are_grouped_by_their_better_model_the_most_accurate_first():
    results = scored_run({"low": [2, 3, 4], "high": [18], "middle": [9]}).results

    by_model = by_better(results)

    assert {
        better: [entry.b for entry in pairs] for better, pairs in by_model.items()
    } == {
        "high": ["middle", "low"],
        "middle": ["low"],
    }
    assert [*by_better(scored_run({"a": [9], "b": [9], "c": [9]}).results)] == [
        "a",
        "b",
    ]
    assert [
        [pair.b for pair in pairs]
        for pairs in by_better(results, "low", "middle").values()
    ] == [["low"]]


def test_a_pair_is_turned_to_begin_with_its_better_model():
    results = scored_run({"low": [2, 3, 4], "high": [18], "middle": [9]}).results

    turned = by_better(results)["high"][1]

    (stored,) = [
        entry for entry in results.comparisons if (entry.a, entry.b) == ("low", "high")
    ]
    assert turned.difference == -stored.difference == pytest.approx(0.75)
    assert (turned.interval.low, turned.interval.high) == (
        -stored.interval.high,
        -stored.interval.low,
    )
    assert (turned.p_corrected, turned.n_seeds) == (stored.p_corrected, stored.n_seeds)


@pytest.mark.parametrize("n", [SHOWN_IN_PAIRS + 1, 61])
def test_of_many_models_only_the_pairs_with_the_best_are_returned(n):
    rights = {f"model{number}": [2 + number % 17] for number in range(n)}

    by_model = by_better(scored_run(rights).results)

    best = max(rights, key=rights.get)
    assert [*by_model] == [best]
    assert {entry.b for entry in by_model[best]} == rights.keys() - {best}


@pytest.fixture(scope="module")
def run():
    """Two models that are close, one far away, and one with a single seed."""
    return scored_run(
        {"a": [17, 16, 17], "b": [14, 15, 14], "far": [2, 3, 2], "one": [14]}
    )


def by_names(pairs):
    return {(entry.comparison.a, entry.comparison.b): entry for entry in pairs}


@pytest.mark.parametrize(
    ("rights", "is_spread_known", "is_detectable"),
    [
        ({"a": [17, 16, 17], "one": [14]}, False, False),
        ({"a": [17, 15], "b": [16, 14]}, True, False),
        ({"a": [12, 12, 12], "b": [11, 11, 11]}, True, True),
    ],
    ids=[
        "one seed says nothing about others",
        "two are too few",
        "documents are too few",
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
    assert (pair.detectable is not None, pair.detectable_corrected is not None) == (
        is_detectable,
        is_detectable,
    )


def test_a_difference_is_detectable_alone_before_it_is_among_all(run):
    pair = by_names(power_of_pairs(run))["a", "b"]
    squares = mean_squares(*(Correctness(parts_of(run.trials[name])) for name in "ab"))

    assert pair.detectable == detectable(squares, 0.05) < pair.detectable_corrected


def test_only_the_chosen_models_are_compared_if_they_are_not_clear(run):
    unclear = {
        (entry.a, entry.b)
        for entry in run.results.comparisons
        if not entry.is_clear and not entry.b.startswith("always")
    }

    assert set(by_names(power_of_pairs(run))) == unclear
    assert set(by_names(power_of_pairs(run, ["a", "b"]))) == {("a", "b")}
    with pytest.raises(UserError, match="no model 'c'"):
        power_of_pairs(run, ["c"])


def test_single_trials_that_differ_on_very_many_documents_are_compared_by_students_test():
    a, b = default_rng(0).random((2, 1, MOST_SWAPPED + 1))
    few, many = (
        {"a": Correctness(a[:, :n]), "b": Correctness(b[:, :n])} for n in (200, None)
    )

    assert compare_pairs([("a", "b")], few)[0].method == RANDOMIZATION
    (comparison,) = compare_pairs([("a", "b")], many)
    assert (comparison.method, comparison.p) == (
        STUDENT,
        estimate_difference(*many.values()).p,
    )


@pytest.mark.parametrize("is_right_or_wrong", [True, False])
def test_single_trials_in_clusters_are_compared_by_clusters(
    is_right_or_wrong,
):
    random = default_rng(1)
    groups = random.integers(20, size=150)
    a, b = random.random((2, 1, 150)) + random.random(20)[groups] * [[[1]], [[0.7]]]
    a, b = (a > 1, b > 0.8) if is_right_or_wrong else (a, b)
    hits = {"a": Correctness(a, clusters=groups), "b": Correctness(b, clusters=groups)}

    (comparison,) = compare_pairs([("a", "b")], hits)

    if is_right_or_wrong:
        expected = max(mcnemar_p(a[0], b[0]), blocks_p(a[0], b[0], groups))
    else:
        expected = max(
            swaps_p(a[0], b[0]),
            swaps_p(*(sums_of(right[0], groups) for right in (a, b))),
        )
    assert (comparison.method, comparison.p) == (CLUSTERS, expected)
