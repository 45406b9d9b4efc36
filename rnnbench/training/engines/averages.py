"""An exponential moving average of a model's weights, the same in both Keras engines.

Importing this module imports TensorFlow.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Averages:
    """The averages of the weights that are trained, over the optimizer steps so far.

    With the decay ``d``, the weights after step ``s`` of ``t`` have the share ``d^(t-s)`` in the
    average, divided by the sum of all shares. So the average is right from the first step on, as
    those of Adam are. The weights before the first step have no share. Others differ:

    - Keras's ``use_ema`` does not divide, and gives the weights after the first step the share
      ``d^(t-1)``, so they dominate for about ``1 / (1 - d)`` steps.
    - The code of A. Adhikari et al.: Rethinking Complex Neural Network Architectures for Document
      Classification (NAACL 2019) divides, but starts with the weights before the first step. So it
      also adds them ``d^t / (1 - d^t)`` times.

    All agree after many steps.

    Attributes:
        decay: above 0 and below 1; ``None`` if nothing is averaged.
        weights: those that are trained; none if nothing is averaged.
        values: the average of each.
    """

    decay: float | None
    weights: list[tf.Variable]
    values: list[tf.Variable]

    def update(self, step: tf.Tensor) -> None:
        """Take in the weights after an optimizer step; steps count from 1."""
        if self.decay is None:
            return
        # The share of the last step, (1 - d) / (1 - d^t), without loss of digits.
        log_decay = math.log(self.decay)
        share = math.expm1(log_decay) / tf.math.expm1(log_decay * tf.cast(step, tf.float32))
        for weight, value in zip(self.weights, self.values, strict=True):
            value.assign_add(tf.cast(share, value.dtype) * (weight - value))

    def clear(self) -> None:
        """Forget all steps."""
        for value in self.values:
            value.assign(tf.zeros_like(value))

    def swap(self) -> None:
        """Put the averages in the place of the weights, and the other way round."""
        for weight, value in zip(self.weights, self.values, strict=True):
            before = tf.identity(weight)
            weight.assign(value)
            value.assign(before)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Have the model use the averages for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()


def averages_of(model: keras.Model, decay: float | None) -> Averages:
    """Return the averages of a model before its first step; of no weights without a decay."""
    weights = [] if decay is None else [each.value for each in model.trainable_variables]
    values = [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in weights]
    return Averages(decay, weights, values)
