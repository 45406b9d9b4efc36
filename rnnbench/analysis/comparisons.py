"""Which models differ on the same test documents, and which could be told apart.

>>> models = correctness_by_model(run)  # doctest: +SKIP
>>> compare_with_best(models)["svm"].is_clear  # doctest: +SKIP
True
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.audit import DatasetSummary
from rnnbench.points import chosen
from rnnbench.results.comparison import DIGITS, SIGNIFICANT, TOO_FEW, Comparison
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import ModelSummary, by_score
from rnnbench.section import StoredRecord
from rnnbench.stats import many_models
from rnnbench.stats.correctness import Array, Correctness
from rnnbench.stats.intervals import estimate_difference, mean_squares
from rnnbench.stats.paired import difference_p
from rnnbench.stats.power import MOST, detectable, seeds_needed
from rnnbench.training.outcome import TrialResult, Trials, labels_of

MAX_IN_PAIRS = 60
"""The most models that are all compared with each other, a millisecond each."""
SHOWN_IN_PAIRS = 8
"""The most models of which all pairs are shown in a plot."""


def parts_of(trials: Sequence[TrialResult]) -> Array:
    """Return the parts of the main metric, ``([2,] n_trials, n_documents)``."""
    return np.stack([trial.parts for trial in trials], axis=-2)


def correctness_of(
    trials: Sequence[TrialResult], dataset: DatasetSummary, *, is_random: bool
) -> Correctness:
    """Return how right the trials of a model are on the test documents."""
    return Correctness(
        parts_of(trials),
        in_order=dataset.in_order,
        is_random=is_random,
        clusters=dataset.clusters,
    )


def correctness_by_model(run: StoredRun) -> dict[str, Correctness]:
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
    by_model: Mapping[str, Correctness], dataset: DatasetSummary, trials: Trials
) -> dict[str, Correctness]:
    """Return models with always answering the most frequent topic, by its name."""
    labels = labels_of(trials)
    topic = [count.topic for count in dataset.topics].index(dataset.majority_topic)
    answers = dataset.kind.always(topic, labels)
    parts = dataset.kind.parts(labels, answers)[..., np.newaxis, :]
    always = Correctness(
        parts, in_order=dataset.in_order, is_random=False, clusters=dataset.clusters
    )
    return {**by_model, dataset.majority_name: always}


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
        pair = frozenset((comparison.a, comparison.b))
        corrected.append(_corrected(comparison, p_of_pair[pair]))
    return corrected


def compare_with_best(models: Mapping[str, Correctness]) -> dict[str, Comparison]:
    """Compare the best model with each other model; return it by the other's name.

    The corrected p-value is that of being as good as the best, whichever model is the
    best.
    """
    best = max(models, key=lambda name: round(models[name].score, DIGITS))
    p_best = p_of_being_best(models)
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


def ranks_of(models: Mapping[str, Correctness]) -> dict[str, tuple[int, int]]:
    """Return the first and the last possible rank of each model, by name.

    Pairs with too few seeds leave both orders open.
    """
    in_order = list(models.values())
    scores = many_models.describe(in_order)
    ranks = many_models.rank_intervals(scores, _have_too_few_seeds(in_order))
    return dict(zip(models, map(tuple, ranks.tolist()), strict=True))


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
    p, method = difference_p(*pair)
    numbers_of_seeds = [len(model.values) for model in pair if model.is_random]
    return Comparison(
        a=a,
        b=b,
        difference=estimate.value,
        interval=estimate.interval,
        p=p,
        p_corrected=p,
        method=method,
        n_seeds=min(numbers_of_seeds, default=None),
    )


def _corrected(comparison: Comparison, p: float) -> Comparison:
    """Return a comparison with a corrected p-value, at least the uncorrected one."""
    return comparison.model_copy(update={"p_corrected": max(p, comparison.p)})


def by_better_model(
    comparisons: Sequence[Comparison], models: Sequence[ModelSummary]
) -> dict[str, list[Comparison]]:
    """Return comparisons by the better model, which becomes ``a``.

    Of many models, only the comparisons with the best are returned.
    """
    names = [model.name for model in by_score(models)]
    turned = in_order_of(names, comparisons)
    if len(names) > SHOWN_IN_PAIRS:
        # A run of very many models has pairs with one model alone, which may share the
        # first place.
        counts = Counter(name for pair in turned for name in (pair.a, pair.b))
        best = max(names, key=lambda name: counts[name])
        turned = [pair for pair in turned if best in (pair.a, pair.b)]
    by_better: dict[str, list[Comparison]] = {}
    for pair in turned:
        by_better.setdefault(pair.a, []).append(pair)
    return by_better


def in_order_of(
    names: Sequence[str], comparisons: Sequence[Comparison]
) -> list[Comparison]:
    """Return the comparisons among ``names``, in that order and seen from the first."""
    position = {name: number for number, name in enumerate(names)}
    turned = []
    for pair in comparisons:
        if pair.a in position and pair.b in position:
            earlier = min(pair.a, pair.b, key=position.__getitem__)
            turned.append(pair.seen_from(earlier))
    return sorted(turned, key=lambda pair: (position[pair.a], position[pair.b]))


class PairPower(StoredRecord):
    """The power of the comparison of two models; the caption of its table says more."""

    comparison: Comparison
    detectable: float | None
    """The smallest difference found in 80 % of such runs, if tested alone."""
    detectable_corrected: float | None
    """The same after the correction for all comparisons."""
    seeds_needed: int | None
    """So that the measured difference would be clear in 80 % of runs."""
    is_spread_known: bool
    """Whether each model that depends on the seed has several seeds."""


def power_of_pairs(
    run: StoredRun, only: Sequence[str] | None = None
) -> list[PairPower]:
    """Return the power of the pairs that are not clear, nearly clear ones first."""
    names = set(chosen(list(run.trials), only))
    models = correctness_by_model(run)
    family = list(with_majority(models, run.results.dataset, run.trials).values())
    first, second = np.triu_indices(len(family), 1)
    scores = many_models.describe(family)
    level = many_models.first_step_level(scores, first, second)
    powers = []
    for pair in run.results.comparisons:
        if not pair.is_clear and {pair.a, pair.b} <= names:
            powers.append(_power(pair, models, level))
    return sorted(powers, key=_nearly_clear)


def _power(
    pair: Comparison, models: Mapping[str, Correctness], corrected_level: float
) -> PairPower:
    """Return the power of a comparison of two models."""
    squares = mean_squares(models[pair.a], models[pair.b])
    is_spread_known = pair.n_seeds is None or pair.n_seeds > 1
    alone = corrected = n_seeds = None
    if is_spread_known:
        n_seeds = seeds_needed(squares, corrected_level, abs(pair.difference))
        if not pair.has_too_few_seeds:
            alone = detectable(squares, SIGNIFICANT)
            corrected = detectable(squares, corrected_level)
    return PairPower(
        comparison=pair,
        detectable=alone,
        detectable_corrected=corrected,
        seeds_needed=n_seeds,
        is_spread_known=is_spread_known,
    )


def _nearly_clear(pair: PairPower) -> tuple[int, float]:
    """Return a sort key that puts pairs first that need fewer seeds."""
    return pair.seeds_needed or MOST + 1, pair.comparison.p_corrected
