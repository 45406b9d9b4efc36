"""Answers in free text, such as those of language models, read as labels.

>>> to_label = AnswerLabels(["sports", "politics"])
>>> to_label["The answer is **Sports**."], to_label["Sports or politics?"]
('sports', None)

Of an answer that is no label, letters alone count, in lower case. It stands for the
label that it is then, or else for the only label in what follows the last "answer",
"label", "category" or "class", or else, of three words or more, for the only label in
it. "not sports" and "non-sports" are not "sports".
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rnnbench.errors import shortened
from rnnbench.labels import spelled
from rnnbench.outside.coding import ALIKE, Array

log = logging.getLogger(__name__)
MARK = re.compile(r".*\b(?:answer|label|category|class)\b(?: is|:)?(.*)", re.I | re.S)
RULE = "case, punctuation, `the answer is X`, or the only label in the text"
LONGEST = 10_000  # characters of an answer that are looked at
SHOWN = 60


class AnswerLabels(dict[str, str | None]):
    """The label that each answer stands for, or ``None``."""

    def __init__(self, labels: Iterable[str]):
        names = sorted(set(labels))
        super().__init__(zip(names, names, strict=True))
        for alike in ALIKE:
            if not self.keys().isdisjoint(alike):  # "True" stands for 1
                self.update(zip(alike, alike, strict=True))
        self._by_letters = dict(zip(map(_letters, names), names, strict=True))
        for letters, number in Counter(map(_letters, names)).items():
            if number > 1:
                del self._by_letters[letters]
        longest_first = sorted(map(re.escape, self._by_letters), key=len, reverse=True)
        self._within = re.compile(
            rf"(?<!\bnot )(?<!\bnon )\b(?:{'|'.join(longest_first)})\b"
        )

    def __missing__(self, answer: str) -> str | None:
        label = self._by_letters.get(_letters(answer))
        marked = MARK.match(answer[:LONGEST])
        if label is None and marked:
            label = self._only_one(marked[1])
        if label is None and len(_letters(answer).split()) > 2:
            label = self._only_one(answer[:LONGEST])
        self[answer] = label
        return label

    def _only_one(self, text: str) -> str | None:
        within = set(self._within.findall(_letters(text)))
        if len(within) == 1:
            return self._by_letters.get(within.pop())
        return None


def _letters(text: str) -> str:
    """Return a text in lower case, with a space for all that is between words."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def read_as_labels(
    answers: Mapping[str, Mapping[int, Array]], labels: Sequence[object]
) -> None:
    """Replace texts that are no label by the labels that they stand for, and say so."""
    if not {str, int, type(None)} >= set(map(type, labels)):
        return  # several labels a document
    to_label = AnswerLabels(map(str, filter(None, map(spelled, labels))))
    for model, trainings in answers.items():
        replaced: list[str] = []
        unclear: list[str] = []
        n_answers = 0
        for array in trainings.values():
            n_answers += len(array)
            for place, answer in enumerate(array):
                if type(answer) is not str or not answer.strip():
                    continue
                label = to_label[answer]
                if label is None:
                    unclear.append(answer)
                elif label != answer.strip():
                    array[place] = label
                    replaced.append(f"{shortened(answer, SHOWN)!r} as {label!r}")
        if replaced:
            number = f"{len(replaced):,} of {n_answers:,} answers read as labels"
            hint = f"{RULE}; --exact takes them as they are"
            log.warning("%s: %s, such as %s (%s)", model, number, replaced[0], hint)
        if unclear:
            number = f"{len(unclear):,} of {n_answers:,} answers are no label"
            example = shortened(unclear[0], SHOWN)
            log.warning("%s: %s, such as %r", model, number, example)
