"""When to answer, and when to say nothing: errors by the share that is answered.

>>> sureness = np.arange(1_000) / 1_000
>>> wrong = np.arange(1_000) < 50  # the least sure answers
>>> curve = risk_coverage(sureness, wrong)
>>> curve.coverage_at(0.02), round(curve.area, 4)
(0.969, 0.0013)
>>> promise = answer_where(sureness, Correctness(~wrong[np.newaxis]), at_most=0.02)
>>> promise.n_answered, promise.n_wrong
(960, 10)

The promise is selective risk control (Y. Geifman, R. El-Yaniv: Selective classification
for deep neural networks. NeurIPS 2017), by tests of many thresholds as in Learn then
Test (A. N. Angelopoulos, S. Bates et al., Annals of Applied Statistics 19, 2025).
``results/reference/selective.md`` shows how often it was kept.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from rnnbench.stats.correctness import Correctness, Floats
from rnnbench.stats.intervals import LEVEL, error_bound, mean_squares, variance_of

N_THRESHOLDS = 50
STEPS = 1_000
"""Errors that are tried, to find the lowest that can be promised."""
Booleans = NDArray[np.bool_]
Sureness = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The error of the surest answers, from one of them to all, ``(n_documents,)``."""

    coverage: Floats
    """Their share of all documents."""
    errors: Floats
    """The share of wrong ones among them; equally sure ones count as in any order."""
    is_threshold: Booleans
    """Whether the next answer is less sure, so that a threshold can part them."""

    @property
    def area(self) -> float:
        """The area under the curve: the mean error over all coverages."""
        return float(self.errors.mean())

    def coverage_at(self, at_most: float) -> float:
        """Return the largest share that can be answered with at most this error."""
        is_allowed = self.is_threshold & (self.errors <= at_most)
        return float(self.coverage[is_allowed].max(initial=0.0))


def risk_coverage(sureness: Sureness, wrong: Booleans) -> RiskCoverage:
    """Return the error of answers by the share of documents that are answered.

    Both are ``(n_documents,)`` (R. El-Yaniv, Y. Wiener: On the foundations of
    noise-free selective classification. Journal of Machine Learning Research 11, 2010).

    >>> risk_coverage(np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1])).errors.tolist()
    [0.0, 0.5, 0.6666666666666666]
    """
    _, codes, counts = np.unique(-sureness, return_inverse=True, return_counts=True)
    expected = np.bincount(codes, wrong) / counts
    n_answered = np.arange(1, len(wrong) + 1)
    n_wrong = np.cumsum(np.repeat(expected, counts))
    return RiskCoverage(
        coverage=n_answered / len(wrong),
        errors=n_wrong / n_answered,
        is_threshold=np.isin(n_answered, np.cumsum(counts)),
    )


@dataclass(frozen=True)
class Promise:
    """A threshold of sureness from which on answers keep a promise."""

    threshold: float
    """The least sureness of an answer; ``-inf`` if all documents are answered."""
    n_answered: int
    """The documents that it was chosen on and that are answered."""
    n_wrong: int
    """The wrong answers among them."""


def answer_where(
    sureness: Sureness, correctness: Correctness, at_most: float, level: float = LEVEL
) -> Promise | None:
    """Return the threshold that gives the most answers with an error ``at_most`` this.

    ``correctness`` is that of one seed, right or wrong. With a probability of
    ``level``, the error of all answers above the threshold is at most this one, on
    documents like these; ``None`` if that can be promised of no threshold.

    At most 50 thresholds, which leave shares of 2 %, 4 % ... 100 % of the documents,
    are tested, each by ``error_bound``. Given a threshold, those above it are a random
    sample, so each test is exact. Half of the allowed chance of a mistake is for the
    first threshold that has enough documents, the other half is divided among it and
    all below; a test that succeeds hands its share on to the next (B. L. Wiens, A.
    Dmitrienko: The fallback procedure for evaluating a single family of hypotheses.
    Journal of Biopharmaceutical Statistics 15, 2005).

    Clusters and blocks of time make the number of documents smaller, by the ratio of
    variances and of Student's quantiles, so that a promise is no longer exact (E. L.
    Korn, B. I. Graubard: Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data. Survey Methodology 24, 1998).

    >>> random = np.random.default_rng(0)
    >>> never_sure = Correctness(random.random((1, 1_000)) < 0.9)
    >>> answer_where(random.random(1_000), never_sure, at_most=0.02)
    """
    n = len(sureness)
    wrong = ~correctness.parts[0].astype(bool)
    sizes = np.unique(np.ceil(n * np.arange(1, N_THRESHOLDS + 1) / N_THRESHOLDS))
    ascending = np.sort(sureness)
    below = ascending[n - 1 - sizes[:-1].astype(int)]
    thresholds = np.append(np.nextafter(below, np.inf), -np.inf)
    n_above = n - np.searchsorted(ascending, thresholds)
    # twice the number from which on not a single wrong answer would be enough
    enough = min(n, 2 * np.log(1 - level) / np.log1p(-at_most))
    tested = thresholds[n_above >= enough]
    chance = (1 - level) / 2
    best = None
    for threshold in tested:
        chance += (1 - level) / 2 / len(tested)
        is_answered = sureness >= threshold
        n_answered = int(is_answered.sum())
        n_wrong = int(wrong[is_answered].sum())
        weight = 1.0
        if correctness.groups is not None:
            weight = _weight(correctness, is_answered * (wrong - at_most), level)
        bound = error_bound(n_wrong * weight, n_answered * weight, 1 - chance)
        if bound <= at_most:
            best = Promise(float(threshold), n_answered, n_wrong)
        else:
            chance = 0.0
    return best


def _weight(correctness: Correctness, excess: Floats, level: float) -> float:
    """Return how many independent documents each document in groups is worth.

    ``excess``, ``(n_documents,)``, is the error above the one that is promised.
    """
    single = variance_of(excess) / len(excess)
    squares = mean_squares(replace(correctness, parts=excess[np.newaxis]))
    if squares.documents <= single:
        return 1.0
    quantile = float(scipy.special.ndtri(level))
    of_few = float(scipy.special.stdtrit(squares.n_documents - 1, level))
    return single / squares.documents * (quantile / of_few) ** 2


def lowest_promise(
    sureness: Sureness, correctness: Correctness, level: float = LEVEL
) -> float:
    """Return the lowest error, in steps of 0.1 %, that ``answer_where`` can promise.

    >>> lowest_promise(np.arange(500.0), Correctness(np.ones((1, 500), bool)))
    0.006
    """
    for step in range(1, STEPS):
        if answer_where(sureness, correctness, step / STEPS, level):
            return step / STEPS
    return 1.0
