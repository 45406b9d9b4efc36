"""Which models differ on the same test documents, and which could be told apart.

>>> models = correctness_by_model(run)  # doctest: +SKIP
>>> compare_with_best(models)["svm"].is_clear  # doctest: +SKIP
True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.labels import Labels
from rnnbench.results.comparison import DIGITS, TOO_FEW, Comparison
from rnnbench.stats import many_models
from rnnbench.stats.correctness import Array, Correctness
from rnnbench.stats.intervals import estimate_difference
from rnnbench.stats.paired import difference_p
from rnnbench.tasks import TaskKind

if TYPE_CHECKING:
    from rnnbench.data.summary import DatasetSummary
    from rnnbench.results.stored_run import StoredRun
    from rnnbench.training.outcome import TrialResult

MAX_IN_PAIRS = 60
"""The most models that are all compared with each other, a millisecond each."""


def parts_of(trials: "Sequence[TrialResult]") -> Array:
    """Return the parts of the main metric, ``([2,] n_trials, n_documents)``."""
    return np.stack([trial.parts for trial in trials], axis=-2)


def correctness_of(
    trials: "Sequence[TrialResult]", dataset: "DatasetSummary", *, is_random: bool
) -> Correctness:
    """Return how right the trials of a model are on the test documents."""
    return Correctness(
        parts_of(trials),
        in_order=dataset.in_order,
        is_random=is_random,
        clusters=dataset.clusters,
    )


def correctness_by_model(run: "StoredRun") -> dict[str, Correctness]:
    """Return how right each model of a run is, by name."""
    dataset = run.results.dataset
    by_model = {}
    for model in run.results.models:
        trials = run.trials[model.name]
        by_model[model.name] = correctness_of(
            trials, dataset, is_random=model.is_random
        )
    return by_model


def with_majority(
    by_model: Mapping[str, Correctness], dataset: "DatasetSummary", labels: Labels
) -> dict[str, Correctness]:
    """Return models with always answering the most frequent topic, by its name."""
    topic = dataset.topic_names.index(dataset.majority_topic)
    a_model = next(iter(by_model.values()))
    majority = always(topic, dataset.kind, labels, a_model)
    return {**by_model, dataset.majority_name: majority}


def always(
    topic: int, task: TaskKind, labels: Labels, a_model: Correctness
) -> Correctness:
    """Return how right one topic is for all documents, which are those of a model."""
    parts = task.parts(labels, task.always(topic, labels))
    return replace(a_model, parts=parts[..., np.newaxis, :], is_random=False)


@dataclass(frozen=True, eq=False)
class ComparedModels:
    """Models on the same documents, compared with each other and with the majority."""

    models: dict[str, Correctness]
    """By name; the last always gives the most frequent topic."""
    p_best: dict[str, float]
    """The p-value of each model, without the majority, being as good as the best."""
    comparisons: list[Comparison]


def compare_models(models: Mapping[str, Correctness]) -> ComparedModels:
    """Compare models, the last of which is the majority, in pairs and with the best."""
    trained = dict(models)
    trained.popitem()
    family = list(combinations(models, 2))
    comparisons = compare_pairs(_pairs(models), models, family)
    return ComparedModels(dict(models), p_of_being_best(trained), comparisons)


def _pairs(models: Mapping[str, Correctness]) -> list[tuple[str, str]]:
    """Return all pairs of models, the last of which is the majority.

    Of many models, they are those with the best and those with the majority.
    """
    if len(models) <= MAX_IN_PAIRS:
        return list(combinations(models, 2))
    *names, majority = models
    best = max(names, key=lambda name: round(models[name].score, DIGITS))
    with_best = [(best, name) for name in names if name != best]
    with_majority_alone = [(name, majority) for name in names]
    return with_best + with_majority_alone


def compare_pairs(
    pairs: Sequence[tuple[str, str]],
    models: Mapping[str, Correctness],
    family: Sequence[tuple[str, str]] | None = None,
) -> list[Comparison]:
    """Return the comparisons of ``pairs`` of models.

    P-values are corrected for a ``family`` of pairs, by default ``pairs``. It must
    contain these and, if results decide which pairs are compared, all pairs that might
    have been chosen.
    """
    comparisons = [_compare(models, a, b) for a, b in pairs]
    if family is None:
        family = pairs
    if len(family) < 2:
        return comparisons
    names = list(dict.fromkeys(chain.from_iterable(family)))
    position = {name: number for number, name in enumerate(names)}
    first = np.array([position[a] for a, _ in family])
    second = np.array([position[b] for _, b in family])
    scores = many_models.describe([models[name] for name in names])
    p = many_models.corrected_p(scores, first, second)
    p_of_pair = dict(zip(map(frozenset, family), p.tolist(), strict=True))
    corrected = []
    for comparison in comparisons:
        pair = frozenset(comparison.names)
        corrected.append(_corrected(comparison, p_of_pair[pair]))
    return corrected


def compare_with_best(models: Mapping[str, Correctness]) -> dict[str, Comparison]:
    """Compare the best model with each other model; return it by the other's name.

    The corrected p-value is that of being as good as the best, whichever model is the
    best.
    """
    return _with_best(models, p_of_being_best(models))


def _with_best(
    models: Mapping[str, Correctness], p_best: Mapping[str, float]
) -> dict[str, Comparison]:
    """Return the comparisons of the best model with each other one."""
    best = max(models, key=lambda name: round(models[name].score, DIGITS))
    comparisons = {}
    for name in models:
        if name != best:
            comparisons[name] = _corrected(_compare(models, best, name), p_best[name])
    return comparisons


def p_of_being_best(models: Mapping[str, Correctness]) -> dict[str, float]:
    """Return the p-value of each model being as good as the best, by name."""
    scores = many_models.describe(list(models.values()))
    p = many_models.worse_than_best_p(scores)
    return dict(zip(models, p.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class RankedModels:
    """Models on the same documents, by name."""

    against_best: dict[str, Comparison]
    """As ``compare_with_best`` returns them."""
    ranks: dict[str, tuple[int, int]]
    """The first and the last possible rank; too few seeds leave both orders open."""


def rank_models(models: Mapping[str, Correctness]) -> RankedModels:
    """Compare models with the best, and return their possible ranks."""
    if not models:
        return RankedModels({}, {})
    in_order = list(models.values())
    ranks, p_best = many_models.rank_models(
        many_models.describe(in_order), _have_too_few_seeds(in_order)
    )
    p_by_name = dict(zip(models, p_best.tolist(), strict=True))
    return RankedModels(
        against_best=_with_best(models, p_by_name),
        ranks=dict(zip(models, map(tuple, ranks.tolist()), strict=True)),
    )


def _have_too_few_seeds(models: Sequence[Correctness]) -> NDArray[np.bool_]:
    """Return which pairs of models have too few seeds for a p-value, ``(m, m)``.

    The rule is that of ``Difference.has_too_few_seeds``.
    """
    n_seeds = np.full(len(models), np.inf)
    is_like_one = np.zeros(len(models), bool)
    for number, model in enumerate(models):
        is_like_one[number] = model.all_agree
        if model.is_random:
            n_seeds[number] = len(model.values)
    fewest = np.minimum.outer(n_seeds, n_seeds)
    are_like_single_trials = np.logical_and.outer(is_like_one, is_like_one)
    is_one_against_several = (fewest == 1) & ~are_like_single_trials
    return np.asarray((fewest == TOO_FEW) | is_one_against_several)


def _compare(models: Mapping[str, Correctness], a: str, b: str) -> Comparison:
    """Return the comparison of two models, with an uncorrected p-value."""
    pair = (models[a], models[b])
    estimate = estimate_difference(*pair)
    interval = estimate.interval
    if models[a].is_loss:
        interval = estimate.around  # losses have no upper bound
    p, method = difference_p(*pair)
    numbers_of_seeds = [len(model.values) for model in pair if model.is_random]
    return Comparison(
        a=a,
        b=b,
        difference=estimate.value,
        interval=interval,
        p=p,
        p_corrected=p,
        method=method,
        n_seeds=min(numbers_of_seeds, default=None),
    )


def _corrected(comparison: Comparison, p: float) -> Comparison:
    """Return a comparison with a corrected p-value, at least the uncorrected one."""
    return comparison.model_copy(update={"p_corrected": max(p, comparison.p)})
