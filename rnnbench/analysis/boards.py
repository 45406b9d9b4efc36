"""Several runs on the same documents: rankings of their models, and metrics from run to run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnbench.analysis.compare import Change, compare_runs, documents_of
from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.intervals import Hits
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import find_quantity
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Comparison, ModelSummary, Statistic
from rnnbench.section import Record

ACCURACY = "accuracy"
"""The only metric whose changes are tested."""


class RankedModel(Record):
    """A model of a run."""

    rank: int | None
    """From 1; equals share a rank. ``None`` for a model without the metric."""
    run: str
    model: ModelSummary
    against_best: Comparison | None
    """The model with the best accuracy compared with this one; ``None`` for that model itself."""


class Board(Record):
    """The models that answered the same documents, the best first."""

    metric: str
    dataset: DatasetSummary
    """Of the first run; others may have cut and padded the same documents differently."""
    runs: list[str]
    entries: list[RankedModel]


def rank_runs(runs: Sequence[StoredRun], metric: str = ACCURACY) -> list[Board]:
    """Return one leaderboard for each set of documents, in the order of the runs.

    ``metric`` is a metric or a cost; its mean over seeds decides the rank.
    """
    names = distinct_names([run.folder for run in runs])
    groups: dict[tuple[str, bytes], dict[str, StoredRun]] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault(documents_of(run), {})[name] = run
    return [_board(group, metric) for group in groups.values()]


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return for each folder the shortest end of its path that no other folder shares."""
    paths = [folder.resolve() for folder in folders]

    def shortest(path: Path) -> str:
        others = set(paths) - {path}
        for depth in range(1, len(path.parts)):
            last = path.parts[-depth:]
            if all(other.parts[-depth:] != last for other in others):
                return str(Path(*last))
        return str(path)

    return [shortest(path) for path in paths]


@dataclass(frozen=True)
class _Contestant:
    run: str
    model: ModelSummary
    hits: Hits


def _board(runs: Mapping[str, StoredRun], metric: str) -> Board:
    contestants = _contestants(runs)
    scores = [score_of(contestant.model, metric) for contestant in contestants]
    entries = [
        RankedModel(
            rank=None if score is None else 1 + sum(s is not None and s > score for s in scores),
            run=contestant.run,
            model=contestant.model,
            against_best=comparison,
        )
        for contestant, score, comparison in zip(
            contestants, scores, _against_best(contestants), strict=True
        )
    ]
    return Board(
        metric=metric,
        dataset=next(iter(runs.values())).results.dataset,
        runs=list(runs),
        entries=sorted(entries, key=lambda entry: entry.rank or math.inf),
    )


def _contestants(runs: Mapping[str, StoredRun]) -> list[_Contestant]:
    """Return the models of all runs; the same trials with the same outcome only once."""
    in_order = any(run.results.dataset.in_order for run in runs.values())
    found: dict[tuple[object, ...], _Contestant] = {}
    for name, run in runs.items():
        for model in run.results.models:
            hits = Hits.of(run.trials[model.name], in_order=in_order)
            marks = [trial.fingerprint for trial in model.trials]
            trials = (model.name, *marks, hits.right.tobytes())
            found.setdefault(trials, _Contestant(name, model, hits))
    return list(found.values())


def score_of(model: ModelSummary, metric: str) -> float | None:
    """Return a number that is higher for a better model, rounded so that ties are exact."""
    mean = model.mean_of(metric)
    if mean is None:
        return None
    sign = 1 if find_quantity(metric, "--metric").higher_is_better else -1
    return round(sign * mean, 12)


def _against_best(contestants: Sequence[_Contestant]) -> list[Comparison | None]:
    """Return the comparison of the best accuracy with each, corrected for all pairs of models."""
    named = {f"{one.model.name} of {one.run}": one for one in contestants}
    hits = {name: contestant.hits for name, contestant in named.items()}
    fixed = {name for name, contestant in named.items() if not contestant.model.is_random}
    found = compare_with_best(hits, fixed)
    return [found.get(name) for name in named]


class HistoryEntry(Record):
    """A run in a history."""

    run: str
    date: str | None
    """When its last trials were trained: UTC, as ISO 8601; ``None`` for older runs."""
    commit: str | None
    """The commit of rnnbench; ``None`` if it was installed from elsewhere."""
    version: str
    """The version of rnnbench."""
    values: dict[str, Statistic | None]
    """The metric of each model over its seeds; ``None`` for a model without it."""
    changes: dict[str, Change]
    """By model, if it was in the run before, too; empty for other metrics than accuracy."""


class RunHistory(Record):
    """The runs that were tested on the same documents, the oldest first."""

    metric: str
    dataset: DatasetSummary
    """Of the first run; others may have cut and padded the same documents differently."""
    models: list[str]
    entries: list[HistoryEntry]


def trace_runs(
    runs: Sequence[StoredRun], metric: str = ACCURACY, names: Sequence[str] | None = None
) -> list[RunHistory]:
    """Return one history for each set of documents, in the order of the runs.

    Runs of versions that stored no date come first, in their own order. ``names`` are those of the
    runs; by default, their folders tell them apart.
    """
    names = names or distinct_names([run.folder for run in runs])
    groups: dict[tuple[str, bytes], list[tuple[str, StoredRun]]] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault(documents_of(run), []).append((name, run))
    return [
        _history(sorted(group, key=lambda named: _date(named[1])), metric)
        for group in groups.values()
    ]


def _date(run: StoredRun) -> str:
    return run.environment.get("date") or ""


def _history(named: Sequence[tuple[str, StoredRun]], metric: str) -> RunHistory:
    runs = [run for _, run in named]
    befores = [None, *runs[:-1]]
    return RunHistory(
        metric=metric,
        dataset=runs[0].results.dataset,
        models=list(dict.fromkeys(model.name for run in runs for model in run.results.models)),
        entries=[
            _entry(name, run, before, metric)
            for (name, run), before in zip(named, befores, strict=True)
        ],
    )


def _entry(name: str, run: StoredRun, before: StoredRun | None, metric: str) -> HistoryEntry:
    return HistoryEntry(
        run=name,
        date=_date(run) or None,
        commit=run.environment["git_commit"],
        version=run.environment["versions"]["rnnbench"],
        values={model.name: model.statistic(metric) for model in run.results.models},
        changes=_changes(before, run) if before and metric == ACCURACY else {},
    )


def _changes(before: StoredRun, after: StoredRun) -> dict[str, Change]:
    """Return how the accuracies of the models that are in both runs changed."""
    if not before.trials.keys() & after.trials.keys():
        return {}
    keys = set(Change.model_fields)
    return {
        change.name: Change(**change.model_dump(include=keys))
        for change in compare_runs(before, after).models
    }
