"""Baselines: classifiers without a network, from scikit-learn."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PositiveInt,
    SerializeAsAny,
    model_validator,
)

from rnnbench.environment import missing
from rnnbench.errors import UserError
from rnnbench.models.linear import ANALYZERS
from rnnbench.models.needs import Needs, Sample, Terms
from rnnbench.registry import Registry
from rnnbench.section import (
    Pretrained,
    Share,
    Variant,
    computed,
    parse_variant,
    problem,
    spell,
    with_parameters,
)

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import Pipeline

    from rnnbench.models.estimators import LogOdds

Positive = Annotated[float, Field(ge=1e-10, le=1e10)]
"""Above 0, and within what scikit-learn's solvers can handle: some never end beyond
it."""
InverseL2 = Annotated[
    Positive, Field(description="Inverse of the strength of L2 regularization.")
]
Smoothing = Annotated[Positive, Field(description="Additive smoothing.")]
LONGEST_NGRAM = 5
NGram = Annotated[PositiveInt, Field(le=LONGEST_NGRAM)]
Range = Annotated[tuple[NGram, ...], Field(min_length=2, max_length=2)]


def _range(value: object) -> tuple[int, int] | None:
    match value:
        case None:
            return None
        case [first, last] if type(first) is type(last) is int:
            if 1 <= first <= last <= LONGEST_NGRAM:
                return first, last
    allowed = f"two numbers from 1 to {LONGEST_NGRAM}, the smaller first"
    raise problem(f"got {spell(value)}", f"allowed: {allowed}, such as [3, 5]")


class Baseline(Variant):
    """A kind of baseline.

    Its fields are the parameters in a config, named as in scikit-learn. A kind needs
    ``kind``, its name in configs, and ``pipeline``. Another package adds one by naming
    its class in the entry-point group ``rnnbench.baselines``.
    """

    is_random: ClassVar[bool] = False
    """Whether its answers depend on the seed. If not, it is trained once, and not once
    per seed."""
    gives_probabilities: ClassVar[bool] = True
    """Whether the pipeline has ``predict_log_proba`` or ``predict_proba``, or else
    margins."""
    packages: ClassVar[tuple[str, ...]] = ()
    """The distributions that it needs beside those of scikit-learn; part of
    fingerprints."""
    reads_words: ClassVar[bool] = False
    """Whether its inputs are the words themselves, and not their ids."""
    pretrained: ClassVar[Pretrained] = "nothing"
    """The part of it that was learned from texts outside the corpus."""
    install: ClassVar[str] = ""
    """The command that installs them, for the message."""

    def pipeline(self, seed: int) -> "Pipeline":
        """Return an unfitted scikit-learn pipeline.

        Import scikit-learn here, not at the top. Its inputs are texts: word ids
        separated by spaces, without padding or start mark, or, if it ``reads_words``,
        the known words. Only a classifier that draws at random needs ``seed``.
        """
        raise NotImplementedError

    def needs(self, sample: Sample) -> Needs:  # noqa: ARG002
        """Return about what a training needs, if that is known."""
        return Needs()

    def reductions(self) -> list[tuple[str, int]]:
        """Return changes of keys that need less memory, the smallest first."""
        return []

    def settings(self) -> dict[str, object]:
        """Return the parameters that differ from their defaults."""
        return {
            key: value
            for key, value in self
            if value != type(self).model_fields[key].default
        }


class _Dummy(Baseline):
    """A classifier that ignores the words; not a kind by itself."""

    strategy: ClassVar[str]

    def pipeline(self, seed: int) -> "Pipeline":
        from sklearn.dummy import DummyClassifier
        from sklearn.pipeline import make_pipeline

        return make_pipeline(DummyClassifier(strategy=self.strategy, random_state=seed))


class MostFrequent(_Dummy):
    """Always answers the most frequent topic; its scores are the shares of the
    topics.
    """

    kind = "most_frequent"
    strategy = "prior"


class Stratified(_Dummy):
    """Answers at random, with each topic as often as in the training data."""

    kind = "stratified"
    is_random = True
    strategy = "stratified"


class _Words(Baseline):
    """A classifier of counted words, characters or both; not a kind by itself."""

    later_keys = frozenset({"char_ngrams"})
    analyzer: Literal["word", "char", "char_wb"] = "word"
    """Whether to count words, or characters: ``char`` across words, ``char_wb`` within
    them."""
    min_ngram: NGram = 1
    """The smallest number of adjacent words or characters that are counted together."""
    max_ngram: NGram = 2
    """The largest number of adjacent words or characters that are counted together."""
    min_df: PositiveInt = 1
    """The fewest training documents that a counted word or sequence must occur in."""
    char_ngrams: Annotated[Range | None, BeforeValidator(_range)] = None
    """The fewest and the most characters of the sequences within words that are counted
    beside the words, such as [3, 5]; without it, words alone are counted."""

    @computed
    def reads_words(self) -> bool:
        """Whether it counts characters, alone or beside words."""
        return self.analyzer != "word" or self.char_ngrams is not None

    @model_validator(mode="after")
    def _has_a_range(self) -> "_Words":
        if self.min_ngram > self.max_ngram:
            allowed = f"allowed: up to max_ngram, {self.max_ngram}"
            raise problem(f"min_ngram: got {self.min_ngram}", allowed)
        if self.char_ngrams and self.analyzer != "word":
            fault = f"char_ngrams: not with analyzer: {self.analyzer}"
            raise problem(fault, "allowed: analyzer: word")
        return self

    def pipeline(self, seed: int) -> "Pipeline":  # noqa: ARG002
        from sklearn.pipeline import make_pipeline, make_union

        counted = self._counting(self.analyzer, (self.min_ngram, self.max_ngram))
        if self.analyzer == "word":
            counted.set_params(tokenizer=str.split, token_pattern=None)
        if self.char_ngrams:
            counted = make_union(counted, self._counting("char_wb", self.char_ngrams))
        return make_pipeline(counted, self._classifier())

    def needs(self, sample: Sample) -> Needs:
        counted: dict[str, tuple[int, ...]] = {
            self.analyzer: (self.min_ngram, self.max_ngram)
        }
        if self.char_ngrams:
            counted["char_wb"] = self.char_ngrams
        n_terms = 0.0
        n_values = 0.0
        for analyzer, (low, high) in counted.items():
            find = partial(ANALYZERS[analyzer], low=low, high=high)
            more_terms, more_values = sample.count_terms(find, self.min_df)
            n_terms += min(more_terms, sample.n_ids**high)
            n_values += more_values
        terms = Terms(
            n_terms,
            n_values,
            sample.n_documents,
            sample.n_topics,
            sample.has_one_label,
        )
        return self._needs(terms)

    def _needs(self, terms: Terms) -> Needs:
        """Return what its classifier needs."""
        raise NotImplementedError

    def reductions(self) -> list[tuple[str, int]]:
        changes = []
        for least in (2, 5):
            if least > self.min_df:
                changes.append(("min_df", least))
        if self.max_ngram > self.min_ngram:
            changes.append(("max_ngram", self.min_ngram))
        return changes

    def _counting(self, analyzer: str, ngrams: tuple[int, ...]) -> "CountVectorizer":
        """Return a vectorizer that counts sequences of words or characters."""
        return self._vectorizer().set_params(
            analyzer=analyzer, ngram_range=ngrams, min_df=self.min_df, lowercase=False
        )

    def _vectorizer(self) -> "CountVectorizer":
        from sklearn.feature_extraction.text import CountVectorizer

        return CountVectorizer()

    def _classifier(self) -> "ClassifierMixin":
        raise NotImplementedError


class _Tfidf(_Words):
    """A classifier of words or characters by TF-IDF; not a kind by itself."""

    sublinear_tf: bool = False
    """Whether a count n is replaced by 1 + log(n)."""

    def _vectorizer(self) -> "CountVectorizer":
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(sublinear_tf=self.sublinear_tf)


class TfidfLogisticRegression(_Tfidf):
    """Logistic regression on TF-IDF."""

    kind = "tfidf_logistic_regression"
    C: InverseL2 = 1.0

    def _needs(self, terms: Terms) -> Needs:
        steps = terms.n_documents**0.5 * self.C ** (1 / 3)  # proportional to them
        if terms.are_many:
            values = terms.n_values * terms.n_topics
            return terms.needs(4, 100, seconds=5.5e-10 * values * steps)
        if terms.has_one_label:
            return terms.needs(310, 40, seconds=6.7e-8 * terms.n_weights * steps)
        return terms.needs(16, 10, seconds=1.7e-8 * terms.n_weights * steps)

    def _classifier(self) -> "ClassifierMixin":
        from rnnbench.models.large import LargeLogisticRegression

        return LargeLogisticRegression(C=self.C, max_iter=1000)


class TfidfLinearSVM(_Tfidf):
    """A linear SVM on TF-IDF; it gives margins, or else probabilities if it is
    calibrated.
    """

    later_keys = frozenset({"char_ngrams", "calibrated", "weights"})
    kind = "tfidf_linear_svm"
    C: InverseL2 = 1.0
    calibrated: bool = False
    """Whether margins become probabilities, by one curve for all topics, which is
    fitted to the margins of a first SVM on every fifth training document. J. Platt:
    Probabilistic Outputs for Support Vector Machines (1999); with one topic a document,
    it is a temperature (C. Guo et al.: On Calibration of Modern Neural Networks, ICML
    2017)."""
    weights: Literal["log_odds"] | None = None
    """``log_odds`` multiplies TF-IDF by a weight of each term, and gives texts a length
    of 1 again. The share s of a term in a topic is the number of documents of the topic
    with the term, plus 0.5, divided by the sum of these numbers over all terms. The
    weight is the square root of the largest size of log(s / m), where m is the mean of
    s over topics, divided by the mean of all weights."""

    @model_validator(mode="after")
    def _weighs_words(self) -> "TfidfLinearSVM":
        if self.weights and self.char_ngrams:
            raise problem("weights: not with char_ngrams", "allowed: one of them")
        return self

    @computed
    def gives_probabilities(self) -> bool:
        return self.calibrated

    def _needs(self, terms: Terms) -> Needs:
        bytes_of_weight = 16
        if terms.are_many and not self.calibrated:
            bytes_of_weight = 4
        return terms.needs(bytes_of_weight, 10, terms.seconds_of_svm)

    def _classifier(self) -> "ClassifierMixin":
        from rnnbench.models.estimators import CalibratedSVM
        from rnnbench.models.large import LargeSVC

        if self.calibrated:  # it must not weigh terms by documents that it leaves out
            return CalibratedSVM(self.C, self._weighting())
        return LargeSVC(C=self.C, random_state=0)

    def pipeline(self, seed: int) -> "Pipeline":
        pipeline = super().pipeline(seed)
        weighting = self._weighting()
        if weighting and not self.calibrated:
            pipeline.steps.insert(1, ("weights", weighting))
        return pipeline

    def _weighting(self) -> "LogOdds | None":
        """Return what weighs terms, if anything does."""
        from rnnbench.models.estimators import LogOdds

        if self.weights is None:
            return None
        return LogOdds()


class MultinomialNaiveBayes(_Words):
    """Naive Bayes on counts of words."""

    kind = "multinomial_naive_bayes"
    max_ngram: NGram = 1
    alpha: Smoothing = 1.0

    def _needs(self, terms: Terms) -> Needs:
        return terms.needs(24, 8)

    def _classifier(self) -> "ClassifierMixin":
        from sklearn.naive_bayes import MultinomialNB

        return MultinomialNB(alpha=self.alpha)


class ComplementNaiveBayes(_Tfidf):
    """Naive Bayes on TF-IDF that learns each topic from the documents of all other
    topics.

    J. Rennie, L. Shih, J. Teevan, D. Karger: Tackling the Poor Assumptions of Naive
    Bayes Text Classifiers (ICML 2003).
    """

    kind = "complement_naive_bayes"
    max_ngram: NGram = 1
    alpha: Smoothing = 1.0
    norm: bool = False
    """Whether the weights of a topic are divided by the sum of their sizes."""

    def _needs(self, terms: Terms) -> Needs:
        return terms.needs(40, 8)

    def _classifier(self) -> "ClassifierMixin":
        from sklearn.naive_bayes import ComplementNB

        return ComplementNB(alpha=self.alpha, norm=self.norm)


class NBSVM(_Words):
    """A linear SVM on words weighted by naive Bayes; it gives margins, not
    probabilities.

    S. Wang, C. Manning: Baselines and Bigrams (ACL 2012), whose values are the
    defaults.
    """

    kind = "nb_svm"
    gives_probabilities = False
    alpha: Smoothing = 1.0
    C: InverseL2 = 1.0
    beta: Share = 0.25
    """The share of the SVM; the rest is naive Bayes."""

    def _vectorizer(self) -> "CountVectorizer":
        return super()._vectorizer().set_params(binary=True)  # whether a word occurs

    def _needs(self, terms: Terms) -> Needs:
        return terms.needs(16, 10, terms.seconds_of_svm)

    def _classifier(self) -> "ClassifierMixin":
        from rnnbench.models.estimators import NaiveBayesSVM

        return NaiveBayesSVM(self.alpha, self.C, self.beta)


class SentenceEmbedding(Baseline):
    """Logistic regression on text vectors of wordllama, an encoder trained on other
    texts.

    D. L. Miller: WordLlama: Recycled Token Embeddings from Large Language Models
    (2024): the mean of input vectors of models such as LLaMA 2 70B, reduced to 256
    numbers by training on pairs of texts, such as headlines and articles (AG News).
    """

    kind = "sentence_embedding"
    reads_words = True  # the encoder knows no ids
    pretrained = "word vectors"
    packages = ("wordllama", "tokenizers", "safetensors")
    install = "pip install 'rnnbench[wordllama]'"
    C: InverseL2 = 1.0
    tol: Positive = 1e-8
    """The largest gradient at which the solver stops. With 1e-4, scikit-learn's
    default, some answers depend on how the processor rounds matrix products."""

    def pipeline(self, seed: int) -> "Pipeline":  # noqa: ARG002
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, Normalizer

        from rnnbench.models.text_vectors import encode

        classifier = LogisticRegression(C=self.C, tol=self.tol, max_iter=10_000)
        return make_pipeline(FunctionTransformer(encode), Normalizer(), classifier)


_BUILT_IN: list[type[Baseline]] = [
    MostFrequent, Stratified, TfidfLogisticRegression, TfidfLinearSVM,
    MultinomialNaiveBayes,
    ComplementNaiveBayes, NBSVM, SentenceEmbedding,
]  # fmt: skip
BASELINES = Registry("baseline", Baseline, _BUILT_IN, key="kind", holds_classes=True)


def check_installed(baseline: Baseline) -> None:
    """Raise a ``UserError`` if a package that a baseline needs is not installed."""
    absent = missing(baseline.packages)
    if absent:
        hint = ""
        if baseline.install:
            hint = f": {baseline.install}"
        raise UserError(
            f"{BASELINES.label(baseline.kind)} needs {', '.join(absent)}{hint}"
        )


def parse_baseline(value: object) -> Baseline:
    """Return the baseline that YAML names, or describes as ``{kind: parameters}``."""
    described = with_parameters(value)
    return parse_variant(described, BASELINES, "baseline", "baseline: tfidf_linear_svm")


AnyBaseline = Annotated[SerializeAsAny[Baseline], BeforeValidator(parse_baseline)]
