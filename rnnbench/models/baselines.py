"""Baselines: classifiers without a network, from scikit-learn."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PositiveInt, SerializeAsAny

from rnnbench.registry import Registry
from rnnbench.section import Variant, parse_variant

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Baseline(Variant):
    """A kind of baseline. Its fields are the parameters in a config, named as in scikit-learn.

    A kind needs the class attribute ``kind``, its name in configs, and ``pipeline``. Another
    package adds one by naming its class in the entry-point group ``rnnbench.baselines``.
    """

    is_random: ClassVar[bool] = False
    """Whether its answers depend on the seed. If not, it is trained once, and not once per seed."""
    gives_probabilities: ClassVar[bool] = True
    """Whether the pipeline has ``predict_log_proba`` or ``predict_proba``; otherwise it has
    ``decision_function``."""

    def pipeline(self, seed: int) -> Any:
        """Return an unfitted scikit-learn pipeline; import scikit-learn here, not at the top.

        Its inputs are texts: word ids separated by spaces, without padding or start mark. Only a
        classifier that draws at random needs ``seed``.
        """
        raise NotImplementedError


class _Dummy(Baseline):
    """A classifier that ignores the words; not a kind by itself."""

    strategy: ClassVar[str]

    def pipeline(self, seed: int) -> Any:
        """Return a dummy classifier."""
        from sklearn.dummy import DummyClassifier
        from sklearn.pipeline import make_pipeline

        return make_pipeline(DummyClassifier(strategy=self.strategy, random_state=seed))


class MostFrequent(_Dummy):
    """Always answers the most frequent topic; its scores are the shares of the topics."""

    kind = "most_frequent"
    strategy = "prior"


class Stratified(_Dummy):
    """Answers at random, with each topic as often as in the training data."""

    kind = "stratified"
    is_random = True
    strategy = "stratified"


class _Words(Baseline):
    """A classifier of counted words; not a kind by itself."""

    max_ngram: Annotated[PositiveInt, Field(le=5)] = 2
    """The largest number of adjacent words that are counted together."""

    def _of_words(self, classifier: Any, *, tfidf: bool) -> Any:
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        vectorizer = TfidfVectorizer if tfidf else CountVectorizer
        words = {"tokenizer": str.split, "token_pattern": None, "lowercase": False}
        return make_pipeline(vectorizer(**words, ngram_range=(1, self.max_ngram)), classifier)


class TfidfLogisticRegression(_Words):
    """Logistic regression on TF-IDF."""

    kind = "tfidf_logistic_regression"
    C: Positive = 1.0
    """Inverse of the strength of L2 regularization."""

    def pipeline(self, seed: int) -> Any:  # noqa: ARG002
        """Return TF-IDF with logistic regression."""
        from sklearn.linear_model import LogisticRegression

        return self._of_words(LogisticRegression(C=self.C, max_iter=1000), tfidf=True)


class TfidfLinearSVM(_Words):
    """A linear SVM on TF-IDF; it gives margins, not probabilities."""

    kind = "tfidf_linear_svm"
    gives_probabilities = False
    C: Positive = 1.0
    """Inverse of the strength of L2 regularization."""

    def pipeline(self, seed: int) -> Any:  # noqa: ARG002
        """Return TF-IDF with a linear SVM."""
        from sklearn.svm import LinearSVC

        return self._of_words(LinearSVC(C=self.C, random_state=0), tfidf=True)


class MultinomialNaiveBayes(_Words):
    """Naive Bayes on counts of words."""

    kind = "multinomial_naive_bayes"
    max_ngram: Annotated[PositiveInt, Field(le=5)] = 1
    alpha: Positive = 1.0
    """Additive smoothing."""

    def pipeline(self, seed: int) -> Any:  # noqa: ARG002
        """Return counts with naive Bayes."""
        from sklearn.naive_bayes import MultinomialNB

        return self._of_words(MultinomialNB(alpha=self.alpha), tfidf=False)


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
