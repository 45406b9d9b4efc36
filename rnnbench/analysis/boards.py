"""Several runs: their models ranked, metrics from run to run, ranks over datasets.

>>> boards = rank_runs([run, other])  # doctest: +SKIP
>>> boards[0].entries[0].model.name  # doctest: +SKIP
'bigru_max'

Mean ranks are those of J. Demšar (Statistical comparisons of classifiers over multiple
data sets. Journal of Machine Learning Research 7, 2006): a model has one rank on each
dataset.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

from rnnbench.analysis.compare import Change, compare_runs, documents_of
from rnnbench.analysis.comparisons import (
    correctness_by_model,
    rank_models,
)
from rnnbench.analysis.trial_metrics import values_of
from rnnbench.data.summary import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.metrics import COSTS, METRICS, Metric, find_quantity, usable_metrics
from rnnbench.results.comparison import DIGITS, Comparison
from rnnbench.results.schema import ModelSummary, Statistic
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.ranks import (
    Friedman,
    critical_difference,
    friedman_test,
    groups_within,
)
from rnnbench.training.outcome import TrialResult

log = logging.getLogger(__name__)
NEEDS = "a critical-difference diagram needs 2"


class RankedModel(StoredRecord):
    """A model of a run."""

    rank: int | None
    """From 1; equals share a rank. ``None`` for a model without the metric."""
    run: str
    model: ModelSummary
    against_best: Comparison | None
    """Of the model with the best score; ``None`` for itself."""
    possible_ranks: tuple[int, int] | None
    """The first and the last; ``None`` for a model that is not compared."""


class OnSameDocuments(StoredRecord):
    """Runs on the same documents, which each may cut and pad differently."""

    metric: str
    """They are compared by it."""
    dataset: DatasetSummary
    """That of the first run."""

    @property
    def is_by_main(self) -> bool:
        """Whether the metric is the main one."""
        return self.metric == self.dataset.kind.main


class Board(OnSameDocuments):
    """The models that answered the same documents, the best first."""

    runs: list[str]
    entries: list[RankedModel]

    @property
    def is_tested(self) -> bool:
        """Whether differences are those of the metric: the main one, or a loss."""
        return self.is_by_main or _is_loss(self.metric)


class HistoryEntry(StoredRecord):
    """A run in a history."""

    run: str
    date: str | None
    """When its last trials were trained: UTC, as ISO 8601."""
    commit: str | None
    version: str
    """Of rnnbench, as is the commit."""
    values: dict[str, Statistic | None]
    """The metric by model."""
    changes: dict[str, Change]
    """By model, since the run before; of the main metric alone."""


class RunHistory(OnSameDocuments):
    """The runs that were tested on the same documents, the oldest first."""

    models: list[str]
    entries: list[HistoryEntry]


def rank_runs(runs: Sequence[StoredRun], metric: str | None = None) -> list[Board]:
    """Return a leaderboard for each set of documents.

    Trials that are in several runs count once.
    """
    return [_rank(by_name, metric) for by_name in _by_documents(runs, None)]


class _Contestant(NamedTuple):
    """A model of a board, and how right it is."""

    run: str
    model: ModelSummary
    correctness: Correctness
    trials: Sequence[TrialResult]

    @property
    def name(self) -> str:
        """A name that no other model of the board has."""
        return f"{self.model.name} of {self.run}"


def _rank(runs: Mapping[str, StoredRun], metric: str | None) -> Board:
    """Return the leaderboard of runs on the same documents, which have names."""
    dataset = next(iter(runs.values())).results.dataset
    used = metric_of(dataset, metric)
    contestants = _contestants(runs)
    ranked = rank_models(_compared(contestants, used))
    scores = [score_of(contestant.model, used) for contestant in contestants]
    entries = []
    for contestant, score in zip(contestants, scores, strict=True):
        rank = None
        if score > -inf:
            rank = 1 + sum(other > score for other in scores)
        entry = RankedModel(
            rank=rank,
            run=contestant.run,
            model=contestant.model,
            against_best=ranked.against_best.get(contestant.name),
            possible_ranks=ranked.ranks.get(contestant.name),
        )
        entries.append(entry)
    entries.sort(key=lambda entry: entry.rank or inf)
    return Board(metric=used, dataset=dataset, runs=list(runs), entries=entries)


def _compared(
    contestants: Sequence[_Contestant], metric: str
) -> dict[str, Correctness]:
    """Return what is compared of each contestant, by name: a loss, or the main metric.

    Of a loss, contestants without it are left out.
    """
    if not _is_loss(metric):
        return {contestant.name: contestant.correctness for contestant in contestants}
    compared = {}
    for contestant in contestants:
        losses = _losses_of(contestant, METRICS[metric])
        if losses is not None:
            compared[contestant.name] = losses
    return compared


def _losses_of(contestant: _Contestant, metric: Metric) -> Correctness | None:
    """Return the losses of a contestant on each document.

    It is ``None`` if a trial lacks the metric, or has no values by document.
    """
    rows = []
    for trial in contestant.trials:
        with METRICS.blamed(metric.name):
            values = values_of(metric, trial, trial.scores)
        if values is None or values.ndim == 0:
            return None
        rows.append(values)
    return replace(contestant.correctness, parts=np.stack(rows), is_loss=True)


def _is_loss(metric: str) -> bool:
    """Return whether a metric is a loss of probabilities."""
    return metric in METRICS and METRICS[metric].is_loss


def _contestants(runs: Mapping[str, StoredRun]) -> list[_Contestant]:
    """Return the models of runs; of equal ones with the same trials, the first."""
    contestants: dict[tuple[object, ...], _Contestant] = {}
    for name, run in runs.items():
        correctness = correctness_by_model(run)
        for model in run.results.models:
            trials = run.trials[model.name]
            contestant = _Contestant(name, model, correctness[model.name], trials)
            fingerprints = [trial.fingerprint for trial in model.trials]
            answers = contestant.correctness.parts.tobytes()
            contestants.setdefault((model.name, *fingerprints, answers), contestant)
    return list(contestants.values())


def trace_runs(
    runs: Sequence[StoredRun],
    metric: str | None = None,
    names: Sequence[str] | None = None,
) -> list[RunHistory]:
    """Return a history for each set of documents.

    Runs have ``names``, or else the ends of their paths.
    """
    return [_trace(by_name, metric) for by_name in _by_documents(runs, names)]


def _trace(runs: Mapping[str, StoredRun], metric: str | None) -> RunHistory:
    """Return the history of runs on the same documents, which have names."""
    oldest_first = sorted(runs, key=lambda name: _date_of(runs[name]) or "")
    dataset = runs[oldest_first[0]].results.dataset
    used = metric_of(dataset, metric)
    models: dict[str, None] = {}
    entries = []
    before = None
    for name in oldest_first:
        run = runs[name]
        models |= dict.fromkeys(model.name for model in run.results.models)
        changes: dict[str, Change] = {}
        if before is not None and used == dataset.kind.main:
            changes = _changes(before, run)
        entry = HistoryEntry(
            run=name,
            date=_date_of(run),
            commit=run.environment["git_commit"],
            version=run.environment["versions"]["rnnbench"],
            values={model.name: model.statistic(used) for model in run.results.models},
            changes=changes,
        )
        entries.append(entry)
        before = run
    return RunHistory(
        metric=used, dataset=dataset, models=list(models), entries=entries
    )


def _date_of(run: StoredRun) -> str | None:
    """Return when the last trials of a run were trained, if that is known."""
    date: str | None = run.environment.get("date")
    return date


def _changes(before: StoredRun, run: StoredRun) -> dict[str, Change]:
    """Return how the main metric of each model changed that both runs have."""
    if not before.trials.keys() & run.trials.keys():
        return {}
    return {change.name: change for change in compare_runs(before, run).models}


def _by_documents(
    runs: Sequence[StoredRun], names: Sequence[str] | None
) -> list[dict[str, StoredRun]]:
    """Return runs by name, those on the same documents together."""
    if names is None:
        names = distinct_names([run.folder for run in runs])
    groups: dict[tuple[str, bytes], dict[str, StoredRun]] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault(documents_of(run), {})[name] = run
    return list(groups.values())


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return for each folder the shortest end of its path that no other one shares."""
    paths = [folder.resolve().parts for folder in folders]
    counts = Counter(end for path in set(paths) for end in _ends(path))
    names = []
    for path in paths:
        shortest = next(end for end in _ends(path) if counts[end] == 1)
        names.append(str(Path(*shortest)))
    return names


def _ends(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the ends of a path, the shortest first."""
    for depth in range(1, len(path) + 1):
        yield path[-depth:]


def metric_of(dataset: DatasetSummary, name: str | None) -> str:
    """Return the name of a metric or a cost of a task, by default the main metric.

    Raises:
        UserError: there is none of this name, or not for this kind of task.
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
    """Return a rounded number that is higher for a better model.

    Without the metric, it is ``-inf``.
    """
    mean = model.mean_of(metric)
    if mean is None:
        return -inf
    if not find_quantity(metric, "--metric").higher_is_better:
        mean = -mean
    return round(mean, DIGITS)


# Mean ranks over datasets


class RankedDataset(StoredRecord):
    """A set of documents, and the ranks of the models on it."""

    name: str
    """Its source and, in brackets, the runs that the ranked models come from."""
    corpus_fingerprint: str
    ranks: dict[str, float]
    """By model; 1 is the best, and equals share the mean of their ranks."""


class MeanRanks(StoredRecord):
    """The mean ranks of models over datasets, and which of them are told apart."""

    metric: str
    datasets: list[RankedDataset]
    models: dict[str, float]
    """The mean rank of each model, the best first."""
    test: Friedman
    critical_difference: float
    groups: list[list[str]]
    """The largest sets of at least two models that are not told apart."""
    left_out: dict[str, list[str]]
    """Models that are not ranked, and the datasets that they lack."""


def rank_over_datasets(boards: Sequence[Board]) -> MeanRanks:
    """Return the mean ranks, by name, of the models that all boards have.

    Each board is a dataset. Warnings name models that are left out, and those in
    several runs, of which the first counts.

    Raises:
        UserError: there are fewer than two boards, or fewer than two such models.
    """
    entries_of = {_name(board, board.runs): _measured(board) for board in boards}
    _check_boards(boards, list(entries_of))
    metric = boards[0].metric
    names = dict.fromkeys(
        entry.model.name for board in boards for entry in board.entries
    )
    left_out = _left_out(names, entries_of)
    common = [name for name in names if name not in left_out]
    if len(common) < 2:
        lists = "; ".join(
            f"{dataset}: {', '.join(entries) or 'none'}"
            for dataset, entries in entries_of.items()
        )
        got = f"got {len(common)}; models are matched by name ({lists})"
        raise UserError(f"{NEEDS} models or more that all datasets have, {got}")
    for name, lacking in left_out.items():
        log.warning("%s: left out, no %s on %s", name, metric, ", ".join(lacking))
    datasets = [
        _ranked(board, entries, common)
        for board, entries in zip(boards, entries_of.values(), strict=True)
    ]
    ranks = np.array([list(dataset.ranks.values()) for dataset in datasets])
    mean_ranks = dict(zip(common, ranks.mean(axis=0).tolist(), strict=True))
    models = dict(sorted(mean_ranks.items(), key=lambda item: item[1]))
    test = friedman_test(ranks)
    difference = critical_difference(*ranks.shape)
    # Without a difference at all, as Demšar has it, pairs are not tested.
    groups = [list(models)]
    if test.is_clear:
        groups = groups_within(models, difference)
    return MeanRanks(
        metric=metric,
        datasets=datasets,
        models=models,
        test=test,
        critical_difference=difference,
        groups=groups,
        left_out=left_out,
    )


def _left_out(
    names: Iterable[str], entries_of: Mapping[str, Mapping[str, RankedModel]]
) -> dict[str, list[str]]:
    """Return the datasets that each model lacks, if it lacks any."""
    left_out: dict[str, list[str]] = {}
    for name in names:
        for dataset, entries in entries_of.items():
            if name not in entries:
                left_out.setdefault(name, []).append(dataset)
    return left_out


def _check_boards(boards: Sequence[Board], names: Sequence[str]) -> None:
    """Raise ``UserError`` if boards are fewer than two, or of several metrics."""
    if len(boards) < 2:
        got = ", ".join([str(len(boards)), *names])
        hint = "runs on the same documents count as one"
        raise UserError(f"{NEEDS} datasets or more, got {got} ({hint})")
    metric = boards[0].metric
    others = {board.metric for board in boards} - {metric}
    if others:
        got = f"got ranks by {metric} and {min(others)}"
        raise UserError(f"{NEEDS} runs of one kind of task, {got}")


def _ranked(
    board: Board, entries: Mapping[str, RankedModel], names: list[str]
) -> RankedDataset:
    """Return a dataset with the ranks of the models with these names."""
    counts = Counter(entry.model.name for entry in board.entries)
    in_several_runs = [name for name in names if counts[name] > 1]
    if in_several_runs:
        where = _name(board, board.runs)
        log.warning(
            "%s: the first run counts for %s", where, ", ".join(in_several_runs)
        )
    used = {entries[name].run for name in names}
    scores = np.array([score_of(entries[name].model, board.metric) for name in names])
    ranks = scipy.stats.rankdata(-scores).tolist()
    return RankedDataset(
        name=_name(board, [run for run in board.runs if run in used]),
        corpus_fingerprint=board.dataset.corpus_fingerprint,
        ranks=dict(zip(names, ranks, strict=True)),
    )


def _name(board: Board, runs: Sequence[str]) -> str:
    """Return the name of a dataset and of runs on it."""
    return f"{board.dataset.name} ({', '.join(runs)})"


def _measured(board: Board) -> dict[str, RankedModel]:
    """Return the entry of each model that has the metric, that of the first run."""
    entries: dict[str, RankedModel] = {}
    last_run_first = sorted(
        board.entries, key=lambda entry: -board.runs.index(entry.run)
    )
    for entry in last_run_first:
        if entry.rank is not None:
            entries[entry.model.name] = entry
    return entries
