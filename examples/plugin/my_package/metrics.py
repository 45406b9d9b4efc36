"""A metric."""

import numpy as np

from rnnbench.plugin import Metric


def brier_score(labels, scores):
    """Return a value for each document; the metric is their mean."""
    truth = np.eye(scores.shape[1])[labels]
    return np.mean((np.exp(scores) - truth) ** 2, axis=1)


BRIER = Metric(
    name="brier",
    header="Brier score",
    higher_is_better=False,
    needs_log_probabilities=True,
    description="mean squared error of the probabilities",
    function=brier_score,
)
