"""Print how often simulated 95 % intervals of a mean accuracy contain the true value.

Run it as ``python simulations/coverage_of_intervals.py``; it takes about two
minutes.
"""

import sys

from crossed import Population, coverage

from rnnbench.report.table import Table, to_markdown

TIMES = 4_000
TEST_SETS = [(599, 0.85), (599, 0.95), (2_189, 0.96)]
SEEDS = (2, 3, 5, 10)
POINTS = (0.3, 1, 3)


def main():
    rows = []
    for n_documents, accuracy in TEST_SETS:
        for points in POINTS:
            population = Population.of(accuracy, points)
            held = [
                coverage(population, n_seeds, n_documents, TIMES) for n_seeds in SEEDS
            ]
            cell = [f"{n_documents:,}", f"{accuracy:.0%}", f"{points:g}"]
            rows.append([*cell, *map("{:.3f}".format, held)])
            print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = [
        "documents",
        "accuracy",
        "points",
        *(f"{n_seeds} seeds" for n_seeds in SEEDS),
    ]
    caption = (
        f"Share of 95 % intervals that contain the true mean accuracy, of {TIMES:,} simulated "
        "benchmarks each. Points: the standard deviation of accuracy over seeds."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


if __name__ == "__main__":
    main()
