"""Trials that keep only what tables, plots and comparisons need, for runs in git."""

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.outcome import History, TrialResult

BEST = 3
"""The number of topics of each document whose scores are kept in any case."""
DIGITS = 8
"""The binary digits that are kept of a score; some scores keep all."""
HISTORY_DIGITS = 4
"""The decimal digits that are kept of a loss and an accuracy in a history."""


def compact(result: TrialResult) -> TrialResult:
    """Return a trial with fewer scores and digits, and with the same metrics to the last digit.

    The score of each document's true topic stays as it is. Lower scores that are not among the best
    three become the lowest score of the trial. The others lose digits, unless that would change
    their order. So the answer, the best three and the rank of the true topic stay.
    """
    history = result.record.history.model_dump()
    rounded = History(**{name: list(map(_rounded, curve)) for name, curve in history.items()})
    record = result.record.model_copy(update={"compact": True, "history": rounded})
    return TrialResult(record, result.labels, compact_scores(result.labels, result.scores))


def compact_scores(labels: NDArray[np.int32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores ``(n_test, n_topics)`` as ``compact`` stores them."""
    own = scores[range(len(labels)), labels, np.newaxis]
    best = np.sort(scores, axis=1)[:, -BEST:]
    level = np.where(scores < np.minimum(own, best[:, :1]), scores.min(), scores)
    fraction, exponent = np.frexp(level)
    short = np.ldexp(np.trunc(fraction * 2**DIGITS) / 2**DIGITS, exponent)
    short = np.where(level == own, own, short)
    order = np.argsort(level, axis=1)
    before, after = (np.take_along_axis(each, order, axis=1) for each in (level, short))
    steps = [each[:, 1:] > each[:, :-1] for each in (before, after)]
    same = (steps[0] == steps[1]).all(axis=1, keepdims=True)
    return np.where(same, short, level)


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{HISTORY_DIGITS}g}")
