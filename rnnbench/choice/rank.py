"""From the trials of a choice to its candidates, ranked."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.intervals import accuracy_interval, folds_interval
from rnnbench.analysis.variance import Hits
from rnnbench.choice.records import Candidate
from rnnbench.results.schema import DIGITS
from rnnbench.runner.run import Plan
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

Answers = Mapping[int, Sequence[TrialResult]]
"""The results of a model: one for each part, by seed."""


def rank_key(accuracy: float, epochs: int, params: int) -> tuple[float, int, int]:
    """Return the key that sorts candidates: the most accurate come first; in a tie, the cheapest.

    The cost is not measured in seconds, so the order is the same on every machine.
    """
    return -round(accuracy, DIGITS), epochs, params


def rank_candidates(
    order: Iterable[str],
    plan: Plan,
    results: Sequence[TrialResult],
    positions: NDArray[np.intp],
) -> list[Candidate]:
    """Return the models whose trials all have a result, best first; see ``rank_key``.

    Args:
        order: the models as in the config; this order decides if all else is equal.
        plan: the trials of the choice; each names the part that is held out.
        results: those that finished.
        positions: of the documents of all parts in the training set, ``(n_held_out,)``.
    """
    models = {trial.name: trial.model for trial in plan.trials}
    found = {
        (each.record.model, each.record.seed, each.record.fingerprint): each for each in results
    }
    by_model = _by_model(plan.trials)
    complete = {
        name: of_model
        for name in order
        if name in by_model and (of_model := _results_of(by_model[name], found)) is not None
    }
    if not complete:
        return []
    in_order = plan.dataset.in_order
    places = np.argsort(positions) if in_order else slice(None)
    hits = {name: _hits_of(of_model)[:, places] for name, of_model in complete.items()}
    params = {name: next(iter(each.values()))[0].record.params for name, each in complete.items()}
    epochs = {trial.name: trial.epochs for trial in plan.trials}
    names = sorted(
        hits, key=lambda name: rank_key(float(hits[name].mean()), epochs[name], params[name])
    )
    fixed = {name for name in names if not models[name].is_random}
    against = compare_with_best({name: hits[name] for name in names}, fixed, in_order=in_order)
    return [
        Candidate(
            name=name,
            params=params[name],
            accuracy=float(hits[name].mean()),
            of_parts=[float(mean) for mean in _accuracies_of(complete[name]).mean(axis=1)],
            over_parts=folds_interval(_accuracies_of(complete[name])),
            interval=accuracy_interval(hits[name], in_order=in_order),
            training=models[name].training or {},
            seeds=len(complete[name]),
            fit_seconds=_fit_seconds(complete[name]),
            against_best=against.get(name),
        )
        for name in names
    ]


def _by_model(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    by_model: dict[str, list[Trial]] = {}
    for trial in trials:
        by_model.setdefault(trial.name, []).append(trial)
    return by_model


def _results_of(
    trials: Sequence[Trial], found: Mapping[tuple[str, int, str], TrialResult]
) -> Answers | None:
    """Return the results of the trials of a model; ``None`` if one is missing."""
    by_seed: dict[int, list[TrialResult]] = {}
    for trial in trials:
        result = found.get((trial.name, trial.seed, trial.fingerprint))
        if result is None:
            return None
        by_seed.setdefault(trial.seed, []).append(result)
    return by_seed


def _hits_of(of_model: Answers) -> Hits:
    """Return whether each seed got each held-out document right, ``(n_seeds, n_held_out)``."""
    return np.stack(
        [
            np.concatenate([each.answers == each.labels for each in of_seed])
            for of_seed in of_model.values()
        ]
    )


def _accuracies_of(of_model: Answers) -> NDArray[np.float64]:
    """Return the accuracy of each training, ``(n_parts, n_seeds)``."""
    return np.transpose([[each.accuracy for each in of_seed] for of_seed in of_model.values()])


def _fit_seconds(of_model: Answers) -> float:
    return float(
        np.mean([each.record.fit_seconds for of_seed in of_model.values() for each in of_seed])
    )
