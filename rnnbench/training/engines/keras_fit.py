"""The steps of the engine ``keras``, by ``model.fit``; and the averages of its weights.

Importing this module imports TensorFlow.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rnnbench.models.build import EVALUATION_BATCH
from rnnbench.training.epochs import Documents, Epochs, Recipe, batches, begin, count_batches

SCORE = "score"
"""The main metric, in Keras's logs."""


class Averages(keras.callbacks.Callback):
    """The averages of the weights that are trained, over the optimizer steps so far.

    With the decay ``d``, the weights after step ``s`` of ``t`` have the share ``d^(t-s)`` in the
    average, divided by the sum of all shares. So it is right from the first step on, as those of
    Adam are. Keras's ``use_ema`` does not divide. A. Adhikari et al. (Rethinking Complex Neural
    Network Architectures for Document Classification, NAACL 2019) do, but also add the weights
    before the first step ``d^t / (1 - d^t)`` times. All agree after many steps.

    From the end of an epoch until the next one begins, they take the place of the weights.
    """

    def __init__(self, model: keras.Model, decay: float):
        super().__init__()
        self.log_decay = math.log(decay)
        self.weights = [own.value for own in model.trainable_variables]
        self.values = [tf.Variable(tf.zeros_like(own), trainable=False) for own in self.weights]
        self._update = tf.function(self.update, autograph=False)

    def update(self, step: tf.Tensor) -> None:
        """Take in the weights after an optimizer step; steps count from 1."""
        # The share of the last step, (1 - d) / (1 - d^t), without loss of digits.
        all_shares = tf.math.expm1(self.log_decay * tf.cast(step, tf.float32))
        share = math.expm1(self.log_decay) / all_shares
        for weight, value in zip(self.weights, self.values, strict=True):
            value.assign_add(tf.cast(share, value.dtype) * (weight - value))

    def swap(self) -> None:
        """Put the averages in the place of the weights, and the other way round."""
        for weight, value in zip(self.weights, self.values, strict=True):
            before = tf.identity(weight)
            weight.assign(value)
            value.assign(before)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if epoch > 0:
            self.swap()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._update(self.model.optimizer.iterations.value)
        if batch == self.params["steps"] - 1:  # the averages are validated, noted and kept
            self.swap()


def train(
    model: keras.Model,
    documents: Documents,
    validation: Documents | None,
    recipe: Recipe,
    seed: int,
    epochs: Epochs,
) -> None:
    """Train an uncompiled model in place, in the order of ``epochs.batches``; note each epoch."""
    (x, y), weights = documents, recipe.weights_of(documents[1])

    def steps() -> Iterator[tuple[NDArray[Any], ...]]:
        for epoch in range(1, recipe.epochs + 1):
            for rows in batches(len(y), recipe.batch_size, seed, epoch):
                yield (x[rows], y[rows], *([weights[rows]] if recipe.class_weights else []))

    def note(_: int, logs: dict[str, float]) -> None:
        judged = (logs["val_loss"], logs[f"val_{SCORE}"]) if validation else None
        epochs.note(logs["loss"], logs[SCORE], judged, model.get_weights)
        model.stop_training = epochs.is_over

    begin("compiling")  # which ends in the first epoch
    averages = [Averages(model, recipe.ema)] if recipe.ema else []
    loss, metric = "sparse_categorical_crossentropy", keras.metrics.SparseCategoricalAccuracy
    if y.ndim == 2:
        loss, metric = "binary_crossentropy", partial(keras.metrics.F1Score, "micro", 0.5)
    model.compile(make_optimizer(recipe, len(y)), loss=loss, metrics=[metric(name=SCORE)])
    model.fit(
        steps(),
        epochs=recipe.epochs,
        steps_per_epoch=count_batches(len(y), recipe.batch_size),
        validation_data=validation,
        validation_batch_size=EVALUATION_BATCH,
        shuffle=False,
        verbose=0,
        callbacks=[*averages, keras.callbacks.LambdaCallback(on_epoch_end=note)],
    )


class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rates of all steps."""

    def __init__(self, rates: NDArray[np.float64]):
        self.rates = tf.constant(rates, tf.float32)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.rates, tf.cast(step, tf.int32))


def make_optimizer(recipe: Recipe, documents: int) -> keras.Optimizer:
    """Return a new optimizer with Keras's defaults and the learning rates of ``recipe``.

    Keras has a gradient for each occurrence of a word in a batch. Optimizers that square gradients,
    as Adam does, would square each one, so they are added up first.
    """
    optimizer, rate = keras.optimizers.get(recipe.optimizer), recipe.learning_rate
    is_fixed = isinstance(rate, int | float)
    optimizer.learning_rate = rate if is_fixed else Rates(recipe.learning_rates(documents))
    optimizer.global_clipnorm = recipe.gradient_clip
    apply = optimizer.apply

    def apply_sums(gradients: Any, weights: Any = None) -> Any:
        sums = [own if own is None else tf.convert_to_tensor(own) for own in gradients]
        return apply(sums, weights)

    optimizer.apply = apply_sums
    return optimizer
