"""Models that answer together: ``combined(ensemble, members)`` gives their scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnnbench.labels import Labels, Scores, form_of
from rnnbench.models.descriptions import Ensemble
from rnnbench.training.outcome import log_probabilities

# how much more the first vote counts; the second, half as much more; and so on
TIES = 1e-3


class MemberScores(NamedTuple):
    """The answers of a trained model of an ensemble to ``n`` documents."""

    name: str
    scores: Scores  # (n, n_topics)
    answers: Labels


def combined(ensemble: Ensemble, members: Sequence[MemberScores]) -> Scores:
    """Return the log-probabilities ``(n, n_topics)`` of an ensemble.

    Members of the same name, which differ in the seed, share the weight of their model.
    """
    names, scores, answers = zip(*members, strict=True)
    model_weights = ensemble.weights or [1.0] * len(ensemble.of)
    weight_of = dict(zip(ensemble.of, model_weights, strict=True))
    weights = np.array([weight_of[name] / names.count(name) for name in names])
    form = form_of(answers[0])
    if ensemble.by == "votes":
        n_topics = scores[0].shape[1]
        votes = [form.indicators(answer, n_topics) for answer in answers]
        weights *= 1 + TIES * 0.5 ** np.arange(len(weights))
        return log_probabilities(np.average(votes, axis=0, weights=weights))
    logs = [np.asarray(of_member, np.float64) for of_member in scores]
    return form.mean_log_probabilities(logs, weights)
