"""The threshold below which a model does not answer: ``--answer-where``.

``StoredAnswers(folder, key, dataset).promise("error <= 2%")`` chooses it on the stored
answers of a model to documents that it had not learned from.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnbench import stats  # imports SciPy when it is used
from rnnbench.data.summary import DatasetSummary, clusters_without
from rnnbench.errors import UserError
from rnnbench.results.store import Key, Store
from rnnbench.section import StoredRecord
from rnnbench.text import counted, number_in

CONDITION = re.compile(
    r"\s*error\s*<=?\s*(\d*\.?\d+\s*%?)\s*(?:with\s+(\d*\.?\d+\s*%))?\s*"
)
OPTION = "--answer-where"
UNSURE = "unsure"  # the answer of a model that is not sure enough
USUAL = "95%"  # the level, unless the condition has one


class AnswerRule(StoredRecord):
    """The sureness from which a model answers, and the promise that this keeps."""

    error: float
    """The largest share of wrong answers that is promised."""
    level: float
    """The probability with which the promise holds."""
    unsure_below: float | None
    """The least probability, or margin, of an answer; ``None`` if all are given."""
    answered: int
    """The documents that the threshold was chosen on and that are answered."""
    wrong: int
    """The wrong answers among them."""
    documents: int
    """All documents that the threshold was chosen on."""
    approximate: bool
    """Whether these documents depend on each other, so that the level is not exact."""

    def in_words(self) -> str:
        """Return the rule, its promise and what it was chosen on, in sentences."""
        rule = "to all texts"
        if self.unsure_below is not None:
            rule = f"'{UNSURE}' below {self.unsure_below:.6g}"
        sure = f"{100 * self.level:g} % confidence"
        if self.approximate:
            sure = f"about {sure}"
        share = f"{100 * self.answered / self.documents:.1f} %"
        return (
            f"{rule}. At most {100 * self.error:g} % of them are wrong ({sure}), if "
            f"the texts are like the {self.documents:,} documents that this was chosen "
            f"on. Of these, {share} are answered, {self.wrong:,} of them wrongly."
        )


@dataclass(frozen=True)
class StoredAnswers:
    """The stored answers of a trained model to documents that it did not learn from."""

    folder: Path
    key: Key
    dataset: DatasetSummary

    def promise(self, where: str) -> AnswerRule:
        """Return the rule with the most answers that keeps a promise.

        ``where`` is ``error <= 2%``, or ``error <= 2% with 90%``. Test documents that
        are in the training set, too, are left out. ``UserError``: it is not such a
        text, or no threshold can promise that.
        """
        error, level = _parsed(where)
        name, *_ = self.key
        if not self.dataset.kind.has_one_label:
            fault = f"{name} gives a text any number of {self.dataset.noun}s"
            hint = "only for one each; use --unsure-below"
            raise UserError(f"{OPTION}: {fault} ({hint})")
        copies = self.dataset.leaks
        trial = Store(self.folder).load(self.key).without(copies)
        sureness = trial.sureness
        correctness = stats.Correctness(
            (trial.answers == trial.labels)[np.newaxis],
            in_order=self.dataset.in_order,
            clusters=clusters_without(self.dataset.clusters, copies),
        )
        chosen = stats.answer_where(sureness, correctness, error, level)
        if chosen is None:
            lowest = stats.lowest_promise(sureness, correctness, level)
            fault = f"no threshold of {name} promises that"
            hint = f"the lowest error that one promises is {100 * lowest:.1f}%"
            if lowest == 1:
                chosen_on = counted(len(sureness), "document")
                hint = f"nor any other error; chosen on {chosen_on}"
            raise UserError(f"{OPTION} '{where}': {fault} ({hint})")
        unsure_below = None
        if chosen.threshold > -np.inf:
            unsure_below = chosen.threshold
        return AnswerRule(
            error=error,
            level=level,
            unsure_below=unsure_below,
            answered=chosen.n_answered,
            wrong=chosen.n_wrong,
            documents=len(sureness),
            approximate=correctness.groups is not None,
        )


def _parsed(where: str) -> tuple[float, float]:
    """Return the error and the level of a condition."""
    match = CONDITION.fullmatch(where)
    if match:
        error = number_in(match[1])
        level = number_in(match[2] or USUAL)
        if 0 < error < 1 and 0.5 <= level < 1:
            return error, level
    allowed = "should be like 'error <= 2%', or 'error <= 2% with 90%'"
    raise UserError(f"{OPTION}: got '{where}' ({allowed})")
