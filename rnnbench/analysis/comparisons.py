"""Which models differ on the same test documents, and which differences could have been
found.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from rnnbench.analysis import intervals
from rnnbench.analysis.intervals import Correctness, Floats, Trials
from rnnbench.data.audit import DatasetSummary
from rnnbench.points import chosen
from rnnbench.results import schema
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import DIGITS, SIGNIFICANT, Comparison, ModelSummary
from rnnbench.section import StoredRecord
from rnnbench.stats import many_models

MAX_IN_PAIRS = (
    60  # the most models that are all compared with each other, a millisecond each
)
SHOWN_IN_PAIRS = 8  # the most models of which all pairs are shown in a plot
POWER = 0.8
N_SWAPS = (
    10_000  # draws of a randomization test of ratios; no p-value is below 1 in so many
)
MOST_SWAPPED = (
    4_000  # the most documents that differ in such a test, which then takes a second
)
FEWEST, MOST = 3, 1_000  # the seeds that are tried to find out how many are needed


def hits_of(run: StoredRun) -> dict[str, Correctness]:
    """Return the hits of each model of a run, by name."""
    dependence = run.results.dataset.dependence
    return {
        model.name: Correctness.of(
            run.trials[model.name], is_random=model.is_random, **dependence
        )
        for model in run.results.models
    }


def with_majority(
    hits: Mapping[str, Correctness], dataset: DatasetSummary, trials: Trials
) -> dict[str, Correctness]:
    """Return hits with those of always answering the most frequent topic, by its
    name.
    """
    trial = next(iter(trials.values()))[0]
    topic = [count.topic for count in dataset.topics].index(dataset.majority_topic)
    answers = trial.task.always(topic, trial.labels)
    parts = trial.task.parts(trial.labels, answers)[..., np.newaxis, :]
    always = Correctness(parts, is_random=False, **dataset.dependence)
    return {**hits, dataset.majority_name: always}


def compare_pairs(
    pairs: Sequence[tuple[str, str]],
    hits: Mapping[str, Correctness],
    family: Sequence[tuple[str, str]] | None = None,
) -> list[Comparison]:
    """Return the comparisons of ``pairs`` of models.

    P-values are corrected for a ``family`` of pairs, by default ``pairs``. It must
    contain these and, if results decide which pairs are compared, all pairs that might
    have been chosen.
    """
    comparisons = [_compare(hits, a, b) for a, b in pairs]
    if family is None:
        family = pairs
    if len(family) < 2:
        return comparisons
    names = list(dict.fromkeys(chain.from_iterable(family)))
    place = {name: number for number, name in enumerate(names)}
    first = np.array([place[a] for a, _ in family])
    second = np.array([place[b] for _, b in family])
    p = many_models.corrected_p(
        _describe([hits[name] for name in names]), first, second
    )
    p_of_pair = dict(zip(map(frozenset, family), p.tolist(), strict=True))
    corrected = []
    for comparison in comparisons:
        pair = frozenset((comparison.a, comparison.b))
        corrected.append(_corrected(comparison, p_of_pair[pair]))
    return corrected


def compare_with_best(hits: Mapping[str, Correctness]) -> dict[str, Comparison]:
    """Return the comparison of the best model with each other one, by the name of the
    other.

    The corrected p-value is that of being as good as the best, whichever model is the
    best.
    """
    best = max(hits, key=lambda name: round(hits[name].score, DIGITS))
    p_best = p_of_being_best(hits)
    comparisons = {}
    for name in hits:
        if name != best:
            comparisons[name] = _corrected(_compare(hits, best, name), p_best[name])
    return comparisons


def p_of_being_best(hits: Mapping[str, Correctness]) -> dict[str, float]:
    """Return the p-value of each model being as good as the best, by name."""
    p = many_models.worse_than_best_p(_describe(list(hits.values())))
    return dict(zip(hits, p.tolist(), strict=True))


def ranks_of(hits: Mapping[str, Correctness]) -> dict[str, tuple[int, int]]:
    """Return the first and the last possible rank of each model, by name.

    Pairs with too few seeds leave both orders open.
    """
    models = list(hits.values())
    ranks = many_models.rank_intervals(_describe(models), _have_too_few_seeds(models))
    return {
        name: (first, last)
        for name, (first, last) in zip(hits, ranks.tolist(), strict=True)
    }


def _have_too_few_seeds(models: Sequence[Correctness]) -> NDArray[np.bool_]:
    """Return which pairs of models have too few seeds for a p-value, ``(m, m)``.

    The rule is that of ``Difference.has_too_few_seeds``.
    """
    n_seeds = np.full(len(models), np.inf)
    is_like_one = np.zeros(len(models), bool)
    for place, model in enumerate(models):
        is_like_one[place] = model.all_agree
        if model.is_random:
            n_seeds[place] = len(model.values)
    fewest = np.minimum.outer(n_seeds, n_seeds)
    is_like_single_trials = np.logical_and.outer(is_like_one, is_like_one)
    is_one_against_several = (fewest == 1) & ~is_like_single_trials
    return np.asarray((fewest == schema.TOO_FEW) | is_one_against_several)


def _describe(hits: Sequence[Correctness]) -> many_models.ModelScores:
    """Return the scores of models on the same documents, in their groups."""
    groups = intervals.groups_of(*hits)
    n_groups = None
    if groups is not None and any(of_model.clusters is not None for of_model in hits):
        n_groups = intervals.n_equal(groups)
    return many_models.describe(
        [of_model.values for of_model in hits], groups, n_groups
    )


def _compare(hits: Mapping[str, Correctness], a: str, b: str) -> Comparison:
    """Return the comparison of two models, with an uncorrected p-value.

    Single trials, or trials that all agree, are compared by ``single_trials_p``; means
    over several trials by Student's test.
    """
    estimate = intervals.estimate_difference(hits[a], hits[b])
    p = estimate.p
    method = schema.ANOVA
    if hits[a].all_agree and hits[b].all_agree:
        p, method = single_trials_p(hits[a], hits[b])
    numbers_of_seeds = [
        len(hits[name].values) for name in (a, b) if hits[name].is_random
    ]
    return Comparison(
        a=a,
        b=b,
        difference=estimate.value,
        interval=estimate.interval,
        p=p,
        p_corrected=p,
        method=method,
        n_seeds=min(numbers_of_seeds, default=None),
    )


def _corrected(comparison: Comparison, p: float) -> Comparison:
    """Return a comparison with a corrected p-value, which is at least the uncorrected
    one.
    """
    return comparison.model_copy(update={"p_corrected": max(p, comparison.p)})


def by_better_model(
    comparisons: Sequence[Comparison], models: Sequence[ModelSummary]
) -> dict[str, list[Comparison]]:
    """Return comparisons by the better model, which becomes ``a``; of many, only the
    best's.
    """
    names = [
        one.name
        for one in sorted(models, key=lambda one: -round(one.score.mean, DIGITS))
    ]
    turned = in_order_of(names, comparisons)
    if len(names) > SHOWN_IN_PAIRS:
        # A run of very many models has pairs with one model alone, which may share the
        # first place.
        counts = Counter(name for pair in turned for name in (pair.a, pair.b))
        best = max(names, key=lambda name: counts[name])
        turned = [pair for pair in turned if best in (pair.a, pair.b)]
    return {a: list(own) for a, own in groupby(turned, key=lambda pair: pair.a)}


def in_order_of(
    names: Sequence[str], comparisons: Sequence[Comparison]
) -> list[Comparison]:
    """Return the comparisons among ``names`` in that order, each seen from the earlier
    name.
    """
    place = {name: place for place, name in enumerate(names)}
    among = [pair for pair in comparisons if {pair.a, pair.b} <= place.keys()]
    turned = [
        pair.seen_from(min(pair.a, pair.b, key=place.__getitem__)) for pair in among
    ]
    return sorted(turned, key=lambda pair: (place[pair.a], place[pair.b]))


def single_trials_p(a: Correctness, b: Correctness) -> tuple[float, str]:
    """Return the p-value of the difference between the first trials of two models, and
    its test.

    With clusters or blocks of time, it is the larger of two p-values: over documents
    and over these groups. A p-value too small to be measured by random signs comes from
    the normal distribution. Beyond ``MOST_SWAPPED`` differing documents, it is
    Student's, unless McNemar's suffices.
    """
    parts_a = a.parts[..., 0, :]
    parts_b = b.parts[..., 0, :]
    groups = intervals.groups_of(a, b)
    is_right_or_wrong = a.values.dtype == b.values.dtype == bool
    if is_right_or_wrong and groups is None:
        return mcnemar_p(parts_a, parts_b), schema.MCNEMAR
    if np.count_nonzero(a.values[0] != b.values[0]) > MOST_SWAPPED:
        return intervals.estimate_difference(a, b).p, schema.STUDENT
    z = float(_describe([a, b]).z[0, 1])
    if is_right_or_wrong and groups is not None:
        p = mcnemar_p(parts_a, parts_b)
        p_of_groups = blocks_p(parts_a, parts_b, groups)
    else:
        p = many_models.beyond_draws(swaps_p(parts_a, parts_b), z)
        if groups is None:
            return p, schema.RANDOMIZATION
        sums_a = intervals.sums_of(parts_a, groups)
        sums_b = intervals.sums_of(parts_b, groups)
        p_of_groups = swaps_p(sums_a, sums_b)
    p = max(p, many_models.beyond_draws(p_of_groups, z))
    has_clusters = a.clusters is not None or b.clusters is not None
    return p, schema.CLUSTERS if has_clusters else schema.BLOCKS


def mcnemar_p(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the p-value of McNemar's exact test that two classifiers are right equally
    often.

    ``a`` and ``b`` say whether each was right about each document. If only one is, it
    is equally likely to be either of them under the null hypothesis (Q. McNemar,
    Psychometrika 12, 1947).
    """
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(b & ~a))
    return min(
        1.0, 2 * float(scipy.special.bdtr(min(only_a, only_b), only_a + only_b, 0.5))
    )


def blocks_p(
    a: NDArray[np.bool_], b: NDArray[np.bool_], groups: NDArray[np.int64]
) -> float:
    """Return the p-value of the randomization test that two classifiers are right
    equally often.

    The difference in each group of documents is equally likely to have the other sign
    (R. A. Fisher: The Design of Experiments, 1935, chapter 3). ``a`` and ``b`` are
    those of ``mcnemar_p``.
    """
    differences = intervals.sums_of(a.astype(int) - b, groups)
    sums = np.ones(
        1
    )  # the probability of each sum from -n to n; n is the sum of the sizes so far
    for size in np.abs(differences[differences != 0]):
        same = np.zeros(2 * size)
        sums = (np.concatenate([sums, same]) + np.concatenate([same, sums])) / 2
    is_as_far = np.abs(np.arange(len(sums)) - len(sums) // 2) >= abs(differences.sum())
    return min(1.0, float(sums[is_as_far].sum()))


def swaps_p(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the p-value of the randomization test that two ratios of sums are equal.

    Under the null hypothesis, the answers of two models to a document may be swapped
    (E. W. Noreen: Computer-Intensive Methods for Testing Hypotheses, 1989; A. Yeh: More
    accurate tests for the statistical significance of result differences. COLING 2000).
    Of all ways to swap some of them, ``N_SWAPS`` are drawn, the same ones for the same
    documents in any order. ``a`` and ``b`` are the ``Correctness.parts`` of a trial each, by
    document or summed over blocks.
    """
    if a.ndim == 1:
        a, b = (np.stack([values, np.ones(len(values))]) for values in (a, b))
    half = (a - b) / 2
    half *= np.sign(
        np.where(half[0], half[0], half[1])
    )  # the two models may come in any order
    kinds, counts = np.unique(half[:, half.any(axis=0)], axis=1, return_counts=True)
    moved, middle = (
        kinds @ _random_signs(counts),
        (a + b).sum(axis=1, keepdims=True) / 2,
    )

    def distance(moved: NDArray[Any]) -> Floats:
        top, bottom = np.stack([middle + moved, middle - moved], axis=1)
        return np.asarray(np.abs(np.diff(top / np.where(bottom, bottom, 1), axis=0)))

    measured = distance((a - b).sum(axis=1, keepdims=True) / 2)
    return float(
        (1 + (distance(moved) >= measured - intervals.ROUNDING).sum()) / (1 + N_SWAPS)
    )


def _random_signs(counts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return sums of so many random signs, ``(len(counts), N_SWAPS)``, always the
    same.
    """
    n, ends = int(counts.sum()), np.cumsum(counts)
    # Numpy never changes these numbers, unlike those of a ``Generator``.
    words = np.random.PCG64(0).random_raw(-(-n * N_SWAPS // 64)).astype("<u8")
    signs = np.unpackbits(words.view(np.uint8), count=n * N_SWAPS).reshape(n, N_SWAPS)
    sums = [
        part.sum(axis=0, dtype=np.int64)
        for part in np.split(signs, ends)[: len(counts)]
    ]
    return np.reshape(sums, (-1, N_SWAPS)) * 2 - counts[:, np.newaxis]


class PairPower(StoredRecord):
    """The power of the comparison of two models; the caption of its table says more."""

    comparison: Comparison
    detectable: (
        float | None
    )  # the smallest difference found in 80 % of such runs, if tested alone
    detectable_corrected: (
        float | None
    )  # the same after the correction for all comparisons
    seeds_needed: (
        int | None
    )  # so that the measured difference would be clear in 80 % of runs
    is_spread_known: (
        bool  # whether each model that depends on the seed has several seeds
    )


def power_of_pairs(
    run: StoredRun, only: Sequence[str] | None = None
) -> list[PairPower]:
    """Return the power of the pairs of models that are not clear, nearly clear ones
    first.
    """
    names = chosen(list(run.trials), only)
    hits = hits_of(run)
    family = list(with_majority(hits, run.results.dataset, run.trials).values())
    first, second = np.triu_indices(len(family), 1)
    corrected = many_models.first_step_level(_describe(family), first, second)
    powers = []
    for pair in run.results.comparisons:
        if pair.is_clear or not {pair.a, pair.b} <= set(names):
            continue
        squares = intervals.mean_squares(hits[pair.a], hits[pair.b])
        wanted, is_known = (
            abs(pair.difference),
            pair.n_seeds is None or pair.n_seeds > 1,
        )
        can_tell = is_known and not pair.has_too_few_seeds
        power = PairPower(
            comparison=pair,
            detectable=detectable(squares, SIGNIFICANT) if can_tell else None,
            detectable_corrected=detectable(squares, corrected) if can_tell else None,
            seeds_needed=seeds_needed(squares, corrected, wanted) if is_known else None,
            is_spread_known=is_known,
        )
        powers.append(power)
    return sorted(powers, key=_nearly_clear)


def _nearly_clear(pair: PairPower) -> tuple[int, float]:
    """Return a sort key that puts pairs first that need fewer seeds."""
    return pair.seeds_needed or MOST + 1, pair.comparison.p_corrected


def detectable(squares: intervals.MeanSquares, level: float) -> float | None:
    """Return the smallest true difference whose p-value is below ``level`` in 80 % of
    runs.

    ``None`` if it is above 1, or if nothing varies. Given a true difference, Student's
    statistic has a noncentral t distribution (J. Cohen: Statistical Power Analysis for
    the Behavioral Sciences, 2nd edition, 1988, chapter 2).
    """
    if not (variance := squares.variance):
        return None
    df = squares.df(variance)
    quantile = scipy.special.stdtrit(df, 1 - level / 2)
    error = variance**0.5
    if (
        quantile * error > 1
    ):  # it is larger still, and SciPy might look for it for minutes
        return None
    found = float(scipy.special.nctdtrinc(df, 1 - POWER, quantile) * error)
    return found if found <= 1 else None


def seeds_needed(
    squares: intervals.MeanSquares, level: float, difference: float
) -> int | None:
    """Return the fewest seeds for which a ``difference`` is detectable; ``None`` if too
    many.
    """

    def is_enough(n: int) -> bool:
        found = detectable(squares.with_seeds(n), level)
        return found is not None and found <= difference

    if not len(squares.n_seeds) or not difference:
        return None
    numbers = range(FEWEST, MOST + 1)
    place = bisect_left(numbers, True, key=is_enough)
    return numbers[place] if place < len(numbers) else None
