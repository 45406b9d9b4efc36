"""From scores to any number of topics, by a rule that is chosen on held-out documents.

``decide(rule, score_kind, held_out, labels)`` makes a decision for a trained model. A
rule is worth as much as a better model: Y. Yang: A study of thresholding strategies for
text categorization (SIGIR 2001). One threshold for all topics is for micro-F1, whose
largest value is found exactly; thresholds by topic are for macro-F1.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.labels import Labels, Scores, form_of
from rnnbench.section import ConfigModel
from rnnbench.tasks import ALWAYS, Decision

Probability = Annotated[float, Field(gt=0, lt=1)]


class DecisionRule(ConfigModel):
    """How scores become topics, where a document may have any number of them."""

    threshold: Literal["chosen", "by_topic"] | Probability = "chosen"
    """The score from which on a topic is given. ``chosen``: the one with the highest
    micro-F1 on held-out training documents; ``by_topic``: one for each topic, for
    macro-F1. A number is a probability, and a margin is taken for its log-odds, so that
    0.5 is the margin 0."""
    none: Literal["chosen", "best", "empty"] = "chosen"
    """A document without a topic above the threshold is given the ``best``, or stays
    ``empty``. ``chosen``: the best if every training document has a topic; otherwise
    the best above a second threshold, which is chosen like the first."""

    @property
    def probability(self) -> float | None:
        """The threshold, if it is a number."""
        if isinstance(self.threshold, float):
            return self.threshold
        return None

    def in_words(self, noun: str) -> str:
        """Return where the threshold comes from, in words."""
        if self.probability:
            return f"{noun}s with a probability of at least {self.probability:g}"
        thresholds = "a threshold"
        if self.threshold == "by_topic":
            thresholds = f"thresholds by {noun}"
        return f"{noun}s above {thresholds} chosen on held-out training documents"

    def in_short(self) -> str:
        """Return the threshold, and whether the best topic is given if none is."""
        threshold = str(self.threshold).replace("_", " ")
        if self.none == "empty":
            return threshold
        return f"{threshold}, else best"

    def is_chosen_for(self, labels: Labels) -> bool:
        """Return whether held-out documents choose it, given all training labels."""
        if form_of(labels).has_one_label:
            return False
        needs_second = self.none == "chosen" and not labels.any(axis=1).all()
        return self.probability is None or needs_second


# the probability 0.5, or the margin 0
AT_HALF = DecisionRule(threshold=0.5, none="empty")


def decide(
    rule: DecisionRule,
    score_kind: str,
    held_out: tuple[Labels, Scores] | None,
    labels: Labels,
) -> Decision | None:
    """Return the decision by a rule, given all training ``labels``.

    The labels and scores of ``held_out`` documents decide it, if it is chosen. If each
    document has one label, there is nothing to decide: ``None``.
    """
    if form_of(labels).has_one_label:
        return None
    none = rule.none
    if none == "chosen" and labels.any(axis=1).all():
        none = "best"
    best_above = ALWAYS if none == "best" else None
    threshold = None
    if rule.probability:
        threshold = float(np.log(rule.probability))
        if score_kind != "log_probabilities":  # the log-odds
            threshold -= float(np.log1p(-rule.probability))
        if none != "chosen":
            return Decision(threshold=threshold, best_above=best_above)
    if held_out is None:
        raise ValueError("no documents are held out to choose a decision on")
    truth, scores = held_out
    if rule.threshold == "by_topic":
        thresholds = thresholds_by_topic(truth, scores)
        return Decision(threshold=thresholds, best_above=best_above)
    return best_decision(truth, scores, none, threshold)


@dataclass(frozen=True)
class Ranked:
    """Scores, the highest first, and whether the topic of each is right.

    A *cut* is the number of scores that are accepted, the first ones.
    """

    scores: Scores
    right: Labels

    @classmethod
    def of(cls, scores: Scores, right: Labels) -> Self:
        """Return scores in order; equal ones stay as they are."""
        order = np.argsort(-scores, kind="stable")
        return cls(scores[order], right[order])

    def gains(self, micro_f1: float) -> NDArray[np.float64]:
        """Return what each cut gains, ``(n + 1,)``; equal scores go together."""
        gains = np.append(0.0, np.cumsum(2.0 * self.right - micro_f1))
        gains[1:-1][self.is_like_next] = -np.inf
        return gains

    @property
    def is_like_next(self) -> NDArray[np.bool_]:
        """Whether each score but the last is equal to the next one."""
        return np.asarray(self.scores[:-1] == self.scores[1:])

    def threshold(self, cut: int, low: float = -np.inf) -> float:
        """Return a threshold for a cut, in the middle of the gap above the others.

        It is above ``low``, too.
        """
        if cut < len(self.scores):
            low = max(low, float(self.scores[cut]))
        if cut == 0:
            return float(np.nextafter(np.float32(low), np.float32(np.inf)))
        last = float(self.scores[cut - 1])
        middle = float(np.float32((last + low) / 2))
        if low < middle <= last:
            return middle
        return last


def best_decision(
    labels: Labels, scores: Scores, none: str, threshold: float | None = None
) -> Decision:
    """Return the decision with the highest micro-F1 on documents ``(n, n_topics)``.

    The best topic of a document and the others may have thresholds of their own.
    Micro-F1 is a ratio. The decision with its largest value F also maximizes a sum over
    topics: twice the right ones minus F times those given (W. Dinkelbach: On nonlinear
    fractional programming, 1967).
    """
    is_best = np.zeros(scores.shape, bool)
    if none != "empty":
        is_best[np.arange(len(scores)), scores.argmax(axis=1)] = True
    others = Ranked.of(scores[~is_best], labels[~is_best])
    best = Ranked.of(scores[is_best], labels[is_best])
    lowest = np.append(np.inf, others.scores)  # that each cut of the others accepts
    # best topics above the first threshold are given in any case
    fewest = np.searchsorted(-best.scores, -lowest, side="right")
    highest = -1.0
    while True:
        gains = others.gains(max(highest, 0.0))
        gains_of_best = best.gains(max(highest, 0.0))
        if none == "best":
            gains_of_best[:-1] = -np.inf
        if threshold is None:
            from_end = np.maximum.accumulate(gains_of_best[::-1])[::-1]
            cut = int((gains + from_end[fewest]).argmax())
            start = int(fewest[cut])
        else:
            cut = int((others.scores >= threshold).sum())
            start = int((best.scores >= threshold).sum())
        cut_of_best = start + int(gains_of_best[start:].argmax())
        n_right = int(others.right[:cut].sum()) + int(best.right[:cut_of_best].sum())
        n_given_or_true = int(labels.sum()) + cut + cut_of_best
        micro_f1 = 2 * n_right / max(n_given_or_true, 1)
        if micro_f1 <= highest:
            break
        highest = micro_f1
        cuts = cut, cut_of_best
    cut, cut_of_best = cuts
    if threshold is None:
        low = -np.inf
        if cut_of_best < len(best.scores):
            low = float(best.scores[cut_of_best])
        threshold = others.threshold(cut, low)
    best_above = None
    if none == "best":
        best_above = ALWAYS
    if none == "chosen":
        best_above = min(threshold, best.threshold(cut_of_best))
    return Decision(threshold=threshold, best_above=best_above)


def thresholds_by_topic(labels: Labels, scores: Scores) -> list[float]:
    """Return a threshold for each topic, from documents ``(n, n_topics)``.

    The most frequent topic comes first. Each has the threshold, the highest of equal
    ones, with the largest sum of micro-F1 over the topics so far and its own F1 divided
    by their number. One whose scores are all equal has the threshold of all topics.
    This is ``micromacro-freq`` of LibMultiLabel (L.-C. Lin, C.-J. Lin: On the
    thresholding strategy for infrequent labels in multi-label classification. CIKM
    2023), on one set of documents in place of three folds.
    """
    of_all = best_decision(labels, scores, "empty").threshold
    thresholds = np.full(labels.shape[1], of_all)
    # twice the right answers for the topics so far, and the given and the true ones
    n_right = 0.0
    n_given_or_true = 0.0
    by_frequency = np.argsort(-labels.sum(axis=0, dtype=int), kind="stable")
    for number, topic in enumerate(by_frequency, 1):
        ranked = Ranked.of(scores[:, topic], labels[:, topic])
        top = 2.0 * np.append(0, np.cumsum(ranked.right, dtype=int))
        bottom = np.arange(len(ranked.scores) + 1.0) + ranked.right.sum()
        micro_f1 = (top + n_right) / (bottom + n_given_or_true).clip(1)
        value = top / bottom.clip(1) / number + micro_f1
        value[1:-1][ranked.is_like_next] = -np.inf
        cut = 0
        if ranked.scores[0] > ranked.scores[-1]:
            cut = int(value.argmax())
            thresholds[topic] = ranked.threshold(cut)
        n_right += top[cut]
        n_given_or_true += bottom[cut]
    return thresholds.tolist()
