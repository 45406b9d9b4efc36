"""Fitted baselines as data: linear rules over counted words, or a vector of the text.

``LinearModel(arrays, n_topics).scores(texts)``: reading the arrays runs no code, and
predicting with them needs no scikit-learn.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt

from rnnbench.labels import LabelForm, form_with
from rnnbench.models.terms import (
    char_ngrams,
    char_ngrams_in_words,
    once,
    one_and_log,
    same,
    weighted_sums,
    with_length_of_1,
    with_sum_of_1,
    word_ngrams,
)
from rnnbench.models.text_vectors import SIZE, encode
from rnnbench.section import StoredRecord

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import Pipeline

CHECKED = 1_000  # test documents that must get the scores of the fitted baseline
TOLERANCE = 1e-5  # of these scores
NEARLY_0 = float(np.log(1e-9))
"""scikit-learn may have rounded lower log-probabilities, which need not agree."""
CERTAIN = 1e3  # the log-odds of a topic that all training documents have
NO_RULE = "it is not linear in counted words or text vectors"
CHANGES = ("lowercase", "preprocessor", "strip_accents", "stop_words")
"""Options of scikit-learn's vectorizers that change a text before words are counted."""
Length = Annotated[int, Field(ge=1, le=100)]  # of a sequence of words or characters
Floats = NDArray[np.floating]
Function = Callable[..., object]
ANALYZERS: dict[str, Callable[..., Iterable[str]]] = {
    "word": word_ngrams,
    "char": char_ngrams,
    "char_wb": char_ngrams_in_words,
}
SCALED: dict[str | None, Function] = {
    "l1": with_sum_of_1,
    "l2": with_length_of_1,
    None: same,
}


class CountedTerms(NamedTuple):
    """How ``terms.weighted_sums`` counts some of the terms."""

    terms: tuple[Function, int, int]
    """What finds terms of a text, and the shortest and the longest."""
    columns: dict[str, int]
    """The place of each term among all."""
    changed: Function
    """Of counts."""
    scaled: Function
    """Of all values of a text."""


class Counts(StoredRecord):
    """The terms that are counted in a text, as by scikit-learn's vectorizers."""

    analyzer: Literal["word", "char", "char_wb"]
    ngram_range: tuple[Length, Length]
    binary: bool
    sublinear_tf: bool = False
    norm: Literal["l1", "l2"] | None = None
    n_terms: NonNegativeInt

    def part(self, columns: dict[str, int]) -> CountedTerms:
        """Return how its terms are counted, which stand in columns."""
        changed: Function = same
        if self.binary:
            changed = once
        elif self.sublinear_tf:
            changed = one_and_log
        shortest, longest = self.ngram_range
        found_by = (ANALYZERS[self.analyzer], shortest, longest)
        return CountedTerms(found_by, columns, changed, SCALED[self.norm])


class LinearRule(StoredRecord):
    """The features that a kept baseline counts, and the kind of its scores."""

    schema_version: Literal[1] = 1
    reads_words: bool
    gives_probabilities: bool
    has_one_label: bool = True
    """Otherwise, each topic has log-odds of its own."""
    labels: list[NonNegativeInt]
    """The topics that it learned, in the order of its classes."""
    counts: list[Counts] | None
    """The parts of its features; ``None`` for text vectors of wordllama."""

    @property
    def form(self) -> LabelForm:
        """The form of the labels that it learned."""
        return form_with(has_one_label=self.has_one_label)

    @property
    def n_features(self) -> int:
        """The number of features of a text."""
        if self.counts is None:
            return SIZE
        return sum(part.n_terms for part in self.counts)


class LinearModel:
    """A kept baseline, which gives scores; ``ValueError`` if its arrays do not fit.

    They are the rule as JSON, the weights ``(n_features, n_labels)``, the intercepts,
    the weights of the terms, and the terms, with zeros between them.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]], n_topics: int):
        kinds = "".join(array.dtype.kind for array in arrays)
        if kinds != "ufffu":
            raise ValueError(f"its arrays have other types: {kinds}")
        rule, self.coef, self.intercept, self.idf, joined = arrays
        self.rule = LinearRule.model_validate_json(rule.tobytes())
        self.n_topics = n_topics
        self.parts: list[CountedTerms] = []
        terms: list[str] = []
        if joined.size:
            terms = joined.tobytes().decode().split("\0")
        self._check_shapes(terms)
        labels = self.rule.labels
        if not 0 < len(set(labels)) == len(labels) or max(labels) >= n_topics:
            raise ValueError("its labels are not those of the vocabulary")
        start = 0
        for part in self.rule.counts or []:
            end = start + part.n_terms
            self.parts.append(
                part.part(dict(zip(terms[start:end], range(start, end), strict=True)))
            )
            start = end

    def _check_shapes(self, terms: Sequence[str]) -> None:
        """Raise ``ValueError`` if the arrays do not fit the rule and the terms."""
        n_labels = len(self.rule.labels)
        n_terms = 0
        if self.rule.counts is not None:
            n_terms = self.rule.n_features
        expected = [(self.rule.n_features, n_labels), (n_labels,), (n_terms,)]
        shapes = [array.shape for array in (self.coef, self.intercept, self.idf)]
        if shapes != expected or len(terms) != n_terms:
            raise ValueError(f"its arrays do not fit together: {shapes}")

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return log-probabilities, or margins, of texts ``(n, n_topics)``.

        Topics that it has not learned have the log-probability ``-inf``, or a margin
        below others.
        """
        learned = self._margins(texts)
        if self.rule.gives_probabilities:
            lowest = -np.inf
            learned = self.rule.form.log_probabilities(learned)
        else:
            lowest = learned.min(initial=0) - 1
        scores = np.full((len(texts), self.n_topics), lowest)
        scores[:, self.rule.labels] = learned
        return scores

    def _margins(self, texts: Sequence[str]) -> Floats:
        """Return the weighted sums of the features of texts, ``(n, n_labels)``."""
        if self.rule.counts is None:
            vectors = encode(texts)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
            return np.asarray(vectors @ self.coef + self.intercept)
        weights = (self.coef, self.intercept, self.idf)
        return np.asarray(weighted_sums(texts, weights, self.parts))  # type: ignore[no-untyped-call]


def arrays_of(
    pipeline: "Pipeline", rule: LinearRule, texts: Sequence[str], scores: Floats
) -> list[NDArray[Any]]:
    """Return the arrays of a fitted baseline, or none if it cannot be kept.

    ``rule`` is what is known of it, without what it counts. The arrays must reproduce
    its ``scores`` of ``texts``; weights are float32 if that is exact enough.
    """
    with suppress(Exception):  # a pipeline from another package may be anything
        *steps, classifier = (step for _, step in pipeline.steps)
        counts, idf, terms = _features(steps)
        for weighting in (*steps, getattr(classifier, "weighting_", None)):
            if hasattr(weighting, "weights_"):
                idf = idf * weighting.weights_
        rule = rule.model_copy(update={"counts": counts})
        weights, intercepts = _weights(classifier, rule)
        as_json = np.frombuffer(rule.model_dump_json().encode(), np.uint8)
        joined = np.frombuffer("\0".join(terms).encode(), np.uint8)
        for size in (np.float32, np.float64):
            coef = np.ascontiguousarray(weights.T, size)
            arrays = [as_json, coef, intercepts, idf, joined]
            model = LinearModel(arrays, scores.shape[1])
            if _are_close(model.scores(texts), scores, rule):
                return arrays
    return []


def _are_close(scores: Floats, expected: Floats, rule: LinearRule) -> bool:
    """Return whether two scores of the learned topics are nearly the same."""
    lowest = -np.inf
    if rule.gives_probabilities:
        lowest = NEARLY_0
    scores = scores[:, rule.labels].clip(lowest)
    expected = expected[:, rule.labels].clip(lowest)
    return np.allclose(scores, expected, rtol=0, atol=TOLERANCE)


def _features(
    steps: Sequence["BaseEstimator"],
) -> tuple[list[Counts] | None, Floats, list[str]]:
    """Return what the steps of a pipeline count, and the terms with their weights."""
    if steps and getattr(steps[0], "func", None) is encode:  # and a Normalizer
        return None, np.zeros(0), []
    counts: list[Counts] = []
    idf: list[Floats] = [np.zeros(0)]
    terms: list[str] = []
    for step in steps:
        if not hasattr(step, "get_feature_names_out"):  # it weighs what is counted
            continue
        for _, vectorizer in getattr(step, "transformer_list", [("", step)]):
            names = vectorizer.get_feature_names_out()
            counter = getattr(vectorizer, "vectorizer", vectorizer)  # of an IdCounter
            counts.append(_counts(counter, len(names)))
            idf.append(getattr(vectorizer, "idf_", np.ones(len(names))))
            terms += names.tolist()
    return counts, np.concatenate(idf), terms


def _counts(vectorizer: "CountVectorizer", n_terms: int) -> Counts:
    """Return what a vectorizer counts, or raise ``ValueError`` if it is unknown."""
    options = vectorizer.get_params()
    is_known = type(vectorizer).__module__.startswith("sklearn.")
    if options["analyzer"] == "word":
        is_known &= options["tokenizer"] is str.split
    if not is_known or any(options[change] for change in CHANGES):
        raise ValueError("it counts something else")
    shared = {name: options[name] for name in Counts.model_fields if name in options}
    return Counts.model_validate(shared | {"n_terms": n_terms})


def _weights(classifier: "BaseEstimator", rule: LinearRule) -> tuple[Floats, Floats]:
    """Return the weights ``(n_labels, n_features)`` and the intercepts."""
    if rule.has_one_label:
        return _weights_of_classes(classifier, rule)
    if hasattr(classifier, "coef_"):
        return classifier.coef_, classifier.intercept_
    weights = []
    intercepts = []
    for one_against_rest in classifier.estimators_:
        weights_of_topic, intercept = _weights_of_topic(one_against_rest, rule)
        weights.append(weights_of_topic)
        intercepts.append(intercept)
    return np.array(weights), np.array(intercepts)


def _weights_of_classes(
    classifier: "BaseEstimator", rule: LinearRule
) -> tuple[Floats, Floats]:
    """Return the weights and intercepts of a classifier of two classes or more."""
    if hasattr(classifier, "class_prior_"):  # a DummyClassifier
        return np.zeros((len(classifier.classes_), 0)), np.log(classifier.class_prior_)
    if hasattr(classifier, "feature_log_prob_"):  # naive Bayes
        intercepts = classifier.class_log_prior_
        if type(classifier).__name__ == "ComplementNB":  # which has no prior
            intercepts = intercepts * 0
        return classifier.feature_log_prob_, intercepts
    weights = classifier.coef_
    intercepts = np.atleast_1d(classifier.intercept_)
    if len(weights) > 1:
        return weights, intercepts
    # Of two topics, only the second has weights. The margin of the first is opposite;
    # as log-odds, it is 0.
    factor = -1
    if rule.gives_probabilities:
        factor = 0
    return (
        np.concatenate([factor * weights, weights]),
        np.concatenate([factor * intercepts, intercepts]),
    )


def _weights_of_topic(
    classifier: "BaseEstimator", rule: LinearRule
) -> tuple[Floats, float]:
    """Return the weights ``(n_features,)`` and the intercept of one topic."""
    if hasattr(classifier, "y_"):  # all training documents have the topic
        intercept = float(classifier.y_[0])
        if rule.gives_probabilities:
            intercept = CERTAIN
        return np.zeros(rule.n_features), intercept
    if hasattr(classifier, "coef_"):
        return classifier.coef_[0], classifier.intercept_[0]
    weights, intercepts = _weights_of_classes(classifier, rule)
    # The log-odds are the difference of the logarithms of two probabilities.
    return weights[1] - weights[0], intercepts[1] - intercepts[0]
