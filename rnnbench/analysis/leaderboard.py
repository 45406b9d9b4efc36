"""Rankings of the models of several runs that were tested on the same documents."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnbench.analysis.compare_runs import documents_of
from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.summary import hits_of
from rnnbench.analysis.variance import Hits
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import find_quantity
from rnnbench.records import Record
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Comparison, ModelSummary


class Entry(Record):
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
    entries: list[Entry]


def rank_runs(runs: Sequence[StoredRun], metric: str = "accuracy") -> list[Board]:
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
    scores = [score_of(each.model, metric) for each in contestants]
    in_order = any(run.results.dataset.in_order for run in runs.values())
    against_best = _against_best(contestants, in_order=in_order)
    entries = [
        Entry(
            rank=None if score is None else 1 + sum(s is not None and s > score for s in scores),
            run=each.run,
            model=each.model,
            against_best=comparison,
        )
        for each, score, comparison in zip(contestants, scores, against_best, strict=True)
    ]
    return Board(
        metric=metric,
        dataset=next(iter(runs.values())).results.dataset,
        runs=list(runs),
        entries=sorted(entries, key=lambda entry: entry.rank or math.inf),
    )


def _contestants(runs: Mapping[str, StoredRun]) -> list[_Contestant]:
    """Return the models of all runs; the same trials with the same outcome only once."""
    found: dict[tuple[object, ...], _Contestant] = {}
    for name, run in runs.items():
        for model in run.results.models:
            hits = hits_of(run.trials[model.name])
            trials = (model.name, *(trial.fingerprint for trial in model.trials), hits.tobytes())
            found.setdefault(trials, _Contestant(name, model, hits))
    return list(found.values())


def score_of(model: ModelSummary, metric: str) -> float | None:
    """Return a number that is higher for a better model, rounded so that ties are exact."""
    mean = model.mean_of(metric)
    if mean is None:
        return None
    sign = 1 if find_quantity(metric, "--metric").higher_is_better else -1
    return round(sign * mean, 12)


def _against_best(contestants: Sequence[_Contestant], *, in_order: bool) -> list[Comparison | None]:
    """Return the comparison of the best accuracy with each, corrected for all pairs of models."""
    hits = {f"{each.model.name} of {each.run}": each.hits for each in contestants}
    fixed = {name for name, each in zip(hits, contestants, strict=True) if not each.model.is_random}
    found = compare_with_best(hits, fixed, in_order=in_order)
    return [found.get(name) for name in hits]
