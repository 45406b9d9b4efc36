"""The answers of models to the same documents, as arrays.

``code_answers(labels, answers, missing)`` returns them for ``verdict``.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from rnnbench.data.sources.files import MAX_LABELS
from rnnbench.data.sources.texts import LONGEST_LABEL
from rnnbench.errors import UserError
from rnnbench.labels import Positions
from rnnbench.outside.coding import (
    NO_ANSWER,
    Array,
    Coding,
    Topics,
    coding_of,
    depth,
)
from rnnbench.results.run import StoredRun
from rnnbench.section import spell
from rnnbench.text import counted, listed
from rnnbench.training.outcome import labels_of

log = logging.getLogger("rnnbench.outside.judge")
Missing = Literal["error", "drop", "wrong"]
Training = tuple[str, int]  # the model and the seed


@dataclass(frozen=True)
class CodedAnswers:
    """The labels of documents, and the answers to them, in one coding."""

    coding: Coding
    topics: list[str]
    """Those of the labels come first."""
    labels: Array
    answers: dict[Training, Array]

    def to(self, documents: Positions) -> "CodedAnswers":
        """Return the labels and the answers of some documents, in that order."""
        answers = {
            training: array[documents] for training, array in self.answers.items()
        }
        return replace(self, labels=self.labels[documents], answers=answers)


def code_answers(
    labels: Any, answers: Mapping[str, Any], missing: Missing
) -> CodedAnswers:
    """Return labels, or those of a run, and answers as arrays.

    Raises:
        UserError: labels and answers do not fit together.
    """
    run = None
    if isinstance(labels, StoredRun):
        run = labels
        labels = None
        if run.results.dataset.kind.has_topics:
            labels = labels_of(run.trials)
    trainings = _trainings(labels, answers)
    coding = coding_of(labels)
    topics = _topics_of(run, labels, coding)
    arrays = {
        training: coding.array(topics, values) for training, values in trainings.items()
    }
    _check_size(topics.names)
    if run is not None:
        right = labels_of(run.trials)
    elif labels is None:
        n_documents = len(next(iter(arrays.values())))
        right = np.zeros(n_documents, np.int32)
    else:
        right = coding.array(topics, labels)
    _check_lengths(arrays, len(right))
    if missing == "wrong":
        needed = coding.needs_no_answer(right)
        if any((coding.is_missing(array) & needed).any() for array in arrays.values()):
            topics.names.append(NO_ANSWER)
    n_topics = len(topics.names)
    right = coding.widened(right, n_topics)
    for training, array in arrays.items():
        arrays[training] = coding.widened(array, n_topics)
    for (model, _), array in arrays.items():
        if not coding.has_right_one(array, right):
            labels_in_words = listed(topics.names)
            log.warning(
                "%s: no answer is right; all labels: %s", model, labels_in_words
            )
    return CodedAnswers(coding, topics.names, right, arrays)


def _trainings(labels: Any, answers: Mapping[str, Any]) -> dict[Training, Any]:
    """Return the answers of each training, as they are; check what holds them."""
    if not isinstance(answers, Mapping):
        raise UserError(
            "verdict: answers should be a dict, with those of each model by its name"
        )
    if labels is not None:
        _check_collection("labels", labels)
    for model, values in answers.items():
        _check_collection(model, values)
    trainings: dict[Training, Any] = {}
    for model, values in answers.items():
        for seed, of_seed in _by_seed(labels, values).items():
            if not hasattr(seed, "__index__"):
                fault = f"got the seed {spell(seed)} (allowed: 0, 1, ...)"
                raise UserError(f"verdict: {model}: {fault}")
            trainings[model, int(seed)] = of_seed
    first = next(iter(trainings.values()), ())
    if not len(first):
        raise UserError("verdict: no documents, or no models")
    return trainings


def _check_collection(name: str, values: Any) -> None:
    """Raise ``UserError`` if labels or answers are no list and no array."""
    if isinstance(values, str) or not isinstance(values, Collection):
        fault = f"got {spell(values)} (should be a list or an array)"
        raise UserError(f"verdict: {name}: {fault}")


def _by_seed(labels: Any, answers: Any) -> Mapping[Any, Any]:
    """Return the answers of a model by seed; a single training has the seed 0."""
    if isinstance(answers, Mapping):
        return answers
    if depth(answers) <= max(1, depth(labels)):
        return {0: answers}
    return dict(enumerate(answers))


def _topics_of(run: StoredRun | None, labels: Any, coding: Coding) -> Topics:
    """Return the topics of a run or of labels, in the order that tables show."""
    if run is not None:
        return Topics(count.topic for count in run.results.dataset.topics)
    if labels is None:
        return Topics(["0"])
    topics = Topics()
    coding.array(topics, labels)
    if not topics.names:
        raise UserError("verdict: no labels")
    return Topics(sorted(topics.names, key=natural))


def natural(name: str) -> tuple[bool, int, str]:
    """Return the key that sorts names, and numbers among them by size."""
    is_number = name.isdecimal() and len(name) < 20
    if is_number:
        return False, int(name), name
    return True, 0, name


def _check_size(labels: Sequence[str]) -> None:
    """Raise ``UserError`` if there are too many labels, or one is too long."""
    longest = max(map(len, labels), default=0)
    if len(labels) > MAX_LABELS or longest > LONGEST_LABEL:
        number = counted(len(labels), "different label")
        length = counted(longest, "character")
        limits = f"{MAX_LABELS:,} of {LONGEST_LABEL}; or scores of the answers"
        raise UserError(f"verdict: {number} of up to {length} (allowed: {limits})")


def _check_lengths(arrays: Mapping[Training, Array], n_documents: int) -> None:
    """Raise ``UserError`` if a training has fewer or more answers than documents."""
    for (model, _), array in arrays.items():
        if len(array) != n_documents:
            n_answers = counted(len(array), "answer")
            fault = f"{n_answers}, but {counted(n_documents, 'document')}"
            raise UserError(f"verdict: {model}: {fault}")
