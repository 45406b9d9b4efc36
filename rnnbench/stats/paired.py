"""Tests of the difference between two models on the same documents.

>>> random = np.random.default_rng(0)
>>> a = Correctness(random.random((1, 400)) < 0.9)
>>> b = Correctness(random.random((1, 400)) < 0.8)
>>> p, name = difference_p(a, b)
>>> round(p, 5), name
(0.02785, "McNemar's exact test")

Single trainings are compared by exact tests or by random signs, means over several by
``intervals.estimate_difference``. SciPy's ``binomtest`` and ``permutation_test`` are
not used: importing ``scipy.stats`` takes longer than a verdict, and the second would
draw other signs whenever documents come in another order.
"""

import numpy as np
import scipy

from rnnbench.stats.correctness import (
    ANOVA,
    Array,
    Correctness,
    Floats,
    Groups,
    groups_of,
    sums_of,
)
from rnnbench.stats.intervals import ROUNDING, estimate_difference
from rnnbench.stats.many_models import beyond_draws, describe

MCNEMAR = "McNemar's exact test"
BLOCKS = "randomization test of blocks of documents"
CLUSTERS = "randomization test of clusters of documents"
RANDOMIZATION = "randomization test of documents"
STUDENT = "Student's test of documents"

N_SWAPS = 10_000
"""Draws of a randomization test of ratios; no p-value is below 1 in so many."""
MOST_SWAPPED = 4_000
"""The most documents that differ in such a test, which then takes a second."""


def difference_p(a: Correctness, b: Correctness) -> tuple[float, str]:
    """Return the p-value of no difference between two models, and the name of its test.

    Single trainings, or trainings that all agree, are compared by ``single_trials_p``;
    means over several by Student's test.

    >>> difference_p(Correctness(np.eye(3)), Correctness(np.zeros((3, 3))))[1]
    'analysis of variance over documents and seeds'
    """
    if a.all_agree and b.all_agree:
        return single_trials_p(a, b)
    return estimate_difference(a, b).p, ANOVA


def single_trials_p(a: Correctness, b: Correctness) -> tuple[float, str]:
    """Return the p-value of the first trainings of two models, and its test.

    With clusters or blocks of time, it is the larger of two p-values: over documents
    and over these groups. A p-value too small to be measured by random signs comes from
    the normal distribution. Beyond ``MOST_SWAPPED`` differing documents, it is
    Student's, unless McNemar's suffices.

    >>> a, b = np.ones((1, 9), bool), np.zeros((1, 9), bool)
    >>> single_trials_p(Correctness(a, in_order=True), Correctness(b))
    (0.00390625, 'randomization test of blocks of documents')
    """
    parts_a = a.parts[..., 0, :]
    parts_b = b.parts[..., 0, :]
    groups = groups_of([a, b])
    is_right_or_wrong = a.values.dtype == b.values.dtype == bool
    if is_right_or_wrong and groups is None:
        return mcnemar_p(parts_a, parts_b), MCNEMAR
    if np.count_nonzero(a.values[0] != b.values[0]) > MOST_SWAPPED:
        return estimate_difference(a, b).p, STUDENT
    z = float(describe([a, b]).z[0, 1])
    if groups is None:
        return beyond_draws(swaps_p(parts_a, parts_b), z), RANDOMIZATION
    if is_right_or_wrong:
        p = mcnemar_p(parts_a, parts_b)
        p_of_groups = blocks_p(parts_a, parts_b, groups)
    else:
        p = beyond_draws(swaps_p(parts_a, parts_b), z)
        p_of_groups = swaps_p(sums_of(parts_a, groups), sums_of(parts_b, groups))
    p = max(p, beyond_draws(p_of_groups, z))
    if a.clusters is None and b.clusters is None:
        return p, BLOCKS
    return p, CLUSTERS


def mcnemar_p(a: Array, b: Array) -> float:
    """Return the p-value of McNemar's exact test of two models.

    It tests whether they are right equally often. ``a`` and ``b``, ``(n,)``, say
    whether each was right about each document. If only one is, it is equally likely to
    be either of them under the null hypothesis (Q. McNemar, Psychometrika 12, 1947).

    >>> mcnemar_p(np.array([True] * 5 + [False]), np.array([False] * 6))
    0.0625
    """
    only_a = int(np.sum(a & ~b))
    only_b = int(np.sum(b & ~a))
    tail = scipy.special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)
    return min(1.0, 2 * float(tail))


def blocks_p(a: Array, b: Array, groups: Groups) -> float:
    """Return the p-value of the randomization test of two models in groups.

    It tests whether they are right equally often. The difference in each group of
    documents is equally likely to have the other sign (R. A. Fisher: The Design of
    Experiments, 1935, chapter 3). ``a`` and ``b`` are those of ``mcnemar_p``. All signs
    are counted.

    >>> a, b = np.array([True] * 6), np.array([False] * 6)
    >>> blocks_p(a, b, np.array([0, 0, 1, 1, 2, 2]))
    0.25
    """
    differences = sums_of(a.astype(int) - b, groups)
    # the probability of each sum from -n to n; n is the sum of the sizes so far
    sums = np.ones(1)
    for size in np.abs(differences[differences != 0]):
        shift = np.zeros(2 * size)
        sums = (np.concatenate([sums, shift]) + np.concatenate([shift, sums])) / 2
    is_as_far = np.abs(np.arange(len(sums)) - len(sums) // 2) >= abs(differences.sum())
    return min(1.0, float(sums[is_as_far].sum()))


def swaps_p(a: Array, b: Array) -> float:
    """Return the p-value of the randomization test that two ratios of sums are equal.

    Under the null hypothesis, the answers of two models to a document may be swapped
    (E. W. Noreen: Computer-Intensive Methods for Testing Hypotheses, 1989; A. Yeh: More
    accurate tests for the statistical significance of result differences. COLING 2000).
    Of all ways to swap some of them, ``N_SWAPS`` are drawn, the same ones for the same
    documents in any order.

    Args:
        a: the scores of the documents, ``(n,)``; or numerators and denominators of the
            documents or groups of them, ``(2, n)``.
        b: those of the other model.

    >>> a = np.stack([np.full(10, 2), np.full(10, 2)])
    >>> b = np.stack([np.arange(10) % 2, np.full(10, 2)])
    >>> round(swaps_p(a, b), 2)
    0.0
    """
    if a.ndim == 1:
        ones = np.ones(len(a))
        a = np.stack([a, ones])
        b = np.stack([b, ones])
    half = (a - b) / 2
    half *= np.sign(np.where(half[0], half[0], half[1]))  # models may come in any order
    kinds, counts = np.unique(half[:, half.any(axis=0)], axis=1, return_counts=True)
    middle = (a + b).sum(axis=1, keepdims=True) / 2
    measured = _distance(middle, (a - b).sum(axis=1, keepdims=True) / 2)
    drawn = _distance(middle, kinds @ _random_signs(counts))
    n_as_far = (drawn >= measured - ROUNDING).sum()
    return float((1 + n_as_far) / (1 + N_SWAPS))


def _distance(middle: Array, moved: Array) -> Floats:
    """Return how far apart two ratios are whose sums are ``moved`` from their middle.

    The rows of the arrays are numerators and denominators.
    """
    top, bottom = np.stack([middle + moved, middle - moved], axis=1)
    ratios = top / np.where(bottom, bottom, 1)
    return np.asarray(np.abs(np.diff(ratios, axis=0)))


def _random_signs(counts: Array) -> Array:
    """Return sums of so many random signs, ``(len(counts), N_SWAPS)``.

    They are always the same.
    """
    n = int(counts.sum())
    # Numpy never changes these numbers, unlike those of a ``Generator``.
    words = np.random.PCG64(0).random_raw(-(-n * N_SWAPS // 64)).astype("<u8")
    signs = np.unpackbits(words.view(np.uint8), count=n * N_SWAPS).reshape(n, N_SWAPS)
    sums = np.zeros((len(counts), N_SWAPS), np.int64)
    start = 0
    for row, count in enumerate(counts.tolist()):
        sums[row] = signs[start : start + count].sum(axis=0, dtype=np.int64)
        start += count
    return sums * 2 - counts[:, np.newaxis]
