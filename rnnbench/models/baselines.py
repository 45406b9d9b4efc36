"""Baselines: classifiers without a network, from scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PositiveInt, SerializeAsAny

from rnnbench.registry import Registry
from rnnbench.section import Variant, parse_variant

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import Pipeline

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Baseline(Variant):
    """A kind of baseline. Its fields are the parameters in a config, named as in scikit-learn.

    A kind needs the class attribute ``kind``, its name in configs, and ``pipeline``. Another
    package adds one by naming its class in the entry-point group ``rnnbench.baselines``.
    """

    is_random: ClassVar[bool] = False
    """Whether a seed changes its answers. If not, it is trained once and not once for each seed."""
    gives_probabilities: ClassVar[bool] = True
    """Whether the pipeline has ``predict_proba``; otherwise it has ``decision_function``."""

    def pipeline(self, seed: int) -> Pipeline:
        """Return an unfitted classifier of texts. Import scikit-learn here, not at the top.

        A text consists of word ids, separated by spaces, without padding and start mark.

        Args:
            seed: for classifiers that draw at random.
        """
        raise NotImplementedError


class MostFrequent(Baseline):
    """Always answers the most frequent topic, with the shares of all topics."""

    kind = "most_frequent"

    def pipeline(self, seed: int) -> Pipeline:  # noqa: ARG002
        """Return a dummy classifier."""
        from sklearn.dummy import DummyClassifier
        from sklearn.pipeline import make_pipeline

        return make_pipeline(DummyClassifier(strategy="prior"))


class Stratified(Baseline):
    """Answers at random, with each topic as often as in the training data."""

    kind = "stratified"
    is_random = True

    def pipeline(self, seed: int) -> Pipeline:
        """Return a dummy classifier."""
        from sklearn.dummy import DummyClassifier
        from sklearn.pipeline import make_pipeline

        return make_pipeline(DummyClassifier(strategy="stratified", random_state=seed))


class _Words(Baseline):
    """A classifier of counted words; not a kind by itself."""

    max_ngram: Annotated[PositiveInt, Field(le=5)] = 2
    """The most words in a row that are counted together."""

    def _of_counts(
        self, vectorizer: type[CountVectorizer], classifier: ClassifierMixin
    ) -> Pipeline:
        from sklearn.pipeline import make_pipeline

        count = vectorizer(
            tokenizer=str.split,
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, self.max_ngram),
        )
        return make_pipeline(count, classifier)


class TfidfLogisticRegression(_Words):
    """Logistic regression on TF-IDF."""

    kind = "tfidf_logistic_regression"
    C: Positive = 1.0
    """Inverse of the strength of L2 regularization."""

    def pipeline(self, seed: int) -> Pipeline:  # noqa: ARG002
        """Return TF-IDF with logistic regression."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        return self._of_counts(TfidfVectorizer, LogisticRegression(C=self.C, max_iter=1000))


class TfidfLinearSVM(_Words):
    """A linear SVM on TF-IDF; it gives margins, not probabilities."""

    kind = "tfidf_linear_svm"
    gives_probabilities = False
    C: Positive = 1.0
    """Inverse of the strength of L2 regularization."""

    def pipeline(self, seed: int) -> Pipeline:  # noqa: ARG002
        """Return TF-IDF with a linear SVM."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.svm import LinearSVC

        return self._of_counts(TfidfVectorizer, LinearSVC(C=self.C, random_state=0))


class MultinomialNaiveBayes(_Words):
    """Naive Bayes on counts of words."""

    kind = "multinomial_naive_bayes"
    max_ngram: Annotated[PositiveInt, Field(le=5)] = 1
    alpha: Positive = 1.0
    """Additive smoothing."""

    def pipeline(self, seed: int) -> Pipeline:  # noqa: ARG002
        """Return counts with naive Bayes."""
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.naive_bayes import MultinomialNB

        return self._of_counts(CountVectorizer, MultinomialNB(alpha=self.alpha))


BASELINES: Registry[type[Baseline]] = Registry(
    "baseline",
    Baseline,
    [MostFrequent, Stratified, TfidfLogisticRegression, TfidfLinearSVM, MultinomialNaiveBayes],
    key="kind",
    holds_classes=True,
)
"""All kinds, by name."""


def parse_baseline(value: Any) -> Baseline:
    """Return the baseline that YAML names, or describes as ``{kind: {parameter: value}}``."""
    described = {value: None} if isinstance(value, str) else value
    return parse_variant(described, BASELINES, "baseline", "baseline: tfidf_linear_svm")


AnyBaseline = Annotated[SerializeAsAny[Baseline], BeforeValidator(parse_baseline)]
