"""Which differences between models the documents and seeds of a run could have shown."""

from collections.abc import Sequence

from rnnbench.analysis.summary import hits_of
from rnnbench.analysis.variance import Hits, MeanSquares, mean_squares
from rnnbench.points import chosen
from rnnbench.records import Record
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import SIGNIFICANT, Comparison

POWER = 0.8
FEWEST, MOST = 3, 1_000
"""The seeds that are tried."""


class PairPower(Record):
    """The power of the comparison of two models."""

    comparison: Comparison
    detectable: float | None
    """The smallest difference that would be found in 80 % of such runs, if no other were tested;
    ``None`` if it is above 1, if nothing varies, or if a model has only one or two seeds."""
    detectable_corrected: float | None
    """The same, if it must be clear after the correction for all comparisons."""
    seeds_needed: int | None
    """Seeds of each model with which the measured difference, if it is the true one, would be clear
    in 80 % of runs; ``None`` if even 1,000 are not enough, or if a model has one seed, which says
    nothing about others."""
    is_spread_known: bool
    """Whether each model that depends on the seed has several."""


def power_of_pairs(run: StoredRun, only: Sequence[str] | None = None) -> list[PairPower]:
    """Return the power of the comparisons of a run, those closest to a verdict first.

    Pairs that are clear are left out, and so are those with the most frequent topic.

    Args:
        run: a finished run.
        only: these models alone.

    Raises:
        UserError: the run has no model of a name in ``only``.
    """
    names = chosen(list(run.trials), only)
    hits = {name: hits_of(run.trials[name]) for name in names}
    dataset, n_tests = run.results.dataset, run.results.n_corrected_for
    always, in_order = dataset.majority_name, dataset.in_order
    found = [
        _power(each, hits[each.a], hits[each.b], n_tests, in_order=in_order)
        for each in run.results.comparisons
        if always not in (each.a, each.b) and {each.a, each.b} <= set(hits) and not each.is_clear
    ]
    return sorted(found, key=lambda each: (each.seeds_needed or MOST + 1, each.comparison.p_holm))


def _power(comparison: Comparison, a: Hits, b: Hits, n_tests: int, *, in_order: bool) -> PairPower:
    squares = mean_squares(a.mean(axis=0) - b.mean(axis=0), a, b, in_order=in_order)
    corrected, wanted = SIGNIFICANT / n_tests, abs(comparison.difference)
    is_known = comparison.n_seeds is None or comparison.n_seeds > 1
    can_tell = is_known and not comparison.has_too_few_seeds
    return PairPower(
        comparison=comparison,
        detectable=detectable(squares, SIGNIFICANT) if can_tell else None,
        detectable_corrected=detectable(squares, corrected) if can_tell else None,
        seeds_needed=seeds_needed(squares, corrected, wanted) if is_known else None,
        is_spread_known=is_known,
    )


def detectable(squares: MeanSquares, level: float) -> float | None:
    """Return the smallest true difference whose p-value is below ``level`` in 80 % of runs.

    ``None`` if no difference of accuracies is that large, or if nothing varies. If there is a true
    difference, the statistic of Student's test has a noncentral t distribution (J. Cohen:
    Statistical Power Analysis for the Behavioral Sciences, 2nd edition, 1988, chapter 2).
    """
    from scipy.special import nctdtrinc, stdtrit

    variance = squares.variance
    if not variance:
        return None
    df = squares.df(variance)
    found = float(nctdtrinc(df, 1 - POWER, stdtrit(df, 1 - level / 2)) * variance**0.5)
    return found if found <= 1 else None


def seeds_needed(squares: MeanSquares, level: float, difference: float) -> int | None:
    """Return the fewest seeds for which a ``difference`` is detectable; ``None`` if too many."""
    if not len(squares.n_seeds) or not difference:
        return None

    def is_enough(n: int) -> bool:
        found = detectable(squares.with_seeds(n), level)
        return found is not None and found <= difference

    if not is_enough(MOST):
        return None
    too_few, enough = FEWEST - 1, MOST
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if is_enough(middle) else (middle, enough)
    return enough
