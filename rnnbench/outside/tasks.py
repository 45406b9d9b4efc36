"""Models on several tasks: ranked on each, and by the mean of their scores.

>>> on_tasks = rank_on_tasks({"qa": judged, "nli": other})  # doctest: +SKIP
>>> on_tasks.best_first[0].possible_ranks  # doctest: +SKIP
(1, 2)
"""

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise, product, zip_longest

import numpy as np

from rnnbench.analysis import boards
from rnnbench.analysis.comparisons import (
    MAX_IN_PAIRS,
    compare_pairs,
    rank_models,
)
from rnnbench.errors import UserError
from rnnbench.outside.judge import Verdict
from rnnbench.outside.words import about_best
from rnnbench.report.table import MISSING, Table
from rnnbench.report.words import possible_ranks, short_p
from rnnbench.results.comparison import Comparison
from rnnbench.section import StoredRecord
from rnnbench.stats.correctness import Correctness
from rnnbench.text import sentences

log = logging.getLogger(__name__)


class ModelOnTasks(StoredRecord):
    """A model that answered all tasks."""

    name: str
    scores: dict[str, float]
    """By task."""
    ranks: dict[str, tuple[int, int]]
    """The first and the last possible rank on each task."""
    mean: float
    """Of its scores."""
    possible_ranks: tuple[int, int]
    """By the mean."""
    against_next: Comparison | None
    """The difference of its mean from the next lower one; ``None`` for the last."""


class SeveralTasks(StoredRecord):
    """The models that answered all of several tasks."""

    verdict: str
    best_first: list[ModelOnTasks]
    groups: list[list[str]]
    """The largest sets of neighbours of which no two clearly differ by the mean."""
    mean_ranks: boards.MeanRanks | None
    """Friedman's and Nemenyi's tests; ``None`` if models or metrics are too few."""


def rank_on_tasks(tasks: Mapping[str, Verdict]) -> SeveralTasks:
    """Rank the models that have answers to all tasks.

    The tasks are fixed: intervals and tests of means are over documents and seeds, and
    each task has the same weight, whatever its size.

    Raises:
        UserError: no model has answered all tasks.
    """
    all_boards = []
    for judged in tasks.values():
        all_boards += boards.rank_runs([judged])
    pooled = _pooled(list(tasks.values()))
    names = sorted(pooled, key=lambda name: -pooled[name].score)
    pairs = list(combinations(names, 2))
    if len(names) > MAX_IN_PAIRS:
        pairs = list(pairwise(names))
    compared = dict(zip(pairs, compare_pairs(pairs, pooled), strict=True))
    ranked = rank_models(pooled)
    best_first = []
    for name, lower in zip_longest(names, names[1:]):
        model = ModelOnTasks(
            name=name,
            scores={},
            ranks={},
            mean=pooled[name].score,
            possible_ranks=ranked.ranks[name],
            against_next=compared.get((name, lower or "")),
        )
        for task, board in zip(tasks, all_boards, strict=True):
            for entry in board.entries:
                if entry.model.name == name and entry.possible_ranks is not None:
                    model.scores[task] = entry.model.score.mean
                    model.ranks[task] = entry.possible_ranks
        best_first.append(model)
    mean_ranks = None
    if len(names) > 1:
        try:
            mean_ranks = boards.rank_over_datasets(all_boards)
        except UserError as error:  # of several kinds
            log.warning("no mean ranks: %s", error)
    return SeveralTasks(
        verdict=about_best(
            names[0],
            pooled[names[0]].score,
            f"mean score over {len(tasks)} tasks",
            ranked.against_best,
        ),
        best_first=best_first,
        groups=_groups(names, compared),
        mean_ranks=mean_ranks,
    )


def _pooled(tasks: Sequence[Verdict]) -> dict[str, Correctness]:
    """Return how right models are on the documents of all tasks together.

    The mean of a model's values is that of its scores. Their variance is that over the
    documents of fixed tasks: each task is as if centred at that mean.
    """
    n_documents = 0
    names = list(tasks[0].trials)
    for judged in tasks:
        n_documents += judged.results.dataset.test_size
        for name in set(names) - judged.trials.keys():
            names.remove(name)
    if not names:
        raise UserError("verdict: no model has answers to all tasks")
    clusters = _clusters(tasks, n_documents)
    pooled = {}
    for name in names:
        values = []
        for judged in tasks:
            values.append(judged.judgement.compared.models[name].values)
        numbers = sorted(map(len, values))
        n_seeds = numbers[0]
        if n_seeds < numbers[-1]:
            log.warning("%s: the mean is over its first %d seeds", name, n_seeds)
        mean = 0.0
        parts = []
        for of_task in values:
            used = of_task[:n_seeds]
            mean += used.mean() / len(tasks)
            weight = n_documents / (len(tasks) * used.shape[1])
            parts.append(weight * (used - used.mean()))
        parts_of_all = mean + np.concatenate(parts, axis=1)
        pooled[name] = Correctness(
            parts_of_all, is_random=n_seeds > 1, clusters=clusters
        )
    return pooled


def _clusters(tasks: Sequence[Verdict], n_documents: int) -> list[int] | None:
    """Return the clusters of all documents; those without are one each."""
    clusters: list[int] = []
    start = 0
    for judged in tasks:
        documents = judged.judgement.documents
        numbers = documents.clusters or range(len(documents.positions))
        for number in numbers:
            clusters.append(start + number)
        start = max(clusters) + 1
    if start == n_documents:
        return None
    return clusters


def _groups(
    names: Sequence[str], compared: Mapping[tuple[str, str], Comparison]
) -> list[list[str]]:
    """Return the largest sets of neighbours of which no two clearly differ."""
    clear = {pair for pair, comparison in compared.items() if comparison.is_clear}
    groups: list[list[str]] = []
    for start in range(len(names)):
        group: list[str] = []
        for name in names[start:]:
            if clear.intersection(product(group, [name])):
                break
            group.append(name)
        is_part = bool(groups) and groups[-1][-1] == group[-1]
        if len(group) > 1 and not is_part:
            groups.append(group)
    return groups


def tasks_table(on_tasks: SeveralTasks) -> Table:
    """Return a row for each model, the best first, with a column for each task."""
    tasks = list(on_tasks.best_first[0].scores)
    headers = ["model", "mean", "possible ranks", *tasks, "against the next"]
    rows = []
    for model in on_tasks.best_first:
        row = [model.name, f"{model.mean:.4f}", possible_ranks(model.possible_ranks)]
        for task in tasks:
            row.append(
                f"{model.scores[task]:.4f} ({possible_ranks(model.ranks[task])})"
            )
        verdict = MISSING
        if model.against_next is not None:
            p = short_p(model.against_next.p_corrected)
            verdict = f"{model.against_next.verdict} (p = {p})"
        rows.append([*row, verdict])
    groups = []
    for group in on_tasks.groups:
        groups.append(" = ".join(group))
    caption = sentences(
        "In brackets: possible ranks on each task. Mean: of the scores, each task with "
        "the same weight.",
        f"Cannot be told apart by their means: {'; '.join(groups) or 'none'}.",
    )
    return Table(headers, rows, caption)
