"""Simulated hits with a known true mean accuracy and spread, and intervals found from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnbench.analysis.intervals import estimate_mean, resample

RESAMPLES, CHUNK = 999, 200


@dataclass(frozen=True)
class Population:
    """Seeds and documents from which trials are drawn; all models have the same mean accuracy.

    A seed is right about a document if the sum of ``score``, an effect of the seed, one of the
    document and chance of spread 1 is positive. All are normal, so there are closed forms.

    Attributes:
        score: the mean of the sum.
        seeds: the spread of the effects of seeds.
        documents: the spread of those of documents.
        shared: the correlation of the effects of a document on two models.
    """

    seeds: float
    score: float = 1.5
    documents: float = 1.0
    shared: float = 0.8

    @property
    def total(self) -> float:
        """The spread of the sum."""
        return (1 + self.seeds**2 + self.documents**2) ** 0.5

    @property
    def accuracy(self) -> float:
        """The mean accuracy over all seeds and documents."""
        from scipy.special import ndtr

        return float(ndtr(self.score / self.total))

    def draw(
        self, random: np.random.Generator, times: int, models: Sequence[int], n_documents: int
    ) -> list[np.ndarray]:
        """Return hits of models on the same documents, ``(times, n_trials, n_documents)`` each.

        Args:
            random: the source of chance.
            times: how many independent benchmarks.
            models: the number of trials of each; if it is 1, the seed has no effect.
            n_documents: of each benchmark.
        """

        def normal(*shape: int) -> np.ndarray:
            return random.standard_normal(shape, dtype=np.float32)

        in_common = normal(times, 1, n_documents) * self.shared**0.5
        drawn = []
        for n_trials in models:
            of_documents = self.documents * (
                in_common + normal(times, 1, n_documents) * (1 - self.shared) ** 0.5
            )
            of_seeds = normal(times, n_trials, 1) * self.seeds
            score = self.score
            if n_trials == 1:
                of_seeds[:] = 0
                score *= (1 + self.documents**2) ** 0.5 / self.total
            drawn.append(normal(times, n_trials, n_documents) + of_documents + of_seeds + score > 0)
        return drawn


def coverage(
    population: Population, n_trials: int, n_documents: int, times: int
) -> tuple[float, float]:
    """Return the shares of intervals that contain the truth: ours, and the plain bootstrap's."""
    random = np.random.default_rng(0)
    ours, plain = [], []
    for _ in range(times // CHUNK):
        (hits,) = population.draw(random, CHUNK, [n_trials], n_documents)
        resamples = resample(dict(enumerate(hits)), RESAMPLES, seed=int(random.integers(2**32)))
        for number, each in enumerate(hits):
            low, high = np.quantile(resamples[number], [0.025, 0.975])
            plain.append(low <= population.accuracy <= high)
            ours.append(population.accuracy in estimate_mean(each, resamples[number]).interval)
    return float(np.mean(ours)), float(np.mean(plain))
