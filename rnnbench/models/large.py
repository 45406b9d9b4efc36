"""Linear models with so many weights that these are kept once, as float32.

``LargeLogisticRegression(C=1).fit(x, y)`` and ``LargeSVC`` are scikit-learn's up to
``MOST_WEIGHTS``. Beyond, they reach the same tolerance in less memory. Importing this
module imports scikit-learn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, eye, vstack
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from rnnbench.labels import Labels
from rnnbench.models.needs import MOST_WEIGHTS

TOPICS_AT_ONCE = 10
UNIT = 0.1
"""Of intercepts, so that the loss bends about as much with them as with weights."""
Doubles = NDArray[np.float64]
Weights = NDArray[np.float32]
"""Those of features or axes, ``(n, n_topics)``."""


class _Large(ClassifierMixin, BaseEstimator):
    """A classifier of many weights."""

    def fit(
        self,
        X: csr_matrix,  # noqa: N803
        y: Labels,
        sample_weight: Doubles | None = None,
    ) -> "_Large":
        classes = np.unique(y)
        if len(classes) < 3 or len(classes) * X.shape[1] <= MOST_WEIGHTS:
            super().fit(X, y, sample_weight)
            return self
        if sample_weight is None:
            sample_weight = np.ones(len(y))
        self.classes_ = classes
        self.intercept_ = np.empty(len(classes))
        axes = _axes(X)
        is_in_class = y[:, np.newaxis] == classes
        weights = self._fit_large(X @ axes.T, is_in_class, sample_weight)
        self.coef_ = (axes.T.astype(np.float32) @ weights).T
        return self

    def decision_function(self, X: csr_matrix) -> Doubles:  # noqa: N803
        return np.asarray(super().decision_function(X.astype(self.coef_.dtype)))


def _axes(x: csr_matrix) -> csr_matrix:
    """Return orthogonal directions of length 1 that span texts.

    Features of one text alone are one direction, so there are far fewer than features.
    A penalty of the length of weights is the same for the texts ``x @ axes.T``.
    """
    n_texts = np.bincount(x.indices, minlength=x.shape[1])
    features = eye(x.shape[1], format="csr")
    lone = features[n_texts == 1]
    # The most frequent ones come first, so that a processor's cache holds their
    # weights.
    frequent_first = np.argsort(-n_texts, kind="stable")
    shared = features[frequent_first[: np.count_nonzero(n_texts > 1)]]
    return vstack([shared, normalize(x @ lone.T @ lone)], "csr")


class LargeSVC(_Large, LinearSVC):
    """A linear SVM; beyond ``MOST_WEIGHTS``, it is fitted topic by topic."""

    def _fit_large(
        self, x: csr_matrix, is_in_class: NDArray[np.bool_], sample_weight: Doubles
    ) -> Weights:
        weights = np.empty((x.shape[1], len(self.classes_)), np.float32)
        for number, is_in_topic in enumerate(is_in_class.T):
            svm = LinearSVC(C=self.C, random_state=self.random_state)
            svm.fit(x, is_in_topic, sample_weight)
            weights[:, number] = svm.coef_[0]
            self.intercept_[number] = svm.intercept_[0]
        return weights


class LargeLogisticRegression(_Large, LogisticRegression):
    """Logistic regression; beyond ``MOST_WEIGHTS``, a point of texts is moved."""

    def _fit_large(
        self, x: csr_matrix, is_in_class: NDArray[np.bool_], sample_weight: Doubles
    ) -> Weights:
        total = sample_weight.sum()
        loss = _Loss(x, is_in_class, sample_weight / total, 1 / (self.C * total))
        point = loss.lowest(self.tol, self.max_iter)
        self.intercept_[:] = UNIT * point[0, -1]
        weights = np.empty((x.shape[1], len(self.classes_)), np.float32)
        for topics in loss.blocks():
            weights[:, topics] = x.T @ point[0, :-1, topics]
        return weights


@dataclass(frozen=True)
class _Loss:
    """The regularized log-loss of texts.

    The weights of the lowest loss are a sum of texts, each times a number, so a point
    is given by these numbers and the intercepts. It is an array ``(2, n + 1,
    n_topics)``: these, then the sums of the weights of each text, and the intercepts
    again, in ``UNIT``.
    """

    x: csr_matrix
    is_in_topic: NDArray[np.bool_]
    shares: Doubles  # of the texts, together 1
    penalty: float

    def lowest(self, tol: float, most_steps: int) -> Doubles:
        """Return a point where no part of the gradient is larger than ``tol``.

        E. Polak, G. Ribière: Note sur la convergence de méthodes de directions
        conjuguées (1969).
        """
        point = np.zeros((2, len(self.shares) + 1, self.is_in_topic.shape[1]))
        logs = np.log(self.shares @ self.is_in_topic + self.penalty)
        point[:, -1] = (logs - logs.mean()) / UNIT
        gradient, largest = self._gradient(point)
        direction = -gradient
        size = _product(gradient, gradient)
        for _ in range(most_steps):
            if largest <= tol:
                break
            point += self._length(point, direction) * direction
            before = gradient
            gradient, largest = self._gradient(point)
            new_size = _product(gradient, gradient)
            kept = max(0.0, new_size - _product(before, gradient)) / size
            direction = kept * direction - gradient
            size = new_size
        return point

    def _gradient(self, point: Doubles) -> tuple[Doubles, float]:
        """Return the gradient, and the largest size of its parts."""
        errors = softmax(point[1, :-1] + UNIT * point[1, -1], axis=1) - self.is_in_topic
        errors *= self.shares[:, np.newaxis]
        gradient = np.empty_like(point)
        gradient[0, :-1] = errors + self.penalty * point[0, :-1]
        gradient[:, -1] = UNIT * errors.sum(axis=0)
        largest = np.abs(errors.sum(axis=0)).max()
        for topics in self.blocks():
            weights = self.x.T @ gradient[0, :-1, topics]
            gradient[1, :-1, topics] = self.x @ weights
            largest = max(largest, np.abs(weights).max())
        return gradient, largest

    def _length(self, point: Doubles, direction: Doubles) -> float:
        """Return the length of the best step in a direction."""
        start = point[1, :-1] + UNIT * point[1, -1]
        change = direction[1, :-1] + UNIT * direction[1, -1]
        slope = self.penalty * np.vdot(point[0, :-1], direction[1, :-1])
        slope -= self.shares @ change[self.is_in_topic]
        curvature = self.penalty * np.vdot(direction[0, :-1], direction[1, :-1])

        def loss(length: float) -> float:
            logs = logsumexp(start + length * change, axis=1) @ self.shares
            return float(logs + length * slope + length**2 * curvature / 2)

        return float(minimize_scalar(loss, tol=0.01).x)

    def blocks(self) -> list[slice]:
        n_topics = self.is_in_topic.shape[1]
        firsts = range(0, n_topics, TOPICS_AT_ONCE)
        return [slice(first, first + TOPICS_AT_ONCE) for first in firsts]


def _product(point: Doubles, other: Doubles) -> float:
    """Return the inner product of the weights and intercepts of two points."""
    return float(np.vdot(point[0], other[1]))
