"""How far a mean accuracy would move with other test wires and other seeds.

Seeds and wires are crossed: each trained model answers each wire. Both are resampled, the wires
together for all models, so that differences are of models on the same wires.

Resampling both is known to get the spread wrong: with few seeds theirs comes out too small, by one
part in their number, and what neither seed nor wire explains is counted three times (A. B. Owen:
The pigeonhole bootstrap. Annals of Applied Statistics 1, 2007). So the resamples give only the
shape of the distribution; an analysis of variance gives its width, and Student's t what is owed to
the small number of seeds. At accuracies around 85 % and seeds that differ by 1 to 5 points,
simulated intervals held the truth in 94 to 95 % of all cases with five or ten seeds, in 93 to 95 %
with three, in 88 to 95 % with two; the plain bootstrap's in 73 to 98 %
(``tests/coverage_of_intervals.py``). Of seven equal models, some two came out different, corrected
for all comparisons, in 3 to 5 % of all cases with five seeds, and in 6 to 9 % with three or two: so
use five. No interval tells of what was never seen: a training in ten that collapses is missed by
most sets of five.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.intervals import LEVEL
from rnnbench.results.schema import Interval

Hits = NDArray[np.bool_]
"""Whether each trial of a model got each test wire right, ``(n_trials, n_wires)``."""

RESAMPLES = 9_999
SMALLEST_P = 1e-12
ROUNDING = 1e-12
"""Accuracies that are less apart are the same."""
_CHUNK = 500
"""Resamples that are made at once, to keep memory small."""


def resample(
    hits: Mapping[str, Hits], n: int = RESAMPLES, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Return the mean accuracy of each model on ``n`` resamples of wires and of its trials.

    Args:
        hits: of each model, on the same wires.
        n: number of resamples.
        seed: of the resampling.

    Returns:
        By model, ``(n,)``. A resample has the same wires for all models.
    """
    random = np.random.default_rng(seed)
    on_wires = np.split(
        _resample_wires(np.concatenate(list(hits.values())), n, random),
        np.cumsum([len(each) for each in hits.values()])[:-1],
        axis=1,
    )
    means = {}
    for model, trials in zip(hits, on_wires, strict=True):
        picked = random.integers(trials.shape[1], size=trials.shape)
        means[model] = np.take_along_axis(trials, picked, axis=1).mean(axis=1)
    return means


def _resample_wires(hits: Hits, n: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the accuracy of each row of ``hits`` on ``n`` resamples of wires, ``(n, rows)``."""
    n_wires = hits.shape[1]
    columns = hits.T.astype(np.float32)
    chunks = []
    for start in range(0, n, _CHUNK):
        size = min(_CHUNK, n - start)
        drawn = random.integers(n_wires, size=(size, n_wires))
        drawn += np.arange(size)[:, np.newaxis] * n_wires
        times = np.bincount(drawn.ravel(), minlength=size * n_wires).reshape(size, n_wires)
        chunks.append(times.astype(np.float32) @ columns)
    return np.concatenate(chunks).astype(np.float64) / n_wires


@dataclass(frozen=True)
class Estimate:
    """A mean accuracy, or a difference of two, with its distribution.

    Attributes:
        value: what was measured.
        resamples: ``(n,)``, what it is on resamples.
        variances: what wires add to the variance of ``value``, and the seeds of each model.
        df: the degrees of freedom of each.
    """

    value: float
    resamples: NDArray[np.float64]
    variances: NDArray[np.float64]
    df: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The standard error, over other wires and other seeds."""
        return float(self.variances.sum() ** 0.5)

    def reach(self, tail: float) -> float:
        """Return how many standard errors leave ``tail`` of the distribution above them.

        It is the mean of Student's quantiles for each part of the variance, weighted by the parts
        (W. G. Cochran, G. M. Cox: Experimental Designs, 1950); Satterthwaite's degrees of freedom
        turned out to be too many with three seeds.
        """
        from scipy.special import stdtrit

        return float(np.average(-stdtrit(self.df, tail), weights=self.variances))

    @cached_property
    def distribution(self) -> NDArray[np.float64]:
        """The resamples, moved as far apart as ``error`` and ``reach`` say."""
        from scipy.stats import norm

        spread = self.resamples.std()
        if not (spread and self.error):
            return np.full_like(self.resamples, self.value)
        tail = (1 - LEVEL) / 2
        stretch = self.error / spread * self.reach(tail) / norm.isf(tail)
        return self.value + stretch * (self.resamples - self.resamples.mean())

    @property
    def interval(self) -> Interval:
        """Of 95 %, from percentile to percentile."""
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(self.distribution, [tail, 1 - tail])
        return Interval(low=low, high=high)

    @property
    def p(self) -> float:
        """Two-sided p-value of the hypothesis that it is 0.

        It is taken from Student's distribution, not from the resamples, which say little of the
        far tails that a correction for many comparisons needs.
        """
        from scipy.optimize import brentq

        if not self.error:  # all wires tell the same: a sign test
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
    """Return the mean accuracy of a model.

    Args:
        hits: of the model.
        resamples: what ``resample`` has for it.
    """
    return Estimate(float(hits.mean()), resamples, *_variances(hits.mean(axis=0), hits))


def estimate_difference(
    a: Hits, b: Hits, resamples_a: NDArray[np.float64], resamples_b: NDArray[np.float64]
) -> Estimate:
    """Return the mean accuracy of ``a`` less that of ``b``, on the same wires.

    Args:
        a: hits of a model.
        b: hits of another.
        resamples_a: what ``resample`` has for ``a``.
        resamples_b: what the same call has for ``b``.
    """
    difference = float(a.mean() - b.mean())
    by_wire = a.mean(axis=0) - b.mean(axis=0)
    return Estimate(difference, resamples_a - resamples_b, *_variances(by_wire, a, b))


def _variances(
    by_wire: NDArray[np.float64], *hits: Hits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the parts of the variance of a mean over wires and seeds, with degrees of freedom.

    The scatter of ``by_wire`` holds all that wires add. What seeds add is the component of seeds
    in the two-way analysis of variance of each model's hits, taken for 0 where it comes out
    below (S. R. Searle, G. Casella, C. E. McCulloch: Variance Components, 1992, chapter 4).
    """
    n_wires = len(by_wire)
    if n_wires < 2:
        return np.zeros(1), np.zeros(1)
    parts = [(_variance(by_wire) / n_wires, n_wires - 1.0)]
    parts += [
        (_seeds_variance(each) / len(each), len(each) - 1.0) for each in hits if len(each) > 1
    ]
    variances, df = zip(*parts, strict=True)
    return np.array(variances), np.array(df)


def _variance(values: NDArray[np.float64]) -> float:
    """Return the variance of ``values``: exactly 0 where they are equal up to rounding."""
    return 0.0 if np.ptp(values) < ROUNDING else float(values.var(ddof=1))


def _seeds_variance(hits: Hits) -> float:
    """Return by how much the accuracies of seeds vary, beyond what chance at each wire explains."""
    n_seeds, n_wires = hits.shape
    of_seed, of_wire = hits.mean(axis=1, keepdims=True), hits.mean(axis=0, keepdims=True)
    rest = ((hits - of_seed - of_wire + hits.mean()) ** 2).sum()
    by_chance = rest / ((n_seeds - 1) * (n_wires - 1)) / n_wires
    return max(0.0, _variance(of_seed) - by_chance)
