"""95 % intervals of means over seeds and of mean scores, and differences of scores.

>>> random = np.random.default_rng(0)
>>> gru = Correctness(random.random((5, 400)) < 0.9)  # five seeds, 400 documents
>>> svm = Correctness(random.random((1, 400)) < 0.8, is_random=False)
>>> interval = score_interval(gru)
>>> f"{interval.low:.3f} to {interval.high:.3f}"
'0.865 to 0.927'
>>> estimate = estimate_difference(gru, svm)
>>> f"{estimate.value:.3f} +- {estimate.error:.3f}"
'0.095 +- 0.023'
>>> estimate.p < 0.001
True

Seeds and documents are crossed: each trained model answers each document. An analysis
of variance finds the parts of both (S. R. Searle, G. Casella, C. E. McCulloch: Variance
Components, 1992, chapter 4). Degrees of freedom are those of F. E. Satterthwaite (An
approximate distribution of estimates of variance components. Biometrics Bulletin 2,
1946), so that few seeds count as few.

Newswires about one event follow each other, so errors come in bursts. For documents in
order of time, long blocks of them take their place, and Student's quantile allows for
their number (R. Ibragimov, U. K. Müller: t-statistic based correlation and
heterogeneity robust inference. Journal of Business & Economic Statistics 28, 2010).
Clusters, such as questions about one passage, do so in the same way: the variance is G
/ (G - 1) times the sum of squares of the sums over the G clusters (K.-Y. Liang, S. L.
Zeger: Longitudinal data analysis using generalized linear models. Biometrika 73, 1986;
E. Miller: Adding error bars to evals. arXiv 2411.00640, 2024).

``simulations`` measures how often intervals contain the true value, and how often
differences are found; ``results/reference`` has the tables. No interval covers an event
that the sample lacks: most sets of five seeds miss a collapse that happens in one
training in ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from rnnbench.stats.correctness import (
    Array,
    Correctness,
    Floats,
    Interval,
    by_group,
    groups_of,
    n_informative,
)

LEVEL = 0.95
SMALLEST_P = 1e-300  # no p-value is lower, so none is rounded to 0
ROUNDING = 1e-12  # scores that differ by less than this count as equal


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of two, and its error over other documents and seeds.

    >>> round(Estimate(value=0.02, error=0.01, df=10).p, 3)
    0.073
    """

    value: float
    error: float
    """The standard error."""
    df: float
    """The degrees of freedom of ``error``."""

    @property
    def around(self) -> Interval:
        """Student's 95 % interval, symmetric about the value."""
        if not self.error:
            return Interval(self.value, self.value)
        quantile = float(-scipy.special.stdtrit(self.df, (1 - LEVEL) / 2))
        half = quantile * self.error
        return Interval(self.value - half, self.value + half)

    @property
    def interval(self) -> Interval:
        """``around``, cut to -1 to 1.

        It contains 0 exactly if p > 0.05, unless the error is 0.
        """
        return Interval(max(-1.0, self.around.low), min(1.0, self.around.high))

    @property
    def cut(self) -> Interval:
        """``around``, cut to 0 to 1."""
        return Interval(max(0.0, self.around.low), min(1.0, self.around.high))

    @property
    def p(self) -> float:
        """Student's two-sided p-value of the hypothesis that the true value is 0.

        Without an error, each document, or fold, gives the same value: it is that of a
        sign test.
        """
        if self.error:
            p = 2 * scipy.special.stdtr(self.df, -abs(self.value) / self.error)
        elif abs(self.value) < ROUNDING:
            return 1.0
        else:
            p = 0.5**self.df
        return max(SMALLEST_P, float(p))


def t_interval(values: Sequence[float], more: int = 0) -> Interval | None:
    """Return Student's interval of the mean of ``values``; ``None`` for fewer than two.

    If ``more`` is 1, it is that of one more value, whose variance is added (G. J. Hahn,
    W. Q. Meeker: Statistical Intervals, 1991, chapter 4).

    >>> interval = t_interval([0.7, 0.8, 0.9])
    >>> f"{interval.low:.3f} to {interval.high:.3f}"
    '0.552 to 1.048'
    """
    n = len(values)
    if n < 2:
        return None
    error = float(np.std(values, ddof=1)) * (more + 1 / n) ** 0.5
    return Estimate(float(np.mean(values)), error, n - 1).around


def score_interval(correctness: Correctness) -> Interval:
    """Return the interval of a mean score, or loss, over other documents and seeds.

    Unless each answer is right or wrong, it is Student's. Otherwise, it is Wilson's (E.
    B. Wilson: Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 1927), at the number of
    documents that gives a share the same variance, and with Student's quantile (N.
    Dean, M. Pagano: Evaluating confidence interval methods for binomial proportions in
    clustered surveys. Journal of Survey Statistics and Methodology 3, 2015). SciPy has
    it for independent answers alone.

    >>> interval = score_interval(Correctness(np.arange(100)[np.newaxis] < 90))
    >>> f"{interval.low:.3f} to {interval.high:.3f}"
    '0.826 to 0.945'
    """
    if correctness.is_loss:
        around = estimate_mean(correctness).around
        return Interval(max(0.0, -around.high), -around.low)
    share = correctness.score
    squares = mean_squares(correctness)
    variance = max(squares.variance, squares.documents)  # seeds cannot make it smaller
    if variance and correctness.values.dtype != bool:
        interval = Estimate(share, variance**0.5, squares.df(variance)).interval
        return Interval(max(0.0, interval.low), interval.high)
    n = float(correctness.values.shape[1])
    upper = (1 + LEVEL) / 2
    quantile = float(scipy.special.ndtri(upper))
    is_independent = correctness.groups is None and correctness.all_agree
    if variance and 0 < share < 1 and not is_independent:
        n = share * (1 - share) / variance
        quantile = float(scipy.special.stdtrit(squares.df(variance), upper))
    squared = quantile**2 / n
    centre = (share + squared / 2) / (1 + squared)
    half = (squared * (share * (1 - share) + squared / 4)) ** 0.5 / (1 + squared)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def error_bound(n_wrong: float, n: float, level: float = LEVEL) -> float:
    """Return the upper bound of the error if ``n_wrong`` of ``n`` answers are wrong.

    It is exact (C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits
    illustrated in the case of the binomial. Biometrika 26, 1934).

    >>> round(error_bound(0, 59), 3)
    0.05
    """
    if n_wrong >= n:
        return 1.0
    return float(scipy.special.betaincinv(n_wrong + 1, n - n_wrong, level))


def estimate_mean(correctness: Correctness) -> Estimate:
    """Return the mean score of a model, with its error over documents and seeds.

    >>> estimate = estimate_mean(Correctness(np.array([[0.5, 0.75, 1.0]])))
    >>> estimate.value, round(estimate.error, 3), estimate.df
    (0.75, 0.144, 2.0)
    """
    squares = mean_squares(correctness)
    variance = max(squares.variance, squares.documents)  # seeds cannot make it smaller
    return Estimate(correctness.score, variance**0.5, squares.df(variance))


def estimate_difference(a: Correctness, b: Correctness) -> Estimate:
    """Return the mean score of ``a`` minus that of ``b`` on the same documents.

    >>> a, b = Correctness(np.array([[1, 1, 1, 0]])), Correctness(np.zeros((1, 4)))
    >>> estimate_difference(a, b)
    Estimate(value=0.75, error=0.25, df=3.0)
    """
    value = float(a.values.mean() - b.values.mean())
    # not rounded up to the variance over documents: it would find too little
    squares = mean_squares(a, b)
    variance = squares.variance
    if not variance or np.array_equal(a.values, b.values):
        return Estimate(value, 0.0, squares.n_documents - 1.0)
    return Estimate(value, variance**0.5, squares.df(variance))


def estimate_over_folds(scores: Floats) -> Estimate | None:
    """Return the mean score, or difference, of a cross-validation.

    ``scores`` are ``(n_folds, n_seeds)``. The training sets of the k folds overlap, so
    the variance over folds is multiplied by 1/k + 1/(k - 1) (C. Nadeau, Y. Bengio:
    Inference for the generalization error. Machine Learning 52, 2003). The variance
    over seeds is added. A single score gives ``None``.

    >>> estimate = estimate_over_folds(np.array([[0.5], [0.75], [1.0]]))
    >>> estimate.value, round(estimate.error, 3), estimate.df
    (0.75, 0.228, 2.0)
    """
    k, n_seeds = scores.shape
    variances = []
    dfs = []
    if k > 1:
        over_folds = variance_of(scores.mean(axis=1))
        variances.append(over_folds * (1 / k + 1 / (k - 1)))
        dfs.append(k - 1)
    if n_seeds > 1:
        over_seeds = variance_of(scores.mean(axis=0))
        variances.append(over_seeds / n_seeds)
        dfs.append(n_seeds - 1)
    if not dfs:
        return None
    total = sum(variances)
    df = float(min(dfs))
    if total:
        spread = float(sum(np.square(variances) / dfs))
        df = total**2 / spread
    return Estimate(float(scores.mean()), total**0.5, df)


@dataclass(frozen=True)
class MeanSquares:
    """The mean squares of an analysis of variance, each as the variance of the mean.

    Chance, which neither seed nor document explains, is part of that of documents and
    of that of seeds. Arrays, ``(n_models,)``, are about the models with several seeds.
    """

    n_documents: float
    """The number of documents, of blocks, or of clusters of equal size."""
    documents: float
    n_seeds: Floats
    seeds: Floats
    chance: Floats

    @property
    def variance(self) -> float:
        """The variance over other documents and seeds.

        If its degrees of freedom are below 1, it is at least ``documents``.
        """
        variance = self._documents_alone + float(self.seeds.sum())
        if self.df(variance) >= 1:
            return variance
        return max(variance, self.documents)

    @property
    def _documents_alone(self) -> float:
        """The variance over documents without chance."""
        return max(0.0, self.documents - float(self.chance.sum()))

    def df(self, variance: float) -> float:
        """Return the degrees of freedom of a ``variance`` of these mean squares."""
        spread = float(np.sum(self.seeds**2 / (self.n_seeds - 1)))
        if self.n_documents > 1:
            spread += self.documents**2 / (self.n_documents - 1)
        if not spread:
            return 0.0
        return variance**2 / spread

    def with_seeds(self, n: int) -> "MeanSquares":
        """Return what is expected if each model had ``n`` seeds, at least two."""
        fewer = self.n_seeds / n
        chance = self.chance * fewer
        return replace(
            self,
            documents=self._documents_alone + float(chance.sum()),
            n_seeds=np.full_like(self.n_seeds, n),
            seeds=np.maximum(self.seeds, self.chance) * fewer,
            chance=chance,
        )

    def with_documents(self, times: float) -> "MeanSquares":
        """Return the mean squares expected of ``times`` as many documents, and groups.

        Seeds then differ less by chance, but not otherwise.
        """
        chance = self.chance / times
        return replace(
            self,
            n_documents=self.n_documents * times,
            documents=self.documents / times,
            seeds=np.maximum(self.seeds - self.chance, 0) + chance,
            chance=chance,
        )


def mean_squares(a: Correctness, b: Correctness | None = None) -> MeanSquares:
    """Return the mean squares of the mean score of ``a``, or of ``a`` minus ``b``.

    Those of clusters or blocks replace those of documents, unless single documents vary
    more.

    >>> round(mean_squares(Correctness(np.array([[0, 1, 1]]))).documents, 3)
    0.111
    """
    models = [a]
    by_document = a.values.mean(axis=0)
    if b is not None:
        models.append(b)
        by_document = by_document - b.values.mean(axis=0)
    values = [model.values for model in models]
    single = _mean_squares(by_document, values)
    groups = groups_of(models)
    if groups is None:
        return single
    grouped = _mean_squares(
        by_group(by_document, groups), [by_group(rows, groups) for rows in values]
    )
    if grouped.documents > single.documents:
        return replace(grouped, n_documents=n_informative(models, groups))
    return single


def _mean_squares(by_document: Floats, models: Sequence[Array]) -> MeanSquares:
    """Return the mean squares of the mean of ``by_document``, made from models."""
    n_documents = len(by_document)
    with_seeds = [rows for rows in models if len(rows) > 1 and n_documents > 1]
    return MeanSquares(
        n_documents=n_documents,
        documents=variance_of(by_document) / n_documents,
        n_seeds=np.array([len(rows) for rows in with_seeds], float),
        seeds=np.array([variance_over_seeds(rows) for rows in with_seeds]),
        chance=np.array([variance_by_chance(rows) for rows in with_seeds]),
    )


def variance_over_seeds(values: Array) -> float:
    """Return the variance of the mean over seeds, ``(n_seeds, n_documents)``.

    It is 0 for one seed.
    """
    if len(values) == 1:
        return 0.0
    return variance_of(values.mean(axis=1)) / len(values)


def variance_by_chance(values: Array) -> float:
    """Return the variance of the mean that neither seeds nor documents explain."""
    n_seeds, n_documents = values.shape
    if n_seeds == 1 or n_documents == 1:
        return 0.0
    of_seeds = values.mean(axis=1, keepdims=True)
    rest = values - of_seeds - values.mean(axis=0) + values.mean()
    mean_square = (rest**2).sum() / ((n_seeds - 1) * (n_documents - 1))
    return float(mean_square / n_documents / n_seeds)


def variance_of(values: Floats) -> float:
    """Return the variance of a sample; 0 if its values are equal up to rounding."""
    if np.ptp(values) < ROUNDING:
        return 0.0
    return float(values.var(ddof=1))
