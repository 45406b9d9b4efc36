"""Trials with smaller predictions, for runs that are kept in git: ``compact(trial)``.

Each document keeps its best three scores, those of the topics that it is given, and
those of topics with a probability of at least 1 %. All others become one number. The
true labels do not matter for that, so combining the scores of several compact trials
does not favour the right answers. For each metric that needs all scores, a correction
for each document is stored, which is mostly 0.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from rnnbench.metrics import METRICS, Metric, usable_metrics
from rnnbench.registry import PluginError
from rnnbench.training.decision import AT_HALF, decide
from rnnbench.training.outcome import History, TrialResult

log = logging.getLogger(__name__)
BEST = 3  # the number of topics of each document whose scores are always kept
LEAST = 0.01  # the probability from which on the score of a topic is kept, too
DIGITS = 8  # the binary digits that are kept of a score; some scores keep all
FLOOR_DIGITS = 5  # those of the number that replaces all lower scores of a document
CURVE_DIGITS = 3  # the decimal digits that are kept of learning curves
LAST_DIGITS = 4  # those of the last epoch, which tables show

Scores = NDArray[np.float32]


def compact(result: TrialResult) -> TrialResult:
    """Return a trial with fewer scores and digits, and without its network.

    Answers, including those at 0.5, stay the same; so do metrics, with their
    ``corrections``.
    """
    changes = {"compact": True, "history": _short_history(result.record.history)}
    scores = _scores_with_same_answers(result)
    return TrialResult(
        result.record.model_copy(update=changes),
        result.labels,
        scores,
        given=result.given,
        corrections=_corrections(result, scores),
    )


def corrected_values(
    metric: Metric, trial: TrialResult, scores: Scores
) -> NDArray[np.float64] | None:
    """Return a metric of ``scores`` by document, ``(n_test,)``, of a compact trial.

    It is ``None`` without correction.
    """
    correction = trial.corrections.get(metric.name)
    values = metric.by_document(trial.labels, trial.answers, scores)
    if correction is None or values is None:
        return None
    return values + correction


def compact_scores(scores: Scores, is_needed: NDArray[np.bool_]) -> Scores:
    """Return scores ``(n_test, n_topics)`` as compact trials have them.

    The best score of each document keeps all its digits. Others lose digits, unless
    that would change their order. ``is_needed`` says which topics are kept beside the
    best three.
    """
    best_three = np.sort(scores, axis=1)[:, -BEST:]
    is_kept = (scores >= best_three[:, :1]) | is_needed
    return _short_scores(np.where(is_kept, scores, _floors(scores, is_kept)))


def _floors(scores: Scores, is_kept: NDArray[np.bool_]) -> Scores:
    """Return what replaces the other scores of each document, ``(n_test, 1)``.

    It is the logarithm of the mean of their exponentials: of the mean probability, if
    they are log-probabilities.
    """
    n_others = np.sum(~is_kept, axis=1, keepdims=True).clip(1)
    others = np.where(is_kept, -np.inf, scores.astype(float))
    mean = np.logaddexp.reduce(others, axis=1, keepdims=True) - np.log(n_others)
    fraction, exponent = np.frexp(mean)
    short = np.ldexp(np.round(fraction * 2**FLOOR_DIGITS) / 2**FLOOR_DIGITS, exponent)
    # Rounding must not lift it to the third best score, nor change it where all are
    # equal.
    lowest = np.min(scores, axis=1, keepdims=True, where=~is_kept, initial=np.inf)
    highest = np.max(scores, axis=1, keepdims=True, where=~is_kept, initial=-np.inf)
    return np.asarray(np.clip(short, lowest, highest), np.float32)


def _short_scores(scores: Scores) -> Scores:
    """Return scores with fewer digits, but all where their order would change."""
    fraction, exponent = np.frexp(scores)
    short = np.ldexp(np.trunc(fraction * 2**DIGITS) / 2**DIGITS, exponent)
    is_best = scores == scores.max(axis=1, keepdims=True)
    short = np.where(is_best, scores, short)
    order = np.argsort(scores, axis=1)
    is_higher = np.diff(np.take_along_axis(scores, order, axis=1), axis=1) > 0
    is_still_higher = np.diff(np.take_along_axis(short, order, axis=1), axis=1) > 0
    has_same_order = np.all(is_higher == is_still_higher, axis=1, keepdims=True)
    return np.where(has_same_order, short, scores)


def _scores_with_same_answers(result: TrialResult) -> Scores:
    """Return the compact scores of a trial, but all where an answer would change."""
    task = result.task
    record = result.record
    rules = [record.decision]
    is_needed = np.zeros(result.scores.shape, bool)
    if record.score_kind == "log_probabilities":
        is_needed = result.scores >= np.log(LEAST)
    at_half = decide(AT_HALF, record.score_kind, None, result.labels)
    if at_half is not None:
        rules.append(at_half)
        for rule in rules:
            is_needed |= task.answers(result.scores, rule).astype(bool)
    scores = compact_scores(result.scores, is_needed)
    for rule in rules:
        is_other = task.answers(scores, rule) != task.answers(result.scores, rule)
        is_changed = is_other.reshape(len(scores), -1).any(axis=1, keepdims=True)
        scores = np.where(is_changed, result.scores, scores)
    return scores


def _corrections(result: TrialResult, scores: Scores) -> dict[str, Scores]:
    """Return the corrections for compact ``scores`` of a trial, by metric.

    A plug-in that fails is left out with a warning.
    """
    corrections = {}
    for metric in usable_metrics(result.record.task).values():
        if metric.is_of_answers or not metric.suits(result.record.score_kind):
            continue
        try:
            with METRICS.blamed(metric.name):
                correction = _correction(metric, result, scores)
        except PluginError as error:
            log.warning("%s; it is left out", error)
            continue
        if correction is not None:
            corrections[metric.name] = correction
    return corrections


def _correction(metric: Metric, result: TrialResult, scores: Scores) -> Scores | None:
    before = metric.by_document(result.labels, result.answers, result.scores)
    after = metric.by_document(result.labels, result.answers, scores)
    if before is None or after is None:
        return None
    difference = before - after
    if not np.abs(difference).max() <= np.finfo(np.float32).max:
        raise ValueError("its values are not finite")
    return difference.astype(np.float32)


def _short_history(history: History) -> History:
    curves: dict[str, list[float | None]] = history.model_dump()
    short = {name: _short_curve(curve) for name, curve in curves.items()}
    return History.model_validate(short)


def _short_curve(curve: list[float | None]) -> list[float | None]:
    short: list[float | None] = []
    for epoch, value in enumerate(curve, start=1):
        digits = LAST_DIGITS if epoch == len(curve) else CURVE_DIGITS
        short.append(None if value is None else float(f"{value:.{digits}g}"))
    return short
