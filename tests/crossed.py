"""Simulated hits, of which the true mean accuracy and its spread are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Population:
    """Seeds and wires, from which trials are drawn; all models have the same mean accuracy.

    A seed is right about a wire where the sum of ``score``, an effect of the seed, one of the wire
    and chance of spread 1 is positive. All are normal, so all that is asked has a closed form.

    Attributes:
        score: the mean of the sum.
        seeds: the spread of the effects of seeds.
        wires: the spread of those of wires.
        shared: the correlation of the effects of a wire on two models.
    """

    seeds: float
    score: float = 1.5
    wires: float = 1.0
    shared: float = 0.8

    @property
    def total(self) -> float:
        """The spread of the sum."""
        return (1 + self.seeds**2 + self.wires**2) ** 0.5

    @property
    def accuracy(self) -> float:
        """The mean accuracy over all seeds and wires."""
        from scipy.special import ndtr

        return float(ndtr(self.score / self.total))

    def variance(self, n_trials: int, n_wires: int) -> float:
        """Return how much the mean of as many hits varies."""

        def both_right(correlation: float) -> float:
            from scipy.stats import multivariate_normal

            normal = multivariate_normal(cov=[[1, correlation], [correlation, 1]])
            return normal.cdf([self.score / self.total] * 2)

        mean = self.accuracy
        same_wire = both_right(self.wires**2 / self.total**2) - mean**2
        same_seed = both_right(self.seeds**2 / self.total**2) - mean**2
        pairs = mean * (1 - mean) + (n_trials - 1) * same_wire + (n_wires - 1) * same_seed
        return pairs / (n_trials * n_wires)

    def draw(
        self, random: np.random.Generator, times: int, models: Sequence[int], n_wires: int
    ) -> list[np.ndarray]:
        """Return hits of models on the same wires, ``(times, n_trials, n_wires)`` each.

        Args:
            random: the source of chance.
            times: how many independent benchmarks.
            models: the number of trials of each; where it is 1, no seed has an effect.
            n_wires: of each benchmark.
        """

        def normal(*shape: int) -> np.ndarray:
            return random.standard_normal(shape, dtype=np.float32)

        in_common = normal(times, 1, n_wires) * self.shared**0.5
        drawn = []
        for n_trials in models:
            of_wires = self.wires * (
                in_common + normal(times, 1, n_wires) * (1 - self.shared) ** 0.5
            )
            of_seeds = normal(times, n_trials, 1) * self.seeds
            score = self.score
            if n_trials == 1:
                of_seeds[:] = 0
                score *= (1 + self.wires**2) ** 0.5 / self.total
            drawn.append(normal(times, n_trials, n_wires) + of_wires + of_seeds + score > 0)
        return drawn
