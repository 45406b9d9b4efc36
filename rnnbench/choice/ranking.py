"""Candidates of a choice, ranked by their answers to held-out documents.

``rank_candidates(benchmark.models, done, positions)`` returns those whose trials all
have a result, the best first; ``recommend`` picks the simplest of the best.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.choice.results import Candidate, Recommendation
from rnnbench.data.corpus import Positions
from rnnbench.data.split import Groups
from rnnbench.models.baselines import MostFrequent, Stratified
from rnnbench.models.descriptions import BaselineModel, EnsembleModel, Model
from rnnbench.report.words import NOT_CLEAR
from rnnbench.results.comparison import DIGITS
from rnnbench.runner.train import PlanResult
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_over_folds, score_interval
from rnnbench.tasks import TaskKind
from rnnbench.text import listed, with_article
from rnnbench.training.outcome import TrialRecord, TrialResult
from rnnbench.training.trial import Trial

OfSeeds = dict[int, list[TrialResult]]
"""The results of a model by seed, one for each held-out part."""
SIMPLEST = (
    "Simplest: baselines before networks, then models that learned from no other "
    "texts, then the fewest parameters. Up to twice the fewest count as equal; then "
    "{score} decides."
)


def rank_key(score: float, epochs: int, params: int) -> tuple[float, int, int]:
    """Return a sort key, by which ties go to fewer epochs, then fewer parameters."""
    return -round(score, DIGITS), epochs, params


def rank_candidates(
    names: Iterable[str], done: PlanResult, held_out: Positions, groups: Groups = None
) -> list[Candidate]:
    """Return the models whose trials all have a result, the best first.

    Args:
        names: of models and points of grids.
        done: the results of trials on held-out parts.
        held_out: positions of all held-out documents in the training set, part by part.
        groups: the group of each training document, if groups are declared.
    """
    in_order = done.plan.dataset.in_order
    by_time = np.argsort(held_out)
    clusters = None
    if groups is not None:
        places = held_out[by_time] if in_order else held_out
        _, numbers = np.unique(groups[places], return_inverse=True)
        clusters = numbers.tolist()
    trials = {trial.name: trial for trial in done.plan.trials}
    correctness: dict[str, Correctness] = {}
    candidates: list[Candidate] = []
    for name, of_seeds in complete(names, done).items():
        trial = trials[name]
        parts = np.stack([_joined(results) for results in of_seeds.values()], axis=-2)
        if in_order:
            parts = parts[..., by_time]
        is_random = trial.model.is_random
        correctness[name] = Correctness(parts, in_order, is_random, clusters)
        candidates.append(_candidate(trial, of_seeds, correctness[name]))

    def key(candidate: Candidate) -> tuple[float, int, int]:
        epochs = trials[candidate.name].epochs
        return rank_key(candidate.score, epochs, candidate.params)

    candidates.sort(key=key)
    if not candidates:
        return []
    against = compare_with_best(
        {candidate.name: correctness[candidate.name] for candidate in candidates}
    )
    return [
        candidate.model_copy(update={"against_best": against.get(candidate.name)})
        for candidate in candidates
    ]


def _joined(results: Sequence[TrialResult]) -> NDArray[Any]:
    """Return how right one seed was on the documents of all parts, part by part."""
    return np.concatenate([result.parts for result in results], axis=-1)


def _candidate(trial: Trial, of_seeds: OfSeeds, correctness: Correctness) -> Candidate:
    """Return the record of a model, not yet compared with the best."""
    of_parts = []
    records: list[TrialRecord] = []
    for results in of_seeds.values():
        of_parts.append([result.values.mean() for result in results])
        records.extend(result.record for result in results)
    scores = np.transpose(of_parts)  # (n_parts, n_seeds)
    over_folds = estimate_over_folds(scores)
    seconds = [record.fit_seconds or 0.0 for record in records]
    return Candidate(
        name=trial.name,
        params=records[0].params or 0,
        score=correctness.score,
        of_parts=scores.mean(axis=1).tolist(),
        over_parts=over_folds.around if over_folds else None,
        interval=score_interval(correctness),
        training=trial.model.training or {},
        seeds=len(of_seeds),
        fit_seconds=float(np.mean(seconds)),
        against_best=None,
    )


def complete(names: Iterable[str], done: PlanResult) -> dict[str, OfSeeds]:
    """Return the results of each model that lacks none."""
    lacking = done.lacking
    results: dict[str, OfSeeds] = {name: {} for name in names if name not in lacking}
    for trial in done.plan.trials:
        if trial.name in results:
            of_seed = results[trial.name].setdefault(trial.seed, [])
            of_seed.append(done.results[trial])
    return {name: of_seeds for name, of_seeds in results.items() if of_seeds}


def recommend(
    candidates: Sequence[Candidate], models: Mapping[str, Model], task: TaskKind
) -> Recommendation | None:
    """Return the simplest candidate that is not clearly worse than the best.

    ``SIMPLEST`` says what that is. A candidate that reads no text, or has too few seeds
    to judge, is recommended only if it is the best.
    """
    if not candidates:
        return None
    best, *others = candidates
    level = []
    for candidate in others:
        if candidate.against_best and candidate.against_best.verdict == NOT_CLEAR:
            level.append(candidate)
    blind = [
        candidate.name
        for candidate in [best, *level]
        if _reads_no_text(models[candidate.name])
    ]
    readers = [candidate for candidate in level if candidate.name not in blind]
    simplest = _simplest([best, *readers], models)
    if simplest is not best:
        best_in_words = f"{best.name} ({_in_words(best, models, task)})"
        claim = (
            f"is the simplest of {1 + len(level)} models that are not clearly worse "
            f"than the best, {best_in_words}"
        )
    elif level:
        claim = "is the best, and those that are not clearly worse are not much simpler"
    elif not others:
        claim = "is the only model"
    elif all(other.against_best and other.against_best.is_clear for other in others):
        claim = "is the best, and all others are clearly worse"
    else:
        claim = (
            "is the best, and there are too few seeds to tell which others are as good"
        )
    reason = f"{simplest.name} {claim}: {_in_words(simplest, models, task)}."
    if blind:
        reason += (
            f" As {listed(blind)}, which reads no text, is not clearly worse than the "
            "best either, these documents do not show that any model has learned "
            "anything."
        )
    return Recommendation(model=simplest.name, reason=reason)


def _reads_no_text(model: Model) -> bool:
    baseline = getattr(model, "baseline", None)
    return isinstance(baseline, MostFrequent | Stratified)


def _simplest(
    candidates: Sequence[Candidate], models: Mapping[str, Model]
) -> Candidate:
    """Return the first of about the smallest candidates of the simplest kind."""
    kinds = [_complexity(models[candidate.name]) for candidate in candidates]
    alike = [
        candidate
        for candidate, kind in zip(candidates, kinds, strict=True)
        if kind == min(kinds)
    ]
    fewest = min(candidate.params for candidate in alike)
    return next(candidate for candidate in alike if candidate.params <= 2 * fewest)


def _complexity(model: Model) -> tuple[bool, bool, bool]:
    """Return a sort key, by which simple kinds of models come first."""
    is_ensemble = model.kind == EnsembleModel.kind
    is_network = model.kind != BaselineModel.kind
    return is_ensemble, is_network, model.pretrained != "nothing"


def _in_words(candidate: Candidate, models: Mapping[str, Model], task: TaskKind) -> str:
    kind = models[candidate.name].kind.replace("python", "network")
    size = f"{candidate.params:,} parameters"
    score = f"{task.score_name} of {candidate.score:.4f}"
    return f"{with_article(kind)} with {size} and {with_article(score)}"
