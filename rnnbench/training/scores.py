"""Log-probabilities, the scores of models that give probabilities.

A logarithm keeps what a float32 probability cannot: naive Bayes gives topics probabilities far
below the smallest float32.
"""

import numpy as np
from numpy.typing import NDArray

LOWEST = float(np.log(np.finfo(np.float32).tiny))
"""The natural logarithm of the smallest normal float32, about -87.3."""
ROUNDING = 1e-3
"""How far above 0 rounding may lift a log-probability."""


def log_probabilities(probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the natural logarithms of a network's probabilities; those below ``LOWEST`` become it.

    Numbers that are no probabilities, such as those of a training that diverged, stay visible: the
    logarithm of NaN or of a negative number is NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(np.log(probabilities), LOWEST), np.float32)


def with_floor(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-probabilities ``(n, n_topics)`` with a finite number in place of ``-inf``.

    It is ``LOWEST``, or the lowest finite one of its row if that is lower, so a topic without any
    probability never outranks another one.
    """
    lowest = np.min(logs, axis=1, keepdims=True, where=np.isfinite(logs), initial=LOWEST)
    return np.where(np.isneginf(logs), lowest, logs)
