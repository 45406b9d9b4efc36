"""The words that decided an answer: what they contribute to it, or the answer without them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rnnbench.data.dataset import INDEX_FROM, PAD, START, pad
from rnnbench.models.linear import LinearModel
from rnnbench.section import Record
from rnnbench.training.engines.scikit_learn import texts as texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnnbench.prediction.predict import KeptModel

SHOWN, AT_ONCE = 10, 256
"""Deciding words of a text, and sequences that a model is given together."""
UNKNOWN_WORDS = "(unknown words)"
TINY = float(np.finfo(np.float32).tiny)
"""Stands for the probability 0, which has no logarithm."""


class WordWeight(Record):
    """A word of a text, and how much it speaks for the answer; below 0, against it."""

    word: str
    weight: float


class DecidingWords(Record):
    """The words that decided an answer."""

    kind: Literal["contributions", "occlusion"]
    """Contributions add up, with the ``rest``, to the difference between the scores of the two best
    topics. Occlusion is how much the score of the best topic falls without the word: if every
    occurrence of it is removed.
    """
    score: Literal["log-probability", "margin"]
    topic: str
    against: str | None = None
    """The second-best topic, of contributions."""
    words: list[WordWeight]
    """Each once: the ten with the largest weights, of either sign, the largest first."""
    rest: float | None = None
    """Of contributions, those of other words, intercepts and blanks."""

    @property
    def meaning(self) -> str:
        """What the weights say."""
        score = f"the {self.score} of {self.topic}"
        if self.against:
            return f"what each word adds to {score} less that of {self.against}"
        return f"how much {score} falls without the word"

    def in_words(self, model: str) -> str:
        """Return them as a sentence about a model."""
        words = ", ".join(f"{own.word} {own.weight:+.2f}" for own in self.words)
        return f"{model} answers {self.topic}; {self.meaning}: {words or 'nothing'}"


def deciding_words(kept: "KeptModel", ids: "NDArray[np.int32]") -> DecidingWords:
    """Return what decided the answer to the word ids ``(timesteps,)`` of a text.

    Linear models of counted words have contributions, all others occlusion.
    """
    if isinstance(kept.model, LinearModel) and kept.model.rule.counts is not None:
        return _contributions(kept, kept.model, ids)
    return _occlusion(kept, ids)


def _contributions(
    kept: "KeptModel", model: LinearModel, ids: "NDArray[np.int32]"
) -> DecidingWords:
    vocabulary, reads_words = kept.vocabulary, model.rule.reads_words
    in_words = (vocabulary.words, vocabulary.separator) if reads_words else ()
    read = [word for word in texts_of(ids[:, np.newaxis], *in_words) if word]
    labels, difference, added = model.contributions(read, in_words[1] if in_words else " ")
    weights = added if reads_words else {_name(kept, int(own)): added[own] for own in added}
    topic, *others = (vocabulary.topics[label] for label in labels)
    words = _largest(weights)
    return DecidingWords(
        kind="contributions",
        score=_score(kept),
        topic=topic,
        against=others[0] if others else None,
        words=words,
        rest=difference - sum(own.weight for own in words),
    )


def _occlusion(kept: "KeptModel", ids: "NDArray[np.int32]") -> DecidingWords:
    def scores(rows: "NDArray[np.int32]") -> "NDArray[np.floating[Any]]":
        found = kept.scores(rows)
        return np.log(np.maximum(found, TINY)) if kept.kind == "probability" else found

    vocabulary, read = kept.vocabulary, ids[(ids != PAD) & (ids != START)]
    weights: dict[str, float] = {}
    distinct, (whole,) = np.unique(read), scores(ids[np.newaxis])
    best = int(whole.argmax())
    for start in range(0, len(distinct), AT_ONCE):
        part = distinct[start : start + AT_ONCE].tolist()
        rest = [read[read != word] for word in part]
        rows = pad(rest, vocabulary.timesteps, vocabulary.padding, vocabulary.truncating)
        falls = (whole[best] - scores(rows)[:, best]).tolist()
        weights |= zip((_name(kept, word) for word in part), falls, strict=True)
    topic = vocabulary.topics[best]
    words = _largest(weights)
    return DecidingWords(kind="occlusion", score=_score(kept), topic=topic, words=words)


def _score(kept: "KeptModel") -> Literal["log-probability", "margin"]:
    return "log-probability" if kept.kind == "probability" else "margin"


def _name(kept: "KeptModel", word: int) -> str:
    return kept.vocabulary.words[word - INDEX_FROM - 1] if word > INDEX_FROM else UNKNOWN_WORDS


def _largest(weights: Mapping[str, float]) -> list[WordWeight]:
    ordered = sorted(weights.items(), key=lambda item: -abs(item[1]))
    return [WordWeight(word=word, weight=weight) for word, weight in ordered[:SHOWN] if weight]
