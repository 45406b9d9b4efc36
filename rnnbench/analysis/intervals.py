"""95 % intervals of a mean over seeds and of a mean accuracy, and differences of accuracies.

The variance over documents and seeds is that of ``variance.py``. ``tests/simulations`` measures how
often intervals contain the true value, how often a difference is found that is not there, and how
often one that is there. ``results/reference`` has the tables.

No interval covers an event that the sample lacks: most sets of five seeds miss a collapse that
happens in one training in ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.variance import ROUNDING, Hits, mean_squares
from rnnbench.results.schema import Interval

LEVEL = 0.95
SMALLEST_P = 1e-300
"""No p-value is lower, so none is rounded to 0; the order of all others stays right."""


def t_interval(values: Sequence[float]) -> Interval | None:
    """Return Student's interval of the mean of ``values``; ``None`` for fewer than two."""
    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    half = stdtrit(len(values) - 1, (1 + LEVEL) / 2) * np.std(values, ddof=1) / len(values) ** 0.5
    return Interval(low=np.mean(values) - half, high=np.mean(values) + half)


def folds_interval(accuracies: NDArray[np.float64]) -> Interval | None:
    """Return the interval of a mean accuracy over the folds and seeds of a cross-validation.

    The training sets of the k folds overlap, so the variance of their mean is more than 1/k of that
    of the folds: it is multiplied by 1/k + 1/(k - 1), the second term being the documents that a
    fold judges per document that its model learned (C. Nadeau, Y. Bengio: Inference for the
    generalization error. Machine Learning 52, 2003). The variance over seeds is added; the degrees
    of freedom are those of F. E. Satterthwaite (Biometrics Bulletin 2, 1946).

    Args:
        accuracies: ``(n_folds, n_seeds)``; a single fold, or a single seed, has no variance.

    Returns:
        ``None`` if there is only one accuracy.
    """
    from scipy.special import stdtrit

    (k, n_seeds), mean = accuracies.shape, accuracies.mean()
    variances, df = [], []
    if k > 1:
        variances.append(np.var(accuracies.mean(axis=1), ddof=1) * (1 / k + 1 / (k - 1)))
        df.append(k - 1)
    if n_seeds > 1:
        variances.append(np.var(accuracies.mean(axis=0), ddof=1) / n_seeds)
        df.append(n_seeds - 1)
    if not df:
        return None
    total = sum(variances)
    if total == 0:
        return Interval(low=mean, high=mean)
    joint = total**2 / sum(variance**2 / each for variance, each in zip(variances, df, strict=True))
    half = stdtrit(joint, (1 + LEVEL) / 2) * total**0.5
    return Interval(low=mean - half, high=mean + half)


def folds_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the p-value of the difference between two models over other training documents.

    It is that of the corrected resampled t-test; see ``folds_interval``.

    Args:
        a: the accuracy of a model on each fold, a mean over seeds.
        b: the same for the other model.

    Returns:
        ``None`` if there is only one fold.
    """
    from scipy.special import stdtr

    differences, k = np.subtract(a, b), len(a)
    if k < 2:
        return None
    error = (np.var(differences, ddof=1) * (1 / k + 1 / (k - 1))) ** 0.5
    if np.ptp(differences) < ROUNDING:
        return 1.0 if abs(differences[0]) < ROUNDING else SMALLEST_P
    return float(2 * stdtr(k - 1, -abs(differences.mean()) / error))


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


def accuracy_interval(hits: Hits, *, in_order: bool = False) -> Interval:
    """Return the interval of a mean accuracy over other documents and, with several trials, seeds.

    It is Wilson's, at the number of documents whose share of right answers would have the same
    variance, and with Student's quantile. For a single trial it is Wilson's own (E. B. Wilson:
    Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22, 1927). Clustered samples, such as documents ``in_order`` of time,
    have such intervals, too (N. Dean, M. Pagano: Evaluating confidence interval methods for
    binomial proportions in clustered surveys. Journal of Survey Statistics and Methodology 3,
    2015).
    """
    from scipy.special import ndtri, stdtrit

    share, upper = float(hits.mean()), (1 + LEVEL) / 2
    n, quantile = float(hits.shape[1]), float(ndtri(upper))
    squares = mean_squares(hits.mean(axis=0), hits, in_order=in_order)
    variance = max(squares.variance, squares.documents)  # seeds cannot make it smaller
    if variance and 0 < share < 1 and (in_order or (hits != hits[0]).any()):
        n, quantile = share * (1 - share) / variance, float(stdtrit(squares.df(variance), upper))
    return _wilson(share, n, quantile)


def _wilson(share: float, n: float, quantile: float) -> Interval:
    """Return Wilson's interval of a ``share`` of ``n``."""
    squared = quantile**2 / n
    centre = (share + squared / 2) / (1 + squared)
    half = (squared * (share * (1 - share) + squared / 4)) ** 0.5 / (1 + squared)
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


@dataclass(frozen=True)
class Estimate:
    """A difference of two mean accuracies.

    Attributes:
        value: the difference.
        error: its standard error over other documents and other seeds.
        df: the degrees of freedom of ``error``.
    """

    value: float
    error: float
    df: float

    @property
    def interval(self) -> Interval:
        """Student's 95 % interval, from -1 to 1.

        It contains 0 if and only if ``p`` is above 0.05, unless there is no error.
        """
        half = self.reach((1 - LEVEL) / 2) * self.error if self.error else 0.0
        return Interval(low=max(-1.0, self.value - half), high=min(1.0, self.value + half))

    def reach(self, tail: float) -> float:
        """Return the number of standard errors above which ``tail`` of the distribution lies."""
        from scipy.special import stdtrit

        return float(-stdtrit(self.df, tail))

    @property
    def p(self) -> float:
        """Two-sided p-value of the hypothesis that the true value is 0: Student's test."""
        from scipy.special import stdtr

        if not self.error:  # each document gives the same value: a sign test
            return 1.0 if self.value == 0 else max(SMALLEST_P, float(0.5**self.df))
        return max(SMALLEST_P, float(2 * stdtr(self.df, -abs(self.value) / self.error)))


def estimate_difference(a: Hits, b: Hits, *, in_order: bool = False) -> Estimate:
    """Return the mean accuracy of ``a`` minus that of ``b`` on the same documents.

    Its variance is not rounded up to that of the documents where the seeds seem to vary less than
    by chance: the test would then find too little.

    Args:
        a: the hits of a model.
        b: those of another.
        in_order: whether the documents are in order of time.
    """
    value = float(a.mean() - b.mean())
    squares = mean_squares(a.mean(axis=0) - b.mean(axis=0), a, b, in_order=in_order)
    variance = 0.0 if np.array_equal(a, b) else squares.variance
    df = squares.df(variance) if variance else squares.n_documents - 1.0
    return Estimate(value, variance**0.5, df)
