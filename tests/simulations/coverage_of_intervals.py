"""Print how often simulated 95 % intervals of a mean accuracy contain the true value.

Run it as ``python tests/simulations/coverage_of_intervals.py``; it takes about a minute.
"""

import sys

from crossed import Population, coverage

from rnnbench.report.table import Table, to_markdown

N_DOCUMENTS, TIMES = 599, 4_000
SEEDS = (2, 3, 5, 10)
SPREADS = (0.05, 0.1, 0.3)


def main() -> None:
    rows = []
    for n_trials in SEEDS:
        for spread in SPREADS:
            population = Population(seeds=spread)
            ours, plain = coverage(population, n_trials, N_DOCUMENTS, TIMES)
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
