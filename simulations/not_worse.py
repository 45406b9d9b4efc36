"""Print how often a model passes the gate "may be worse by a margin".

Run it as ``python simulations/not_worse.py``; it takes about two minutes.
"""

import sys

import numpy as np
from crossed import Population, draw_models

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.not_worse import lower_bound

TIMES, CHUNK = 2_000, 50
SEEDS = (1, 3, 5)
CASES = (
    (100, 0.7, 0.05, 0.0),
    (100, 0.9, 0.05, 0.0),
    (100, 0.98, 0.015, 0.0),
    (500, 0.7, 0.02, 0.0),
    (500, 0.9, 0.02, 0.0),
    (500, 0.98, 0.01, 0.0),
    (3_000, 0.7, 0.005, 0.0),
    (3_000, 0.9, 0.005, 0.0),
    (3_000, 0.98, 0.005, 0.0),
    (2_568, 0.95, 0.005, 0.3),
    (2_189, 0.975, 0.005, 0.3),
)
"""Documents, accuracy, margin, and the share of bursts."""


def passed(case, n_seeds, drop):
    """The share of new models, worse by ``drop``, that pass."""
    n, accuracy, margin, bursts = case
    random = np.random.default_rng(0)
    pair = []
    for less in (0, drop):
        pair.append((Population.of(accuracy - less, 0.3, bursts), n_seeds))
    in_order = bursts > 0
    bounds = []
    for _ in range(TIMES // CHUNK):
        for old, new in zip(*draw_models(random, CHUNK, pair, n), strict=True):
            models = (Correctness(new, in_order), Correctness(old, in_order))
            bounds.append(lower_bound(*models))
    return f"{np.mean(np.array(bounds) > -margin):.3f}"


def main():
    rows = []
    for case in CASES:
        n, accuracy, margin, bursts = case
        for n_seeds in SEEDS:
            cell = [f"{n:,}", f"{accuracy:.1%}", f"{100 * margin:g}", f"{bursts:g}"]
            shares = [passed(case, n_seeds, drop) for drop in (margin, 0)]
            rows.append([*cell, f"{n_seeds}", *shares])
    headers = ["documents", "accuracy", "margin", "bursts", "seeds"]
    headers += ["at the margin", "equal"]
    caption = (
        f"Shares of {TIMES:,} simulated new models that pass a gate on a margin in points: at most 0.05 "
        "of models that are worse by exactly the margin should, and as many equal ones as "
        "possible. The standard deviation over seeds is 0.3 points. Bursts: the share of the variance "
        "over documents that neighbours in time have in common; these count in 16 blocks. By chance, a "
        f"share of 0.05 lies within {2 * (0.05 * 0.95 / TIMES) ** 0.5:.3f}."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


if __name__ == "__main__":
    main()
