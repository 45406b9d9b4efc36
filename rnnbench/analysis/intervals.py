"""95 % intervals in closed form: of a mean over seeds, and of a share of documents."""

from collections.abc import Sequence

import numpy as np

from rnnbench.results.schema import Interval

LEVEL = 0.95


def t_interval(values: Sequence[float]) -> Interval | None:
    """Return Student's interval of the mean of ``values``; ``None`` for fewer than two."""
    from scipy.stats import t

    if len(values) < 2:
        return None
    half = t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return Interval(low=np.mean(values) - half, high=np.mean(values) + half)


def prediction_interval(values: Sequence[float]) -> Interval | None:
    """Return Student's interval of one more value like ``values``; ``None`` for fewer than two.

    G. J. Hahn, W. Q. Meeker: Statistical Intervals (1991), chapter 4.
    """
    mean = t_interval(values)
    if mean is None:
        return None
    center, half = (mean.low + mean.high) / 2, (mean.high - mean.low) / 2
    wider = half * (len(values) + 1) ** 0.5
    return Interval(low=center - wider, high=center + wider)


def wilson_interval(hits: int, n: int) -> Interval:
    """Return Wilson's interval of a share, given ``hits`` among ``n``.

    E. B. Wilson: Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22 (1927).
    """
    from scipy.stats import binomtest

    found = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    return Interval(low=found.low, high=found.high)
