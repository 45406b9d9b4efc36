"""95 % intervals of means over seeds and of mean scores, and differences of scores.

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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from rnnbench.results.schema import Interval
from rnnbench.tasks import linearised
from rnnbench.training.outcome import TrialResult

LEVEL = 0.95
SMALLEST_P = 1e-300  # no p-value is lower, so none is rounded to 0
ROUNDING = 1e-12  # scores that differ by less than this count as equal
Trials = Mapping[str, Sequence[TrialResult]]  # those of each model, by its name
Floats = NDArray[np.float64]
N_BLOCKS = 16  # blocks of documents in order of time, whose sizes differ by at most one


@dataclass(frozen=True, eq=False)
class Correctness:
    """How right the answers of the trials of a model to the test documents are."""

    parts: NDArray[Any]  # those of TaskKind, ([2,] n_trials, n_documents)
    in_order: bool = False  # whether the documents are in order of time
    is_random: bool = True  # whether the answers of the model depend on the seed
    clusters: Sequence[int] | None = (
        None  # of each document, from 0; they replace blocks
    )

    @classmethod
    def of(cls, trials: Sequence[TrialResult], **facts: Any) -> "Correctness":
        """Return the hits of trials on the same documents; ``facts`` are the other
        fields.
        """
        return cls(np.stack([trial.parts for trial in trials], axis=-2), **facts)

    @cached_property
    def groups(self) -> NDArray[np.int64] | None:
        """The cluster or the block of each document; ``None`` if documents are
        independent.
        """
        if self.clusters is not None:
            return np.asarray(self.clusters)
        return blocks(self.parts.shape[-1]) if self.in_order else None

    @cached_property
    def values(self) -> NDArray[Any]:
        """Numbers or booleans whose mean is the main metric, ``(n_trials,
        n_documents)``.
        """
        return self.parts if self.parts.ndim == 2 else linearised(self.parts)

    @property
    def score(self) -> float:
        """The mean of the main metric."""
        return float(self.values.mean())

    @property
    def all_agree(self) -> bool:
        """Whether all trials got the same documents right, as a single one does."""
        return bool((self.parts == self.parts[..., :1, :]).all())


def t_interval(values: Sequence[float], more: int = 0) -> Interval | None:
    """Return Student's interval of the mean of ``values``; ``None`` for fewer than two.

    If ``more`` is 1, it is that of one more value, whose variance is added (G. J. Hahn,
    W. Q. Meeker: Statistical Intervals, 1991, chapter 4).
    """
    if (n := len(values)) < 2:
        return None
    error = float(np.std(values, ddof=1)) * (more + 1 / n) ** 0.5
    return Estimate(float(np.mean(values)), error, n - 1).around


def estimate_over_folds(scores: Floats) -> "Estimate | None":
    """Return the mean score of a cross-validation, ``(n_folds, n_seeds)``, or of a
    difference.

    The training sets of the k folds overlap, so the variance over folds is multiplied
    by 1/k + 1/(k - 1) (C. Nadeau, Y. Bengio: Inference for the generalization error.
    Machine Learning 52, 2003). The variance over seeds is added. A single score gives
    ``None``.
    """
    k, n_seeds = scores.shape
    parts = []  # variances and their degrees of freedom
    if k > 1:
        parts.append((_variance(scores.mean(axis=1)) * (1 / k + 1 / (k - 1)), k - 1))
    if n_seeds > 1:
        parts.append((_variance(scores.mean(axis=0)) / n_seeds, n_seeds - 1))
    if not parts:
        return None
    total = sum(variance for variance, _ in parts)
    squares = sum(variance**2 / df for variance, df in parts)
    df = total**2 / squares if total else min(df for _, df in parts)
    return Estimate(float(scores.mean()), total**0.5, df)


def score_interval(hits: Correctness) -> Interval:
    """Return the interval of a mean score over other documents and, with several
    trials, seeds.

    Unless each answer is right or wrong, it is Student's. Otherwise, it is Wilson's (E.
    B. Wilson: Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 1927), at the number of
    documents that gives a share the same variance, and with Student's quantile (N.
    Dean, M. Pagano: Evaluating confidence interval methods for binomial proportions in
    clustered surveys. Journal of Survey Statistics and Methodology 3, 2015).
    """
    share, upper = hits.score, (1 + LEVEL) / 2
    n, quantile = float(hits.values.shape[1]), float(scipy.special.ndtri(upper))
    squares = mean_squares(hits)
    variance = max(squares.variance, squares.documents)  # seeds cannot make it smaller
    if variance and hits.values.dtype != bool:
        found = Estimate(share, variance**0.5, squares.df(variance)).interval
        return Interval(low=max(0.0, found.low), high=found.high)
    if variance and 0 < share < 1 and (hits.groups is not None or not hits.all_agree):
        n = share * (1 - share) / variance
        quantile = float(scipy.special.stdtrit(squares.df(variance), upper))
    squared = quantile**2 / n
    centre = (share + squared / 2) / (1 + squared)
    half = (squared * (share * (1 - share) + squared / 4)) ** 0.5 / (1 + squared)
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of two, and its error over other documents and other
    seeds.
    """

    value: float
    error: float  # the standard error
    df: float  # the degrees of freedom of error

    @property
    def around(self) -> Interval:
        """Student's 95 % interval, symmetric about the value."""
        quantile = float(-scipy.special.stdtrit(self.df, (1 - LEVEL) / 2))
        half = quantile * self.error if self.error else 0.0
        return Interval(low=self.value - half, high=self.value + half)

    @property
    def interval(self) -> Interval:
        """``around`` cut to -1 to 1; it contains 0 exactly if p > 0.05, unless the
        error is 0.
        """
        return Interval(low=max(-1.0, self.around.low), high=min(1.0, self.around.high))

    @property
    def p(self) -> float:
        """Student's two-sided p-value of the hypothesis that the true value is 0."""
        if not self.error:  # each document, or fold, gives the same value: a sign test
            return (
                1.0
                if abs(self.value) < ROUNDING
                else max(SMALLEST_P, float(0.5**self.df))
            )
        p = float(2 * scipy.special.stdtr(self.df, -abs(self.value) / self.error))
        return max(SMALLEST_P, p)


def estimate_mean(values: Floats, **facts: Any) -> Estimate:
    """Return the mean of ``values`` ``(n_trials, n_documents)``; ``facts``: fields of
    ``Correctness``.
    """
    squares = mean_squares(Correctness(values, **facts))
    variance = max(squares.variance, squares.documents)  # seeds cannot make it smaller
    return Estimate(float(values.mean()), variance**0.5, squares.df(variance))


def estimate_difference(a: Correctness, b: Correctness) -> Estimate:
    """Return the mean score of ``a`` minus that of ``b`` on the same documents."""
    squares = mean_squares(
        a, b
    )  # not rounded up to that of documents: it would find too little
    variance = 0.0 if np.array_equal(a.values, b.values) else squares.variance
    df = squares.df(variance) if variance else squares.n_documents - 1.0
    return Estimate(float(a.values.mean() - b.values.mean()), variance**0.5, df)


@dataclass(frozen=True)
class MeanSquares:
    """The mean squares of an analysis of variance, each as the variance of the mean.

    Chance, which neither seed nor document explains, is part of that of documents and
    of that of seeds. Arrays, ``(n_models,)``, are about the models with several trials.
    """

    n_documents: float  # or of blocks, or of clusters of equal size: see n_equal
    documents: float
    n_seeds: Floats
    seeds: Floats
    chance: Floats

    @property
    def variance(self) -> float:
        """The variance over other documents and seeds; if df is below 1, at least
        ``documents``.
        """
        whole = max(0.0, self.documents - float(self.chance.sum())) + float(
            self.seeds.sum()
        )
        return whole if self.df(whole) >= 1 else max(whole, self.documents)

    def df(self, variance: float) -> float:
        """Return the degrees of freedom of a ``variance`` that is made of these mean
        squares.
        """
        spread = float(np.sum(self.seeds**2 / (self.n_seeds - 1)))
        if self.n_documents > 1:
            spread += self.documents**2 / (self.n_documents - 1)
        return variance**2 / spread if spread else 0.0

    def with_seeds(self, n: int) -> "MeanSquares":
        """Return what is expected if each model had ``n`` seeds, at least two."""
        fewer = self.n_seeds / n
        chance = self.chance * fewer
        return replace(
            self,
            documents=max(0.0, self.documents - float(self.chance.sum()))
            + float(chance.sum()),
            n_seeds=np.full_like(self.n_seeds, n),
            seeds=np.maximum(self.seeds, self.chance) * fewer,
            chance=chance,
        )


def mean_squares(a: Correctness, b: Correctness | None = None) -> MeanSquares:
    """Return the mean squares of the mean score of ``a``, or of its difference from
    ``b``'s.

    Those of clusters or blocks replace those of documents, unless single documents vary
    more.
    """
    values = (
        a.values.mean(axis=0)
        if b is None
        else a.values.mean(axis=0) - b.values.mean(axis=0)
    )
    models = [a] if b is None else [a, b]
    single = _mean_squares(values, [hits.values for hits in models])
    if (groups := groups_of(*models)) is None:
        return single
    by_group = [
        _by_group(of, groups) for of in (values, *(hits.values for hits in models))
    ]
    grouped = _mean_squares(by_group[0], by_group[1:])
    if any(hits.clusters is not None for hits in models):
        grouped = replace(grouped, n_documents=n_equal(groups))
    return max(single, grouped, key=lambda squares: squares.documents)


def groups_of(*models: Correctness) -> NDArray[np.int64] | None:
    """Return the cluster or the block of each document that models answered, if any has
    them.
    """
    clustered = sorted(models, key=lambda hits: hits.clusters is None)
    return next((hits.groups for hits in clustered if hits.groups is not None), None)


def n_equal(groups: NDArray[np.int64]) -> float:
    """Return the number of clusters of equal size that are worth as much as these.

    It is their number divided by 1 + v², where v is the coefficient of variation of
    their sizes (A. V. Carter, K. T. Schnepel, D. G. Steigerwald: Asymptotic behavior of
    a t-test robust to cluster heterogeneity. Review of Economics and Statistics 99,
    2017; ``results/reference/clusters.md``).
    """
    sizes = np.bincount(groups).astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def blocks(n: int) -> NDArray[np.int64]:
    """Return the block, from 0, of each of ``n`` documents in order of time,
    ``(n,)``.
    """
    return ((np.arange(n) + 1) * min(n, N_BLOCKS) - 1) // n


def sums_of(values: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[Any]:
    """Return the sums over groups, ``(..., n_groups)``, of ``values``, ``(...,
    n_documents)``.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    return np.add.reduceat(values[..., order], starts, axis=-1)


def _by_group(values: NDArray[Any], groups: NDArray[np.int64]) -> Floats:
    """Return a value for each group, ``(..., n_groups)``; their mean is that of
    ``values``.
    """
    mean = values.mean(axis=-1, keepdims=True)
    sums = sums_of(values - mean, groups)
    return np.asarray(mean + sums * (sums.shape[-1] / values.shape[-1]))


def _mean_squares(by_document: Floats, models: Sequence[NDArray[Any]]) -> MeanSquares:
    def chance(right: NDArray[Any]) -> float:  # the variance of a seed's score by it
        of_seed, of_document = (
            right.mean(axis=1, keepdims=True),
            right.mean(axis=0, keepdims=True),
        )
        rest = ((right - of_seed - of_document + right.mean()) ** 2).sum()
        return float(rest / ((len(right) - 1) * (n_documents - 1)) / n_documents)

    n_documents = len(by_document)
    several = [right for right in models if len(right) > 1 and n_documents > 1]
    n_seeds = np.array([len(right) for right in several], float)
    return MeanSquares(
        n_documents,
        _variance(by_document) / n_documents,
        n_seeds,
        np.array([_variance(right.mean(axis=1)) for right in several]) / n_seeds,
        np.array([chance(right) for right in several]) / n_seeds,
    )


def _variance(values: Floats) -> float:
    """Return the variance of a sample: exactly 0 if its values are equal up to
    rounding.
    """
    return 0.0 if np.ptp(values) < ROUNDING else float(values.var(ddof=1))
