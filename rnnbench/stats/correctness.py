"""How right models are on each document, and which documents depend on each other.

>>> right = np.array([[True, True, False, True], [True, True, True, True]])
>>> correctness = Correctness(right)  # two seeds, four documents
>>> correctness.score
0.875
>>> f"{Interval(low=0.25, high=0.75):.2f}"
'0.25 to 0.75'

All other modules of this room take a ``Correctness`` for each model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Groups: TypeAlias = NDArray[np.int64]
"""``(n_documents,)``: the cluster or the block of each document, from 0."""

ANOVA = "analysis of variance over documents and seeds"  # the method of most p-values
FEW_CLUSTERS = 20  # with fewer, intervals and p-values are rough
N_BLOCKS = 16  # blocks of documents in order of time, whose sizes differ by at most one


@dataclass(frozen=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __format__(self, form: str) -> str:
        return f"{self.low:{form}} to {self.high:{form}}"

    def place_of(self, value: float) -> str:
        """Return whether a value lies ``inside``, ``above`` or ``below``."""
        if value in self:
            return "inside"
        if value > self.high:
            return "above"
        return "below"


@dataclass(frozen=True, eq=False)
class Correctness:
    """How right the answers of a model are, of each seed to each document.

    >>> f1 = Correctness(np.array([[[2, 0, 2]], [[2, 1, 4]]]))  # a ratio of sums
    >>> round(f1.score, 3)
    0.571
    >>> f1.values.shape
    (1, 3)
    """

    parts: Array
    """``(n_seeds, n_documents)``: right or wrong, or any numbers whose mean is the
    score; or ``(2, n_seeds, n_documents)``, the numerators and the denominators of a
    ratio of sums."""
    in_order: bool = False
    """Whether the documents are in order of time."""
    is_random: bool = True
    """Whether the answers of the model depend on the seed."""
    clusters: Sequence[int] | None = None
    """The cluster of each document, from 0; clusters replace blocks of time."""
    is_loss: bool = False
    """Whether ``parts`` are losses, at least 0, of any size. The score is then their
    mean with the sign changed, so that a higher one is better."""

    @cached_property
    def groups(self) -> Groups | None:
        """The cluster or the block of each document.

        ``None`` if documents do not depend on each other.
        """
        if self.clusters is not None:
            return np.asarray(self.clusters)
        if self.in_order:
            return blocks(self.parts.shape[-1])
        return None

    @cached_property
    def values(self) -> Array:
        """Numbers or booleans whose mean is the score, ``(n_seeds, n_documents)``."""
        if self.is_loss:
            return -self.parts
        if self.parts.ndim == 2:
            return self.parts
        return linearised(self.parts)

    @property
    def score(self) -> float:
        """The mean over seeds and documents."""
        return float(self.values.mean())

    @property
    def all_agree(self) -> bool:
        """Whether all seeds got the same documents right, as a single one does."""
        return bool((self.parts == self.parts[..., :1, :]).all())


def linearised(parts: Array) -> Floats:
    """Return a number for each document, ``(..., n)``, whose mean is a ratio of sums.

    Of ``parts``, ``(2, ..., n)``: F + (numerator - F * denominator) / mean denominator,
    where F is the ratio, and 0/0 is 0 (R. S. Woodruff: A simple method for
    approximating the variance of a complicated estimate. Journal of the American
    Statistical Association 66, 1971).

    >>> linearised(np.array([[2, 0, 2], [2, 2, 4]])).tolist()
    [0.875, 0.125, 0.5]
    """
    top, bottom = parts
    mean = bottom.mean(axis=-1, keepdims=True)
    mean = np.where(mean, mean, 1)
    ratio = top.mean(axis=-1, keepdims=True) / mean
    return np.asarray(ratio + (top - ratio * bottom) / mean)


def blocks(n: int) -> Groups:
    """Return the block, from 0, of each of ``n`` documents in order of time, ``(n,)``.

    There are 16 of them, whose sizes differ by at most one; fewer documents are a block
    each (R. Ibragimov, U. K. Müller: t-statistic based correlation and heterogeneity
    robust inference. Journal of Business & Economic Statistics 28, 2010).

    >>> np.bincount(blocks(40)).tolist()
    [2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3]
    """
    return ((np.arange(n) + 1) * min(n, N_BLOCKS) - 1) // n


def groups_of(models: Sequence[Correctness]) -> Groups | None:
    """Return the cluster or the block of each document that models answered.

    Clusters of any model come first. Without clusters and blocks, it is ``None``.
    """
    for model in models:
        if model.clusters is not None:
            return model.groups
    for model in models:
        if model.groups is not None:
            return model.groups
    return None


def n_informative(models: Sequence[Correctness], groups: Groups) -> float:
    """Return how many independent documents the groups of models are worth.

    It is the number of blocks, which are of one size, or ``n_equal`` of clusters.
    """
    if any(model.clusters is not None for model in models):
        return n_equal(groups)
    return float(groups.max() + 1)


def n_equal(groups: Groups) -> float:
    """Return the number of clusters of equal size that are worth as much as these.

    It is their number divided by 1 + v², where v is the coefficient of variation of
    their sizes (A. V. Carter, K. T. Schnepel, D. G. Steigerwald: Asymptotic behavior of
    a t-test robust to cluster heterogeneity. Review of Economics and Statistics 99,
    2017; ``results/reference/clusters.md``).

    >>> n_equal(np.array([0, 0, 1, 1])), n_equal(np.array([0, 0, 0, 1]))
    (2.0, 1.6)
    """
    sizes = np.bincount(groups).astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def sums_of(values: Array, groups: Groups) -> Array:
    """Return the sum of ``values``, ``(..., n_documents)``, over each group.

    >>> sums_of(np.array([1, 2, 3]), np.array([0, 1, 0])).tolist()
    [4, 2]
    """
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    return np.add.reduceat(values[..., order], starts, axis=-1)


def by_group(values: Array, groups: Groups) -> Floats:
    """Return a value for each group, ``(..., n_groups)``, with the mean of ``values``.

    It is the mean plus the group's sum of deviations from the mean, times the number of
    groups for each document.

    >>> by_group(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1])).tolist()
    [0.5, 1.0]
    """
    mean = values.mean(axis=-1, keepdims=True)
    sums = sums_of(values - mean, groups)
    return np.asarray(mean + sums * (sums.shape[-1] / values.shape[-1]))
