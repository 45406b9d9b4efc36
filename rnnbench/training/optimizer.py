"""Keras's optimizers with the learning rates of the training settings.

TensorFlow is imported when one is made.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.training.hyperparameters import TrainingSettings

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def make_optimizer(settings: TrainingSettings, documents: int) -> "keras.Optimizer":
    """Return a new optimizer with Keras's defaults and the learning rates of settings.

    The gradients of all occurrences of a word are added up before the optimizer squares
    them.
    """
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.get(settings.optimizer)
    rates = tf.constant(settings.learning_rates(documents), tf.float32)

    def rate_now() -> "tf.Tensor":
        return tf.gather(rates, tf.cast(optimizer.iterations, tf.int32))

    if settings.schedule is None:
        optimizer.learning_rate = settings.learning_rate
    else:
        optimizer.learning_rate = rate_now
    optimizer.global_clipnorm = settings.gradient_clip
    apply = optimizer.apply

    def apply_sums(
        gradients: "Sequence[tf.Tensor | None]", weights: object = None
    ) -> "tf.Tensor":
        sums = list(gradients)
        for number, gradient in enumerate(sums):
            if gradient is not None:
                sums[number] = tf.convert_to_tensor(gradient)
        return apply(sums, weights)

    optimizer.apply = apply_sums
    return optimizer
