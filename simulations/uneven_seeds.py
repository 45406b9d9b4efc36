"""Print how often tables call the seeds of simulated models uneven.

Run it as ``python simulations/uneven_seeds.py``; it takes about a minute.
"""

import sys

import numpy as np

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.uneven import is_uneven

TIMES = 4_000
N_DOCUMENTS = 599
SEEDS = (5, 10, 20, 60)
DEVIATIONS = (1, 2, 5, 10)  # of normal seeds, in documents
MIXTURES = [(0.1, 4), (0.1, 6), (0.25, 4), (0.25, 6), (0.5, 4), (0.5, 6)]
DEVIATION = 5  # within each group of a mixture, in documents


def main():
    rng = np.random.default_rng(0)
    rows = []
    for deviation in DEVIATIONS:
        shares = [share_uneven(rng, n_seeds, deviation) for n_seeds in SEEDS]
        rows.append(row("one", deviation, shares))
    for share, distance in MIXTURES:
        shares = [
            share_uneven(rng, n_seeds, DEVIATION, share, distance) for n_seeds in SEEDS
        ]
        rows.append(row(f"{share:.0%} lower by {distance}", DEVIATION, shares))
    headers = ["groups", "deviation", *(f"{n_seeds} seeds" for n_seeds in SEEDS)]
    caption = (
        f"Share of {TIMES:,} simulated models whose seeds are called uneven. Groups: one normal "
        "group of trainings, or a share of them that is lower by so many standard deviations. "
        f"Deviation: the standard deviation within a group, in documents of {N_DOCUMENTS}."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=1)))


def share_uneven(rng, n_seeds, deviation, share_lower=0, distance=0):
    """Return the share of models, of several normal seeds or two groups, that are
    uneven.
    """
    n_uneven = 0
    for _ in range(TIMES):
        center = rng.uniform(440, 460)
        is_lower = rng.random(n_seeds) < share_lower
        right = center + deviation * (rng.normal(size=n_seeds) - distance * is_lower)
        n_uneven += is_uneven(right.round() / N_DOCUMENTS, N_DOCUMENTS)
    return n_uneven / TIMES


def row(groups, deviation, shares):
    """Return a row of the table."""
    return [groups, str(deviation), *(f"{share:.1%}" for share in shares)]


if __name__ == "__main__":
    main()
