"""Whether right answers agree in groups of documents, and what that costs.

>>> groups = np.repeat(np.arange(20), 5)
>>> right = np.random.default_rng(0).random(20)[groups] < 0.5
>>> agreement_p(right.astype(float), groups) < 0.001
True
>>> round(widening(Correctness(right[np.newaxis]), groups), 2)
2.26
"""

from dataclasses import replace

import numpy as np
import scipy

from rnnbench.stats.correctness import Correctness, Floats, Groups
from rnnbench.stats.intervals import score_interval

ROUNDING = 1e-9
"""A smaller sum of squares is a rounding error."""


def agreement_p(values: Floats, groups: Groups) -> float:
    """Return the p-value of an F-test of whether ``values``, ``(n,)``, agree in groups.

    It is that of SciPy's ``f_oneway``, without the import of ``scipy.stats``, which
    takes longer than a verdict.

    >>> round(agreement_p(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0, 0, 1, 1])), 3)
    0.155
    """
    sizes = np.bincount(groups)
    n_free = len(values) - len(sizes)
    rest = values - values.mean()
    between = float((np.bincount(groups, rest) ** 2 / sizes).sum())
    within = float((rest**2).sum()) - between
    if not n_free or between <= ROUNDING:
        return 1.0
    if within <= ROUNDING * between:
        return 0.0
    ratio = between / (len(sizes) - 1) / (within / n_free)
    return float(scipy.special.fdtrc(len(sizes) - 1, n_free, ratio))


def widening(correctness: Correctness, groups: Groups) -> float:
    """Return how many times as wide clusters make the interval of a score.

    >>> widening(Correctness(np.ones((1, 4), bool)), np.array([0, 0, 1, 1]))
    1.0
    """
    single = score_interval(correctness)
    clustered = score_interval(replace(correctness, clusters=groups.tolist()))
    width = single.high - single.low
    if not width:
        return 1.0
    return (clustered.high - clustered.low) / width
