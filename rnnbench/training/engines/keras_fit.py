"""The notebook's way: ``model.fit``."""

import time

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rnnbench.config.schema import Training
from rnnbench.results.schema import History
from rnnbench.training.engines import OnEpoch, Outcome
from rnnbench.training.optimizer import make_optimizer
from rnnbench.training.order import count_batches, order_generator

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
    order = order_generator()
    orders = np.stack([order.permutation(len(y)) for _ in range(training.epochs)])
    history = model.fit(
        _batches(x, y, orders, training.batch_size),
        epochs=training.epochs,
        steps_per_epoch=count_batches(len(y), training.batch_size),
        shuffle=False,  # it is done
        verbose=0,
        callbacks=[clock],
    ).history
    return Outcome(
        History(loss=history["loss"], accuracy=history[ACCURACY]),
        np.diff(clock.times).tolist(),
    )


def _batches(
    x: NDArray[np.float32], y: NDArray[np.int32], orders: NDArray[np.integer], batch_size: int
) -> tf.data.Dataset:
    """Return the batches of all epochs, as ``model.fit`` makes them of arrays.

    Given arrays and a global seed, it would go through them in the same order in each epoch.

    Args:
        x: ``(n, timesteps, 1)``.
        y: ``(n,)``.
        orders: ``(epochs, n)``, the rows as each epoch goes through them.
        batch_size: rows a batch; the last one of an epoch may have fewer.
    """
    features, labels = tf.constant(x), tf.constant(y)
    rows = tf.data.Dataset.from_tensor_slices(orders).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
    )
    return rows.map(lambda rows: (tf.gather(features, rows), tf.gather(labels, rows))).prefetch(1)


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
