"""The variance of a mean accuracy, or of a difference of two, over documents and seeds.

Seeds and documents are crossed: each trained model answers each document. So the mean varies with
the documents and with the seeds of each model, and an analysis of variance finds both parts (S. R.
Searle, G. Casella, C. E. McCulloch: Variance Components, 1992, chapter 4). Degrees of freedom are
those of F. E. Satterthwaite (An approximate distribution of estimates of variance components.
Biometrics Bulletin 2, 1946), so that few seeds count as few.

Documents in order of time are not independent: newswires about the same event follow each other,
so errors come in bursts. Then blocks of consecutive documents take the place of documents. There
are few, so that each is long enough to be nearly independent of the others, and Student's quantile
allows for their number (R. Ibragimov, U. K. Müller: t-statistic based correlation and heterogeneity
robust inference. Journal of Business & Economic Statistics 28, 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
"""Whether each trial of a model got each test document right, ``(n_trials, n_documents)``."""

ROUNDING = 1e-12
"""Accuracies that differ by less than this count as equal."""

N_BLOCKS = 16
"""The number of blocks of documents in order of time; their sizes differ by at most one."""


@dataclass(frozen=True)
class MeanSquares:
    """The mean squares of an analysis of variance, each as the variance of the mean.

    The answers that neither seed nor document explains are chance. It adds to the mean square of
    the documents and to that of the seeds, so the sum of both is too large by it.

    Attributes:
        n_documents: of the sample; or the number of blocks.
        documents: from the values by document.
        n_seeds: of each model with several trials, ``(n_models,)``.
        seeds: from the accuracies by seed, for each of the same models.
        chance: from the answers that neither seed nor document explains, for the same models.
    """

    n_documents: int
    documents: float
    n_seeds: NDArray[np.float64]
    seeds: NDArray[np.float64]
    chance: NDArray[np.float64]

    @property
    def variance(self) -> float:
        """The variance over other documents and other seeds.

        If so little of it is left that it has less than one degree of freedom, it is at least that
        of the documents.
        """
        whole = max(0.0, self.documents - float(self.chance.sum())) + float(self.seeds.sum())
        return whole if self.df(whole) >= 1 else max(whole, self.documents)

    def df(self, variance: float) -> float:
        """Return the degrees of freedom of a ``variance`` that is made of these mean squares."""
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
            documents=max(0.0, self.documents - float(self.chance.sum())) + float(chance.sum()),
            n_seeds=np.full_like(self.n_seeds, n),
            seeds=np.maximum(self.seeds, self.chance) * fewer,
            chance=chance,
        )


def mean_squares(
    by_document: NDArray[np.float64], *hits: Hits, in_order: bool = False
) -> MeanSquares:
    """Return the mean squares of a mean.

    Args:
        by_document: its values by document, ``(n_documents,)``: the mean over the trials of a
            model, or a difference of two such means.
        hits: of each model that it is made of.
        in_order: whether the documents are in order of time. Blocks then take their place, unless
            single documents vary more.
    """
    single = _mean_squares(by_document, hits)
    if not in_order:
        return single
    blocks = _mean_squares(_by_block(by_document), [_by_block(each) for each in hits])
    return max(single, blocks, key=lambda squares: squares.documents)


def sums_of_blocks(values: NDArray[Any]) -> NDArray[Any]:
    """Return the sums over blocks, ``(..., n_blocks)``, of ``values``, ``(..., n_documents)``."""
    n = values.shape[-1]
    n_blocks = min(n, N_BLOCKS)
    return np.add.reduceat(values, np.arange(n_blocks) * n // n_blocks, axis=-1)


def _by_block(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return a value for each block, ``(..., n_blocks)``; their mean is that of ``values``."""
    mean = values.mean(axis=-1, keepdims=True)
    sums = sums_of_blocks(values - mean)
    return np.asarray(mean + sums * (sums.shape[-1] / values.shape[-1]))


def _mean_squares(by_document: NDArray[np.float64], hits: Sequence[NDArray[Any]]) -> MeanSquares:
    n_documents = len(by_document)
    several = [each for each in hits if len(each) > 1 and n_documents > 1]
    n_seeds = np.array([len(each) for each in several], float)
    return MeanSquares(
        n_documents,
        _variance(by_document) / n_documents,
        n_seeds,
        np.array([_variance(each.mean(axis=1)) for each in several]) / n_seeds,
        np.array([_chance(each) for each in several]) / n_seeds,
    )


def _variance(values: NDArray[np.float64]) -> float:
    """Return the variance of ``values``: exactly 0 if they are equal up to rounding."""
    return 0.0 if np.ptp(values) < ROUNDING else float(values.var(ddof=1))


def _chance(hits: NDArray[Any]) -> float:
    """Return the variance of a seed's accuracy by chance at single documents."""
    n_seeds, n_documents = hits.shape
    of_seed, of_document = hits.mean(axis=1, keepdims=True), hits.mean(axis=0, keepdims=True)
    rest = ((hits - of_seed - of_document + hits.mean()) ** 2).sum()
    return float(rest / ((n_seeds - 1) * (n_documents - 1)) / n_documents)
