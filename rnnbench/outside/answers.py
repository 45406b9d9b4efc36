"""The answers of models to the same documents, as arrays.

``code_answers(labels, answers, missing)`` returns them for ``verdict``.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from rnnbench.errors import UserError
from rnnbench.labels import LONGEST_LABEL, MAX_LABELS, Positions
from rnnbench.outside.coding import (
    NO_ANSWER,
    SCORES,
    Array,
    Coding,
    Topics,
    Values,
    coding_of,
    depth,
)
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import spell
from rnnbench.tasks import SCORED, TaskKind
from rnnbench.text import counted, listed

log = logging.getLogger("rnnbench.outside.judge")
Missing = Literal["error", "drop", "wrong"]
Training = tuple[str, int]  # the model and the seed


@dataclass(frozen=True)
class CodedAnswers:
    """The labels of documents, and the answers to them, in one coding."""

    task: TaskKind
    coding: Coding
    topics: list[str]
    """Those of the labels come first."""
    labels: Array
    answers: dict[Training, Array]
    run: StoredRun | None = None
    """That on whose test documents the models were tested."""

    def to(self, documents: Positions) -> "CodedAnswers":
        """Return the labels and the answers of some documents, in that order."""
        answers = {
            training: array[documents] for training, array in self.answers.items()
        }
        return replace(self, labels=self.labels[documents], answers=answers)

    def with_wrong(self) -> dict[Training, Array]:
        """Return the answers with wrong ones in place of missing ones."""
        n_topics = len(self.topics)
        return {
            training: self.coding.with_wrong(array, self.labels, n_topics)
            for training, array in self.answers.items()
        }


def code_answers(labels: object, answers: object, missing: Missing) -> CodedAnswers:
    """Return labels, or those of a run, and answers as arrays.

    Raises:
        UserError: labels and answers do not fit together.
    """
    if isinstance(labels, StoredRun):
        return _code_for_run(labels, answers, missing)
    if labels is None:
        return _code_scores(answers, missing)
    values = _collection("labels", labels)
    trainings = _trainings(values, answers)
    coding = coding_of(values)
    topics = Topics()
    coding.array(topics, values)
    if not topics.names:
        raise UserError("verdict: no labels")
    topics = Topics(sorted(topics.names, key=natural))
    arrays = _arrays(coding, topics, trainings)
    right = coding.array(topics, values)
    coded = CodedAnswers(coding.task, coding, topics.names, right, arrays)
    return _completed(coded, missing)


def _code_scores(answers: object, missing: Missing) -> CodedAnswers:
    """Return scores as arrays; each document has the only topic, a failure."""
    arrays = _arrays(SCORES, Topics(), _trainings(None, answers))
    labels = np.zeros(len(next(iter(arrays.values()))), np.int32)
    return _completed(CodedAnswers(SCORED, SCORES, ["0"], labels, arrays), missing)


def _code_for_run(run: StoredRun, answers: object, missing: Missing) -> CodedAnswers:
    """Return the labels of a run, and answers to its test documents, as arrays."""
    dataset = run.results.dataset
    labels = None
    if dataset.kind.has_topics:
        labels = run.labels
    trainings = _trainings(labels, answers)
    coding = coding_of(labels)
    topics = Topics(dataset.topic_names)
    arrays = _arrays(coding, topics, trainings)
    coded = CodedAnswers(dataset.kind, coding, topics.names, run.labels, arrays, run)
    return _completed(coded, missing)


def _trainings(labels: Values | None, answers: object) -> dict[Training, Values]:
    """Return the answers of each training, as they are; check what holds them."""
    if not isinstance(answers, Mapping):
        raise UserError(
            "verdict: answers should be a dict, with those of each model by its name"
        )
    trainings: dict[Training, Values] = {}
    for model, of_model in answers.items():
        if not isinstance(model, str):
            raise UserError(f"verdict: got the model {spell(model)} (should be a text)")
        values = _collection(model, of_model)
        for seed, of_seed in _by_seed(labels, values).items():
            if not hasattr(seed, "__index__"):
                fault = f"got the seed {spell(seed)} (allowed: 0, 1, ...)"
                raise UserError(f"verdict: {model}: {fault}")
            trainings[model, int(seed)] = of_seed
    first = next(iter(trainings.values()), ())
    if not len(first):
        raise UserError("verdict: no documents, or no models")
    return trainings


def _collection(name: str, values: object) -> Values:
    """Return labels or answers; ``UserError`` if they are no list and no array."""
    match values:
        case str():
            pass
        case Collection():
            return values
    fault = f"got {spell(values)} (should be a list or an array)"
    raise UserError(f"verdict: {name}: {fault}")


def _by_seed(labels: Values | None, answers: Any) -> Mapping[Any, Values]:
    """Return the answers of a model by seed; a single training has the seed 0."""
    if isinstance(answers, Mapping):
        return answers
    if depth(answers) <= max(1, depth(labels)):
        return {0: answers}
    return dict(enumerate(answers))


def _arrays(
    coding: Coding, topics: Topics, trainings: Mapping[Training, Values]
) -> dict[Training, Array]:
    """Return the answers of each training as an array; new topics are added."""
    arrays = {}
    for training, values in trainings.items():
        arrays[training] = coding.array(topics, values)
    _check_size(topics.names)
    return arrays


def _completed(coded: CodedAnswers, missing: Missing) -> CodedAnswers:
    """Return answers with room for all topics, and one for those that are missing."""
    coding = coded.coding
    topics = coded.topics
    arrays = coded.answers
    _check_lengths(arrays, len(coded.labels))
    if missing == "wrong":
        needed = coding.needs_no_answer(coded.labels)
        if any((coding.is_missing(array) & needed).any() for array in arrays.values()):
            topics = [*topics, NO_ANSWER]
    right = coding.widened(coded.labels, len(topics))
    widened = {}
    for training, array in arrays.items():
        model, _ = training
        widened[training] = coding.widened(array, len(topics))
        if not coding.has_right_one(widened[training], right):
            in_words = listed(topics)
            log.warning("%s: no answer is right; all labels: %s", model, in_words)
    return replace(coded, topics=topics, labels=right, answers=widened)


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
