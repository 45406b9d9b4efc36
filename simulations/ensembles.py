"""Print how far intervals and p-values of ensembles can be trusted.

Run it as ``python simulations/ensembles.py``; it takes about a minute. The trials
of an ensemble contain those of a network, with the same seeds, and a model that does
not depend on the seed. So their errors and their seeds move together, but are compared
as if they were apart.
"""

import sys

import numpy as np
from scipy.stats import norm

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_difference, score_interval

TIMES = 2_000
TEST_SETS = [(599, 0.92), (2_568, 0.95), (3_019, 0.88)]
POINTS, SEEDS = (0.3, 1.0), (3, 5, 10)
SHARED = 0.8
"""The correlation of the effects of a document on the network and on the other
model."""


def main():
    rows = []
    for n_documents, accuracy in TEST_SETS:
        for points in POINTS:
            for n_seeds in SEEDS:
                cell = [
                    f"{n_documents:,}",
                    f"{accuracy:.0%}",
                    f"{points:g}",
                    str(n_seeds),
                ]
                rows.append([*cell, *facts(n_documents, accuracy, points, n_seeds)])
    headers = [
        "documents",
        "accuracy",
        "points",
        "seeds",
        "held: ensemble",
        "difference",
        "found",
    ]
    caption = (
        f"Of {TIMES:,} simulated benchmarks of a network and of its ensemble with a model that "
        "does not depend on the seed; both have the same true accuracy. Points: the standard "
        "deviation of the network's accuracy over seeds. Held: share of 95 % intervals that "
        "contain the true accuracy of the ensemble, or the true difference of 0. Found: share of "
        "pairs with a p-value below 0.05."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


def facts(n_documents, accuracy, points, n_seeds):
    random = np.random.default_rng(0)
    held, held_zero, found = [], [], []
    for _ in range(TIMES):
        network, ensemble = draw(random, n_documents, accuracy, points, n_seeds)
        interval, pair = (
            score_interval(ensemble),
            estimate_difference(ensemble, network),
        )
        held.append(interval.low <= accuracy <= interval.high)
        held_zero.append(pair.interval.low <= 0 <= pair.interval.high)
        found.append(pair.p < 0.05)
    return [f"{np.mean(share):.3f}" for share in (held, held_zero, found)]


def draw(random, n_documents, accuracy, points, n_seeds):
    """Return the hits of a network and of its ensemble, which has the same mean
    accuracy.

    A trial is right about a document if a sum of normal effects is positive: of its
    seed, of the document, and of chance. That of the ensemble is the mean of the
    network's and of the other's.
    """
    level = norm.ppf(accuracy)
    of_seed = points / 100 / norm.pdf(level) * 2**0.5
    both = random.standard_normal(n_documents)
    own, other = (
        SHARED**0.5 * both + (1 - SHARED) ** 0.5 * random.standard_normal(n_documents)
        for _ in range(2)
    )
    seeds = of_seed * random.standard_normal((n_seeds, 1))
    network = seeds + own + random.standard_normal((n_seeds, n_documents))
    together = (network + other + random.standard_normal(n_documents)) / 2
    spreads = (2 + of_seed**2) ** 0.5, (4 + 2 * SHARED + of_seed**2) ** 0.5 / 2
    return (
        Correctness(effects + level * spread > 0)
        for effects, spread in zip((network, together), spreads, strict=True)
    )


if __name__ == "__main__":
    main()
