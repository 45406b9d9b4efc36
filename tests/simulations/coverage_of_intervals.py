"""Print how often simulated 95 % intervals of a mean accuracy contain the truth.

Run it as ``python tests/simulations/coverage_of_intervals.py``; it takes about a minute.
"""

import sys

import numpy as np
from crossed import Population

from rnnbench.analysis.bootstrap import estimate_mean, resample
from rnnbench.report.table import Table, to_markdown

N_DOCUMENTS, TIMES, RESAMPLES, CHUNK = 599, 4_000, 999, 200
SEEDS = (2, 3, 5, 10)
SPREADS = (0.05, 0.1, 0.3)


def coverage(population: Population, n_trials: int) -> tuple[float, float]:
    """Return the shares of intervals that contain the truth: ours, and the plain bootstrap's."""
    random = np.random.default_rng(0)
    ours, plain = [], []
    for _ in range(TIMES // CHUNK):
        (hits,) = population.draw(random, CHUNK, [n_trials], N_DOCUMENTS)
        resamples = resample(dict(enumerate(hits)), RESAMPLES, seed=int(random.integers(2**32)))
        for number, each in enumerate(hits):
            low, high = np.quantile(resamples[number], [0.025, 0.975])
            plain.append(low <= population.accuracy <= high)
            ours.append(population.accuracy in estimate_mean(each, resamples[number]).interval)
    return float(np.mean(ours)), float(np.mean(plain))


def main() -> None:
    rows = []
    for n_trials in SEEDS:
        for spread in SPREADS:
            population = Population(seeds=spread)
            ours, plain = coverage(population, n_trials)
            points = 100 * spread * _points(population)
            rows.append([str(n_trials), f"{points:.1f}", f"{ours:.3f}", f"{plain:.3f}"])
            print(rows[-1], file=sys.stderr)  # noqa: T201
    caption = (
        f"Share of intervals that contain the true mean, of {TIMES:,} simulated benchmarks of "
        f"{N_DOCUMENTS} newswires and a model of {Population(seeds=0.1).accuracy:.0%} accuracy; "
        "points: the standard deviation of its accuracy over seeds."
    )
    headers = ["seeds", "points", "our intervals", "plain bootstrap"]
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


def _points(population: Population) -> float:
    """Return the slope of accuracy in the effect of a seed."""
    from scipy.stats import norm

    scale = (1 + population.documents**2) ** 0.5
    return float(norm.pdf(population.score / scale) / scale)


if __name__ == "__main__":
    main()
