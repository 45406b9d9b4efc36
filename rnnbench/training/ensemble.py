"""Models that answer together: ``combined(ensemble, members)`` gives their scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.labels import Labels, Scores
from rnnbench.models.descriptions import Ensemble
from rnnbench.training.outcome import log_probabilities

TINY = float(np.finfo(np.float32).tiny)
# how much more the first vote counts; the second, half as much more; and so on
TIES = 1e-3


class Member(NamedTuple):
    """What a trained model of an ensemble says about ``n`` documents."""

    name: str
    scores: Scores  # (n, n_topics)
    answers: Labels


def combined(ensemble: Ensemble, members: Sequence[Member]) -> Scores:
    """Return the log-probabilities ``(n, n_topics)`` of an ensemble.

    Members of the same name, which differ in the seed, share the weight of their model.
    """
    names, scores, answers = zip(*members, strict=True)
    model_weights = ensemble.weights or [1.0] * len(ensemble.of)
    weight_of = dict(zip(ensemble.of, model_weights, strict=True))
    weights = np.array([weight_of[name] / names.count(name) for name in names])
    has_one_label = answers[0].ndim == 1
    if ensemble.by == "votes":
        votes = list(answers)
        if has_one_label:
            n_topics = scores[0].shape[1]
            votes = [np.eye(n_topics)[answer] for answer in answers]
        weights *= 1 + TIES * 0.5 ** np.arange(len(weights))
        return log_probabilities(np.average(votes, axis=0, weights=weights))
    logs = [np.asarray(of_member, np.float64) for of_member in scores]
    if has_one_label:
        mean = np.average(logs, axis=0, weights=weights)
        return np.asarray(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))
    odds = [_log_odds(of_member) for of_member in logs]
    return -np.logaddexp(0.0, -np.average(odds, axis=0, weights=weights))


def _log_odds(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-odds of log-probabilities; those of a probability of 1 are finite."""
    return np.asarray(logs - np.log(-np.expm1(np.minimum(logs, -TINY))))
