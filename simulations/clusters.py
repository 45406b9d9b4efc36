"""Print how far intervals and p-values can be trusted if documents come in clusters.

Run it as ``python simulations/clusters.py``; it takes about three minutes.
"""

import sys

import numpy as np
from crossed import Population, effects_in_clusters, judge_equal_models

from rnnbench.report.table import Table, to_markdown

TIMES = 1_000
N_CLUSTERS, SHARES, SEEDS = (10, 30, 100), (0.0, 0.3), (1, 5)
SIZE, SPREAD = 8, 1.0
"""The size of equal clusters, and the standard deviation of the logarithms of unequal
ones."""
POPULATION = Population.of(0.85, 1)


def draw(random, groups, share, n_seeds):
    """Correctness of two equal models, whose effects of documents have a share of clusters in
    common.
    """
    in_common = effects_in_clusters(random, groups, share)
    shared = POPULATION.shared
    score = POPULATION.score
    if n_seeds == 1:  # the seed has no effect, and the mean accuracy is the same
        score *= (1 + POPULATION.documents**2) ** 0.5 / POPULATION.total
    for _ in "ab":
        effects = effects_in_clusters(random, groups, share)
        of_documents = score + in_common * shared**0.5 + effects * (1 - shared) ** 0.5
        of_seeds = random.standard_normal((n_seeds, 1)) * POPULATION.seeds
        if n_seeds == 1:
            of_seeds *= 0
        chance = random.standard_normal((n_seeds, len(groups)))
        yield chance + of_documents + of_seeds > 0


def shares(n_clusters, is_equal, share, n_seeds, times=TIMES):
    """The shares held and found if documents count as independent, and by clusters."""
    random = np.random.default_rng(0)
    counts = np.zeros((2, 2))
    for _ in range(times):
        sizes = np.full(n_clusters, SIZE)
        if not is_equal:
            mean = np.log(SIZE) - SPREAD**2 / 2
            sizes = (
                random.lognormal(mean, SPREAD, n_clusters).round().clip(1).astype(int)
            )
        groups = np.repeat(np.arange(n_clusters), sizes)
        a, b = draw(random, groups, share, n_seeds)
        for way, clusters in enumerate((None, groups)):
            counts[:, way] += judge_equal_models(
                a, b, POPULATION.accuracy, clusters=clusters
            )
    return (counts / times).ravel()


def main():
    rows = []
    for n_clusters in N_CLUSTERS:
        for is_equal in (True, False):
            for share in SHARES:
                for n_seeds in SEEDS:
                    cell = [
                        f"{n_clusters}",
                        "equal" if is_equal else "unequal",
                        f"{share:g}",
                    ]
                    counted = shares(n_clusters, is_equal, share, n_seeds)
                    rows.append([*cell, f"{n_seeds}", *map("{:.3f}".format, counted)])
                    print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = ["clusters", "sizes", "share", "seeds"]
    headers += [
        f"{fact}, {way}" for fact in ("held", "found") for way in ("single", "clusters")
    ]
    caption = (
        f"Of {TIMES:,} simulated benchmarks of two equal models each, with an accuracy of 85 %. "
        f"Clusters have {SIZE} documents, or a mean of as many and sizes whose logarithms have a "
        f"standard deviation of {SPREAD:g}. Share: that of the variance over documents that is "
        "between clusters. Held: share of 95 % intervals that contain the true mean accuracy. "
        "Found: share of the pairs with a p-value below 0.05. Single: documents count as "
        "independent; clusters: clusters do. By chance, a share of 0.95 or 0.05 lies within "
        f"{2 * (0.95 * 0.05 / TIMES) ** 0.5:.3f}."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


if __name__ == "__main__":
    main()
