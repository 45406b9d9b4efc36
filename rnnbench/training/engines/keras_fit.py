"""The notebook's way: ``model.fit``."""

import time

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.config.schema import Training
from rnnbench.results.schema import History
from rnnbench.training.engines import OnEpoch, Outcome
from rnnbench.training.optimizer import make_optimizer

ACCURACY = "sparse_categorical_accuracy"
"""Plain ``accuracy`` would be a binary one where there is a single topic."""


def fit(
    model: keras.Model,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    training: Training,
    on_epoch: OnEpoch,
) -> Outcome:
    """Train ``model`` in place with ``model.fit``; see ``engines.Engine``."""
    model.compile(
        optimizer=make_optimizer(training),
        loss="sparse_categorical_crossentropy",
        metrics=[ACCURACY],
    )
    clock = _Clock(on_epoch)
    history = model.fit(
        x,
        y,
        batch_size=training.batch_size,
        epochs=training.epochs,
        verbose=0,
        callbacks=[clock],
    ).history
    return Outcome(
        History(loss=history["loss"], accuracy=history[ACCURACY]),
        np.diff(clock.times).tolist(),
    )


class _Clock(keras.callbacks.Callback):
    """Notes when each epoch ended, and tells the caller."""

    def __init__(self, on_epoch: OnEpoch):
        super().__init__()
        self.on_epoch = on_epoch
        self.times: list[float] = []

    def on_train_begin(self, logs: dict | None = None) -> None:  # noqa: ARG002
        self.times.append(time.perf_counter())

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        self.times.append(time.perf_counter())
        self.on_epoch(epoch + 1, logs["loss"], logs[ACCURACY])
