"""Training a network as a Keras model. Importing this module imports TensorFlow."""

import math
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import Network
from rnnbench.models.saved import from_bytes, to_bytes
from rnnbench.models.shape import Shape
from rnnbench.training.engines.base import OnEpoch
from rnnbench.training.epochs import Epochs
from rnnbench.training.outcome import Outcome, Trained
from rnnbench.training.recipe import Training
from rnnbench.training.steps import count_batches, ms_per_step
from rnnbench.training.validation import hold_out
from rnnbench.training.word_vectors import pretrained_vectors

Documents = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Word ids ``(n, timesteps)`` and labels ``(n,)``."""

Train = Callable[[keras.Model, Documents, Documents | None, Training, int, Epochs], list[str]]
"""Trains an uncompiled model in place, with Keras's loss and optimizers.

Takes the model, the training documents, the validation documents if there are any, the
``training`` section, the seed that ``steps.batches`` needs, and ``Epochs`` to note each epoch in.
Returns the layers that are trained by slower code than the engine's own; see
``Outcome.stock_layers``.
"""


def fit(
    engine: str,
    train: Train,
    network: Network,
    dataset: Dataset,
    training: Training,
    seed: int,
    on_epoch: OnEpoch,
    *,
    keep_model: bool,
) -> Trained:
    """Train a network and score the test documents; see ``Engine.fit``.

    Args:
        engine: its name.
        train: takes the optimizer steps.
        network, dataset, training, seed, on_epoch, keep_model: see ``Engine.fit``.
    """
    shape = Shape.of(dataset)
    if keep_model:  # a model that cannot be saved should fail now, not after hours of training
        from_bytes(to_bytes(_build(network, shape, seed)))
    keras.utils.clear_session()  # or memory would grow with every trial
    tf.config.experimental.enable_op_determinism()
    model = _build(network, shape, seed)
    x, y = dataset.x_train, dataset.y_train
    kept, held_out = hold_out(len(y), training.validation_split)
    validation = (x[held_out], y[held_out]) if len(held_out) else None
    epochs = Epochs(on_epoch)
    start = time.perf_counter()
    if dim := network.pretrained_dim:
        vectors = pretrained_vectors(dataset, dim, training.validation_split)
        model.layers[0].embeddings.assign(vectors)
    stock_layers = train(model, (x[kept], y[kept]), validation, training, seed, epochs)
    if validation:
        model.set_weights(epochs.best_weights)
    seconds = time.perf_counter() - start
    steps = count_batches(len(kept), training.batch_size)
    outcome = Outcome(
        engine=engine,
        params=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        score_kind="probabilities",
        epochs=training.epochs,
        best_epoch=epochs.best_epoch,
        steps=training.epochs * steps,
        fit_seconds=seconds,
        ms_per_step=ms_per_step(epochs.seconds, steps),
        history=epochs.history,
        stock_layers=stock_layers,
    )
    return Trained(outcome, predict(model, dataset.x_test), to_bytes(model) if keep_model else None)


def _build(network: Network, shape: Shape, seed: int) -> keras.Model:
    """Return the model with the initial weights and the dropout masks of a seed."""
    keras.utils.set_random_seed(seed)
    return build(network, shape)
