"""Print how often planned differences are found in simulated benchmarks.

Run it as ``python simulations/planning.py``; it takes ten seconds.
"""

import sys

import numpy as np

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_difference, mean_squares
from rnnbench.stats.paired import mcnemar_p
from rnnbench.stats.planning import mcnemar_detectable, mcnemar_documents
from rnnbench.stats.power import documents_needed

try:
    from crossed import CHUNK, Population, draw_models
except ModuleNotFoundError:  # in a test
    from simulations.crossed import CHUNK, Population, draw_models

TIMES, TIMES_WITH_SEEDS = 10_000, 600
DOCUMENTS, AGREE, POINTS = (100, 500, 3_000), (0.8, 0.9, 0.98), (1, 2, 5)
PILOT = 2_000
"""Documents of the runs that tell how many are needed with seeds."""


def found_by_numbers(n_documents, agree, difference, times=TIMES):
    """The share of pairs of single trainings that McNemar's test tells apart, the right way round."""
    random = np.random.default_rng(0)
    only_one = 1 - agree
    shares = [(only_one + difference) / 2, (only_one - difference) / 2, agree]
    counts = random.multinomial(n_documents, np.clip(shares, 0, 1), times)
    kinds, numbers = np.unique(counts, axis=0, return_counts=True)
    found = 0
    for (only_a, only_b, _), number in zip(kinds, numbers, strict=True):
        a = np.arange(only_a + only_b) < only_a
        found += number * (only_a > only_b and mcnemar_p(a, ~a) < 0.05)
    return found / times


def planned_with_seeds(accuracy, spread, n_seeds, points, times=TIMES_WITH_SEEDS):
    """The median number of documents that runs plan for a difference, and the share of runs with so
    many that find it."""
    random = np.random.default_rng(0)
    half = points / 200
    pair = [
        (Population.of(accuracy + sign * half, spread), n_seeds) for sign in (1, -1)
    ]
    needed = []
    for a, b in zip(*draw_models(random, CHUNK // 2, pair, PILOT), strict=True):
        squares = mean_squares(Correctness(a), Correctness(b))
        n = documents_needed(squares, 0.05, points / 100, PILOT)
        needed.append(n or np.inf)
    if np.median(needed) == np.inf:
        return None, None
    n = int(np.median(needed))
    found = []
    while len(found) < times:
        drawn = draw_models(random, CHUNK // 8, pair, n)
        found += [
            estimate_difference(Correctness(a), Correctness(b)).p < 0.05
            for a, b in zip(*drawn, strict=True)
        ]
    return n, np.mean(found)


def main():
    rows = []
    for agree in AGREE:
        for n in DOCUMENTS:
            difference = mcnemar_detectable(n, agree)
            if difference is not None:
                found = found_by_numbers(n, agree, difference)
                cell = [f"{n:,}", f"{agree:.0%}", f"{100 * difference:.2f}", "1"]
                rows.append([*cell, f"{found:.3f}"])
        for points in POINTS:
            n = mcnemar_documents(agree, points / 100)
            if n is not None:
                found = found_by_numbers(n, agree, points / 100)
                cell = [f"{n:,}", f"{agree:.0%}", f"{points}", "1"]
                rows.append([*cell, f"{found:.3f}"])
    for spread in (0.3, 1):
        for n_seeds in (3, 5, 10):
            n, found = planned_with_seeds(0.85, spread, n_seeds, 3)
            cell = ["-" if n is None else f"{n:,}", f"spread {spread:g}", "3"]
            share = "-" if n is None else f"{found:.3f}"
            rows.append([*cell, f"{n_seeds}", share])
            print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = ["documents", "agree", "points", "seeds", "found"]
    caption = (
        f"Shares of {TIMES:,} simulated pairs of models (with seeds: of {TIMES_WITH_SEEDS}) that "
        "differ by so many points and are found to do so (p below 0.05); 0.8 was planned. One seed: "
        "the smallest difference of so many documents, or the documents that a difference needs. "
        f"With seeds, 85 % are right, and the documents are the median of what runs on {PILOT:,} "
        "documents plan; spread: the standard deviation over seeds, in points; '-': most runs say "
        "that no number of documents is enough."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


if __name__ == "__main__":
    main()
