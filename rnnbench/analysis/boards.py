"""Several runs on the same documents: rankings of their models, and metrics from run to run."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnbench.analysis.compare import Change, compare_runs, documents_of
from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.intervals import Hits
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import find_quantity
from rnnbench.records import Record
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Comparison, ModelSummary, Statistic

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


class HistoryEntry(Record):
    """A run in a history."""

    run: str
    date: str | None
    """When its last trials were trained: UTC, as ISO 8601."""
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


def rank_runs(runs: Sequence[StoredRun], metric: str = ACCURACY) -> list[Board]:
    """Return one leaderboard for each set of documents, in the order of the runs.

    ``metric`` is a metric or a cost; its mean over seeds decides the rank.
    """
    return [_board(group, metric) for group in _by_documents(runs, None)]


def trace_runs(
    runs: Sequence[StoredRun], metric: str = ACCURACY, names: Sequence[str] | None = None
) -> list[RunHistory]:
    """Return one history for each set of documents, in the order of the runs.

    ``names`` are those of the runs; by default, their folders tell them apart.
    """
    return [_history(group, metric) for group in _by_documents(runs, names)]


def _by_documents(
    runs: Sequence[StoredRun], names: Sequence[str] | None
) -> list[dict[str, StoredRun]]:
    """Return the runs on each set of documents, by name."""
    groups: dict[tuple[str, bytes], dict[str, StoredRun]] = {}
    for name, run in zip(names or distinct_names([run.folder for run in runs]), runs, strict=True):
        groups.setdefault(documents_of(run), {})[name] = run
    return list(groups.values())


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return for each folder the shortest end of its path that no other folder shares."""
    paths = [folder.resolve() for folder in folders]

    def shortest(path: Path) -> str:
        others = {*paths} - {path}
        ends = (path.parts[-depth:] for depth in range(1, len(path.parts)))
        own = (end for end in ends if all(other.parts[-len(end) :] != end for other in others))
        return str(Path(*next(own, path.parts)))

    return list(map(shortest, paths))


def _board(runs: Mapping[str, StoredRun], metric: str) -> Board:
    in_order = any(run.results.dataset.in_order for run in runs.values())
    found: dict[tuple[object, ...], tuple[str, ModelSummary, Hits]] = {}
    for name, run in runs.items():
        for model in run.results.models:
            hits = Hits.of(run.trials[model.name], in_order=in_order)
            marks = [trial.fingerprint for trial in model.trials]
            same = (model.name, *marks, hits.right.tobytes())
            found.setdefault(same, (name, model, hits))
    named = {f"{model.name} of {run}": (run, model, hits) for run, model, hits in found.values()}
    against_best = compare_with_best(
        {name: hits for name, (_, _, hits) in named.items()},
        {name for name, (_, model, _) in named.items() if not model.is_random},
    )
    scores = {name: score_of(model, metric) for name, (_, model, _) in named.items()}
    entries = [
        RankedModel(
            rank=None
            if (score := scores[name]) is None
            else 1 + sum(other is not None and other > score for other in scores.values()),
            run=run,
            model=model,
            against_best=against_best.get(name),
        )
        for name, (run, model, _) in named.items()
    ]
    return Board(
        metric=metric,
        dataset=next(iter(runs.values())).results.dataset,
        runs=list(runs),
        entries=sorted(entries, key=lambda entry: entry.rank or math.inf),
    )


def score_of(model: ModelSummary, metric: str) -> float | None:
    """Return a number that is higher for a better model, rounded so that ties are exact."""
    mean = model.mean_of(metric)
    sign = 1 if find_quantity(metric, "--metric").higher_is_better else -1
    return None if mean is None else round(sign * mean, 12)


def _history(group: Mapping[str, StoredRun], metric: str) -> RunHistory:
    named = sorted(group.items(), key=lambda named: named[1].environment.get("date") or "")
    runs = [run for _, run in named]
    return RunHistory(
        metric=metric,
        dataset=runs[0].results.dataset,
        models=list(dict.fromkeys(model.name for run in runs for model in run.results.models)),
        entries=[
            HistoryEntry(
                run=name,
                date=run.environment.get("date"),
                commit=run.environment["git_commit"],
                version=run.environment["versions"]["rnnbench"],
                values={model.name: model.statistic(metric) for model in run.results.models},
                changes=_changes(before, run) if before and metric == ACCURACY else {},
            )
            for (name, run), before in zip(named, [None, *runs[:-1]], strict=True)
        ],
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
