"""From the description of a baseline to a scikit-learn pipeline.

Importing this module imports scikit-learn.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from rnnbench.data.dataset import PAD, START
from rnnbench.models import baselines as kinds


def make_classifier(baseline: kinds.Baseline, seed: int) -> Pipeline:
    """Return an unfitted classifier of texts.

    Args:
        baseline: which, and with what parameters.
        seed: for those that answer at random.
    """
    match baseline:
        case kinds.MostFrequent():
            return make_pipeline(DummyClassifier(strategy="prior"))
        case kinds.Stratified():
            return make_pipeline(DummyClassifier(strategy="stratified", random_state=seed))
        case kinds.TfidfLogisticRegression(max_ngram=n, C=c):
            return make_pipeline(
                TfidfVectorizer(**_ngrams(n)), LogisticRegression(C=c, max_iter=1000)
            )
        case kinds.TfidfLinearSVM(max_ngram=n, C=c):
            return make_pipeline(TfidfVectorizer(**_ngrams(n)), LinearSVC(C=c, random_state=0))
        case kinds.MultinomialNaiveBayes(max_ngram=n, alpha=alpha):
            return make_pipeline(CountVectorizer(**_ngrams(n)), MultinomialNB(alpha=alpha))
    raise TypeError(f"no classifier for {baseline}")


def _ngrams(longest: int) -> dict[str, Any]:
    """Return the parameters of a vectorizer of texts whose words are divided by spaces."""
    return {
        "tokenizer": str.split,
        "token_pattern": None,
        "lowercase": False,
        "ngram_range": (1, longest),
    }


def texts(ids: NDArray[np.int32]) -> list[str]:
    """Return the ids ``(n, timesteps)`` as texts, without padding and start mark."""
    return [" ".join(str(word) for word in row if word not in (PAD, START)) for row in ids.tolist()]


def score(
    classifier: Pipeline, wires: list[str], n_topics: int
) -> tuple[NDArray[np.float64], Literal["probabilities", "margins"]]:
    """Return a score for each wire and topic ``(len(wires), n_topics)``, and what scores are.

    A topic that was not trained on has the probability 0, or a margin below all others.
    """
    has_margins = not hasattr(classifier, "predict_proba")
    known = classifier.decision_function(wires) if has_margins else classifier.predict_proba(wires)
    if known.ndim == 1:  # the margin of the second of two topics
        known = np.stack([-known, known], axis=1)
    lowest = known.min() - 1 if has_margins else 0.0
    scores = np.full((len(wires), n_topics), lowest)
    scores[:, classifier.classes_] = known
    return scores, "margins" if has_margins else "probabilities"


def count_params(classifier: Pipeline) -> int:
    """Return how many numbers the fitted classifier has learned, word weights aside."""
    fitted = classifier[-1]
    names = ("coef_", "intercept_", "feature_log_prob_", "class_log_prior_")
    return sum(np.size(getattr(fitted, name)) for name in names if hasattr(fitted, name))
