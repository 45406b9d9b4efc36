"""How many documents tell two single trainings apart, by McNemar's exact test.

>>> agree = 0.9  # on nine documents of ten, both are right or both are wrong
>>> round(mcnemar_power(500, agree, difference=0.05), 3)
0.941
>>> round(mcnemar_detectable(500, agree), 4)
0.0407
>>> mcnemar_documents(agree, difference=0.01)
8032

Of n documents, a binomial number m has one right answer, and of these, a binomial
number is right by the better model. So the power is a sum over m of exact powers of a
sign test (R. A. Duffy: Asymptotic and exact power for the McNemar test and its
analogue with R controls per case. Biometrics 40, 1984). Only a difference that is found
in the right direction counts.
"""

import numpy as np
import scipy

from rnnbench.stats.correctness import Array
from rnnbench.stats.intervals import ROUNDING
from rnnbench.stats.power import MOST_DOCUMENTS, POWER, first_enough

LEVEL = 0.05
SPAN = 6  # standard deviations of m to both sides; the rest is below 1e-8
MOST_COUNTS = 1_001  # of values of m, evenly spread if there are more
STEP = 1e-5  # of the differences that are tried


def mcnemar_power(
    n_documents: int, agree: float, difference: float, level: float = LEVEL
) -> float:
    """Return the probability that a true difference of two scores is found.

    Args:
        n_documents: that both models answer.
        agree: the share of them on which both are right or both are wrong.
        difference: of the scores, at most 1 - ``agree``.
        level: the p-value below which it is found.

    >>> mcnemar_power(6, agree=0, difference=1)
    1.0
    """
    only_one = 1 - agree
    if only_one < ROUNDING:
        return 0.0
    half = SPAN * (n_documents * only_one * agree) ** 0.5 + SPAN
    start = max(1, int(n_documents * only_one - half))
    end = min(n_documents, int(n_documents * only_one + half))
    counts = np.unique(np.linspace(start, end, MOST_COUNTS).round().astype(int))
    up_to_count = scipy.special.bdtr(counts, n_documents, only_one)
    shares = np.diff(up_to_count, prepend=0.0)
    by_worse = min(1.0, max(0.0, (1 - difference / only_one) / 2))
    limits = _limits(counts, level)
    is_possible = limits >= 0
    powers = scipy.special.bdtr(limits.clip(0), counts, by_worse)
    return float(min(1.0, shares[is_possible] @ powers[is_possible]))


def _limits(counts: Array, level: float) -> Array:
    """Return the most documents that the worse model alone may be right on.

    With more of them, among ``counts`` documents that one model alone is right on, the
    difference is not clear. It is below 0 if no difference is clear.
    """
    normal = scipy.special.ndtri(level / 2)
    limits = np.floor((counts - 1 + normal * counts**0.5) / 2) + 2
    for _ in range(3):  # the normal distribution is off by one, at most
        chance = scipy.special.bdtr(limits.clip(0), counts, 0.5)
        limits = limits - (2 * chance >= level)
    return np.asarray(limits)


def mcnemar_detectable(
    n_documents: int, agree: float, level: float = LEVEL
) -> float | None:
    """Return the smallest true difference that is found in 80 % of cases.

    It is a multiple of 0.00001; ``None`` if not even the largest one is found.

    >>> mcnemar_detectable(20, agree=0.9) is None
    True
    """

    def is_enough(step: int) -> bool:
        return mcnemar_power(n_documents, agree, step * STEP, level) >= POWER

    step = first_enough(range(round((1 - agree) / STEP) + 1), is_enough)
    if step is None:
        return None
    return step * STEP


def mcnemar_documents(
    agree: float, difference: float, level: float = LEVEL
) -> int | None:
    """Return how many documents find a true difference in 80 % of cases.

    One document fewer does not. ``None`` if the difference is larger than 1 -
    ``agree``, or if more than ``MOST_DOCUMENTS`` are needed.

    >>> mcnemar_documents(agree=0.99, difference=0.05) is None
    True
    """
    if difference > 1 - agree + ROUNDING:
        return None

    def is_enough(n: int) -> bool:
        return mcnemar_power(n, agree, difference, level) >= POWER

    return first_enough(range(1, MOST_DOCUMENTS + 1), is_enough)
