"""Labels that look wrong, by probabilities of models that have not learned them.

>>> labels = np.array([0, 0, 1, 1])
>>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.99, 0.01]])
>>> suspicion(probabilities, labels).round(2).tolist()
[0.1, 0.2, 0.1, 0.99]
>>> confident_joint(probabilities, labels).tolist()
[[2.0, 0.0], [1.0, 1.0]]
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.stats.intervals import error_bound

Floats = NDArray[np.float64]
SMALLEST = 1e-4
"""Added to probabilities, so that no model is infinitely sure."""
ROUNDING = 1e-6
LEVEL = 0.975  # of each end of an interval


class WrongLabels(NamedTuple):
    """An estimate of the share of wrong labels, and its 95 % interval."""

    share: float
    low: float
    high: float


def suspicion(probabilities: Floats, labels: NDArray[np.integer]) -> Floats:
    """Return how suspicious each label is, from 0 to 1, ``(n,)``.

    It is p / (p + q), where q is the probability of the label and p the highest one of
    another topic, from ``probabilities``, ``(n, n_topics)``. With ``labels`` of 0 and
    1, ``(n, n_topics)``, each topic is a question of its own, and the most suspicious
    one counts. The order is that of log(p) - log(q).
    """
    if labels.ndim == 1:
        rows = np.arange(len(labels))
        of_label = probabilities[rows, labels]
        others = probabilities.copy()
        others[rows, labels] = 0
        other = others.max(axis=1)
    else:
        other = np.where(labels, 1 - probabilities, probabilities).max(axis=1)
        of_label = 1 - other
    return np.asarray((other + SMALLEST) / (other + of_label + 2 * SMALLEST))


def confident_joint(probabilities: Floats, labels: NDArray[np.integer]) -> Floats:
    """Return how many documents with each label have each true one, ``(k, k)``.

    A document counts for its likeliest topic, if that is at least as likely as it is on
    average among documents with its label. Rows are scaled to the number of documents
    with the label (C. Northcutt, L. Jiang, I. Chuang: Confident Learning: Estimating
    Uncertainty in Dataset Labels. JAIR 70, 2021). There, it counts for the likeliest of
    all topics that are likely enough, which are too many where a topic is rare and some
    of its labels are wrong.
    """
    n_topics = probabilities.shape[1]
    counts = np.bincount(labels, minlength=n_topics)
    of_label = probabilities[np.arange(len(labels)), labels]
    thresholds = np.full(n_topics, np.inf)
    sums = np.bincount(labels, of_label, n_topics)
    np.divide(sums, counts, out=thresholds, where=counts > 0)
    likeliest = probabilities.argmax(axis=1)
    is_sure = probabilities.max(axis=1) >= thresholds[likeliest] - ROUNDING
    joint = np.zeros((n_topics, n_topics))
    np.add.at(joint, (labels[is_sure], likeliest[is_sure]), 1)
    totals = joint.sum(axis=1, keepdims=True)
    scaled = np.diag(counts.astype(float))
    np.divide(joint * counts[:, np.newaxis], totals, out=scaled, where=totals > 0)
    return scaled


def wrong_labels(probabilities: Floats, labels: NDArray[np.integer]) -> WrongLabels:
    """Return the share of labels that confident learning takes for wrong.

    The interval is that of Clopper and Pearson: it allows for other documents, but not
    for errors of the models, which make the estimate too high. See
    ``results/reference/suspects.md``.
    """
    joint = confident_joint(probabilities, labels)
    n = len(labels)
    n_wrong = joint.sum() - np.trace(joint)
    low = 1 - error_bound(n - n_wrong, n, LEVEL)
    return WrongLabels(n_wrong / n, low, error_bound(n_wrong, n, LEVEL))
