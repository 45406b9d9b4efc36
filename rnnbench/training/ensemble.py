"""Models that answer together.

``run_ensemble(trial, members, y_train)`` gives the result of a trial that trains
nothing, and ``combined(ensemble, members)`` the scores of its members together.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.labels import Labels, Scores, form_of
from rnnbench.models.descriptions import Ensemble, EnsembleModel
from rnnbench.training.decision import decide
from rnnbench.training.outcome import TrialRecord, TrialResult, log_probabilities
from rnnbench.training.trial import Trial, identified

# how much more the first vote counts; the second, half as much more; and so on
TIES = 1e-3

Number = TypeVar("Number", int, float)


class MemberScores(NamedTuple):
    """The answers of a trained model of an ensemble to ``n`` documents."""

    name: str
    scores: Scores  # (n, n_topics)
    answers: Labels


def run_ensemble(
    trial: Trial, members: Sequence[TrialResult], y_train: Labels
) -> TrialResult:
    """Return the result of an ensemble, from those of its members.

    Parameters and times are sums, memory is the largest. ``RnnbenchError`` is raised if
    its members have answered different documents.
    """
    model = cast(EnsembleModel, trial.model)  # no other model has members
    labels = members[0].labels
    member_scores = []
    for member in members:
        if not np.array_equal(labels, member.labels):
            raise RnnbenchError("its models have answered other documents")
        name = member.record.model
        member_scores.append(MemberScores(name, member.scores, member.answers))
    scores = combined(model.ensemble, member_scores)
    records = [member.record for member in members]
    times = [record.predict_ms_per_document for record in records]
    record = TrialRecord(
        engine="ensemble",
        score_kind="log_probabilities",
        decision=decide(trial.training.decision, "log_probabilities", None, y_train),
        params=_if_known(sum, [record.params for record in records]),
        fit_seconds=_if_known(sum, [record.fit_seconds for record in records]),
        predict_ms_per_document=_if_known(sum, times),
        peak_memory_mb=_if_known(max, [record.peak_memory_mb for record in records]),
    )
    record = identified(record, trial)
    return TrialResult(record, labels, scores.astype(np.float32))


def _if_known(
    combine: Callable[[list[Number]], Number], values: Sequence[Number | None]
) -> Number | None:
    """Return what combines some values; ``None`` if one of them is not known."""
    known_values = [value for value in values if value is not None]
    if len(known_values) < len(values):
        return None
    return combine(known_values)


def combined(ensemble: Ensemble, members: Sequence[MemberScores]) -> Scores:
    """Return the log-probabilities ``(n, n_topics)`` of an ensemble.

    Members of the same name, which differ in the seed, share the weight of their model.
    """
    names, scores, answers = zip(*members, strict=True)
    weights = weights_of(ensemble, names)
    form = form_of(answers[0])
    if ensemble.by == "votes":
        n_topics = scores[0].shape[1]
        votes = [form.indicators(answer, n_topics) for answer in answers]
        return log_probabilities(np.average(votes, axis=0, weights=weights))
    logs = [np.asarray(of_member, np.float64) for of_member in scores]
    if ensemble.by == "probabilities":
        return log_probabilities(np.average(np.exp(logs), axis=0, weights=weights))
    return form.mean_log_probabilities(logs, weights)


def weights_of(ensemble: Ensemble, names: Sequence[str]) -> NDArray[np.float64]:
    """Return how much each member counts, given the names of their models."""
    model_weights = ensemble.weights or [1.0] * len(ensemble.of)
    weight_of = dict(zip(ensemble.of, model_weights, strict=True))
    weights = np.array([weight_of[name] / names.count(name) for name in names])
    if ensemble.by == "votes":
        weights *= 1 + TIES * 0.5 ** np.arange(len(weights))
    return weights
