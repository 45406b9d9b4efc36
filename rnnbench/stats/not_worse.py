"""Whether a model is surely not worse than another by more than a margin.

>>> random = np.random.default_rng(0)
>>> old = random.random((1, 3_000)) < 0.9
>>> new = old ^ (random.random((1, 3_000)) < 0.02)  # other answers to 2 % of documents
>>> bound = lower_bound(Correctness(new), Correctness(old))
>>> -0.03 < bound < -0.01
True
>>> round(score_bound(gains=0, losses=0, n_documents=100, quantile=1.645), 4)
-0.0263

A new model is not inferior if the lower bound of its score minus that of the old one,
one-sided at 5 %, is above minus the margin; two models are equivalent if both are not
inferior (D. J. Schuirmann: A comparison of the two one-sided tests procedure and the
power approach. Journal of Pharmacokinetics and Biopharmaceutics 15, 1987). Several
models that all have to pass need no correction (R. L. Berger: Multiparameter hypothesis
testing and acceptance sampling. Technometrics 24, 1982).

Where single trainings differ on few documents, Student's bound is far too high. So the
bound is that of T. Tango's score test (Equivalence test and confidence interval for the
difference in proportions for the paired-sample design. Statistics in Medicine 17,
1998), or that of Clopper and Pearson for the documents that the old model alone is
right about, if it is lower: with few of them, Tango's is too high. With clusters or
blocks of time, Student's counts, too, if it is lower. Of means over seeds, the bound is
Student's. ``results/reference/not_worse.md`` has the level and the power.
"""

import numpy as np
import scipy

from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import error_bound, estimate_difference

CONFIDENCE = 0.95
N_HALVINGS = 50


def lower_bound(
    new: Correctness, old: Correctness, confidence: float = CONFIDENCE
) -> float:
    """Return the lower bound of the score of ``new`` minus that of ``old``.

    >>> right = Correctness(np.ones((1, 100), bool))
    >>> round(lower_bound(right, right), 3)
    -0.03
    """
    difference = new.values.mean(axis=0) - old.values.mean(axis=0)
    estimate = estimate_difference(new, old)
    square = float(np.sum(difference**2))
    total = float(difference.sum())
    n = len(difference)
    gains = max(0.0, (square + total) / 2)
    losses = max(0.0, (square - total) / 2)
    quantile = float(scipy.special.ndtri(confidence))
    by_counts = min(
        score_bound(gains, losses, n, quantile),
        gains / n - error_bound(losses, n, confidence),
    )
    if not estimate.error:
        return by_counts
    quantile = float(scipy.special.stdtrit(estimate.df, confidence))
    by_student = estimate.value - quantile * estimate.error
    if not (new.all_agree and old.all_agree and new.values.dtype == bool):
        return by_student
    if new.groups is None and old.groups is None:
        return by_counts
    return min(by_counts, by_student)


def score_bound(
    gains: float, losses: float, n_documents: float, quantile: float
) -> float:
    """Return the lower bound of the difference of two shares of the same documents.

    Args:
        gains: how many documents the first model alone is right about.
        losses: how many the second one alone is.
        n_documents: of all.
        quantile: of the normal distribution, or Student's.
    """
    low = -1.0
    high = (gains - losses) / n_documents
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        if _statistic(gains, losses, n_documents, middle) > quantile:
            low = middle
        else:
            high = middle
    return low


def _statistic(gains: float, losses: float, n: float, difference: float) -> float:
    """Return Tango's statistic of a true ``difference``, which is below 0."""
    linear = (2 * n - gains + losses) * difference - gains - losses
    constant = losses * difference * (1 - difference)
    root = max(0.0, linear**2 + 8 * n * constant) ** 0.5
    share_of_losses = (root - linear) / (4 * n)
    variance = n * (2 * share_of_losses + difference * (1 - difference))
    return float((gains - losses - n * difference) / max(variance, 1e-300) ** 0.5)
