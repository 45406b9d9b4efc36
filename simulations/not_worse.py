"""Print how often a model passes the gate "may be worse by a margin".

Run it as ``python simulations/not_worse.py``; it takes about a minute.
"""

import sys

import numpy as np
from crossed import Population, draw_models

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.not_worse import lower_bound

TIMES, CHUNK = 2_000, 50
MARGINS = {100: (0.05, 0.05, 0.015), 500: (0.02, 0.02, 0.01), 3_000: (0.005,) * 3}
ACCURACIES, SEEDS = (0.7, 0.9, 0.98), (1, 3, 5)


def passed(accuracy, n, n_seeds, margin, drop):
    """The share of new models, worse by ``drop``, that pass."""
    random = np.random.default_rng(0)
    pair = [(Population.of(accuracy - less, 0.3), n_seeds) for less in (0, drop)]
    bounds = []
    for _ in range(TIMES // CHUNK):
        for a, b in zip(*draw_models(random, CHUNK, pair, n), strict=True):
            bounds.append(lower_bound(Correctness(b), Correctness(a)))
    return f"{np.mean(np.array(bounds) > -margin):.3f}"


def main():
    rows = []
    for n, margins in MARGINS.items():
        for accuracy, margin in zip(ACCURACIES, margins, strict=True):
            for n_seeds in SEEDS:
                cell = [f"{n:,}", f"{accuracy:.0%}", f"{100 * margin:g}", f"{n_seeds}"]
                shares = [
                    passed(accuracy, n, n_seeds, margin, drop) for drop in (margin, 0)
                ]
                rows.append([*cell, *shares])
    headers = ["documents", "accuracy", "margin", "seeds", "at the margin", "equal"]
    caption = (
        f"Shares of {TIMES:,} simulated new models that pass a gate on a margin in points: at most 0.05 "
        "of models that are worse by exactly the margin should, and as many equal ones as "
        "possible. The standard deviation over seeds is 0.3 points. By chance, a share of 0.05 lies "
        f"within {2 * (0.05 * 0.95 / TIMES) ** 0.5:.3f}."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


if __name__ == "__main__":
    main()
