"""Which differences a run could have found: ``power_of_pairs(run)``."""

from collections.abc import Mapping, Sequence

import numpy as np

from rnnbench.analysis.comparisons import correctness_by_model, with_majority
from rnnbench.points import chosen
from rnnbench.results.comparison import SIGNIFICANT, Comparison
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.stats import many_models
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import mean_squares
from rnnbench.stats.power import MOST, detectable, seeds_needed


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
    family = list(with_majority(models, run.results.dataset, run.labels).values())
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
