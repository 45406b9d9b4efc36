"""Holding out training wires, and choosing the epoch to keep by what it scores on them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError


def hold_out(n: int, share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which of ``n`` wires are trained on and which are held out, both in order.

    All models and seeds of a benchmark get the same ones.

    Raises:
        UserError: none would be left on one side.
    """
    held_out = int(n * share)
    if share and not 0 < held_out < n:
        raise UserError(
            f"training.validation_split: {share} of {n} training wires leaves {held_out} to "
            f"validate on and {n - held_out} to train on"
        )
    order = np.random.RandomState(0).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


@dataclass
class BestEpoch:
    """The weights of the best epoch so far: highest validation accuracy, then lowest loss."""

    read_weights: Callable[[], Sequence[Any]]
    epoch: int = 0
    weights: Sequence[Any] = ()
    _score: tuple[float, float] = field(default=(-1.0, 0.0))

    def note(self, epoch: int, loss: float, accuracy: float) -> None:
        """Take the model's weights if this epoch, counted from 1, is better than all before.

        An epoch whose loss is not a number is taken only where there is no other.
        """
        score = (accuracy, -loss) if math.isfinite(loss) else (-0.5, 0.0)
        if score > self._score:
            self._score, self.epoch, self.weights = score, epoch, self.read_weights()
