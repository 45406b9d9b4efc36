"""95 % intervals of a mean over seeds, of a share of documents, and of a mean accuracy over both.

Seeds and documents are crossed: each trained model answers each document. Both are resampled.
All models get the same resampled documents, so that they are compared on the same documents.

Resampling both gets the spread wrong (A. B. Owen: The pigeonhole bootstrap. Annals of Applied
Statistics 1, 2007): with n seeds, the variance due to the seeds is too small by a fraction of 1/n,
and the variation that neither seed nor document explains is counted three times. So the resamples
only give the shape of the distribution; an analysis of variance gives its width, and Student's t
allows for the small number of seeds. In simulations (``tests/simulations``) with accuracies around
85 % and seeds that differ by 1 to 5 points, the intervals contained the true value in 94 to 95 % of
all cases with five or ten seeds, in 93 to 95 % with three, and in 88 to 95 % with two; those of the
plain bootstrap did in 73 to 98 %. Among seven equal models, at least one pair came out as
different, after the correction for all comparisons, in 3 to 5 % of all cases with five seeds and in
6 to 9 % with two or three: so use five. No interval covers an event that the sample lacks: most
sets of five seeds miss a collapse that happens in one training in ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnnbench.results.schema import Interval

Hits = NDArray[np.bool_]
"""Whether each trial of a model got each test document right, ``(n_trials, n_documents)``."""

LEVEL = 0.95
RESAMPLES = 9_999
SMALLEST_P = 1e-12
ROUNDING = 1e-12
"""Accuracies that differ by less than this count as equal."""
_CHUNK = 500
"""The number of resamples made at a time, to limit memory."""


def t_interval(values: Sequence[float]) -> Interval | None:
    """Return Student's interval of the mean of ``values``; ``None`` for fewer than two."""
    from scipy.stats import t

    if len(values) < 2:
        return None
    half = t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
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
    from scipy.stats import t

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
    half = t.ppf((1 + LEVEL) / 2, joint) * total**0.5
    return Interval(low=mean - half, high=mean + half)


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


def resample(
    hits: Mapping[str, Hits], n: int = RESAMPLES, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Return the mean accuracy of each model, ``(n,)``, on ``n`` resamples of documents and trials.

    A resample has the same documents for all models.
    """
    random = np.random.default_rng(seed)
    accuracies = np.split(
        _resample_documents(np.concatenate(list(hits.values())), n, random),
        np.cumsum([len(each) for each in hits.values()])[:-1],
        axis=1,
    )
    means = {}
    for model, trials in zip(hits, accuracies, strict=True):
        picked = random.integers(trials.shape[1], size=trials.shape)
        means[model] = np.take_along_axis(trials, picked, axis=1).mean(axis=1)
    return means


def _resample_documents(hits: Hits, n: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the accuracy of each row of ``hits`` on ``n`` resamples, ``(n, rows)``."""
    n_documents = hits.shape[1]
    columns = hits.T.astype(np.float32)
    chunks = []
    for start in range(0, n, _CHUNK):
        size = min(_CHUNK, n - start)
        drawn = random.integers(n_documents, size=(size, n_documents))
        drawn += np.arange(size)[:, np.newaxis] * n_documents
        times = np.bincount(drawn.ravel(), minlength=size * n_documents).reshape(size, n_documents)
        chunks.append(times.astype(np.float32) @ columns)
    accuracies: NDArray[np.float64] = np.concatenate(chunks).astype(np.float64) / n_documents
    return accuracies


@dataclass(frozen=True)
class Estimate:
    """A mean accuracy, or a difference of two, with its distribution.

    Attributes:
        value: the measured value.
        resamples: ``(n,)``, the values on resamples.
        variances: the parts of the variance of ``value`` that come from the documents and from
            the seeds of each model.
        df: the degrees of freedom of each part.
    """

    value: float
    resamples: NDArray[np.float64]
    variances: NDArray[np.float64]
    df: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The standard error over other documents and other seeds."""
        return float(self.variances.sum() ** 0.5)

    def reach(self, tail: float) -> float:
        """Return the number of standard errors above which ``tail`` of the distribution lies.

        This is the mean of Student's quantiles for each part of the variance, weighted by the parts
        (W. G. Cochran, G. M. Cox: Experimental Designs, 1950); Satterthwaite's degrees of freedom
        proved too high for three seeds.
        """
        from scipy.special import stdtrit

        return float(np.average(-stdtrit(self.df, tail), weights=self.variances))

    @cached_property
    def distribution(self) -> NDArray[np.float64]:
        """The resamples, stretched to the width that ``error`` and ``reach`` give."""
        from scipy.stats import norm

        spread = self.resamples.std()
        if not (spread and self.error):
            return np.full_like(self.resamples, self.value)
        tail = (1 - LEVEL) / 2
        stretch = self.error / spread * self.reach(tail) / norm.isf(tail)
        centred = self.resamples - self.resamples.mean()
        stretched: NDArray[np.float64] = self.value + stretch * centred
        return stretched

    @property
    def interval(self) -> Interval:
        """The 95 % interval between two percentiles of ``distribution``."""
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(self.distribution, [tail, 1 - tail])
        return Interval(low=low, high=high)

    @property
    def p(self) -> float:
        """Two-sided p-value of the hypothesis that the true value is 0.

        It comes from Student's distribution, not from the resamples, which say little about the
        far tails that a correction for many comparisons needs.
        """
        from scipy.optimize import brentq

        if not self.error:  # each document gives the same value: a sign test
            return 1.0 if self.value == 0 else max(SMALLEST_P, float(0.5 ** self.df[0]))
        distance = abs(self.value) / self.error
        if self.reach(SMALLEST_P / 2) <= distance:
            return SMALLEST_P
        log_tail = brentq(
            lambda log_tail: self.reach(np.exp(log_tail)) - distance,
            np.log(SMALLEST_P / 2),
            np.log(0.5),
        )
        return float(min(1.0, 2 * np.exp(log_tail)))


def estimate_mean(hits: Hits, resamples: NDArray[np.float64]) -> Estimate:
    """Return the mean accuracy of a model, from its hits and its result of ``resample``."""
    return Estimate(float(hits.mean()), resamples, *_variances(hits.mean(axis=0), hits))


def estimate_difference(
    a: Hits, b: Hits, resamples_a: NDArray[np.float64], resamples_b: NDArray[np.float64]
) -> Estimate:
    """Return the mean accuracy of ``a`` minus that of ``b`` on the same documents.

    Both resamples are from one call of ``resample``.
    """
    difference = float(a.mean() - b.mean())
    by_document = a.mean(axis=0) - b.mean(axis=0)
    return Estimate(difference, resamples_a - resamples_b, *_variances(by_document, a, b))


def _variances(
    by_document: NDArray[np.float64], *hits: Hits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the parts of the variance of a mean, with their degrees of freedom.

    The part of the documents is the variance of ``by_document``, divided by their number. The part
    of the seeds is their component in the two-way analysis of variance of each model's hits, or 0
    if that is negative (S. R. Searle, G. Casella, C. E. McCulloch: Variance Components, 1992,
    chapter 4).
    """
    n_documents = len(by_document)
    if n_documents < 2:
        return np.zeros(1), np.zeros(1)
    parts = [(_variance(by_document) / n_documents, n_documents - 1.0)]
    parts += [
        (_seeds_variance(each) / len(each), len(each) - 1.0) for each in hits if len(each) > 1
    ]
    variances, df = zip(*parts, strict=True)
    return np.array(variances), np.array(df)


def _variance(values: NDArray[np.float64]) -> float:
    """Return the variance of ``values``: exactly 0 if they are equal up to rounding."""
    return 0.0 if np.ptp(values) < ROUNDING else float(values.var(ddof=1))


def _seeds_variance(hits: Hits) -> float:
    """Return the variance of accuracy over seeds that chance at single documents cannot explain."""
    n_seeds, n_documents = hits.shape
    of_seed, of_document = hits.mean(axis=1, keepdims=True), hits.mean(axis=0, keepdims=True)
    rest = ((hits - of_seed - of_document + hits.mean()) ** 2).sum()
    by_chance = rest / ((n_seeds - 1) * (n_documents - 1)) / n_documents
    return max(0.0, _variance(of_seed) - float(by_chance))
