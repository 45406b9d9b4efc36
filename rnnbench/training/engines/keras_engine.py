"""The engine ``keras``, Keras's own ``model.fit``.

TensorFlow is imported when it is used.
"""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.padding import Inputs, padded
from rnnbench.models.descriptions import Model, Network
from rnnbench.models.layers import Shape
from rnnbench.models.quiet import (
    NOT_NEEDED,
    TENSORFLOW_VARIABLES,
    quiet_tensorflow,
    why_no_tensorflow,
    without,
)
from rnnbench.training.checkpoints import State
from rnnbench.training.engines.base import (
    Engine,
    FitRequest,
    ScoreRequest,
    ScoreTexts,
)
from rnnbench.training.epochs import Documents, Epochs, begin
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.optimizer import make_optimizer
from rnnbench.training.outcome import Floats, TrialResult, Weights, log_probabilities
from rnnbench.training.pretraining import initial_weights

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Changing: TypeAlias = "list[keras.Variable | tf.Variable]"
"""All that an epoch changes: weights, their averages, and the state of the optimizer
and of random numbers."""
SCORE = "score"  # the main metric, in Keras's logs


class KerasEngine(Engine[Network]):
    """Trains any network."""

    name = "keras"
    packages = ("tensorflow", "keras", "numpy")
    costs = (1e-4, 45, 5.0)
    # it adds up the gradients of a word, and uses oneDNN on all processors
    revision = 2

    def why_not(self) -> str:
        return why_no_tensorflow()

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

    def covers(self, model: Model, settings: TrainingSettings) -> bool:  # noqa: ARG002
        return model.is_network and not model.engine

    def fit(self, request: FitRequest[Network]) -> TrialResult:
        import keras
        import tensorflow as tf

        from rnnbench.models.build import build, predict, weights_of
        from rnnbench.models.keras_layers import BagOfWords

        request = request._replace(pads=False)
        dataset = request.dataset
        settings = request.settings
        documents, held_out = request.documents()
        if held_out:
            held_out = padded(held_out[0]), held_out[1]
        x, y = documents
        begin("building network")
        keras.utils.clear_session()  # or memory would grow with every trial
        tf.config.experimental.enable_op_determinism()
        network = build(request.model, Shape.of(dataset), request.seed)
        epochs = Epochs(request.on_epoch, settings.early_stopping)
        first_weights = initial_weights(
            request.model, dataset, settings.validation_split
        )
        for weight, value in zip(network.weights, first_weights, strict=False):
            weight.assign(value)
        for layer in network.layers:
            if isinstance(layer, BagOfWords):
                layer.adapt(x)
        train(network, request, documents, held_out, epochs)
        if held_out:
            network.set_weights(epochs.best_weights)
        params = sum(math.prod(weight.shape) for weight in network.trainable_weights)
        record = epochs.record(self.name, params, settings, len(y))
        weights = weights_of(network) if request.keep_model else None

        def score(x: Inputs) -> Floats:
            return log_probabilities(predict(network, x))

        return request.result(record, score, held_out, weights)

    def scorer(self, model: Network, weights: Weights, shape: Shape) -> ScoreTexts:
        with quiet_tensorflow():
            from rnnbench.models.build import load, predict

            network = load(model, shape, weights)

        def score(request: ScoreRequest) -> Floats:
            with quiet_tensorflow():
                return log_probabilities(predict(network, request.ids))

        return score


class Averages:
    """The averages of the trained weights over the optimizer steps so far.

    With the decay ``d``, the weights after step ``s`` of ``t`` have the share
    ``d^(t-s)``, divided by the sum of all shares, as in Adam. Keras's ``use_ema`` does
    not divide; A. Adhikari et al. (Rethinking Complex Neural Network Architectures for
    Document Classification, NAACL 2019) do, but also add the weights before the first
    step ``d^t / (1 - d^t)`` times.
    """

    def __init__(self, weights: "Sequence[keras.Variable]", decay: float):
        import tensorflow as tf

        self.log_decay = math.log(decay)
        self.weights = [weight.value for weight in weights]
        self.values = []
        for weight in self.weights:
            self.values.append(tf.Variable(tf.zeros_like(weight), trainable=False))
        self.update = tf.function(self._update, autograph=False)

    def _update(self, step: "tf.Tensor") -> None:
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


def _averaging(
    network: "keras.Model", averages: Averages, in_epoch: int
) -> "keras.callbacks.Callback":
    """Return what has the averages of the weights validated, noted and kept.

    An epoch has ``in_epoch`` steps; the next one goes on from the weights themselves.
    """
    import keras

    # Keras gives both arguments by their names.
    def before_epoch(epoch: int, logs: object) -> None:  # noqa: ARG001
        if epoch:
            averages.swap()

    def after_step(step: int, logs: object) -> None:  # noqa: ARG001
        averages.update(network.optimizer.iterations.value)
        if step == in_epoch - 1:
            averages.swap()

    return keras.callbacks.LambdaCallback(
        on_epoch_begin=before_epoch, on_train_batch_end=after_step
    )


def _state_of(changing: Changing) -> State:
    """Return the arrays of a checkpoint."""
    state = {}
    for number, variable in enumerate(changing):
        state[str(number)] = variable.numpy()
    return state


def _resume(changing: Changing, epochs: Epochs) -> None:
    """Continue from the checkpoint of a training, if there is one."""
    state = epochs.resume()
    if not state:
        return
    with epochs.checkpoint.blamed():
        for number, variable in enumerate(changing):
            variable.assign(state[str(number)])


def train(
    network: "keras.Model",
    request: FitRequest[Network],
    documents: Documents,
    held_out: Documents | None,
    epochs: Epochs,
) -> None:
    """Train an uncompiled network in place, in the order of the settings' ``batches``.

    Each epoch is noted in ``epochs``.
    """
    import keras

    from rnnbench.models.build import EVALUATION_BATCH

    settings = request.settings
    x, y = documents
    weights = request.loss_weights()
    is_weighted = (weights != 1).any()
    in_epoch = settings.count_batches(len(y))
    changing: Changing = []

    def steps() -> Iterator[tuple[NDArray[Any], ...]]:
        for epoch in range(epochs.next_epoch, settings.epochs + 1):
            for rows in settings.batches(len(y), request.seed, epoch):
                if is_weighted:
                    yield x[rows], y[rows], weights[rows]
                else:
                    yield x[rows], y[rows]

    def note(_: int, logs: dict[str, float]) -> None:
        judged = None
        if held_out:
            judged = logs["val_loss"], logs[f"val_{SCORE}"]
        epochs.note((logs["loss"], logs[SCORE]), judged, network.get_weights)
        network.stop_training = epochs.is_over
        if epochs.next_epoch <= settings.epochs and not epochs.is_over:
            epochs.keep(lambda: _state_of(changing))

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=note)]
    if settings.ema:
        averages = Averages(network.trainable_variables, settings.ema)
        changing += averages.values
        callbacks.append(_averaging(network, averages, in_epoch))
    if y.ndim == 1:
        loss = "sparse_categorical_crossentropy"
        metric = keras.metrics.SparseCategoricalAccuracy(name=SCORE)
    else:
        loss = "binary_crossentropy"
        metric = keras.metrics.F1Score("micro", 0.5, name=SCORE)
    optimizer = make_optimizer(settings, len(y))
    network.compile(optimizer, loss=loss, metrics=[metric])
    optimizer.build(network.trainable_variables)
    changing += [*network.variables, *optimizer.variables]
    _resume(changing, epochs)
    begin("compiling")  # which ends in the first epoch
    network.fit(
        steps(),
        initial_epoch=epochs.next_epoch - 1,
        epochs=settings.epochs,
        steps_per_epoch=in_epoch,
        validation_data=held_out,
        validation_batch_size=EVALUATION_BATCH,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
