"""From scores to any number of topics, by a rule that is chosen on held-out documents.

A rule is worth as much as a better model: Y. Yang: A study of thresholding strategies
for text categorization (SIGIR 2001). One threshold for all topics is for micro-F1,
whose largest value is found exactly; thresholds by topic are for macro-F1.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.labels import Labels, Scores, form_of
from rnnbench.section import ConfigModel
from rnnbench.tasks import ALWAYS, Decision


class DecisionRule(ConfigModel):
    """How scores become topics, where a document may have any number of them."""

    threshold: Literal["chosen", "by_topic"] | Annotated[float, Field(gt=0, lt=1)] = (
        "chosen"
    )
    """The score from which on a topic is given. ``chosen``: the one with the highest
    micro-F1 on held-out training documents; ``by_topic``: one for each topic, for
    macro-F1. A number is a probability, and a margin is taken for its log-odds, so that
    0.5 is the margin 0."""
    none: Literal["chosen", "best", "empty"] = "chosen"
    """A document without a topic above the threshold is given the ``best``, or stays
    ``empty``. ``chosen``: the best if every training document has a topic; otherwise
    the best above a second threshold, which is chosen like the first."""

    def in_words(self, noun: str) -> str:
        """Return where the threshold comes from, in words."""
        if isinstance(self.threshold, str):
            one = "thresholds by {}" if self.threshold == "by_topic" else "a threshold"
            return f"{noun}s above {one.format(noun)} chosen on held-out training documents"
        return f"{noun}s with a probability of at least {self.threshold:g}"

    def in_short(self) -> str:
        """Return the threshold, and whether the best topic is given if none reaches
        it.
        """
        threshold = str(self.threshold).replace("_", " ")
        if self.none == "empty":
            return threshold
        return f"{threshold}, else best"

    def is_chosen_for(self, labels: Labels) -> bool:
        """Return whether held-out documents choose it, given all training labels."""
        if form_of(labels).has_one_label:
            return False
        needs_second = self.none == "chosen" and not labels.any(axis=1).all()
        return isinstance(self.threshold, str) or needs_second


AT_HALF = DecisionRule(
    threshold=0.5, none="empty"
)  # the probability 0.5, or the margin 0


def decide(
    rule: DecisionRule,
    score_kind: str,
    held_out: tuple[Labels, Scores] | None,
    labels: Labels,
) -> Decision | None:
    """Return the decision by a rule, given all training ``labels``.

    ``held_out`` documents decide it. If each document has one label, there is nothing
    to decide: ``None``.
    """
    if form_of(labels).has_one_label:
        return None
    given, none = rule.threshold, rule.none
    if isinstance(given, float):
        given = float(
            np.log(given) - (score_kind != "log_probabilities") * np.log1p(-given)
        )
    if none == "chosen" and labels.any(axis=1).all():
        none = "best"
    best_above = ALWAYS if none == "best" else None
    if isinstance(given, float) and none != "chosen":
        return Decision(threshold=given, best_above=best_above)
    assert held_out  # noqa: S101 - the engines hold some out
    own, scores = held_out
    if given == "by_topic":
        return Decision(
            threshold=thresholds_by_topic(own, scores), best_above=best_above
        )
    return best_decision(own, scores, none, given if isinstance(given, float) else None)


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
    others, best = (
        _ordered(scores[mask], labels[mask]) for mask in (~is_best, is_best)
    )
    first = np.append(np.inf, others[0])  # the lowest score that each cut accepts
    fewest = np.searchsorted(
        -best[0], -first, side="right"
    )  # above the first threshold, too
    value = -1.0
    while True:
        gains, gains_of_best = (
            _gains(*part, max(value, 0.0)) for part in (others, best)
        )
        if none == "best":
            gains_of_best[:-1] = -np.inf
        from_end = np.maximum.accumulate(gains_of_best[::-1])[::-1]
        total = gains + from_end[fewest]
        cut = (
            int(total.argmax())
            if threshold is None
            else int((others[0] >= threshold).sum())
        )
        start = fewest[cut] if threshold is None else int((best[0] >= threshold).sum())
        second = int(start + gains_of_best[start:].argmax())
        right = others[1][:cut].sum() + best[1][:second].sum()
        found = 2 * float(right) / max(int(labels.sum()) + cut + second, 1)
        if found <= value:
            break
        value, cuts = found, (cut, second)
    low = best[0][cuts[1]] if cuts[1] < len(best[0]) else -np.inf
    if threshold is None:
        threshold = _between(others[0], cuts[0], float(low))
    above = {"empty": None, "best": ALWAYS}
    best_above = (
        above[none] if none in above else min(threshold, _between(best[0], cuts[1]))
    )
    return Decision(threshold=threshold, best_above=best_above)


def _ordered(scores: Scores, right: Labels) -> tuple[Scores, Labels]:
    order = np.argsort(-scores, kind="stable")
    return scores[order], right[order]


def _gains(scores: Scores, right: Labels, value: float) -> NDArray[np.float64]:
    """Return what accepting the highest scores gains, by their number; equal ones go
    together.
    """
    gains = np.append(0.0, np.cumsum(2.0 * right - value))
    gains[1:-1][scores[:-1] == scores[1:]] = -np.inf
    return gains


def _between(scores: Scores, cut: int, low: float = -np.inf) -> float:
    """Return a threshold that accepts ``cut`` scores, in the middle of the gap above
    the others.
    """
    low = max([low, *scores[cut : cut + 1].tolist()])
    if not cut:
        return float(np.nextafter(np.float32(low), np.float32(np.inf)))
    last = float(scores[cut - 1])
    middle = float(np.float32((last + low) / 2))
    return middle if low < middle <= last else last


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
    thresholds, before = np.full(labels.shape[1], of_all), np.zeros(2)
    for number, topic in enumerate(
        np.argsort(-labels.sum(axis=0, dtype=int), kind="stable"), 1
    ):
        own, right = _ordered(scores[:, topic], labels[:, topic])
        n_right = 2.0 * np.append(0, np.cumsum(right, dtype=int))
        of = np.arange(len(own) + 1.0) + right.sum()
        micro = (n_right + before[0]) / (of + before[1]).clip(1)
        value = n_right / of.clip(1) / number + micro
        value[1:-1][own[:-1] == own[1:]] = -np.inf
        is_known = own[0] > own[-1]
        cut = int(value.argmax()) if is_known else 0
        if is_known:
            thresholds[topic] = _between(own, cut)
        before += n_right[cut], of[cut]
    return thresholds.tolist()
