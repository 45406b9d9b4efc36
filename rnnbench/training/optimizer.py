"""Keras's optimizers with the learning rates of the training settings.

TensorFlow is imported when one is made.
"""

from typing import Any

from rnnbench.training.epochs import TrainingSettings


def make_optimizer(settings: TrainingSettings, documents: int) -> Any:
    """Return a new optimizer with Keras's defaults and the learning rates of settings.

    The gradients of all occurrences of a word are added up before the optimizer squares
    them.
    """
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.get(settings.optimizer)
    rates = tf.constant(settings.learning_rates(documents), tf.float32)

    def rate_now() -> Any:
        return tf.gather(rates, tf.cast(optimizer.iterations, tf.int32))

    if settings.schedule is None:
        optimizer.learning_rate = settings.learning_rate
    else:
        optimizer.learning_rate = rate_now
    optimizer.global_clipnorm = settings.gradient_clip
    apply = optimizer.apply

    def apply_sums(gradients: Any, weights: Any = None) -> Any:
        sums = []
        for gradient in gradients:
            has_any = gradient is not None
            sums.append(tf.convert_to_tensor(gradient) if has_any else None)
        return apply(sums, weights)

    optimizer.apply = apply_sums
    return optimizer
