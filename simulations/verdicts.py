"""Print how often differences are found between simulated models that differ, or are
equal.

Run it as ``python simulations/verdicts.py``; it takes about half an hour. Each
benchmark has seven models, so 21 pairs. A difference is found if its p-value, not
corrected, is below 0.05; ``many_models.py`` is about the corrections.
"""

import sys
from itertools import combinations

import numpy as np
from crossed import CHUNK, Population, draw_models

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_difference

N_MODELS = 7
TIMES, TIMES_APART = 2_000, 400
"""Benchmarks of equal models, and of models that differ; a share of many pairs needs
fewer."""
TEST_SETS = [(599, 0.75), (599, 0.85), (2_189, 0.96), (2_568, 0.95)]
SEEDS = (2, 3, 5, 10)
SPREADS = [[0.3] * 7, [1.0] * 7, [3.0] * 7, [0.3, 0.3, 0.3, 1.0, 1.0, 3.0, 3.0]]
DIFFERENCES = (1, 2, 3)


def main():
    rows = []
    for n_documents, accuracy in TEST_SETS:
        for spreads in SPREADS:
            for n_seeds in SEEDS:
                spelled = " ".join(f"{points:g}" for points in dict.fromkeys(spreads))
                cell = [f"{n_documents:,}", f"{accuracy:.0%}", spelled, str(n_seeds)]
                rows.append([*cell, *_facts(n_documents, accuracy, spreads, n_seeds)])
                print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = ["documents", "accuracy", "points", "seeds", "found"]
    headers += [f"{n} point{'s' * (n > 1)} found" for n in DIFFERENCES]
    caption = (
        f"Of {TIMES:,} simulated benchmarks of {N_MODELS} equal models, and of {TIMES_APART} "
        "in which one differs from the others. Points: the standard deviation of a model's "
        "accuracy over seeds. Found: share of the pairs of equal models with a p-value below 0.05. "
        "N points found: share of the pairs that differ by N points of accuracy and have one. "
        "P-values are not corrected."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


def _facts(n_documents, accuracy, spreads, n_seeds):
    equal = [Population.of(accuracy, points) for points in spreads]
    facts = [f"{np.mean(_p_values(equal, n_seeds, n_documents) < 0.05):.3f}"]
    for difference in DIFFERENCES:
        half = difference / 200
        apart = [Population.of(accuracy - half, points) for points in spreads]
        apart[0] = Population.of(accuracy + half, spreads[0])
        p = _p_values(apart, n_seeds, n_documents, with_first=True)
        facts.append(f"{np.mean(p < 0.05):.2f}")
    return facts


def _p_values(models, n_seeds, n_documents, *, with_first=False):
    """Return the p-values, ``(n_pairs, times)``.

    If ``with_first``, only pairs with the first model are tested, in fewer benchmarks.
    """
    random = np.random.default_rng(0)
    pairs = [
        pair
        for pair in combinations(range(len(models)), 2)
        if not with_first or 0 in pair
    ]
    times = TIMES_APART if with_first else TIMES
    found = []
    for _ in range(times // CHUNK):
        drawn = draw_models(
            random, CHUNK, [(model, n_seeds) for model in models], n_documents
        )
        of_pairs = [zip(drawn[i], drawn[j], strict=True) for i, j in pairs]
        ps = [
            [estimate_difference(Correctness(a), Correctness(b)).p for a, b in pair]
            for pair in of_pairs
        ]
        found.append(np.array(ps))
    return np.concatenate(found, axis=1)


if __name__ == "__main__":
    main()
