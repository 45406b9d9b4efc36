"""The kinds of baselines: classifiers without a network, from scikit-learn."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PositiveInt, SerializeAsAny

from rnnbench.section import Variant, parse_variant

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Baseline(Variant):
    """A classifier with its parameters, named as in scikit-learn."""

    is_random: ClassVar[bool] = False
    """Whether a seed changes what it answers; else one trial tells all."""


class MostFrequent(Baseline):
    """Always answers the most frequent topic; its probabilities are the topics' shares."""

    kind = "most_frequent"


class Stratified(Baseline):
    """Answers at random, each topic as often as it comes in training."""

    kind = "stratified"
    is_random = True


class Words(Baseline):
    """What the classifiers of counted words share."""

    max_ngram: Annotated[PositiveInt, Field(le=5)] = 2
    """Words in a row that are counted together, at most."""


class TfidfLogisticRegression(Words):
    """Logistic regression on TF-IDF."""

    kind = "tfidf_logistic_regression"
    C: Positive = 1.0
    """Inverse of the strength of L2 regularization."""


class TfidfLinearSVM(Words):
    """A linear support vector machine on TF-IDF; it gives margins, not probabilities."""

    kind = "tfidf_linear_svm"
    C: Positive = 1.0
    """Inverse of the strength of L2 regularization."""


class MultinomialNaiveBayes(Words):
    """Naive Bayes on counts of words."""

    kind = "multinomial_naive_bayes"
    max_ngram: Annotated[PositiveInt, Field(le=5)] = 1
    alpha: Positive = 1.0
    """Additive smoothing."""


BASELINES: dict[str, type[Baseline]] = {
    baseline.kind: baseline
    for baseline in (
        MostFrequent,
        Stratified,
        TfidfLogisticRegression,
        TfidfLinearSVM,
        MultinomialNaiveBayes,
    )
}


def parse_baseline(value: Any) -> Baseline:
    """Return the baseline that YAML names, or describes as ``{kind: {parameter: value}}``."""
    described = {value: None} if isinstance(value, str) else value
    return parse_variant(described, BASELINES, "baseline", "baseline: tfidf_linear_svm")


AnyBaseline = Annotated[SerializeAsAny[Baseline], BeforeValidator(parse_baseline)]
