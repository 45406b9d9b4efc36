"""Fitted baselines as data: linear rules over counted words, or a vector of the text.

Reading their arrays runs no code, and predicting with them needs no scikit-learn.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt

from rnnbench.models.text_vectors import SIZE, encode
from rnnbench.section import StoredRecord

CHECKED = 1_000  # test documents that must get the scores of the fitted baseline
TOLERANCE = 1e-5  # of these scores
NEARLY_0 = float(
    np.log(1e-9)
)  # scikit-learn may have rounded lower ones, which need not agree
CERTAIN = 1e3  # the log-odds of a topic that all training documents have
NO_RULE = "it is not linear in counted words or text vectors"
CHANGES = (
    "lowercase",
    "preprocessor",
    "strip_accents",
    "stop_words",
)  # before words are counted
Length = Annotated[int, Field(ge=1, le=100)]  # of a sequence of words or characters
Floats = NDArray[np.floating[Any]]


class Counts(StoredRecord):
    """The terms that are counted in a text, by the options of scikit-learn's
    vectorizers.
    """

    analyzer: Literal["word", "char", "char_wb"]
    ngram_range: tuple[Length, Length]
    binary: bool
    sublinear_tf: bool = False
    norm: Literal["l1", "l2"] | None = None
    n_terms: NonNegativeInt

    def terms(self, text: str) -> Iterator[str]:
        """Yield what is counted in a text, as scikit-learn's analyzers do."""
        low, high = self.ngram_range
        if self.analyzer == "word":
            words = text.split()
            for n in range(low, high + 1):
                yield from map(
                    " ".join, zip(*(words[start:] for start in range(n)), strict=False)
                )
            return
        within = self.analyzer == "char_wb"
        pieces = (
            [f" {word} " for word in text.split()]
            if within
            else [re.sub(r"\s\s+", " ", text)]
        )
        for piece in pieces:
            longest = min(high, max(len(piece), low)) if within else high
            for n in range(low, longest + 1):  # a short word is counted whole, and once
                last = max(len(piece) - n, 0 if within else -1)
                yield from (piece[start : start + n] for start in range(last + 1))

    def features(
        self, text: str, places: dict[str, int], idf: Floats
    ) -> tuple[NDArray[Any], ...]:
        """Return the features of a text, and their weighted values."""
        found = Counter(places[term] for term in self.terms(text) if term in places)
        features, counts = (
            np.array([*found], np.intp),
            np.array([*found.values()], float),
        )
        used = np.ones_like(counts) if self.binary else counts
        weighted = (1 + np.log(used) if self.sublinear_tf else used) * idf[features]
        size = (
            np.linalg.norm(weighted, {"l1": 1, "l2": 2}[self.norm]) if self.norm else 1
        )
        return features, weighted / (size or 1)


class LinearRule(StoredRecord):
    """The facts of a kept baseline."""

    schema_version: Literal[1] = 1
    reads_words: bool
    gives_probabilities: bool
    has_one_label: bool = True  # else each topic has log-odds of its own
    labels: list[NonNegativeInt]  # of the topics that it learned
    counts: (
        list[Counts] | None
    )  # the parts of its features; None for text vectors of wordllama


class LinearModel:
    """A kept baseline, which gives scores; ``ValueError`` is raised if its arrays do
    not fit.

    They are the rule as JSON, the weights ``(n_features, n_labels)``, the intercepts,
    the weights of the terms, and the terms, with zeros between them.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]], n_topics: int):
        if (kinds := "".join(array.dtype.kind for array in arrays)) != "ufffu":
            raise ValueError(f"its arrays have other types: {kinds}")
        facts, self.coef, self.intercept, self.idf, joined = arrays
        self.rule, self.n_topics = (
            LinearRule.model_validate_json(facts.tobytes()),
            n_topics,
        )
        parts, labels = self.rule.counts, self.rule.labels
        terms = joined.tobytes().decode().split("\0") if joined.size else []
        sizes = SIZE if parts is None else len(terms), len(labels)
        shapes = [array.shape for array in (self.coef, self.intercept, self.idf)]
        n_counted = sum(part.n_terms for part in parts or [])
        if shapes != [sizes, sizes[1:], (len(terms),)] or n_counted != len(terms):
            raise ValueError(f"its arrays do not fit together: {shapes}")
        if not 0 < len({*labels}) == len(labels) or max(labels) >= n_topics:
            raise ValueError("its labels are not those of the vocabulary")
        left = zip(terms, range(len(terms)), strict=True)
        self.places = [dict(islice(left, part.n_terms)) for part in parts or []]

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return log-probabilities, or margins, of texts ``(n, n_topics)``.

        Topics that it has not learned have the log-probability ``-inf``, or a margin
        below others.
        """
        if self.rule.counts is None:
            vectors = encode(texts)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
            known = vectors @ self.coef + self.intercept
        else:
            known = np.tile(self.intercept.astype(float), (len(texts), 1))
            for row, text in enumerate(texts):
                for part, places in zip(self.rule.counts, self.places, strict=True):
                    features, values = part.features(text, places, self.idf)
                    known[row] += values @ self.coef[features]
        lowest = -np.inf if self.rule.gives_probabilities else known.min(initial=0) - 1
        if self.rule.gives_probabilities and self.rule.has_one_label:
            known -= known.max(axis=1, keepdims=True)
            known -= np.log(np.exp(known).sum(axis=1, keepdims=True))
        elif self.rule.gives_probabilities:
            known = -np.logaddexp(0.0, -known)
        scores = np.full((len(texts), self.n_topics), lowest)
        scores[:, self.rule.labels] = known
        return scores


def arrays_of(
    pipeline: Any,
    texts: Sequence[str],
    scores: Floats,
    learned: NDArray[Any],
    **kind: bool,
) -> list[NDArray[Any]]:
    """Return the arrays of a fitted baseline of a ``kind``, or none if it cannot be
    kept.

    They must reproduce its ``scores`` of ``texts``; weights are float32 if that is
    exact enough. The labels in ``learned`` are in the order of its classes.
    """
    lowest = NEARLY_0 if kind["gives_probabilities"] else -np.inf
    with suppress(Exception):  # a pipeline from another package may be anything
        *steps, classifier = (step for _, step in pipeline.steps)
        counts, idf, terms = _features(steps)
        labels = learned.tolist()
        rule = LinearRule(labels=labels, counts=counts, **kind)
        if rule.has_one_label:
            coef, intercept = _weights(
                classifier, 0 if rule.gives_probabilities else -1
            )
        elif hasattr(classifier, "coef_"):
            coef, intercept = classifier.coef_, classifier.intercept_
        else:
            rules = [_weights_of_topic(one, rule) for one in classifier.estimators_]
            coef, intercept = (np.array(part) for part in zip(*rules, strict=True))
        facts = np.frombuffer(rule.model_dump_json().encode(), np.uint8)
        joined = np.frombuffer("\0".join(terms).encode(), np.uint8)
        for size in (np.float32, np.float64):
            arrays = [facts, np.ascontiguousarray(coef.T, size), intercept, idf, joined]
            own = LinearModel(arrays, scores.shape[1]).scores(texts)
            ours, wanted = (rows[:, labels].clip(lowest) for rows in (own, scores))
            if np.allclose(ours, wanted, rtol=0, atol=TOLERANCE):
                return arrays
    return []


def _features(steps: Sequence[Any]) -> tuple[list[Counts] | None, Floats, list[str]]:
    """Return what the steps of a pipeline count, the weights of the terms, and the
    terms.
    """
    if steps and getattr(steps[0], "func", None) is encode:  # and a Normalizer
        return None, np.zeros(0), []
    counts, idf, terms = list[Counts](), [np.zeros(0)], list[str]()
    for step in steps:
        for _, part in getattr(step, "transformer_list", [("", step)]):
            given, names = part.get_params(), part.get_feature_names_out()
            is_known = given["analyzer"] != "word" or given["tokenizer"] is str.split
            is_known &= type(part).__module__.startswith("sklearn.")
            if not is_known or any(given[option] for option in CHANGES):
                raise ValueError("it counts something else")
            options = {
                name: given[name] for name in Counts.model_fields if name in given
            }
            counts.append(Counts(n_terms=len(names), **options))
            idf.append(getattr(part, "idf_", np.ones(len(names))))
            terms += names.tolist()
    return counts, np.concatenate(idf), terms


def _weights(classifier: Any, other: float) -> tuple[Floats, Floats]:
    """Return the weights ``(n_labels, n_features)`` and intercepts of a fitted
    classifier.
    """
    if hasattr(classifier, "class_prior_"):  # a DummyClassifier
        return np.zeros((len(classifier.classes_), 0)), np.log(classifier.class_prior_)
    if hasattr(
        classifier, "feature_log_prob_"
    ):  # naive Bayes, of which one kind has no prior
        has_prior = type(classifier).__name__ != "ComplementNB"
        return classifier.feature_log_prob_, classifier.class_log_prior_ * has_prior
    weights, intercept = classifier.coef_, np.atleast_1d(classifier.intercept_)
    if (
        len(weights) == 1
    ):  # the score of the first of two topics is ``other`` times this one
        return np.concatenate([other * weights, weights]), np.append(
            other * intercept, intercept
        )
    return weights, intercept


def _weights_of_topic(classifier: Any, rule: LinearRule) -> tuple[Floats, float]:
    """Return the weights ``(n_features,)`` and the intercept of one topic against the
    others.
    """
    if hasattr(classifier, "y_"):  # all training documents have the topic
        size = (
            SIZE if rule.counts is None else sum(part.n_terms for part in rule.counts)
        )
        return np.zeros(size), CERTAIN if rule.gives_probabilities else float(
            classifier.y_[0]
        )
    weights, intercept = _weights(classifier, 0)
    is_difference = not hasattr(
        classifier, "coef_"
    )  # of the logarithms of two probabilities
    return weights[1] - weights[0] * is_difference, intercept[1] - intercept[
        0
    ] * is_difference
