"""Print how often intervals of the expected calibration error contain its true value.

Run it as ``python simulations/calibration.py``; it takes half a minute.
"""

import sys

import numpy as np

from rnnbench.analysis.errors import N_BINS, calibration_error
from rnnbench.report.table import Table, to_markdown

TIMES, MANY = 400, 200_000
EXCESS = {"calibrated": 0.0, "slightly too sure": 0.25, "too sure": 1.0}
"""How much higher the log-odds of an answer are than they should be."""
SPREAD, CHANCE, SEEDS_DIFFER = 1.5, 0.5, 0.3
"""The standard deviations of log-odds over documents, over answers, and over seeds."""


class Answers:
    """What the calibration of a trial is computed from."""

    def __init__(self, confidence, right):
        self.scores, self.values = np.log(confidence)[:, np.newaxis], right


def draw(random, excess, n_seeds, n_documents):
    """Return the answers of trials that agree on half of the documents; see
    ``Answers``.
    """
    odds = random.normal(SPREAD, SPREAD, n_documents) + random.normal(
        0, CHANCE, (n_seeds, n_documents)
    )
    odds += random.normal(0, SEEDS_DIFFER, (n_seeds, 1)) * (n_seeds > 1)
    shared, own = random.random(n_documents), random.random(odds.shape)
    luck = np.where(random.random(odds.shape) < 0.5, shared, own)
    return [
        Answers(_share(row + excess), chance < _share(row))
        for row, chance in zip(odds, luck, strict=True)
    ]


def _share(odds):
    return 1 / 3 + 2 / 3 / (1 + np.exp(-odds))


def facts(excess, n_seeds, n_documents, times=TIMES):
    """Return the true error, the mean found, and the shares of intervals that contain
    the true one.

    The first share is that of the intervals of rnnbench, the second that of a
    bootstrap.
    """
    random = np.random.default_rng(0)
    many = [
        one
        for _ in range(MANY // 20_000)
        for one in draw(random, excess, n_seeds, 20_000)[:1]
    ]
    true = (
        np.mean([calibration_error([one], in_order=False)[0] for one in many])
        if excess
        else 0
    )
    found, held, resampled = [], [], []
    for number in range(times):
        trials = draw(random, excess, n_seeds, n_documents)
        error, interval = calibration_error(trials, in_order=False)
        found.append(error)
        held.append(true in interval)
        if number % 8 == 0:  # it takes long
            resampled.append(_bootstrap(random, trials, true))
    return [true, *(float(np.mean(values)) for values in (found, held, resampled))]


def _bootstrap(random, trials, true, times=40):
    """Return whether the middle 95 % of resampled errors, if they are normal, contain
    the true.
    """
    errors, n = [], len(trials[0].values)
    for _ in range(times):
        chosen = random.integers(0, n, n)
        again = [
            Answers(np.exp(one.scores[chosen, 0]), one.values[chosen]) for one in trials
        ]
        errors.append(calibration_error(again, in_order=False)[0])
    return abs(np.mean(errors) - true) < 1.96 * np.std(errors, ddof=1)


def main():
    rows = []
    for name, excess in EXCESS.items():
        for n_documents in (150, 600, 2_500):
            for n_seeds in (1, 5):
                true, found, held, resampled = facts(excess, n_seeds, n_documents)
                shares = [f"{share:.3f}" for share in (true, found, held, resampled)]
                rows.append([name, f"{n_documents:,}", f"{n_seeds}", *shares])
                print(rows[-1], file=sys.stderr)  # noqa: T201
    caption = (
        f"Of {TIMES} simulated models each, in {N_BINS} bins. Found: the mean error of samples. "
        "Held: share of 95 % intervals that contain the true error. Held by bootstrap: the same "
        "for the middle of the errors of resampled documents, for every eighth model."
    )
    headers = [
        "model",
        "documents",
        "seeds",
        "true ECE",
        "found",
        "held",
        "held by bootstrap",
    ]
    sys.stdout.write(to_markdown(Table(headers, rows, caption)))


if __name__ == "__main__":
    main()
