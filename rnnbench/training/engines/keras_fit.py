"""The notebook's way: ``model.fit``."""

import time

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rnnbench.models.build import EVALUATION_BATCH
from rnnbench.training.engines import OnEpoch, Outcome, Wires
from rnnbench.training.optimizer import make_optimizer
from rnnbench.training.outcome import History
from rnnbench.training.recipe import Training
from rnnbench.training.steps import count_batches, order_generator
from rnnbench.training.validation import BestEpoch

ACCURACY = "sparse_categorical_accuracy"
"""Plain ``accuracy`` would be a binary one where there is a single topic."""


def fit(
    model: keras.Model,
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    training: Training,
    on_epoch: OnEpoch,
    validation: Wires | None = None,
) -> Outcome:
    """Train ``model`` in place with ``model.fit``; see ``engines.Engine``."""
    model.compile(
        optimizer=make_optimizer(training),
        loss="sparse_categorical_crossentropy",
        metrics=[ACCURACY],
    )
    watch = _Watch(on_epoch, BestEpoch(model.get_weights))
    order = order_generator()
    orders = np.stack([order.permutation(len(y)) for _ in range(training.epochs)])
    history = model.fit(
        _batches(x, y, orders, training.batch_size),
        epochs=training.epochs,
        steps_per_epoch=count_batches(len(y), training.batch_size),
        validation_data=validation,
        validation_batch_size=EVALUATION_BATCH,
        shuffle=False,  # it is done
        verbose=0,
        callbacks=[watch],
    ).history
    if validation:
        model.set_weights(watch.best.weights)
    return Outcome(
        History(
            loss=history["loss"],
            accuracy=history[ACCURACY],
            val_loss=history.get("val_loss", []),
            val_accuracy=history.get(f"val_{ACCURACY}", []),
        ),
        np.diff(watch.times).tolist(),
        watch.best.epoch if validation else None,
    )


def _batches(
    x: NDArray[np.int32], y: NDArray[np.int32], orders: NDArray[np.integer], batch_size: int
) -> tf.data.Dataset:
    """Return the batches of all epochs, as ``model.fit`` makes them of arrays.

    Given arrays and a global seed, it would go through them in the same order in each epoch.

    Args:
        x: ``(n, timesteps)``.
        y: ``(n,)``.
        orders: ``(epochs, n)``, the rows as each epoch goes through them.
        batch_size: rows a batch; the last one of an epoch may have fewer.
    """
    features, labels = tf.constant(x), tf.constant(y)
    rows = tf.data.Dataset.from_tensor_slices(orders).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
    )
    return rows.map(lambda rows: (tf.gather(features, rows), tf.gather(labels, rows))).prefetch(1)


class _Watch(keras.callbacks.Callback):
    """Notes when each epoch ended and which was the best, and tells the caller."""

    def __init__(self, on_epoch: OnEpoch, best: BestEpoch):
        super().__init__()
        self.on_epoch, self.best = on_epoch, best
        self.times: list[float] = []

    def on_train_begin(self, logs: dict | None = None) -> None:  # noqa: ARG002
        self.times.append(time.perf_counter())

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        if "val_loss" in logs:
            self.best.note(epoch + 1, logs["val_loss"], logs[f"val_{ACCURACY}"])
        self.times.append(time.perf_counter())
        self.on_epoch(epoch + 1, logs["loss"], logs[ACCURACY])
