"""Scores by the number of labels learned from, and the gain from more of them.

>>> labels = np.array([100.0, 300.0, 1000.0])
>>> random = np.random.default_rng(0)
>>> errors = 0.05 + 2 / labels**0.5  # two draws, 2,000 documents
>>> values = (random.random((3, 2, 2000)) > errors[:, None, None]) * 1.0
>>> curve = LabelCurve(labels, values, pool=5000)
>>> [round(estimate.value, 2) for estimate in curve.estimates()]
[0.75, 0.83, 0.89]
>>> law = power_law(labels, 1 - curve.scores, curve.covariance)
>>> gain = law.gain(1000, 2000)
>>> 0.05 + 2 / 2000**0.5 in law.error_at(2000), 0 <= gain.low < 0.02 < gain.high
(True, True)

The error of a model falls about as ``floor + factor * labels ** -exponent`` (C. Cortes,
L. D. Jackel, S. A. Solla, V. Vapnik, J. S. Denker: Learning curves: asymptotic values
and rate of convergence. NIPS 1993). Its values at several sizes depend on each other:
all are on the same documents, and larger subsets include smaller ones.
``simulations/more_labels.py`` measures how often the intervals are right.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import starmap

import numpy as np

from rnnbench.stats.correctness import Floats, Groups, Interval, by_group
from rnnbench.stats.intervals import Estimate

QUANTILE = 3.84  # of chi-squared with one degree of freedom, at 95 %
MISFIT = 0.05
"""The standard deviation of an error around a power law, as a share of the error, or of
the score if that is lower: chosen so that intervals hold on real texts."""
LEAST = 0.25
"""Draws of nearly all documents hardly differ; they count as if they did a little."""
DEVIATIONS = np.linspace(-4, 4, 41)  # of the error of the largest size
SHARES = np.linspace(0, 1, 41)  # of the floor in that error
EXPONENTS = np.geomspace(0.05, 2, 40)


@dataclass(frozen=True, eq=False)
class LabelCurve:
    """How right a model is on documents, by the number of labels learned from."""

    labels: Floats
    """The number of documents learned from, ascending, ``(n_sizes,)``."""
    values: Floats
    """``(n_sizes, n_draws, n_documents)``, the mean over seeds; NaN where a draw was
    not tested on a document."""
    pool: float
    """The number of documents that subsets are drawn from."""
    groups: Groups | None = None
    """The cluster of each document, or its block."""
    scale: Floats | None = None
    """The spread over draws is proportional to it; by default the error."""

    @cached_property
    def scores(self) -> Floats:
        """The mean score of each size, ``(n_sizes,)``."""
        return np.asarray(np.nanmean(self.values, axis=(1, 2)))

    @cached_property
    def draws(self) -> Floats:
        """The mean score of each size and draw, ``(n_sizes, n_draws)``."""
        return np.asarray(np.nanmean(self.values, axis=2))

    @cached_property
    def spread(self) -> Floats:
        """See ``scale``."""
        if self.scale is not None:
            return self.scale
        return np.asarray(np.maximum(1 - self.scores, 1 / self.values.shape[2]))

    @cached_property
    def of_documents(self) -> Floats:
        """The covariance of the scores over other documents, ``(n_sizes, n_sizes)``.

        A model that is always right counts as if it could have been wrong once.
        """
        means = np.nanmean(self.values, axis=1)
        covariances = [np.cov(means) / means.shape[1]]
        if self.groups is not None:
            means = by_group(means, self.groups)
            covariances.append(np.cov(means) / means.shape[1])
        once = np.eye(len(self.labels)) / self.values.shape[2] ** 2
        return np.asarray(max(covariances, key=np.sum) + once)

    @cached_property
    def of_draws(self) -> Floats:
        """The same over other documents to learn from.

        A score is taken for a mean over these. So draws that share documents depend on
        each other, and differ by less than draws from other documents. The spread is
        the same share of ``spread`` at all sizes.
        """
        _, n_draws, n = self.values.shape
        # Draws that are tested on other documents also differ by these.
        times = n * n_draws / np.count_nonzero(~np.isnan(self.values[0]))
        noises = np.diag(self.of_documents) * times * (times > 1)
        between = (self.draws.var(axis=1, ddof=1) - noises) / self.spread**2
        rest = np.sum(1 - self.labels / self.pool)
        share = max(between.sum(), 0.0) / max(rest, LEAST)
        low = np.minimum.outer(self.labels, self.labels)
        high = np.maximum.outer(self.labels, self.labels)
        apart = (n_draws - 1) * np.sqrt(low * high) / self.pool
        shared = (np.sqrt(low / high) + apart) / n_draws
        return np.asarray(share * shared * np.outer(self.spread, self.spread))

    @property
    def covariance(self) -> Floats:
        """The covariance of the scores, ``(n_sizes, n_sizes)``."""
        return self.of_documents + self.of_draws

    def estimates(self) -> list[Estimate]:
        """Return the score of each size, with its error."""
        n_sizes, n_draws, n = self.values.shape
        if self.groups is not None:
            n = int(self.groups.max()) + 1
        variances = np.array([np.diag(self.of_documents), np.diag(self.of_draws)])
        dfs = np.array([[n - 1], [n_sizes * (n_draws - 1)]])
        totals = variances.sum(axis=0)
        df = totals**2 / np.maximum((variances**2 / dfs).sum(axis=0), 1e-300)
        numbers = np.stack([self.scores, totals**0.5, df], axis=1)
        return list(starmap(Estimate, numbers.tolist()))

    def minus(self, other: "LabelCurve") -> "LabelCurve":
        """Return the difference to another model on the same documents."""
        scale = (self.spread + other.spread) / 2
        return replace(self, values=self.values - other.values, scale=scale)


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """All laws ``floor + factor * labels ** -exponent`` that fit, the best first.

    Arrays are ``(n_laws,)``.
    """

    floors: Floats
    factors: Floats
    exponents: Floats

    def error_at(self, labels: float) -> Interval:
        """Return the 95 % interval of the error with so many labels."""
        return range_of(self.floors + self.factors * labels**-self.exponents)

    def gain(self, labels: float, more: float) -> Interval:
        """Return the 95 % interval of what ``more`` labels would bring."""
        fall = labels**-self.exponents - more**-self.exponents
        return range_of(self.factors * fall)


def range_of(values: Floats) -> Interval:
    """Return the interval of a number that each law has."""
    return Interval(float(values.min()), float(values.max()))


def power_law(labels: Floats, errors: Floats, covariance: Floats) -> PowerLaw:
    """Return the laws of errors with some numbers of labels, ascending.

    ``covariance`` is that of the errors. With fewer than three sizes, many laws fit.

    Intervals are those of the profile likelihood (D. J. Venzon, S. H. Moolgavkar: A
    method for computing profile-likelihood-based confidence intervals. Applied
    Statistics 37, 1988), over a grid, and wider if no law fits well (R. T. Birge: The
    calculation of errors by the method of least squares. Physical Review 40, 1932).
    """
    misfit = MISFIT * np.minimum(errors, 1 - errors)
    covariance = covariance + np.diag(misfit**2)
    lasts = np.clip(errors[-1] + DEVIATIONS * covariance[-1, -1] ** 0.5, 0, 1)
    last, share, exponent = map(np.ravel, np.meshgrid(lasts, SHARES, EXPONENTS))
    falling = last * (1 - share)
    powers = (labels / labels[-1]) ** -exponent[:, np.newaxis]
    rests = (last * share)[:, np.newaxis] + falling[:, np.newaxis] * powers - errors
    misses = (rests @ np.linalg.inv(covariance) * rests).sum(axis=1)
    least = misses.min()
    room = QUANTILE * max(1.0, least / max(len(errors) - 3, 1))
    order = np.argsort(misses)
    fits = order[misses[order] <= least + room]
    return PowerLaw(
        floors=(last * share)[fits],
        factors=(falling * labels[-1] ** exponent)[fits],
        exponents=exponent[fits],
    )


def overtaking(ahead: LabelCurve) -> list[float | None]:
    """Return from how many labels on a difference is positive, and its 95 % interval.

    The difference is drawn as a line over the logarithm of the labels. ``None`` stands
    for a number outside the sizes.

    >>> labels = np.array([100.0, 10000.0])
    >>> falls = np.full((2, 100), -0.2)
    >>> curve = LabelCurve(labels, np.array([falls, -falls]), 10000, scale=np.ones(2))
    >>> [round(n) for n in overtaking(curve)]
    [1000, 796, 1257]
    """
    lines = []
    for estimate in ahead.estimates():
        around = estimate.around
        lines.append([estimate.value, around.high, around.low])
    places: list[float | None] = []
    for line in np.transpose(lines):
        rising = np.minimum.accumulate(line[::-1])[::-1]  # positive from here on
        place = None
        if rising[0] <= 0 < rising[-1]:
            place = float(np.exp(np.interp(0, rising, np.log(ahead.labels))))
        places.append(place)
    return places
