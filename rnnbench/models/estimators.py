"""Parts of baselines that scikit-learn lacks. Importing this module imports
scikit-learn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from rnnbench.models.linear import CERTAIN

STEP = 5  # one document in so many is left out to calibrate a model
Floats = NDArray[np.float64]


class NaiveBayesSVM(ClassifierMixin, BaseEstimator):
    """A linear SVM of words, each weighted by its log-ratio of occurrence in and
    outside a topic.

    Its weights are moved towards their mean size; ``beta`` is the share of its own. S.
    Wang, C. Manning: Baselines and Bigrams: Simple, Good Sentiment and Topic
    Classification (ACL 2012).
    """

    takes_any_number = True

    def __init__(self, alpha: float = 1.0, C: float = 1.0, beta: float = 0.25):  # noqa: N803
        self.alpha, self.C, self.beta = alpha, C, beta

    def fit(self, x: csr_matrix, y: NDArray[np.integer[Any]]) -> "NaiveBayesSVM":
        """Learn from 0 and 1, ``(n, n_features)``, and labels ``(n,)`` or ``(n,
        n_topics)``.
        """
        y = np.asarray(y)
        self.classes_ = np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])
        weighted = x.sorted_indices().astype(
            float
        )  # the order of sums, and so the last bit
        total, lines = np.asarray(weighted.sum(axis=0)).ravel(), []
        is_own = y == self.classes_[:, np.newaxis] if y.ndim == 1 else y.T == 1
        for own in is_own:
            n_own = own @ x
            # The share of each feature in all that occur, in documents of the topic and
            # others.
            counts = (self.alpha + n for n in (n_own, total - n_own))
            of_topic, of_others = (np.log(n / n.sum()) for n in counts)
            ratios = of_topic - of_others
            if own.all() and len(is_own) > 1:  # there is nothing to learn
                lines.append((np.zeros_like(ratios), 1.0))
                continue
            weighted.data = ratios[weighted.indices]
            # With C up to 1, the solver needs more than scikit-learn's 1,000 steps.
            svm = LinearSVC(C=self.C, random_state=0, max_iter=10_000).fit(
                weighted, own
            )
            weights = svm.coef_[0]
            mean = np.abs(weights).mean()
            lines.append(
                (ratios * (mean + self.beta * (weights - mean)), svm.intercept_[0])
            )
        self.coef_, self.intercept_ = map(np.array, zip(*lines, strict=True))
        return self

    def decision_function(self, x: csr_matrix) -> Floats:
        """Return a margin for each document and topic, ``(n, n_topics)``."""
        return np.asarray(x @ self.coef_.T + self.intercept_)

    def predict(self, x: csr_matrix) -> NDArray[Any]:
        return np.asarray(self.classes_[self.decision_function(x).argmax(axis=1)])


class CalibratedSVM(ClassifierMixin, BaseEstimator):
    """A linear SVM, one topic against the rest, whose margins become log-odds by one
    curve.

    Every fifth document is left out to fit the curve to the margins of a first SVM;
    then the SVM is fitted to all documents. Labels are ``(n,)``, or 0 and 1 ``(n,
    n_topics)``.
    """

    takes_any_number = True

    def __init__(self, C: float = 1.0):  # noqa: N803
        self.C = C

    def fit(self, x: csr_matrix, y: NDArray[Any]) -> "CalibratedSVM":
        self.has_one_label = y.ndim == 1
        self.classes_ = np.unique(y) if self.has_one_label else np.arange(y.shape[1])
        if self.has_one_label:
            y = (y[:, np.newaxis] == self.classes_).astype(np.uint8)
        left_out = np.arange(len(y)) % STEP == STEP - 1
        judged = y[
            :, y[~left_out].any(axis=0) & ~y[~left_out].all(axis=0)
        ]  # what can be learned
        left_out &= judged.any(axis=1) if self.has_one_label else True
        slope, offset = 1.0, 0.0
        if judged[left_out].any() and not judged[left_out].all():
            coef, intercept = self._fit(x[~left_out], judged[~left_out])
            margins = x[left_out] @ coef.T + intercept
            slope, offset = _curve(
                margins, judged[left_out], has_one_label=self.has_one_label
            )
        coef, intercept = self._fit(x, y)
        self.coef_, self.intercept_ = slope * coef, slope * intercept + offset
        return self

    def _fit(
        self, x: csr_matrix, y: NDArray[np.uint8]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weights ``(n_topics, n_features)`` and the intercepts for
        margins.
        """
        svms = (
            OneVsRestClassifier(LinearSVC(C=self.C, random_state=0))
            .fit(x, y)
            .estimators_
        )
        zeros = np.zeros((1, x.shape[1]))  # where all documents have the topic
        coef = np.concatenate([getattr(svm, "coef_", zeros) for svm in svms])
        return coef, np.concatenate(
            [getattr(svm, "intercept_", [CERTAIN]) for svm in svms]
        )

    def predict_log_proba(self, x: csr_matrix) -> Floats:
        """Return the log-probability of each topic, ``(n, n_topics)``."""
        odds = np.asarray(x @ self.coef_.T + self.intercept_)
        logs = (
            log_softmax(odds, axis=1)
            if self.has_one_label
            else -np.logaddexp(0.0, -odds)
        )
        return np.asarray(logs)


def _curve(
    margins: Floats, labels: NDArray[Any], *, has_one_label: bool
) -> tuple[float, float]:
    """Return the slope, above 0, and the offset from margins to log-odds with the least
    loss.
    """

    def loss(curve: Floats) -> float:
        odds = np.exp(curve[0]) * margins + curve[1]
        normal = (
            logsumexp(odds, axis=1)
            if has_one_label
            else np.logaddexp(0, odds).sum(axis=1)
        )
        return float(np.mean(normal - (labels * odds).sum(axis=1)))

    found = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(found[0])), 0.0 if has_one_label else float(found[1])
