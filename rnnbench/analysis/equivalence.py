"""Which models of a run are surely equal, up to a margin.

>>> equivalences(run, points=0.5)[0].is_equal  # doctest: +SKIP
True
"""

from collections.abc import Sequence

from rnnbench.analysis.comparisons import correctness_by_model
from rnnbench.points import chosen
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.stats.not_worse import lower_bound


class Equivalence(StoredRecord):
    """Two models on the same documents, and a margin for their true difference."""

    a: str
    b: str
    difference: float
    """The mean score of ``a`` minus that of ``b``."""
    surely_within: float | None
    """The smallest margin that the true difference surely stays within; ``None`` with
    too few seeds to tell."""
    margin: float
    """The margin that was asked for."""
    is_equal: bool
    """Whether the models are surely equal up to that margin."""


def equivalences(
    run: StoredRun, points: float, only: Sequence[str] | None = None
) -> list[Equivalence]:
    """Return the pairs of models that a run compares, without the majority.

    The margin is given in ``points``, hundredths of the score. Two one-sided tests at 5
    % make a pair equal: see ``rnnbench.stats.lower_bound``.
    """
    names = set(chosen(list(run.trials), only))
    models = correctness_by_model(run)
    margin = points / 100
    pairs = []
    for comparison in run.results.comparisons:
        a, b = comparison.names
        if not {a, b} <= names:
            continue
        surely_within = None
        if not comparison.has_too_few_seeds:
            low = lower_bound(models[a], models[b])
            high = -lower_bound(models[b], models[a])
            surely_within = max(abs(low), abs(high))
        equivalence = Equivalence(
            a=a,
            b=b,
            difference=comparison.difference,
            surely_within=surely_within,
            margin=margin,
            is_equal=surely_within is not None and surely_within < margin,
        )
        pairs.append(equivalence)
    return pairs
