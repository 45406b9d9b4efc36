"""The models of many runs in one order, where they answered the same wires."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnbench.analysis.bootstrap import Hits, resample
from rnnbench.analysis.compare_runs import wires_of
from rnnbench.analysis.comparisons import compare_pairs
from rnnbench.analysis.metrics import LOWER_IS_BETTER, mean_of
from rnnbench.analysis.summary import hits_of
from rnnbench.records import Record
from rnnbench.results.run import Run
from rnnbench.results.schema import Comparison, DatasetSummary, ModelSummary


class Entry(Record):
    """A model of a run."""

    rank: int | None
    """From 1; equals share one. ``None`` for a model without the metric."""
    run: str
    model: ModelSummary
    against_best: Comparison | None
    """Of the model with the best accuracy with this one; ``None`` for that model itself."""


class Board(Record):
    """The models that answered the same wires, the best first."""

    metric: str
    dataset: DatasetSummary
    """Of the first run; others may have the same wires cut and padded differently."""
    runs: list[str]
    entries: list[Entry]


def rank_runs(runs: Sequence[Run], metric: str = "accuracy") -> list[Board]:
    """Return one leaderboard for each choice of wires, in the order of the runs.

    Args:
        runs: finished runs.
        metric: one of ``MEASURES``, by whose mean over seeds the models are ranked.
    """
    names = distinct_names([run.folder for run in runs])
    of_wires: dict[tuple[str, bytes], dict[str, Run]] = {}
    for name, run in zip(names, runs, strict=True):
        of_wires.setdefault(wires_of(run), {})[name] = run
    return [_board(group, metric) for group in of_wires.values()]


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return for each folder as few last parts of its path as tell it from the others."""
    paths = [folder.resolve() for folder in folders]

    def shortest(path: Path) -> str:
        others = set(paths) - {path}
        for depth in range(1, len(path.parts)):
            last = path.parts[-depth:]
            if all(other.parts[-depth:] != last for other in others):
                return str(Path(*last))
        return str(path)

    return [shortest(path) for path in paths]


def _board(runs: Mapping[str, Run], metric: str) -> Board:
    contestants = _contestants(runs)
    scores = [_score(each.model, metric) for each in contestants]
    entries = [
        Entry(
            rank=None if score is None else 1 + sum(s is not None and s > score for s in scores),
            run=each.run,
            model=each.model,
            against_best=comparison,
        )
        for each, score, comparison in zip(
            contestants, scores, _against_best(contestants), strict=True
        )
    ]
    return Board(
        metric=metric,
        dataset=next(iter(runs.values())).results.dataset,
        runs=list(runs),
        entries=sorted(entries, key=lambda entry: entry.rank or math.inf),
    )


@dataclass(frozen=True)
class _Contestant:
    run: str
    model: ModelSummary
    hits: Hits


def _contestants(runs: Mapping[str, Run]) -> list[_Contestant]:
    """Return the models of all runs; the same trials with the same outcome once."""
    found: dict[tuple, _Contestant] = {}
    for name, run in runs.items():
        for model in run.results.models:
            hits = hits_of(run.trials[model.name])
            trials = (model.name, *(trial.fingerprint for trial in model.trials), hits.tobytes())
            found.setdefault(trials, _Contestant(name, model, hits))
    return list(found.values())


def _score(model: ModelSummary, metric: str) -> float | None:
    """Return what is the higher the better, rounded so that equals are equal."""
    mean = mean_of(model, metric)
    if mean is None:
        return None
    return round(-mean if metric in LOWER_IS_BETTER else mean, 12)


def _against_best(contestants: Sequence[_Contestant]) -> list[Comparison | None]:
    """Return the comparison of the best accuracy with each, corrected for their number."""
    hits = {f"{each.model.name} of {each.run}": each.hits for each in contestants}
    best = max(hits, key=lambda name: hits[name].mean())
    pairs = [(best, name) for name in hits if name != best]
    found = {each.b: each for each in compare_pairs(pairs, hits, resample(hits))}
    return [found.get(name) for name in hits]
