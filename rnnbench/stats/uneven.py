"""Seeds that do not form one normal group, for example because some trainings collapse.

>>> is_uneven([0.80, 0.81, 0.79, 0.80, 0.82, 0.35], n_documents=500)
True

Scores of seeds are tested for a normal distribution by T. W. Anderson and D. A.
Darling's statistic (A test of goodness of fit. Journal of the American Statistical
Association 49, 1954), with the factor and the limit of M. A. Stephens for an unknown
mean and variance (R. B. D'Agostino, M. A. Stephens: Goodness-of-Fit Techniques, 1986,
table 4.7). The test finds single outliers as well as two groups;
``results/reference/uneven_seeds.md`` shows how often. SciPy's ``anderson`` has neither
the factor nor the limit, and importing it takes longer than all tables of a run.
"""

from collections.abc import Sequence

import numpy as np
import scipy

from rnnbench.stats.correctness import Floats

FEWEST_SEEDS = 5  # fewer cannot show two groups
LIMIT = 1.035  # of the statistic; one normal sample in 100 exceeds it


def is_uneven(scores: Sequence[float], n_documents: int) -> bool:
    """Return whether scores on ``n_documents`` do not look like a normal sample.

    Fewer than five scores are never uneven, and neither are scores with a standard
    deviation of less than one document.

    >>> is_uneven([0.80, 0.81, 0.79, 0.80, 0.82], n_documents=500)
    False
    """
    if len(scores) < FEWEST_SEEDS:
        return False
    in_documents = _spread_ties(np.asarray(scores) * n_documents)
    deviation = in_documents.std(ddof=1)
    if deviation < 1:
        return False
    return _anderson_darling((in_documents - in_documents.mean()) / deviation) > LIMIT


def _spread_ties(values: Floats) -> Floats:
    """Return values in order, with equal ones spread over the width of one document.

    Otherwise, a normal sample that is rounded to whole documents would look uneven.
    """
    distinct, places, counts = np.unique(
        values.round(6), return_inverse=True, return_counts=True
    )
    places = np.sort(places)
    first_of_each = np.cumsum(counts) - counts
    rank_among_equals = np.arange(len(values)) - first_of_each[places]
    spread: Floats = distinct[places] + (rank_among_equals + 0.5) / counts[places] - 0.5
    return spread


def _anderson_darling(standardized: Floats) -> float:
    """Return the statistic of values in order, with a mean of 0 and a variance of 1."""
    n = len(standardized)
    weights = 2 * np.arange(1, n + 1) - 1
    below = scipy.special.log_ndtr(standardized)
    above = scipy.special.log_ndtr(-standardized[::-1])
    statistic = -n - float(np.mean(weights * (below + above)))
    return statistic * (1 + 0.75 / n + 2.25 / n**2)
