"""Print how far intervals and p-values can be trusted if errors come in bursts.

Run it as ``python simulations/bursts.py``; it takes about five minutes.
"""

import sys

import numpy as np
from crossed import CHUNK, SPAN, Population, draw_models

from rnnbench.analysis.comparisons import compare_pairs
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import N_BLOCKS, Correctness
from rnnbench.stats.intervals import score_interval

TIMES = 2_000
TEST_SETS = [(2_189, 0.975), (2_568, 0.95)]
BURSTS = (0.3, 0)
POINTS = (0.3, 1)
SEEDS = (1, 3, 5, 10)
LENGTH = 50
"""The length of the blocks in which bursts are measured, in documents."""


def main():
    rows = []
    for bursts in BURSTS:
        for n_documents, accuracy in TEST_SETS:
            for points in POINTS:
                population = Population.of(accuracy, points, bursts)
                for n_seeds in SEEDS:
                    cell = [
                        f"{n_documents:,}",
                        f"{accuracy:.1%}",
                        f"{points:g}",
                        f"{n_seeds}",
                    ]
                    rows.append([*cell, *_facts(population, n_seeds, n_documents)])
                    print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = ["documents", "accuracy", "points", "seeds", "bursts"]
    headers += [
        f"{fact}, {way}" for fact in ("held", "found") for way in ("single", "blocks")
    ]
    caption = (
        f"Of {TIMES:,} simulated benchmarks of two equal models each. Points: the standard "
        "deviation of accuracy over seeds, if there are several. Bursts: the variance of the "
        f"accuracy of a seed in blocks of {LENGTH} documents, divided by that of independent ones; "
        f"a burst fades to 1/e in {SPAN} documents, and both models have most of them in common. "
        "Held: share of 95 % intervals that contain the true mean accuracy. Found: share of the "
        "pairs with a p-value below 0.05. Single: documents count as independent; blocks: "
        f"{N_BLOCKS} blocks of consecutive ones do. By chance, a share of 0.95 or 0.05 lies within "
        f"{2 * (0.95 * 0.05 / TIMES) ** 0.5:.3f}."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


def _facts(population, n_seeds, n_documents):
    """Return the ratio of variances, and the shares held and found, of single and in
    blocks.
    """
    random = np.random.default_rng(0)
    ratios, held, found = [], [], []
    for _ in range(TIMES // CHUNK):
        models = [(population, n_seeds)] * 2
        drawn = draw_models(random, CHUNK, models, n_documents)
        ratios.append(_ratio(drawn[0][:, 0]))
        for a, b in zip(*drawn, strict=True):
            for in_order in (False, True):
                hits = {"a": Correctness(a, in_order), "b": Correctness(b, in_order)}
                interval = score_interval(hits["a"])
                held.append(population.accuracy in interval)
                (compared,) = compare_pairs([("a", "b")], hits)
                found.append(compared.p < 0.05)
    shares = [np.mean(item[way::2]) for item in (held, found) for way in (0, 1)]
    return [f"{np.mean(ratios):.2f}", *(f"{share:.3f}" for share in shares)]


def _ratio(hits):
    """Return how much more the accuracy varies in blocks than if documents were
    independent.
    """
    rest = hits - hits.mean(axis=-1, keepdims=True)
    sums = np.add.reduceat(rest, np.arange(0, hits.shape[-1], LENGTH), axis=-1)
    return float((sums**2).sum() / (rest**2).sum())


if __name__ == "__main__":
    main()
