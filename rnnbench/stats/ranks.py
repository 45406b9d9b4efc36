"""Mean ranks of models over several datasets, on each of which a model has one rank.

>>> ranks = np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3], [1, 2, 3]])
>>> round(friedman_test(ranks).p, 4)
0.0066
>>> round(critical_difference(n_datasets=4, n_models=3), 2)
1.66
>>> groups_within({"gru": 1.0, "svm": 2.25, "bayes": 2.75}, difference=1.66)
[['gru', 'svm'], ['svm', 'bayes']]

The tests are those of J. Demšar (Statistical comparisons of classifiers over multiple
data sets. Journal of Machine Learning Research 7, 2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial, inf, isclose

import numpy as np
import scipy

from rnnbench.stats.correctness import Floats

ALPHA = 0.05  # the level of the tests


@dataclass(frozen=True)
class Friedman:
    """The outcome of Friedman's test that all models have the same mean rank."""

    chi_squared: float
    """Friedman's statistic."""
    f: float | None
    """That of Iman and Davenport; ``None`` if all datasets agree, where it is
    infinite."""
    df: tuple[int, int]
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether the ranks differ."""
        return self.p < ALPHA


def friedman_test(ranks: Floats) -> Friedman:
    """Return the test that all models have the same mean rank.

    ``ranks`` is ``(n_datasets, n_models)``. The F statistic is that of R. L. Iman and
    J. M. Davenport (Communications in Statistics A 9, 1980). As in Demšar's paper,
    unlike in SciPy, ties are not corrected for. The p-value is at least the probability
    that all datasets rank the models alike by chance.

    >>> round(friedman_test(np.array([[1, 2], [1, 2], [2, 1]])).chi_squared, 3)
    0.333
    """
    n, k = ranks.shape
    spread = float((ranks.mean(axis=0) ** 2).sum()) - k * (k + 1) ** 2 / 4
    chi_squared = max(0.0, 12 * n / (k * (k + 1)) * spread)
    highest = n * (k - 1)
    df = (k - 1, (k - 1) * (n - 1))
    least_p = 1 / factorial(k) ** (n - 1)
    if isclose(chi_squared, highest):
        return Friedman(chi_squared, None, df, least_p)
    f = (n - 1) * chi_squared / (highest - chi_squared)
    p = max(float(scipy.stats.f.sf(f, *df)), least_p)
    return Friedman(chi_squared, f, df, p)


def critical_difference(n_datasets: int, n_models: int) -> float:
    """Return the smallest difference of mean ranks that is clear.

    By Nemenyi's test (1963), it is q * sqrt(k (k + 1) / (6 n)) for k models on n
    datasets, where q is the quantile of the studentized range divided by the square
    root of 2.

    >>> round(critical_difference(n_datasets=10, n_models=4), 2)
    1.48
    """
    q = float(scipy.stats.studentized_range.ppf(1 - ALPHA, n_models, inf)) / 2**0.5
    return float(q * (n_models * (n_models + 1) / (6 * n_datasets)) ** 0.5)


def groups_within(means: Mapping[str, float], difference: float) -> list[list[str]]:
    """Return the largest sets of models whose means differ by less than this.

    The means are in ascending order.

    >>> groups_within({"gru": 1.0, "svm": 2.5}, difference=1.0)
    []
    """
    names = list(means)
    values = np.array(list(means.values()))
    groups = []
    end_before = 0
    for start, lowest in enumerate(values):
        end = int((values - lowest < difference).sum())
        if end > max(end_before, start + 1):
            groups.append(names[start:end])
        end_before = end
    return groups
