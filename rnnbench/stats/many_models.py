"""Comparisons of many models on the same documents, corrected together.

>>> random = np.random.default_rng(1)
>>> models = [Correctness(random.random((1, 500)) < share) for share in (0.9, 0.9, 0.7)]
>>> scores = describe(models)
>>> first, second = np.triu_indices(3, 1)
>>> (corrected_p(scores, first, second) < 0.05).tolist()
[False, True, True]
>>> (worse_than_best_p(scores) < 0.05).tolist()
[False, False, True]

Two questions need two families of hypotheses:

- *Which pairs differ?* ``corrected_p`` tests pairs step by step, each against the
  largest statistic of all pairs that are at most as far apart (P. H. Westfall, S. S.
  Young: Resampling-Based Multiple Testing, 1993; J. P. Romano, M. Wolf: Exact and
  approximate stepdown methods for multiple hypothesis testing. Journal of the American
  Statistical Association 100, 2005).
- *Which models could be the best?* ``worse_than_best_p`` removes models one by one, the
  worst first, to find a model confidence set (P. R. Hansen, A. Lunde, J. M. Nason: The
  model confidence set. Econometrica 79, 2011). This allows for choosing the best by the
  same results.

All pairs share the same random draws: under the null hypothesis, the difference of two
models on a document, or on a group of documents, is equally likely to have the other
sign (R. A. Fisher: The Design of Experiments, 1935; for groups: I. A. Canay, J. P.
Romano, A. M. Shaikh: Randomization tests under an approximate symmetry assumption.
Econometrica 85, 2017). Means over seeds are drawn from normal distributions with the
measured variances. So p-values of models that err on the same documents are corrected
less than by Holm's method, and more models need no more draws.

A pair's statistic is Student's, from the analysis of variance of
``rnnbench.stats.intervals``. Pairs have different degrees of freedom, so each
statistic is turned into the normal one that is about as rare (D. L. Wallace: Bounds on
normal approximations to Student's and the chi-square distributions. Annals of
Mathematical Statistics 30, 1959).

With few seeds, a variance that chance made too small or too large would count twice, in
a pair's statistic and in its draws. So draws of pairs with seeds are divided by their
own root mean square: draws then tell how alike the pairs are, and Student's
distribution tells how rare a statistic is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

from rnnbench.stats.correctness import (
    Correctness,
    Floats,
    by_group,
    groups_of,
    n_informative,
)
from rnnbench.stats.intervals import (
    ROUNDING,
    SMALLEST_P,
    variance_by_chance,
    variance_over_seeds,
)

Singles: TypeAlias = NDArray[np.float32]
Positions: TypeAlias = NDArray[np.intp]

N_DRAWS = 9_999
FEWEST_DRAWS = 999
MOST_CELLS = 200_000_000  # of pairs times draws; with more pairs, there are fewer draws
SCALING_DRAWS = 500  # for the root mean square of a pair's draws
CHUNK_CELLS = 500_000  # of pairs times draws that are made at a time
FEWEST_AT_ONCE = 25  # draws, even if that makes more cells
MOST_AT_ONCE = 256  # draws
BLOCK_CELLS = 32_000  # of pairs times draws: such arrays fit into a processor's cache
# with fewer draws beyond a statistic, its p-value comes from the normal distribution
TAIL = 10
RARE = TAIL / N_DRAWS
LEVEL = 0.05
SQUARES_ROUNDING = 1e-9  # squares that differ by less than this share count as equal
DRAW_ROUNDING = 1e-4  # the same for drawn statistics, which have single precision
# of the variance over units; the degrees of freedom are below one there
SMALLEST_SHARE = 1e-6
TINY = 1e-30  # in place of a variance of 0; squares of 32 bits hold its inverse


@dataclass(frozen=True, eq=False)
class ModelScores:
    """The scores of m models on the same documents, and the parts of their variance.

    A unit is a document, or a group of documents: a cluster, or a block of time.
    """

    units: Floats
    """``(m, n_units)``: a mean over seeds for each unit; their mean is the score."""
    df: float
    """The degrees of freedom of the variance over units."""
    n_seeds: Floats
    """``(m,)``."""
    seeds: Floats
    """``(m,)``: the variance of the score over seeds; 0 with a single seed."""
    chance: Floats
    """``(m,)``: the part of ``seeds``, and of the variance over units, that is due to
    chance."""
    documents: Floats
    """``(m, m)``: the variance of the difference of two models over single
    documents."""
    documents_net: Floats
    """``(m, m)``: the same without chance."""
    z: Floats
    """``(m, m)``: the statistic of each pair; above 0 if the first model is better."""


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of models, and the variances of their differences that no draw changes."""

    first: Positions
    second: Positions
    df: float
    documents: NDArray[np.floating]  # (n_pairs, 1), as all that follow
    documents_net: NDArray[np.floating]
    chance: NDArray[np.floating]
    seed_df_first: NDArray[np.floating]
    seed_df_second: NDArray[np.floating]


def describe(models: Sequence[Correctness]) -> ModelScores:
    """Return the scores of models on the same documents, and their variances.

    >>> describe([Correctness(np.array([[1, 0, 1, 1]]))]).units.tolist()
    [[1.0, 0.0, 1.0, 1.0]]
    """
    values = [np.asarray(model.values, dtype=float) for model in models]
    by_document = np.stack([rows.mean(axis=0) for rows in values])
    units = values
    groups = groups_of(models)
    if groups is not None:
        units = [by_group(rows, groups) for rows in values]
    by_unit = np.stack([rows.mean(axis=0) for rows in units])
    n_units = float(by_unit.shape[1])
    if groups is not None:
        n_units = n_informative(models, groups)
    documents = _variances_of_differences(by_document)
    chance_of_documents = np.array([variance_by_chance(rows) for rows in values])
    sums = chance_of_documents[:, np.newaxis] + chance_of_documents
    scores = ModelScores(
        units=by_unit,
        df=max(1.0, n_units - 1.0),
        n_seeds=np.array([float(len(rows)) for rows in values]),
        seeds=np.array([variance_over_seeds(rows) for rows in values]),
        chance=np.array([variance_by_chance(rows) for rows in units]),
        documents=documents,
        documents_net=documents - sums,
        z=np.zeros_like(documents),
    )
    return _with_statistics(scores)


def corrected_p(scores: ModelScores, first: Positions, second: Positions) -> Floats:
    """Return the p-value of each pair, ``(n_pairs,)``, corrected for all these pairs.

    If models are equal, one or more of their pairs have a p-value below 0.05 in 5 % of
    cases.

    >>> right, wrong = np.ones((1, 9), bool), np.zeros((1, 9), bool)
    >>> scores = describe([Correctness(right), Correctness(right), Correctness(wrong)])
    >>> p = corrected_p(scores, np.array([0, 0]), np.array([1, 2]))
    >>> p[0], p[1] < 0.01
    (np.float64(1.0), np.True_)
    """
    hypotheses = _pairs_are_equal(scores, first, second)
    (p,) = _step_down_p(scores, first, second, [hypotheses])
    return p


def worse_than_best_p(scores: ModelScores) -> Floats:
    """Return the p-value of each model being as good as the best, ``(m,)``.

    The best has 1. If several models are truly the best, one or more of them have a
    p-value below 0.05 in 5 % of cases. Any better model is evidence that a model is not
    the best.

    >>> right, wrong = np.ones((1, 9), bool), np.zeros((1, 9), bool)
    >>> p = worse_than_best_p(describe([Correctness(right), Correctness(wrong)]))
    >>> p[0], p[1] < 0.01
    (np.float64(1.0), np.True_)
    """
    first, second = np.triu_indices(len(scores.units), 1)
    (p,) = _step_down_p(scores, first, second, [_models_are_best(scores)])
    return p


def first_step_level(scores: ModelScores, first: Positions, second: Positions) -> float:
    """Return the uncorrected p-value below which any pair is clear.

    It does not depend on the p-values of other pairs. With Holm's method, it would be
    0.05 divided by the number of pairs.

    >>> random = np.random.default_rng(0)
    >>> scores = describe([Correctness(random.random((1, 99))) for _ in range(4)])
    >>> 0.05 / 6 < first_step_level(scores, *np.triu_indices(4, 1)) < 0.05
    True
    """
    largest = [drawn.max(axis=0) for drawn in _draws(scores, first, second)]
    quantile = float(np.quantile(np.concatenate(largest), 1 - LEVEL)) ** 0.5
    return min(LEVEL, float(2 * scipy.special.ndtr(-quantile)))


def rank_intervals(
    scores: ModelScores, is_open: NDArray[np.bool_] | None = None
) -> Positions:
    """Return the first and the last possible rank of each model, ``(m, 2)``, from 1.

    In 95 % of cases, they include the true ranks of all models; equal models have equal
    ranks (M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm: Inference for ranks.
    Review of Economic Studies 91, 2024). ``is_open``, ``(m, m)``, says which pairs
    leave both orders open in any case.

    >>> right, wrong = np.ones((1, 9), bool), np.zeros((1, 9), bool)
    >>> rank_intervals(describe([Correctness(right), Correctness(wrong)])).tolist()
    [[1, 1], [2, 2]]
    """
    first, second = np.triu_indices(len(scores.units), 1)
    p = corrected_p(scores, first, second)
    return _intervals_of_ranks(scores, p, is_open)


def rank_models(
    scores: ModelScores, is_open: NDArray[np.bool_] | None = None
) -> tuple[Positions, Floats]:
    """Return what ``rank_intervals`` and ``worse_than_best_p`` return.

    The same draws serve both, in half of the time.

    >>> right, wrong = np.ones((1, 9), bool), np.zeros((1, 9), bool)
    >>> ranks, p = rank_models(describe([Correctness(right), Correctness(wrong)]))
    >>> ranks.tolist(), p[0], p[1] < 0.01
    ([[1, 1], [2, 2]], np.float64(1.0), np.True_)
    """
    first, second = np.triu_indices(len(scores.units), 1)
    families = [_pairs_are_equal(scores, first, second), _models_are_best(scores)]
    p_of_pairs, p_of_best = _step_down_p(scores, first, second, families)
    return _intervals_of_ranks(scores, p_of_pairs, is_open), p_of_best


def smallest_p(n_groups: int) -> float:
    """Return the smallest p-value of two single trainings.

    Documents are in ``n_groups`` groups. It is the probability of signs that are all
    alike, or 0 if that is too rare to limit p-values.
    """
    share = min(1.0, 2.0 ** (1 - n_groups))
    if share < RARE:
        return 0.0
    return share


def beyond_draws(p: float, z: float) -> float:
    """Return the p-value of a pair, by the normal distribution if draws are too few."""
    if p >= RARE:
        return p
    return max(SMALLEST_P, min(p, float(2 * scipy.special.ndtr(-abs(z)))))


def _intervals_of_ranks(
    scores: ModelScores, p: Floats, is_open: NDArray[np.bool_] | None
) -> Positions:
    """Return the first and the last rank by the p-values of all pairs, ``(m, 2)``."""
    n_models = len(scores.units)
    first, second = np.triu_indices(n_models, 1)
    differs = p < LEVEL
    if is_open is not None:
        differs &= ~is_open[first, second]
    is_better = np.zeros((n_models, n_models), bool)
    is_better[first, second] = differs & (scores.z[first, second] > 0)
    is_better[second, first] = differs & (scores.z[second, first] > 0)
    n_better = is_better.sum(axis=0)
    n_worse = is_better.sum(axis=1)
    return np.stack([1 + n_better, n_models - n_worse], axis=1)


def _variances_of_differences(units: Floats) -> Floats:
    """Return the variance of the mean difference of each two rows, ``(m, m)``."""
    n_units = units.shape[1]
    if n_units == 1:
        return np.zeros((len(units), len(units)))
    centred = units - units.mean(axis=1, keepdims=True)
    return np.asarray(_squares_of_differences(centred) / (n_units - 1) / n_units)


def _squares_of_differences(rows: Floats) -> Floats:
    """Return the sum of squared differences of each two rows, 0 if they are equal."""
    rest = rows - rows.mean(axis=0)
    products = rest @ rest.T
    squares = np.diag(products)
    both = squares[:, np.newaxis] + squares
    differences = both - 2 * products
    return np.where(differences > SQUARES_ROUNDING * both, differences, 0.0)


def _with_statistics(scores: ModelScores) -> ModelScores:
    """Return scores with the measured statistic of each pair."""
    n_models = len(scores.units)
    first, second = np.divmod(np.arange(n_models**2), n_models)
    pairs = _pairs(scores, first, second, np.float64)
    means = scores.units.mean(axis=1)
    gap = (means[first] - means[second])[:, np.newaxis]
    gap[np.abs(gap) < ROUNDING] = 0
    over_units = _variances_of_differences(scores.units)[first, second, np.newaxis]
    over_units *= (scores.units.shape[1] - 1) / scores.df
    seeds = scores.seeds[:, np.newaxis]
    squares = _squared_z(gap, over_units, seeds[first], seeds[second], pairs)
    z = np.copysign(np.sqrt(squares), gap).reshape(n_models, n_models)
    return replace(scores, z=z)


def _pairs(
    scores: ModelScores, first: Positions, second: Positions, dtype: type[np.floating]
) -> _Pairs:
    """Return pairs of models with arrays of a type."""
    seed_df = np.maximum(1.0, scores.n_seeds - 1)

    def column(values: Floats) -> NDArray[np.floating]:
        return values.astype(dtype)[:, np.newaxis]

    return _Pairs(
        first=first,
        second=second,
        df=scores.df,
        documents=column(np.maximum(scores.documents[first, second], TINY)),
        documents_net=column(np.maximum(scores.documents_net[first, second], TINY)),
        chance=column(scores.chance[first] + scores.chance[second]),
        seed_df_first=column(seed_df[first]),
        seed_df_second=column(seed_df[second]),
    )


def _squared_z(
    gap: NDArray[np.floating],
    over_units: NDArray[np.floating],
    seeds_first: NDArray[np.floating] | None,
    seeds_second: NDArray[np.floating] | None,
    pairs: _Pairs,
) -> NDArray[np.floating]:
    """Return the squared normal statistics of differences, ``(n_pairs, n_draws)``.

    ``over_units`` is the variance of the difference over units. Without seeds, which
    are ``None`` or 0, the variance is at least that over single documents. With seeds,
    chance counts once.
    """
    total = np.maximum(over_units, pairs.documents)
    if seeds_first is None or seeds_second is None:
        return _normal_square(gap * gap / total, pairs.df)
    net = np.maximum(over_units - pairs.chance, pairs.documents_net)
    variance = np.maximum(net + seeds_first + seeds_second, total * SMALLEST_SHARE)
    # The inverse of the degrees of freedom (Satterthwaite)
    inverse_df = (total / variance) ** 2 / pairs.df
    inverse_df += (seeds_first / variance) ** 2 / pairs.seed_df_first
    inverse_df += (seeds_second / variance) ** 2 / pairs.seed_df_second
    wider = np.where(inverse_df > 1, np.maximum(variance, total), variance)
    df = np.maximum((wider / variance) ** 2 / inverse_df, 0.1)
    return _normal_square(gap * gap / wider, df)


def _normal_square(
    t_squared: NDArray[np.floating], df: float | NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return the square of the normal statistic that is about as rare (Wallace)."""
    factor = (8 * df + 1) / (8 * df + 3)
    return np.asarray(factor * factor * df * np.log1p(t_squared / df))


@dataclass(frozen=True, eq=False)
class _Hypotheses:
    """Hypotheses that are tested step by step, the least likely first."""

    pairs: Positions
    """The places of their pairs among the drawn ones; the first one's come first."""
    starts: Positions
    """Where the pairs of each begin."""
    measured: Floats
    """The statistic of each."""
    subjects: Positions
    """The place of the pair, or of the model, that each is about."""
    n_subjects: int
    """Those without a hypothesis have a p-value of 1."""


def _pairs_are_equal(
    scores: ModelScores, first: Positions, second: Positions
) -> _Hypotheses:
    """Return the hypotheses that two models are equal, one for each pair."""
    measured = np.abs(scores.z[first, second])
    order = np.argsort(-measured, kind="stable")
    return _Hypotheses(
        pairs=order,
        starts=np.arange(len(order)),
        measured=measured[order],
        subjects=order,
        n_subjects=len(order),
    )


def _models_are_best(scores: ModelScores) -> _Hypotheses:
    """Return the hypotheses that a model is as good as all that remain.

    They are about all pairs of models, as ``np.triu_indices`` orders them.
    """
    n_models = len(scores.units)
    first, second = np.triu_indices(n_models, 1)
    places = np.zeros((n_models, n_models), np.intp)
    places[first, second] = places[second, first] = np.arange(len(first))
    # the statistic of the model that beats it most clearly
    behind = scores.z.max(axis=0)
    # the worst model leaves first
    order = np.lexsort((scores.units.mean(axis=1), -behind))
    leaving = order[:-1]
    return _Hypotheses(
        # first all pairs of the worst model, then those of the next one
        pairs=places[order[first], order[second]],
        starts=np.searchsorted(first, np.arange(n_models - 1)),
        measured=behind[leaving],
        subjects=leaving,
        n_subjects=n_models,
    )


def _step_down_p(
    scores: ModelScores,
    first: Positions,
    second: Positions,
    families: Sequence[_Hypotheses],
) -> list[Floats]:
    """Return the p-values of families of hypotheses, ``(n_subjects,)`` each.

    A hypothesis is tested by the largest drawn statistic of its own pairs and those of
    all later hypotheses. If too few draws are as large as the measured statistic, its
    p-value comes from the normal distribution, times the number of these pairs
    (Bonferroni), so that the number of draws limits no p-value.
    """
    counts: list[Floats] = []
    for family in families:
        counts.append(np.zeros(len(family.measured)))
    n_draws = 0
    if len(first):
        for drawn in _draws(scores, first, second):
            for number, family in enumerate(families):
                counts[number] += _n_as_large(family, drawn)
            n_draws += drawn.shape[1]
    p_values = []
    for family, count in zip(families, counts, strict=True):
        n_pairs = len(first) - family.starts
        tail = n_pairs * 2 * scipy.special.ndtr(-np.maximum(family.measured, 0))
        p = (1 + count) / (1 + n_draws)
        p = np.where(count < TAIL, np.minimum(p, tail), p)
        p = np.maximum.accumulate(np.maximum(p, SMALLEST_P))
        p_of_subjects = np.ones(family.n_subjects)
        p_of_subjects[family.subjects] = p
        p_values.append(p_of_subjects)
    return p_values


def _n_as_large(family: _Hypotheses, drawn: Singles) -> Floats:
    """Return how many draws are as large as each measured statistic."""
    squares = np.maximum(family.measured, 0) ** 2
    least = (squares * (1 - DRAW_ROUNDING)).astype(np.float32)[:, np.newaxis]
    largest = np.maximum.reduceat(drawn[family.pairs], family.starts)
    largest = np.maximum.accumulate(largest[::-1])[::-1]
    return np.asarray((largest >= least).sum(axis=1), float)


def _draws(
    scores: ModelScores, first: Positions, second: Positions
) -> Iterator[Singles]:
    """Yield the squared statistics of pairs of equal models, ``(n_pairs, n_draws)``."""
    n_draws = int(np.clip(MOST_CELLS // len(first), FEWEST_DRAWS, N_DRAWS))
    if not (scores.n_seeds > 1).any():
        yield from _raw_draws(scores, first, second, n_draws)
        return
    mean_square = _mean_square(scores, first, second)
    for drawn in _raw_draws(scores, first, second, n_draws):
        yield drawn / mean_square


def _mean_square(scores: ModelScores, first: Positions, second: Positions) -> Singles:
    """Return the mean of the squared statistics that are drawn, ``(n_pairs, 1)``.

    It is 1 for pairs without seeds, whose few possible statistics must stay as they
    are.
    """
    total = np.zeros(len(first), np.float32)
    for drawn in _raw_draws(scores, first, second, SCALING_DRAWS):
        total += drawn.sum(axis=1)
    has_seeds = scores.n_seeds > 1
    is_scaled = (has_seeds[first] | has_seeds[second]) & (total > 0)
    mean_square = np.where(is_scaled, total / SCALING_DRAWS, 1)
    return mean_square.astype(np.float32)[:, np.newaxis]


def _raw_draws(
    scores: ModelScores, first: Positions, second: Positions, n_draws: int
) -> Iterator[Singles]:
    """Yield the squared statistics of pairs, ``(n_pairs, n_draws)``, with their own
    variances.
    """
    random = np.random.PCG64(0)  # NumPy never changes its raw numbers
    n_units = scores.units.shape[1]
    n_pairs = len(first)
    squares = _squares_of_differences(scores.units)[first, second, np.newaxis] / n_units
    is_same = squares[:, 0] == 0
    squares = squares.astype(np.float32)
    # signs of what all share cancel out
    differences = (scores.units - scores.units[0]) / n_units
    differs = np.ptp(differences, axis=0) > ROUNDING
    differences = np.ascontiguousarray(differences[:, differs], dtype=np.float32)
    has_seeds = bool((scores.n_seeds > 1).any())
    chunk = int(np.clip(CHUNK_CELLS // n_pairs, FEWEST_AT_ONCE, MOST_AT_ONCE))
    n_in_block = max(1, BLOCK_CELLS // chunk)
    blocks = []
    for start in range(0, n_pairs, n_in_block):
        block = slice(start, start + n_in_block)
        pairs = _pairs(scores, first[block], second[block], np.float32)
        blocks.append((block, pairs))
    for start in range(0, n_draws, chunk):
        size = min(chunk, n_draws - start)
        means = differences @ _random_signs(random, differences.shape[1], size)
        if has_seeds:
            effects, seeds = _draw_seeds(random, scores, size)
        drawn = np.empty((n_pairs, size), np.float32)
        for block, pairs in blocks:
            gap = means[pairs.first] - means[pairs.second]
            over_units = (squares[block] - gap * gap) / np.float32(scores.df)
            seeds_first = seeds_second = None
            if has_seeds:
                gap += effects[pairs.first] - effects[pairs.second]
                seeds_first = seeds[pairs.first]
                seeds_second = seeds[pairs.second]
            # a rounding error, divided by no variance, would be large
            gap[is_same[block]] = 0
            drawn[block] = _squared_z(gap, over_units, seeds_first, seeds_second, pairs)
        yield drawn


def _random_signs(random: np.random.PCG64, n_rows: int, n_columns: int) -> Singles:
    """Return random signs, ``(n_rows, n_columns)``."""
    n_signs = n_rows * n_columns
    words = random.random_raw(ceil(n_signs / 64)).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8), count=n_signs)
    return bits.reshape(n_rows, n_columns).astype(np.float32) * 2 - 1


def _draw_seeds(
    random: np.random.PCG64, scores: ModelScores, size: int
) -> tuple[Singles, Singles]:
    """Return the drawn effects of seeds on scores, and their drawn variances, ``(m,
    size)``.

    The order of models does not matter: random numbers are assigned by variance and
    score.
    """
    n_models = len(scores.units)
    most = int(scores.n_seeds.max())
    raw = random.random_raw(n_models * most * size) >> np.uint64(40)
    uniform = (raw.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)
    order = np.lexsort((scores.units.mean(axis=1), scores.seeds))
    normal = np.empty((n_models, most, size), np.float32)
    normal[order] = scipy.special.ndtri(uniform).reshape(n_models, most, size)
    spread = np.sqrt(np.maximum(0, scores.seeds - scores.chance))
    effects = normal[:, 0] * spread.astype(np.float32)[:, np.newaxis]
    seed_df = np.maximum(1.0, scores.n_seeds - 1)
    is_used = np.arange(1, most) < scores.n_seeds[:, np.newaxis]
    weights = is_used * (scores.seeds / seed_df)[:, np.newaxis]
    variances = np.einsum("ijk,ij->ik", normal[:, 1:] ** 2, weights.astype(np.float32))
    return effects, variances
