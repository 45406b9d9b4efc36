"""What training a model with one seed gives, whatever the kind of the model."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.training.outcome import History


@dataclass(frozen=True)
class Trained:
    """The facts of a training, and what the model answers on the test wires.

    Attributes:
        scores: float32 ``(n_test, n_topics)``.
        scores_are: what they are.
        engine: what trained.
        params: trained parameters.
        fit_seconds: wall time of the training.
        epochs: epochs that were trained.
        steps_per_epoch: optimizer steps in each.
        ms_per_step: milliseconds of a step in the median epoch.
        history: loss and accuracy by epoch.
        best_epoch: the epoch that was kept, where validation wires chose it.
        stock_layers: layers that the engine left to Keras's own code, and why.
        model: the content of a ``.keras`` file, where the model is to be kept.
    """

    scores: NDArray[np.float32]
    scores_are: Literal["probabilities", "margins"]
    engine: str
    params: int
    fit_seconds: float
    epochs: int = 0
    steps_per_epoch: int = 0
    ms_per_step: float | None = None
    history: History = field(default_factory=History)
    best_epoch: int | None = None
    stock_layers: list[str] = field(default_factory=list)
    model: bytes | None = None
