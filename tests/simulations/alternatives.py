"""Other ways to compute the p-value of a difference, which were tried and not taken."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

Array = np.ndarray


class MeanSquares:
    """The mean squares of the hits of a model, ``(times, n_seeds, n_documents)``."""

    def __init__(self, hits: Array):
        self.n_seeds, self.n_documents = hits.shape[1:]
        of_seed, self.of_document = hits.mean(axis=2), hits.mean(axis=1)
        self.mean = of_seed.mean(axis=1)
        rest = (
            hits.sum(axis=(1, 2))
            - self.n_seeds * (self.of_document**2).sum(axis=1)
            - self.n_documents * (of_seed**2).sum(axis=1)
            + self.n_seeds * self.n_documents * self.mean**2
        )
        n_free = (self.n_seeds - 1) * (self.n_documents - 1)
        self.chance = rest / n_free / self.n_documents / self.n_seeds
        self.seeds = of_seed.var(axis=1, ddof=1) / self.n_seeds

    @property
    def component(self) -> Array:
        """The variance of the mean over seeds, beyond chance at single documents."""
        return np.maximum(0, self.seeds - self.chance)


def _documents(a: MeanSquares, b: MeanSquares) -> Array:
    return (a.of_document - b.of_document).var(axis=1, ddof=1) / a.n_documents


def _student(a: MeanSquares, b: MeanSquares, variance: Array, df: Array) -> Array:
    p: Array = 2 * stdtr(df, -np.abs(a.mean - b.mean) / np.sqrt(variance))
    return p


def weighted_quantiles(a: MeanSquares, b: MeanSquares, _: Sequence[MeanSquares]) -> Array:
    """Student's quantiles of the parts of the variance, weighted by the parts (Cochran and Cox)."""
    parts = np.stack([_documents(a, b), a.component, b.component])
    df = np.array([a.n_documents - 1, a.n_seeds - 1, b.n_seeds - 1])
    log_tails = np.linspace(np.log(1e-9), np.log(0.5), 400)
    reach = (parts / parts.sum(axis=0)).T @ -stdtrit(df[:, np.newaxis], np.exp(log_tails))
    distance = np.abs(a.mean - b.mean) / np.sqrt(parts.sum(axis=0))
    found = [np.interp(-d, -each, log_tails) for d, each in zip(distance, reach, strict=True)]
    return 2 * np.exp(np.array(found))


def components(a: MeanSquares, b: MeanSquares, _: Sequence[MeanSquares]) -> Array:
    """Satterthwaite's degrees of freedom from components instead of mean squares."""
    documents, of_seeds = _documents(a, b), [each.component for each in (a, b)]
    variance = documents + sum(of_seeds)
    spread = documents**2 / (a.n_documents - 1)
    spread += sum(each**2 for each in of_seeds) / (a.n_seeds - 1)
    return _student(a, b, variance, variance**2 / spread)


def rounded_up(a: MeanSquares, b: MeanSquares, _: Sequence[MeanSquares]) -> Array:
    """Satterthwaite's degrees of freedom, components of seeds below 0 rounded up to 0."""
    documents = _documents(a, b)
    variance = documents + a.component + b.component
    spread = documents**2 / (a.n_documents - 1) + (a.seeds**2 + b.seeds**2) / (a.n_seeds - 1)
    return _student(a, b, variance, variance**2 / spread)


def pooled(a: MeanSquares, b: MeanSquares, models: Sequence[MeanSquares]) -> Array:
    """The variance over seeds is the mean of that of all models."""
    documents = _documents(a, b)
    seeds = np.mean([each.seeds for each in models], axis=0)
    chance = np.mean([each.chance for each in models], axis=0)
    variance = documents + 2 * np.maximum(0, seeds - chance)
    spread = documents**2 / (a.n_documents - 1)
    spread += (2 * seeds) ** 2 / (len(models) * (a.n_seeds - 1))
    return _student(a, b, variance, variance**2 / spread)


ALTERNATIVES: dict[str, Callable[..., Array]] = {
    "weighted": weighted_quantiles,
    "components": components,
    "rounded up": rounded_up,
    "pooled": pooled,
}
