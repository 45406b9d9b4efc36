"""The record of a choice, and how its candidates are ranked."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.intervals import Hits, accuracy_interval, folds_interval
from rnnbench.data.audit import DatasetSummary
from rnnbench.results.schema import DIGITS, Comparison, Interval, MissingTrial
from rnnbench.runner.run import Plan
from rnnbench.section import Record
from rnnbench.training.outcome import TrialResult

CHOICE_VERSION: Final = 2


class Candidate(Record):
    """A model that answered training documents that it had not learned."""

    name: str
    params: int
    accuracy: float
    """The share of right answers to all held-out documents, as a mean over seeds."""
    of_parts: list[float]
    """The accuracy on each part, as a mean over seeds."""
    over_parts: Interval | None
    """95 % interval of the mean over other folds and seeds; ``None`` for a single training."""
    interval: Interval
    """95 % interval over other documents and, with several seeds, over other seeds."""
    training: dict[str, Any] = {}
    """Training values that are set for this model alone."""
    seeds: int
    fit_seconds: float
    """The mean time of a training, in seconds."""
    against_best: Comparison | None
    """The best candidate compared with this one; ``None`` for the best itself."""


class ChoiceResults(Record):
    """The content of ``choice.json``."""

    schema_version: Literal[2] = CHOICE_VERSION
    name: str
    command: str
    """The command line of the choice."""
    dataset: DatasetSummary
    """The whole dataset; none of its test documents was used."""
    folds: int | None
    """The number of folds; ``None`` if the last documents were held out."""
    last: float | None
    """The share of the training documents, the last ones, that was held out; ``None`` with
    folds."""
    held_out: int
    """The number of training documents that were held out, in all folds together."""
    seeds: list[int]
    epochs: list[int]
    """The distinct numbers of epochs of networks."""
    n_models: int
    """The number of models and points of grids in the config."""
    searched: int | None
    """The most points of each grid that were to be drawn; ``None`` if all were tried."""
    sampler: str | None
    """What drew them."""
    candidates: list[Candidate]
    """The best first; models that lack trials are left out."""
    missing: list[MissingTrial]
    """Trials that failed or were not run."""

    def how(self) -> str:
        """Return in words which documents were held out."""
        parts = f"{self.folds} folds" if self.folds else f"the last {100 * (self.last or 0):.3g}%"
        return f"{self.held_out:,} of {self.dataset.train_size:,} training documents ({parts})"


Answers = Sequence[Sequence[TrialResult]]
"""The results of a model: for each seed, one for each part."""


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
    complete = _complete(order, plan, results)
    if not complete:
        return []
    models = {trial.name: trial.model for trial in plan.trials}
    epochs = {trial.name: trial.epochs for trial in plan.trials}
    params = {name: answers[0][0].record.params for name, answers in complete.items()}
    in_order = plan.dataset.in_order
    places = np.argsort(positions) if in_order else slice(None)
    hits = {
        name: Hits(_hits_of(answers)[:, places], in_order) for name, answers in complete.items()
    }
    names = sorted(hits, key=lambda name: rank_key(hits[name].accuracy, epochs[name], params[name]))
    fixed = {name for name in names if not models[name].is_random}
    against = compare_with_best({name: hits[name] for name in names}, fixed)
    candidates = []
    for name in names:
        answers = complete[name]
        # (n_parts, n_seeds)
        accuracies = np.transpose([[result.accuracy for result in of_seed] for of_seed in answers])
        seconds = [result.record.fit_seconds for of_seed in answers for result in of_seed]
        candidates.append(
            Candidate(
                name=name,
                params=params[name],
                accuracy=hits[name].accuracy,
                of_parts=[float(mean) for mean in accuracies.mean(axis=1)],
                over_parts=folds_interval(accuracies),
                interval=accuracy_interval(hits[name]),
                training=models[name].training or {},
                seeds=len(answers),
                fit_seconds=float(np.mean(seconds)),
                against_best=against.get(name),
            )
        )
    return candidates


def _complete(
    order: Iterable[str], plan: Plan, results: Sequence[TrialResult]
) -> dict[str, Answers]:
    """Return the results of each model that has them all, in ``order``."""
    found = {
        (result.record.model, result.record.seed, result.record.fingerprint): result
        for result in results
    }
    planned = Counter(trial.name for trial in plan.trials)
    by_model: dict[str, dict[int, list[TrialResult]]] = {name: {} for name in planned}
    for trial in plan.trials:
        if (result := found.get((trial.name, trial.seed, trial.fingerprint))) is not None:
            by_model[trial.name].setdefault(trial.seed, []).append(result)
    return {
        name: list(by_model[name].values())
        for name in order
        if name in planned and sum(map(len, by_model[name].values())) == planned[name]
    }


def _hits_of(answers: Answers) -> NDArray[np.bool_]:
    """Return whether each seed got each held-out document right, ``(n_seeds, n_held_out)``."""
    return np.stack(
        [
            np.concatenate([result.answers == result.labels for result in of_seed])
            for of_seed in answers
        ]
    )
