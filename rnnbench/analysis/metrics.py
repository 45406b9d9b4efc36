"""How good the answers of one trial are."""

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError, did_you_mean
from rnnbench.results.schema import Metrics, ModelSummary
from rnnbench.training.outcome import TrialResult

TOP = 3
LOWER_IS_BETTER = ("log_loss", "ms_per_step", "fit_seconds")
MEASURES = (*Metrics.model_fields, "ms_per_step", "fit_seconds")
"""All that a summary has a mean over seeds of."""


def mean_of(model: ModelSummary, measure: str) -> float | None:
    """Return the mean of one of ``MEASURES`` over seeds, ``None`` where the model has none."""
    statistic = getattr(model, measure)
    return statistic and statistic.mean


def check_measure(name: str, where: str) -> None:
    """Check that ``name`` is one of ``MEASURES``.

    Raises:
        UserError: it is not; the message blames ``where``.
    """
    if name not in MEASURES:
        raise UserError(f"{where}: no metric '{name}' ({did_you_mean(name, MEASURES)})")


def compute_metrics(trial: TrialResult) -> Metrics:
    """Return the metrics of one trial; see ``Metrics``.

    Those that are means over topics are over the topics that stand in the test set.
    """
    from sklearn.metrics import log_loss, precision_recall_fscore_support

    labels, answers = trial.labels, trial.answers
    topics = np.unique(labels)
    _, recall, f1, support = precision_recall_fscore_support(
        labels, answers, labels=topics, zero_division=0
    )
    is_probability = trial.record.score_kind == "probabilities"
    every_topic = range(trial.scores.shape[1])
    return Metrics(
        accuracy=trial.accuracy,
        balanced_accuracy=float(recall.mean()),
        macro_f1=float(f1.mean()),
        weighted_f1=float(np.average(f1, weights=support)),
        top3_accuracy=top_accuracy(labels, trial.scores, TOP),
        log_loss=log_loss(labels, trial.scores, labels=every_topic) if is_probability else None,
    )


def top_accuracy(labels: NDArray[np.integer], scores: NDArray[np.floating], k: int) -> float:
    """Return the share of wires whose topic has one of the ``k`` best scores.

    A topic that is level with the one after the ``k``-th does not count: nothing chose it.

    Args:
        labels: ``(n,)``.
        scores: ``(n, n_topics)``.
        k: how many.
    """
    own = scores[np.arange(len(labels)), labels]
    at_least = (scores >= own[:, np.newaxis]).sum(axis=1)  # itself included
    return float(np.mean(at_least <= k))
