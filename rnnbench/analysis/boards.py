"""Several runs: rankings of their models, metrics from run to run, and mean ranks over
datasets.

Mean ranks are those of J. Demšar (Statistical comparisons of classifiers over multiple
data sets. Journal of Machine Learning Research 7, 2006): a model has one rank on each
dataset.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from math import inf
from pathlib import Path

import numpy as np
import scipy

from rnnbench.analysis.compare import Change, compare_runs, documents_of
from rnnbench.analysis.comparisons import (
    compare_with_best,
    correctness_by_model,
    ranks_of,
)
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.metrics import COSTS, METRICS, find_quantity, usable_metrics
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import DIGITS, Comparison, ModelSummary, Statistic
from rnnbench.section import StoredRecord
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.ranks import (
    ALPHA,
    critical_difference,
    friedman_test,
    groups_within,
)

log = logging.getLogger(__name__)


class RankedModel(StoredRecord):
    """A model of a run."""

    rank: int | None  # from 1; equals share a rank. None for a model without the metric
    run: str
    model: ModelSummary
    against_best: Comparison | None  # of the model with the best score; None for itself
    possible_ranks: tuple[int, int]  # the first and the last, by the main metric


class OnSameDocuments(StoredRecord):
    """Runs on the same documents, compared by a metric; each may cut and pad them
    differently.
    """

    metric: str
    dataset: DatasetSummary  # of the first run

    @property
    def is_tested(self) -> bool:
        """Whether the metric is the main one, whose differences are tested."""
        return self.metric == self.dataset.kind.main


class Board(OnSameDocuments):
    """The models that answered the same documents, the best first."""

    runs: list[str]
    entries: list[RankedModel]


class HistoryEntry(StoredRecord):
    """A run in a history."""

    run: str
    date: str | None  # when its last trials were trained: UTC, as ISO 8601
    commit: str | None
    version: str  # of rnnbench, as is the commit
    values: dict[str, Statistic | None]  # the metric by model
    changes: dict[
        str, Change
    ]  # by model, since the run before; of the main metric alone


class RunHistory(OnSameDocuments):
    """The runs that were tested on the same documents, the oldest first."""

    models: list[str]
    entries: list[HistoryEntry]


def rank_runs(runs: Sequence[StoredRun], metric: str | None = None) -> list[Board]:
    """Return a leaderboard for each set of documents; trials in several runs count
    once.
    """
    boards = []
    for group in _groups(runs, None):
        dataset = next(iter(group.values())).results.dataset
        used = metric_of(dataset, metric)
        found: dict[tuple[object, ...], tuple[str, ModelSummary, Correctness]] = {}
        for name, run in group.items():
            for model, hits in zip(
                run.results.models, correctness_by_model(run).values(), strict=True
            ):
                marks = [trial.fingerprint for trial in model.trials]
                found.setdefault(
                    (model.name, *marks, hits.parts.tobytes()), (name, model, hits)
                )
        named = {
            f"{model.name} of {name}": hits for name, model, hits in found.values()
        }
        against_best, entries = compare_with_best(named), []
        possible_ranks = ranks_of(named)
        scores = [score_of(model, used) for _, model, _ in found.values()]
        for (name, model, _), score in zip(found.values(), scores, strict=True):
            label = f"{model.name} of {name}"
            entry = RankedModel(
                rank=None
                if score == -inf
                else 1 + sum(other > score for other in scores),
                run=name,
                model=model,
                against_best=against_best.get(label),
                possible_ranks=possible_ranks[label],
            )
            entries.append(entry)
        entries.sort(key=lambda entry: entry.rank or inf)
        boards.append(
            Board(metric=used, dataset=dataset, runs=list(group), entries=entries)
        )
    return boards


def trace_runs(
    runs: Sequence[StoredRun],
    metric: str | None = None,
    names: Sequence[str] | None = None,
) -> list[RunHistory]:
    """Return a history for each set of documents; runs have ``names``, or else ends of
    paths.
    """
    histories = []
    for group in _groups(runs, names):
        named = sorted(
            group.items(), key=lambda named: named[1].environment.get("date") or ""
        )
        models = dict.fromkeys(
            model.name for _, run in named for model in run.results.models
        )
        dataset = named[0][1].results.dataset
        used = metric_of(dataset, metric)
        history = RunHistory(
            metric=used, dataset=dataset, models=list(models), entries=[]
        )
        for before, (name, run) in zip(
            [None, *(run for _, run in named)], named, strict=False
        ):
            is_tested = (
                before
                and history.is_tested
                and before.trials.keys() & run.trials.keys()
            )
            changes = compare_runs(before, run).models if before and is_tested else []
            entry = HistoryEntry(
                run=name,
                date=run.environment.get("date"),
                commit=run.environment["git_commit"],
                version=run.environment["versions"]["rnnbench"],
                values={
                    of.name: of.statistic(history.metric) for of in run.results.models
                },
                changes={change.name: change for change in changes},
            )
            history.entries.append(entry)
        histories.append(history)
    return histories


def _groups(
    runs: Sequence[StoredRun], names: Sequence[str] | None
) -> list[dict[str, StoredRun]]:
    groups: dict[tuple[str, bytes], dict[str, StoredRun]] = {}
    for name, run in zip(
        names or distinct_names([run.folder for run in runs]), runs, strict=True
    ):
        groups.setdefault(documents_of(run), {})[name] = run
    return list(groups.values())


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return for each folder the shortest end of its path that no other folder
    shares.
    """
    paths = [folder.resolve().parts for folder in folders]
    ends = {
        path: [path[-depth:] for depth in range(1, len(path) + 1)] for path in paths
    }
    counts = Counter(chain(*ends.values()))
    return [
        str(Path(*next(end for end in ends[path] if counts[end] == 1)))
        for path in paths
    ]


def metric_of(dataset: DatasetSummary, name: str | None) -> str:
    """Return the name of a metric or a cost that a kind of task has, by default the
    main one.
    """
    if name is None:
        return dataset.kind.main
    find_quantity(name, "metric")
    if not has_metric(dataset, name):
        allowed = ", ".join([*usable_metrics(dataset.task), *COSTS])
        problem = (
            f"{dataset.source} is a task of the kind {dataset.task}, which has none"
        )
        raise UserError(f"metric {name}: {problem} (allowed: {allowed})")
    return name


def has_metric(dataset: DatasetSummary, name: str) -> bool:
    """Return whether models of this kind of task can have a metric or a cost."""
    return name in COSTS or dataset.kind.is_among(METRICS[name].tasks)


def score_of(model: ModelSummary, metric: str) -> float:
    """Return a rounded number that is higher for a better model; without the metric,
    ``-inf``.
    """
    mean = model.mean_of(metric)
    sign = 1 if find_quantity(metric, "--metric").higher_is_better else -1
    return -inf if mean is None else round(sign * mean, DIGITS)


# Mean ranks over datasets


class RankedDataset(StoredRecord):
    """A set of documents, and the ranks of the models on it."""

    name: str  # its source and, in brackets, the runs that the ranked models come from
    corpus_fingerprint: str
    ranks: dict[
        str, float
    ]  # by model; 1 is the best, and equals share the mean of their ranks


class FriedmanTest(StoredRecord):
    """Whether models have different ranks at all."""

    chi_squared: float  # Friedman's statistic
    f: (
        float | None
    )  # that of Iman and Davenport; None if all datasets agree, where it is infinite
    df: tuple[int, int]
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether the ranks differ."""
        return self.p < ALPHA


class MeanRanks(StoredRecord):
    """The mean ranks of models over datasets, and which of them are told apart."""

    metric: str
    datasets: list[RankedDataset]
    models: dict[str, float]  # the mean rank of each model, the best first
    test: FriedmanTest
    critical_difference: float
    groups: list[
        list[str]
    ]  # the largest sets of at least two models that are not told apart
    left_out: dict[
        str, list[str]
    ]  # models that are not ranked, and the datasets that they lack


def rank_over_datasets(boards: Sequence[Board]) -> MeanRanks:
    """Return the mean ranks, by name, of the models that all boards have; a board is a
    dataset.

    Warnings name models that are left out, and those in several runs, of which the
    first counts.
    """
    needs = "a critical-difference diagram needs 2"
    found = {_name(board, board.runs): _measured(board) for board in boards}
    if len(boards) < 2:
        got = "".join(f", {name}" for name in found)
        hint = "runs on the same documents count as one"
        raise UserError(f"{needs} datasets or more, got {len(boards)}{got} ({hint})")
    names = dict.fromkeys(
        entry.model.name for board in boards for entry in board.entries
    )
    lacks = {
        name: [of for of, entries in found.items() if name not in entries]
        for name in names
    }
    left_out = {name: without for name, without in lacks.items() if without}
    common, metric = [name for name in names if name not in left_out], boards[0].metric
    if others := {board.metric for board in boards} - {metric}:
        got = f"got ranks by {metric} and {min(others)}"
        raise UserError(f"{needs} runs of one kind of task, {got}")
    if len(common) < 2:
        lists = "; ".join(
            f"{name}: {', '.join(of) or 'none'}" for name, of in found.items()
        )
        got = f"got {len(common)}; models are matched by name ({lists})"
        raise UserError(f"{needs} models or more that all datasets have, {got}")
    for name, without in left_out.items():
        log.warning("%s: left out, no %s on %s", name, metric, ", ".join(without))
    datasets = [
        _ranked(*pair, common) for pair in zip(boards, found.values(), strict=True)
    ]
    ranks = np.array([list(dataset.ranks.values()) for dataset in datasets])
    means = zip(common, ranks.mean(axis=0).tolist(), strict=True)
    models = dict(sorted(means, key=lambda mean: mean[1]))
    friedman = friedman_test(ranks)
    test = FriedmanTest(
        chi_squared=friedman.chi_squared, f=friedman.f, df=friedman.df, p=friedman.p
    )
    difference = critical_difference(*ranks.shape)
    return MeanRanks(
        metric=metric,
        datasets=datasets,
        models=models,
        test=test,
        critical_difference=difference,
        # Without a difference at all, as Demšar has it, pairs are not tested.
        groups=groups_within(models, difference) if test.is_clear else [list(models)],
        left_out=left_out,
    )


def _ranked(
    board: Board, entries: Mapping[str, RankedModel], names: list[str]
) -> RankedDataset:
    counts = Counter(entry.model.name for entry in board.entries)
    if several := [name for name in names if counts[name] > 1]:
        log.warning(
            "%s: the first run counts for %s",
            _name(board, board.runs),
            ", ".join(several),
        )
    used = {entries[name].run for name in names}
    scores = np.array([score_of(entries[name].model, board.metric) for name in names])
    return RankedDataset(
        name=_name(board, [run for run in board.runs if run in used]),
        corpus_fingerprint=board.dataset.corpus_fingerprint,
        ranks=dict(zip(names, scipy.stats.rankdata(-scores).tolist(), strict=True)),
    )


def _name(board: Board, runs: Sequence[str]) -> str:
    return f"{board.dataset.source} ({', '.join(runs)})"


def _measured(board: Board) -> dict[str, RankedModel]:
    """Return the entry of each model that has the metric; of several, that of the first
    run.
    """
    first_run_last = sorted(
        board.entries, key=lambda entry: -board.runs.index(entry.run)
    )
    return {
        entry.model.name: entry for entry in first_run_last if entry.rank is not None
    }
