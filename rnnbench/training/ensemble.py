"""Ensembles: the answers of several trained models together, from their scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnbench.errors import RnnbenchError
from rnnbench.models.descriptions import Ensemble, EnsembleModel
from rnnbench.tasks import Labels, Scores
from rnnbench.training.decision import decide
from rnnbench.training.outcome import TrialRecord, TrialResult, log_probabilities
from rnnbench.training.trial import Trial, identified

TINY = float(np.finfo(np.float32).tiny)
TIES = 1e-6  # how much less the vote of each further model counts


def run_ensemble(trial: Trial, members: Sequence[TrialResult], y_train: Labels) -> TrialResult:
    """Return the result of an ensemble; ``RnnbenchError`` if its members' documents differ."""
    assert isinstance(trial.model, EnsembleModel)  # noqa: S101 - no other model has members
    of, first = trial.model.ensemble, members[0]
    if not all(np.array_equal(first.labels, member.labels) for member in members):
        raise RnnbenchError("its models have answered other documents")
    scores = combined(of, [(own.record.model, own.scores, own.answers) for own in members])

    def cost(fact: str, together: Any = sum) -> Any:
        values = [getattr(member.record, fact) for member in members]
        return None if None in values else together(values)

    record = TrialRecord(
        engine="ensemble",
        params=cost("params"),
        score_kind="log_probabilities",
        fit_seconds=cost("fit_seconds"),
        predict_ms_per_document=cost("predict_ms_per_document"),
        peak_memory_mb=cost("peak_memory_mb", max),
    )
    if not first.task.has_one_label:
        decision = decide(trial.training.decision, record.score_kind, None, y_train)
        record = record.model_copy(update={"decision": decision})
    return TrialResult(identified(record, trial), first.labels, scores.astype(np.float32))


def combined(of: Ensemble, members: Sequence[tuple[str, Scores, Labels]]) -> Scores:
    """Return the log-probabilities ``(n, n_topics)`` of an ensemble.

    Each member has its name, scores ``(n, n_topics)`` and answers. Those of the same name, which
    differ in the seed, share the weight of their model.
    """
    names, every, answers = zip(*members, strict=True)
    of_model = dict(zip(of.of, of.weights or [1.0] * len(of.of), strict=True))
    weights = np.array([of_model[name] / names.count(name) for name in names])
    has_one_label = answers[0].ndim == 1
    if of.by == "votes":
        weights *= 1 - TIES * np.arange(len(weights))
        given = [np.eye(every[0].shape[1])[own] if has_one_label else own for own in answers]
        return log_probabilities(np.average(given, axis=0, weights=weights))
    logs = [np.asarray(scores, np.float64) for scores in every]
    if has_one_label:
        mean = np.average(logs, axis=0, weights=weights)
        return np.asarray(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))
    odds = [own - np.log(-np.expm1(np.minimum(own, -TINY))) for own in logs]
    return -np.logaddexp(0.0, -np.average(odds, axis=0, weights=weights))
