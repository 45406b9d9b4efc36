"""One verdict on answers from anywhere: scores with intervals, and paired differences."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnbench.analysis.comparisons import MAX_IN_PAIRS, compare_pairs
from rnnbench.analysis.intervals import Hits, score_interval
from rnnbench.analysis.summary import statistic
from rnnbench.errors import UserError
from rnnbench.report.table import Shown, Table, mean_and_interval, scope, table_of
from rnnbench.report.tables_of_run import differences_table
from rnnbench.results.schema import Comparison, Interval, Statistic
from rnnbench.section import Record
from rnnbench.tasks import MULTI_LABEL, SINGLE_LABEL, TASKS
from rnnbench.text import counted

Answers = ArrayLike | Sequence[Collection[str]]
"""One label for each document, of any type, ``(n,)``; or 0 and 1, ``(n, n_topics)``; or a list of
the topics of each document."""


class Judged(Record):
    """The answers of one model."""

    name: str
    score: Statistic
    """The main metric over its seeds."""
    interval: Interval
    """Of the mean, over other documents and, with several seeds, over other seeds."""


class Verdict(Shown, Record):
    """Scores of models on the same documents, and their differences; displayed as tables."""

    task: str
    """The kind of task."""
    n_documents: int
    models: list[Judged]
    comparisons: list[Comparison]
    """Of all pairs of models."""

    def tables(self) -> list[Table]:
        """Return the scores, and the differences."""
        n_seeds = max(model.score.n for model in self.models)
        name = TASKS[self.task].score_name
        columns = {
            "model": lambda model: model.name,
            f"{name} (mean ± 95 % over seeds)": lambda model: mean_and_interval(model.score),
            f"95 % interval {scope(n_seeds)}": lambda model: f"{model.interval:.4f}",
        }
        caption = f"{counted(self.n_documents, 'document')}, {counted(n_seeds, 'seed')} or fewer."
        scores = table_of(self.models, columns, caption)
        return [scores, *([differences_table(self.comparisons, name)] if self.comparisons else [])]


def verdict(
    labels: Answers, answers: Mapping[str, Answers | Sequence[Answers]], *, in_order: bool = False
) -> Verdict:
    """Compare models by their answers to the same documents.

    Accuracies are compared if each document has one label, and micro-F1 if it has any number of
    topics. See ``docs/trust.md`` for the intervals and tests.

    Args:
        labels: the right answers.
        answers: of each model by name, in the order of ``labels``; of one model in several
            trainings, a list with the answers of each. A model with one training is judged as it
            is, and not as one of many that another seed could have given.
        in_order: whether documents are in order of time, so that errors come in bursts.

    Raises:
        UserError: there are no documents, answers are missing, or they are of another kind than
            the labels.

    >>> verdict(["a", "b"], {"x": ["a", "b"], "y": ["b", "b"]}).models[1].score.mean
    0.5
    """
    by_model = {name: _trials(labels, own) for name, own in answers.items()}
    coded = _coded([labels, *(own for trials in by_model.values() for own in trials)])
    right = coded.pop(0)
    task = SINGLE_LABEL if right.ndim == 1 else MULTI_LABEL
    if not len(right) or not by_model:
        raise UserError("verdict: no documents, or no models")
    hits, models = {}, []
    for name, trials in by_model.items():
        own = [coded.pop(0) for _ in trials]
        for given in own:
            if given.shape != right.shape:
                shapes = f"answers of the shape {given.shape}, labels of the shape {right.shape}"
                raise UserError(f"verdict: {name}: {shapes} (should be the same)")
        parts = np.stack([task.parts(right, given) for given in own], axis=-2)
        hits[name] = Hits(parts, in_order, is_random=len(own) > 1)
        mean = statistic(hits[name].values.mean(axis=1).tolist())
        models.append(Judged(name=name, score=mean, interval=score_interval(hits[name])))
    if len(hits) > MAX_IN_PAIRS:
        raise UserError(f"verdict: {len(hits)} models (allowed: up to {MAX_IN_PAIRS})")
    comparisons = compare_pairs(list(combinations(hits, 2)), hits, comb(len(hits), 2))
    return Verdict(task=task.name, n_documents=len(right), models=models, comparisons=comparisons)


def _depth(answers: Any) -> int:
    """Return how many dimensions answers have; a collection of topics is one."""
    if isinstance(answers, np.ndarray):
        return answers.ndim
    if isinstance(answers, str | bytes) or not isinstance(answers, Collection):
        return 0
    return 1 + max((_depth(one) for one in answers), default=0)


def _trials(labels: Any, answers: Any) -> list[Any]:
    """Return the answers of each trial of a model."""
    return [answers] if _depth(answers) <= _depth(labels) else list(answers)


def _coded(several: Sequence[Any]) -> list[NDArray[Any]]:
    """Return labels and answers as integers ``(n,)``, or as 0 and 1 ``(n, n_topics)``."""
    first = several[0]
    if _depth(first) > 1 and not _is_indicator(first):
        names = sorted({topic for answers in several for own in answers for topic in own})
        places = {name: place for place, name in enumerate(names)}
        coded = [np.zeros((len(answers), max(len(names), 1)), np.uint8) for answers in several]
        for rows, answers in zip(coded, several, strict=True):
            for row, own in zip(rows, answers, strict=True):
                row[[places[topic] for topic in own]] = 1
        return coded
    arrays = [np.asarray(answers) for answers in several]
    if _depth(first) > 1:
        return [array.astype(np.uint8) for array in arrays]
    codes: dict[Any, int] = {}
    return [
        np.array([codes.setdefault(label, len(codes)) for label in array.tolist()], np.int64)
        for array in arrays
    ]


def _is_indicator(labels: Any) -> bool:
    try:
        array = np.asarray(labels)
    except ValueError:  # rows of different lengths
        return False
    return array.ndim == 2 and array.dtype.kind in "iub" and bool(np.isin(array, (0, 1)).all())
