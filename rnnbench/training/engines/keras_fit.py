"""The engine ``keras``: Keras's own ``model.fit``. Importing this module imports TensorFlow."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnbench.models.build import EVALUATION_BATCH
from rnnbench.training.engines.averages import Averages, averages_of
from rnnbench.training.engines.keras_engine import Documents, make_optimizer
from rnnbench.training.epochs import Epochs, batches, count_batches
from rnnbench.training.phases import begin
from rnnbench.training.recipe import Recipe

ACCURACY = "sparse_categorical_accuracy"
"""With a single topic, plain ``accuracy`` would become the binary one."""


def train(
    model: keras.Model,
    documents: Documents,
    validation: Documents | None,
    recipe: Recipe,
    seed: int,
    epochs: Epochs,
) -> list[str]:
    """Train ``model`` in place with ``model.fit``; see ``keras_engine.Train``."""

    def note(_: int, logs: dict[str, float]) -> None:
        judged = (logs["val_loss"], logs[f"val_{ACCURACY}"]) if validation else None
        with averages.in_use():
            epochs.note(logs["loss"], logs[ACCURACY], judged, model.get_weights)

    begin("compiling")  # which ends in the first epoch
    averages = averages_of(model, recipe.ema)
    averaging = [] if recipe.ema is None else [_averaging(model, averages)]
    model.compile(
        optimizer=make_optimizer(recipe),
        loss="sparse_categorical_crossentropy",
        metrics=[ACCURACY],
    )
    model.fit(
        _batches(documents, recipe, seed),
        epochs=recipe.epochs,
        steps_per_epoch=count_batches(len(documents[1]), recipe.batch_size),
        validation_data=validation,
        validation_batch_size=EVALUATION_BATCH,
        shuffle=False,  # the batches are in order already
        verbose=0,
        callbacks=[*averaging, keras.callbacks.LambdaCallback(on_epoch_end=note)],
    )
    averages.swap()
    return []


def _averaging(model: keras.Model, averages: Averages) -> keras.callbacks.Callback:
    """Return what averages the weights after each step, and has the averages validated."""
    update = tf.function(averages.update, autograph=False)

    def take_in(batch: int, logs: Any = None) -> None:  # noqa: ARG001 - Keras calls it by name
        update(model.optimizer.iterations.value)

    def swap(logs: Any = None) -> None:  # noqa: ARG001
        averages.swap()

    return keras.callbacks.LambdaCallback(
        on_train_batch_end=take_in, on_test_begin=swap, on_test_end=swap
    )


def _batches(documents: Documents, recipe: Recipe, seed: int) -> tf.data.Dataset:
    """Return the batches of all epochs, one after the other.

    ``model.fit`` cannot shuffle by a seed: with arrays and a global seed, it would go through
    them in the same order in each epoch.
    """
    features, labels = map(tf.constant, documents)
    orders = [
        np.concatenate(batches(len(labels), recipe.batch_size, seed, epoch))
        for epoch in range(1, recipe.epochs + 1)
    ]
    rows = tf.data.Dataset.from_tensor_slices(np.stack(orders)).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(recipe.batch_size)
    )
    return rows.map(lambda rows: (tf.gather(features, rows), tf.gather(labels, rows))).prefetch(1)
