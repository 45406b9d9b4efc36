"""Engines: functions that train a Keras model in place. The config's ``engine`` names one."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.outcome import History
from rnnbench.training.recipe import Training

if TYPE_CHECKING:
    import keras

OnEpoch = Callable[[int, float, float], None]
"""Called with the number of a finished epoch, from 1, its loss and its accuracy."""


def ignore(epoch: int, loss: float, accuracy: float) -> None:
    """Do nothing after an epoch."""


@dataclass(frozen=True)
class Outcome:
    """What an engine tells of a training.

    Attributes:
        history: loss and accuracy on the training and the validation wires, by epoch.
        epoch_seconds: wall time of each epoch, all that comes with it included; the first
            compiles.
        best_epoch: the epoch whose weights were kept, where validation wires chose it.
        stock_layers: recurrent layers that ``compiled`` left to Keras's own code, and why:
            ``gru_1: dropout``.
    """

    history: History
    epoch_seconds: list[float]
    best_epoch: int | None = None
    stock_layers: list[str] = field(default_factory=list)


Wires = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Word ids ``(n, timesteps)`` and labels ``(n,)``."""

Engine = Callable[
    [
        "keras.Model",
        NDArray[np.int32],
        NDArray[np.int32],
        Training,
        OnEpoch,
        Wires | None,
    ],
    Outcome,
]
"""Trains a model on word ids ``(n, timesteps)`` and labels ``(n,)``.

With validation wires the model keeps the weights of its best epoch on those, else of its last.
"""

_MODULES = {"compiled": "compiled", "keras": "keras_fit"}


def load_engine(name: str) -> Engine:
    """Return the engine ``name``; this imports what it needs."""
    return importlib.import_module(f"{__name__}.{_MODULES[name]}").fit
