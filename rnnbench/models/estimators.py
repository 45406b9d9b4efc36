"""Classifiers that scikit-learn lacks, for baselines: ``NaiveBayesSVM().fit(x, y)``.

Labels are ``(n,)``, or 0 and 1, ``(n, n_topics)``. Importing this module imports
scikit-learn.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import FunctionTransformer, normalize
from sklearn.svm import LinearSVC

from rnnbench.labels import Labels, form_of
from rnnbench.models.linear import CERTAIN

STEP = 5  # one document in so many is left out to calibrate a model
Floats = NDArray[np.float64]


class NaiveBayesSVM(ClassifierMixin, BaseEstimator):
    """A linear SVM of words, each weighted by its log-ratio in and outside a topic.

    Its weights are moved towards their mean size; ``beta`` is the share of its own. S.
    Wang, C. Manning: Baselines and Bigrams: Simple, Good Sentiment and Topic
    Classification (ACL 2012).
    """

    takes_any_number = True

    def __init__(self, alpha: float = 1.0, C: float = 1.0, beta: float = 0.25):  # noqa: N803
        self.alpha = alpha
        self.C = C
        self.beta = beta

    def fit(self, x: csr_matrix, y: Labels) -> "NaiveBayesSVM":
        """Learn from 0 and 1, ``(n, n_features)``, and labels."""
        y = np.asarray(y)
        self.classes_, is_in_class = form_of(y).by_class(y)
        x = x.sorted_indices()  # the order of sums, and so the last bit
        in_all = np.asarray(x.astype(float).sum(axis=0)).ravel()
        weights = []
        intercepts = []
        for is_in_topic in is_in_class.T:
            ratios = self._log_ratios(in_all, is_in_topic @ x)
            if is_in_topic.all() and len(self.classes_) > 1:  # nothing can be learned
                weights.append(np.zeros_like(ratios))
                intercepts.append(1.0)
                continue
            svm = self._svm(x, ratios, is_in_topic)
            size = np.abs(svm.coef_[0]).mean()
            weights.append(ratios * (size + self.beta * (svm.coef_[0] - size)))
            intercepts.append(svm.intercept_[0])
        self.coef_ = np.array(weights)
        self.intercept_ = np.array(intercepts)
        return self

    def _log_ratios(self, in_all: Floats, in_topic: Floats) -> Floats:
        """Return how much more often each feature occurs in documents of a topic.

        It is the logarithm of its share of all that occurs in them, less that in the
        other documents, ``(n_features,)``, given how often it occurs ``in_all`` and in
        those of the topic.
        """
        of_topic = self.alpha + in_topic
        of_others = self.alpha + (in_all - in_topic)
        ratios = np.log(of_topic / of_topic.sum()) - np.log(of_others / of_others.sum())
        return np.asarray(ratios)

    def _svm(
        self, x: csr_matrix, ratios: Floats, is_in_topic: NDArray[np.bool_]
    ) -> LinearSVC:
        """Return an SVM of one topic that reads a ratio wherever a word occurs."""
        weighted = x.astype(float)
        weighted.data = ratios[weighted.indices]
        # With C up to 1, the solver needs more than scikit-learn's 1,000 steps.
        svm = LinearSVC(C=self.C, random_state=0, max_iter=10_000)
        return svm.fit(weighted, is_in_topic)

    def decision_function(self, x: csr_matrix) -> Floats:
        """Return a margin for each document and topic, ``(n, n_topics)``."""
        return np.asarray(x @ self.coef_.T + self.intercept_)

    def predict(self, x: csr_matrix) -> Labels:
        return np.asarray(self.classes_[self.decision_function(x).argmax(axis=1)])


class LogOdds(TransformerMixin, BaseEstimator):
    """Multiplies features by weights, and gives documents a length of 1 again.

    The more the shares of a feature differ between classes, the larger its weight. J.
    Martineau, T. Finin: Delta TFIDF (ICWSM 2009), and S. Wang, C. Manning: Baselines
    and Bigrams (ACL 2012) weigh features by log-odds; here, a feature has one weight
    for all classes.
    """

    def fit(self, x: csr_matrix, y: Labels) -> "LogOdds":
        """Learn weights from features, ``(n, n_features)``, and labels."""
        _, is_in_class = form_of(y).by_class(np.asarray(y))
        has_feature = (x != 0).astype(float)
        total = np.zeros(x.shape[1])
        for share in _shares(has_feature, is_in_class):
            total += share
        mean = total / is_in_class.shape[1]
        largest = np.zeros(x.shape[1])
        for share in _shares(has_feature, is_in_class):
            largest = np.maximum(largest, np.abs(np.log(share / mean)))
        weights = np.sqrt(largest)
        self.weights_ = weights / (weights.mean() or 1.0)
        return self

    def transform(self, x: csr_matrix) -> csr_matrix:
        return normalize(x @ diags(self.weights_))


def _shares(x: csr_matrix, is_in_class: NDArray[np.bool_]) -> Iterator[Floats]:
    """Yield the share of each feature in each class, ``(n_features,)``."""
    for is_in_topic in is_in_class.T:
        counts = is_in_topic @ x + 0.5
        yield counts / counts.sum()


class CalibratedSVM(ClassifierMixin, BaseEstimator):
    """A linear SVM, one topic against the rest, with log-odds from its margins.

    Every fifth document is left out to fit one curve for all topics to the margins of a
    first SVM; then the SVM is fitted to all documents. Each fit weighs features anew.
    """

    takes_any_number = True

    def __init__(self, C: float = 1.0, weighting: LogOdds | None = None):  # noqa: N803
        self.C = C
        self.weighting = weighting

    def fit(self, x: csr_matrix, y: Labels) -> "CalibratedSVM":
        """Learn from features, ``(n, n_features)``, and labels."""
        self.form_ = form_of(y)
        self.classes_, is_in_class = self.form_.by_class(y)
        y = is_in_class.astype(np.uint8)
        slope, offset = self._curve(x, y)
        self.weighting_ = self._weighting(x, y)
        weights, intercepts = self._fit(self.weighting_.transform(x), y)
        self.coef_ = slope * weights
        self.intercept_ = slope * intercepts + offset
        return self

    def _curve(self, x: csr_matrix, y: Labels) -> tuple[float, float]:
        """Return the slope and the offset of the curve, from documents left out."""
        is_left_out = np.arange(len(y)) % STEP == STEP - 1
        trained = y[~is_left_out]
        can_be_learned = trained.any(axis=0) & ~trained.all(axis=0)
        y = y[:, can_be_learned]
        fitted = platt_curve
        if self.form_.has_one_label:
            is_left_out &= y.any(axis=1)
            fitted = temperature
        judged = y[is_left_out]
        if not judged.any() or judged.all():
            return 1.0, 0.0
        seen = x[~is_left_out]
        labels = y[~is_left_out]
        weighting = self._weighting(seen, labels)
        weights, intercepts = self._fit(weighting.transform(seen), labels)
        unseen = weighting.transform(x[is_left_out])
        return fitted(unseen @ weights.T + intercepts, judged)

    def _weighting(self, x: csr_matrix, y: Labels) -> TransformerMixin:
        """Return what weighs features, after learning from documents."""
        if self.weighting is None:
            return FunctionTransformer()
        return clone(self.weighting).fit(x, y)

    def _fit(self, x: csr_matrix, y: Labels) -> tuple[Floats, Floats]:
        """Return the weights and the intercepts of margins.

        They are ``(n_topics, n_features)`` and ``(n_topics,)``.
        """
        one_against_rest = OneVsRestClassifier(LinearSVC(C=self.C, random_state=0))
        svms = one_against_rest.fit(x, y).estimators_
        zeros = np.zeros((1, x.shape[1]))  # where all documents have the topic
        weights = [getattr(svm, "coef_", zeros) for svm in svms]
        intercepts = [getattr(svm, "intercept_", [CERTAIN]) for svm in svms]
        return np.concatenate(weights), np.concatenate(intercepts)

    def predict_log_proba(self, x: csr_matrix) -> Floats:
        """Return the log-probability of each topic, ``(n, n_topics)``."""
        x = self.weighting_.transform(x)
        odds = np.asarray(x @ self.coef_.T + self.intercept_)
        return np.asarray(self.form_.log_probabilities(odds))


def temperature(margins: Floats, labels: Labels) -> tuple[float, float]:
    """Return the slope, and 0: each document has one topic, so none has an offset.

    C. Guo et al.: On Calibration of Modern Neural Networks (ICML 2017).
    """
    slope, _ = _best_curve(margins, labels, partial(logsumexp, axis=1))
    return slope, 0.0


def platt_curve(margins: Floats, labels: Labels) -> tuple[float, float]:
    """Return the slope and the offset of log-odds of any number of topics.

    J. Platt: Probabilistic Outputs for Support Vector Machines (1999).
    """

    def log_partition(odds: Floats) -> Floats:
        return np.asarray(np.logaddexp(0, odds).sum(axis=1))

    return _best_curve(margins, labels, log_partition)


def _best_curve(
    margins: Floats, labels: Labels, log_partition: Callable[[Floats], Floats]
) -> tuple[float, float]:
    """Return the slope, above 0, and the offset with the least log-loss."""

    def loss(curve: Floats) -> float:
        odds = np.exp(curve[0]) * margins + curve[1]
        return float(np.mean(log_partition(odds) - (labels * odds).sum(axis=1)))

    log_slope, offset = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(log_slope)), float(offset)
