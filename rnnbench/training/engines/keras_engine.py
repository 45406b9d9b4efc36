"""The engine ``keras``, Keras's own ``model.fit``. TensorFlow is imported when it is
used.
"""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.descriptions import Model, Network
from rnnbench.models.layers import Shape
from rnnbench.models.quiet import NOT_NEEDED, TENSORFLOW_VARIABLES, without
from rnnbench.training.engines.base import Engine, FitRequest, result_of
from rnnbench.training.epochs import (
    Documents,
    Epochs,
    TrainingSettings,
    begin,
    hold_out_documents,
)
from rnnbench.training.outcome import TrialResult, log_probabilities
from rnnbench.training.pretraining import initial_weights

SCORE = "score"  # the main metric, in Keras's logs
Held = tuple[Documents, Documents | None]  # to train on, and to validate on


class KerasEngine(Engine):
    """Trains any network."""

    name = "keras"
    packages = ("tensorflow", "keras", "numpy")
    costs = (1e-4, 45, 5.0)
    revision = (
        2  # it adds up the gradients of a word, and uses oneDNN on all processors
    )

    def prepare(self, threads: int) -> None:
        """Import TensorFlow, which takes seconds, and limit its threads."""
        os.environ |= TENSORFLOW_VARIABLES
        if "tensorflow" not in sys.modules:
            begin("loading TensorFlow")
        with without(NOT_NEEDED):
            import keras  # noqa: F401
            import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

    def covers(self, model: Model, recipe: TrainingSettings) -> bool:  # noqa: ARG002
        return isinstance(model, Network) and not model.engine

    def fit(self, work: FitRequest) -> TrialResult:
        import keras
        import tensorflow as tf

        from rnnbench.models.build import build, predict, weights_of
        from rnnbench.models.keras_layers import BagOfWords

        model, dataset, recipe, seed, on_epoch, keep_model = work
        assert isinstance(model, Network)  # noqa: S101 - the engine covers nothing else
        share = recipe.validation_split
        (x, y), validation = documents = hold_out_documents(dataset, share)
        begin("building network")
        keras.utils.clear_session()  # or memory would grow with every trial
        tf.config.experimental.enable_op_determinism()
        built = build(model, Shape.of(dataset), seed)
        epochs = Epochs(on_epoch, recipe.early_stopping)
        initial = initial_weights(model, dataset, share)
        for weight, value in zip(built.weights, initial, strict=False):
            weight.assign(value)
        for layer in built.layers:
            if isinstance(layer, BagOfWords):
                layer.adapt(x)
        train(built, documents, recipe, seed, epochs)
        if validation:
            built.set_weights(epochs.best_weights)
        params = sum(math.prod(weight.shape) for weight in built.trainable_weights)
        record = epochs.record(self.name, params, recipe, len(y))
        weights = weights_of(built) if keep_model else None

        def score(x: NDArray[np.int32]) -> NDArray[np.float32]:
            return log_probabilities(predict(built, x))

        return result_of(record, dataset, recipe, score, validation, weights)


class Averages:
    """The averages of the trained weights over the optimizer steps so far.

    With the decay ``d``, the weights after step ``s`` of ``t`` have the share
    ``d^(t-s)``, divided by the sum of all shares, as in Adam. Keras's ``use_ema`` does
    not divide; A. Adhikari et al. (Rethinking Complex Neural Network Architectures for
    Document Classification, NAACL 2019) do, but also add the weights before the first
    step ``d^t / (1 - d^t)`` times.
    """

    def __init__(self, weights: Sequence[Any], decay: float):
        import tensorflow as tf

        self.log_decay, self.weights = math.log(decay), [own.value for own in weights]
        self.values = [
            tf.Variable(tf.zeros_like(own), trainable=False) for own in self.weights
        ]
        self.update = tf.function(self._update, autograph=False)

    def _update(self, step: Any) -> None:
        """Take in the weights after an optimizer step; steps count from 1."""
        import tensorflow as tf

        # The share of the last step, (1 - d) / (1 - d^t), without loss of digits.
        all_shares = tf.math.expm1(self.log_decay * tf.cast(step, tf.float32))
        share = math.expm1(self.log_decay) / all_shares
        for weight, value in zip(self.weights, self.values, strict=True):
            value.assign_add(tf.cast(share, value.dtype) * (weight - value))

    def swap(self) -> None:
        """Put the averages in the place of the weights, and the other way round."""
        for weight, value in zip(self.weights, self.values, strict=True):
            before = np.array(weight)
            weight.assign(value)
            value.assign(before)


def train(
    model: Any, documents: Held, recipe: TrainingSettings, seed: int, epochs: Epochs
) -> None:
    """Train an uncompiled model in place, in the order of ``TrainingSettings.batches``; note each
    epoch.
    """
    import keras

    from rnnbench.models.build import EVALUATION_BATCH

    (x, y), validation = documents
    weights, in_epoch = recipe.weights_of(y), recipe.count_batches(len(y))
    hooks: dict[str, Any] = {}

    def steps() -> Iterator[tuple[NDArray[Any], ...]]:
        for epoch in range(1, recipe.epochs + 1):
            for rows in recipe.batches(len(y), seed, epoch):
                yield (
                    x[rows],
                    y[rows],
                    *([weights[rows]] if recipe.class_weights else []),
                )

    def note(_: int, logs: dict[str, float]) -> None:
        judged = (logs["val_loss"], logs[f"val_{SCORE}"]) if validation else None
        epochs.note((logs["loss"], logs[SCORE]), judged, model.get_weights)
        model.stop_training = epochs.is_over

    if recipe.ema:
        averages = Averages(model.trainable_variables, recipe.ema)

        def after_step(step: int, logs: Any) -> None:  # noqa: ARG001 - Keras gives it by name
            averages.update(model.optimizer.iterations.value)
            if step == in_epoch - 1:  # the averages are validated, noted and kept
                averages.swap()

        hooks["on_epoch_begin"] = lambda epoch, _: averages.swap() if epoch else None
        hooks["on_train_batch_end"] = after_step
    begin("compiling")  # which ends in the first epoch
    loss, metric = (
        "sparse_categorical_crossentropy",
        keras.metrics.SparseCategoricalAccuracy,
    )
    if y.ndim == 2:
        loss, metric = (
            "binary_crossentropy",
            partial(keras.metrics.F1Score, "micro", 0.5),
        )
    model.compile(
        make_optimizer(recipe, len(y)), loss=loss, metrics=[metric(name=SCORE)]
    )
    model.fit(
        steps(),
        epochs=recipe.epochs,
        steps_per_epoch=in_epoch,
        validation_data=validation,
        validation_batch_size=EVALUATION_BATCH,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note, **hooks)],
    )


def make_optimizer(recipe: TrainingSettings, documents: int) -> Any:
    """Return a new optimizer with Keras's defaults and the learning rates of
    ``recipe``.
    """
    import keras
    import tensorflow as tf

    optimizer, rate = keras.optimizers.get(recipe.optimizer), recipe.learning_rate
    rates = tf.constant(recipe.learning_rates(documents), tf.float32)

    def rate_now() -> Any:
        return tf.gather(rates, tf.cast(optimizer.iterations, tf.int32))

    optimizer.learning_rate = rate if isinstance(rate, int | float) else rate_now
    optimizer.global_clipnorm = recipe.gradient_clip
    apply = optimizer.apply

    # The gradients of all occurrences of a word are added up before the optimizer
    # squares them.
    def apply_sums(gradients: Any, weights: Any = None) -> Any:
        sums = [own if own is None else tf.convert_to_tensor(own) for own in gradients]
        return apply(sums, weights)

    optimizer.apply = apply_sums
    return optimizer
