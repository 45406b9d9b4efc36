"""Which differences could have been found, and what would find a smaller one.

>>> import numpy as np
>>> from rnnbench.stats import Correctness, mean_squares
>>> random = np.random.default_rng(0)
>>> a = Correctness(random.random((3, 400)) < 0.82)
>>> b = Correctness(random.random((3, 400)) < 0.80)
>>> squares = mean_squares(a, b)
>>> round(detectable(squares, level=0.05), 3)
0.075
>>> seeds_needed(squares, level=0.05, difference=0.05)
5
>>> documents_needed(squares, level=0.05, difference=0.07, n_documents=400)
517
"""

from bisect import bisect_left
from collections.abc import Callable

import scipy

from rnnbench.stats.intervals import MeanSquares

POWER = 0.8
FEWEST = 3
MOST = 1_000
"""The seeds from ``FEWEST`` to ``MOST`` are tried to find out how many are needed."""
MOST_DOCUMENTS = 10_000_000
"""Of documents, at most as many are tried."""


def detectable(squares: MeanSquares, level: float) -> float | None:
    """Return the smallest true difference that 80 % of runs find.

    They find it if the p-value is below ``level``. ``None`` if it is above 1, or if
    nothing varies. Given a true difference, Student's statistic has a noncentral t
    distribution (J. Cohen: Statistical Power Analysis for the Behavioral Sciences, 2nd
    edition, 1988, chapter 2).

    >>> import numpy as np
    >>> from rnnbench.stats import Correctness, mean_squares
    >>> half_right = Correctness(np.arange(100)[np.newaxis] < 50)
    >>> round(detectable(mean_squares(half_right), level=0.05), 3)
    0.142
    """
    variance = squares.variance
    if not variance:
        return None
    df = squares.df(variance)
    quantile = scipy.special.stdtrit(df, 1 - level / 2)
    error = variance**0.5
    if quantile * error > 1:
        return None  # it is larger still, and SciPy might look for it for minutes
    difference = float(scipy.special.nctdtrinc(df, 1 - POWER, quantile) * error)
    if difference > 1:
        return None
    return difference


def seeds_needed(squares: MeanSquares, level: float, difference: float) -> int | None:
    """Return the fewest seeds for which a ``difference`` is detectable.

    The parts of the variance that depend on seeds, S, are divided by n / S in
    ``MeanSquares.with_seeds``. ``None`` if more than ``MOST`` seeds are needed, or if
    no seed changes anything.

    >>> import numpy as np
    >>> from rnnbench.stats import Correctness, mean_squares
    >>> without_seeds = mean_squares(Correctness(np.arange(100)[np.newaxis] < 50))
    >>> seeds_needed(without_seeds, level=0.05, difference=0.2) is None
    True
    """
    if not len(squares.n_seeds) or not difference:
        return None

    def is_enough(n: int) -> bool:
        smallest = detectable(squares.with_seeds(n), level)
        return smallest is not None and smallest <= difference

    return first_enough(range(FEWEST, MOST + 1), is_enough)


def documents_needed(
    squares: MeanSquares, level: float, difference: float, n_documents: int
) -> int | None:
    """Return the fewest documents for which a ``difference`` is detectable.

    ``squares`` are those of ``n_documents``, which may be in clusters; more documents
    are in as many more clusters. ``None`` if even ``MOST_DOCUMENTS`` are too few,
    because these seeds differ.

    >>> import numpy as np
    >>> from rnnbench.stats import Correctness, mean_squares
    >>> half_right = Correctness(np.arange(100)[np.newaxis] < 50)
    >>> documents_needed(mean_squares(half_right), 0.05, 0.1425, n_documents=100)
    100
    """

    def is_enough(n: int) -> bool:
        more = squares.with_documents(n / n_documents)
        if more.n_documents < 2:
            return False
        smallest = detectable(more, level)
        return smallest is not None and smallest <= difference

    return first_enough(range(1, MOST_DOCUMENTS + 1), is_enough)


def first_enough(numbers: range, is_enough: Callable[[int], bool]) -> int | None:
    """Return the first number that is enough, as all later ones are, or ``None``."""
    position = bisect_left(numbers, True, key=is_enough)
    if position == len(numbers):
        return None
    return numbers[position]
