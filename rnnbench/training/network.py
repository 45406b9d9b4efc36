"""Training a network. Importing this module imports TensorFlow."""

import math
import time

import keras
import tensorflow as tf

from rnnbench.data.dataset import Dataset
from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import Network
from rnnbench.models.saved import from_bytes, to_bytes
from rnnbench.models.shape import Shape
from rnnbench.training.engines import OnEpoch, load_engine
from rnnbench.training.recipe import Training
from rnnbench.training.steps import count_batches, ms_per_step
from rnnbench.training.trained import Trained
from rnnbench.training.validation import hold_out
from rnnbench.training.word_vectors import pretrained_vectors


def train(
    network: Network,
    dataset: Dataset,
    training: Training,
    seed: int,
    on_epoch: OnEpoch,
    *,
    keep_model: bool,
) -> Trained:
    """Train a network and return what it answers on the test wires.

    The same arguments on the same machine give the same weights, bit for bit.
    """
    shape = Shape.of(dataset)
    if keep_model:  # can it be? Better now than after hours, and before anything is drawn by seed
        from_bytes(to_bytes(build(network, shape, seed)))
    keras.utils.clear_session()  # else what earlier trials left behind grows and grows
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    model = build(network, shape, seed)
    x, y = dataset.x_train, dataset.y_train
    kept, held_out = hold_out(len(y), training.validation_split)
    validation = (x[held_out], y[held_out]) if len(held_out) else None
    fit = load_engine(training.engine)
    start = time.perf_counter()
    if dim := network.pretrained_dim:
        vectors = pretrained_vectors(dataset, dim, training.validation_split)
        model.layers[0].embeddings.assign(vectors)
    outcome = fit(model, x[kept], y[kept], training, on_epoch, validation)
    seconds = time.perf_counter() - start
    steps = count_batches(len(kept), training.batch_size)
    return Trained(
        scores=predict(model, dataset.x_test),
        scores_are="probabilities",
        engine=training.engine,
        params=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        fit_seconds=seconds,
        epochs=training.epochs,
        steps_per_epoch=steps,
        ms_per_step=ms_per_step(outcome.epoch_seconds, steps),
        history=outcome.history,
        best_epoch=outcome.best_epoch,
        stock_layers=outcome.stock_layers,
        model=to_bytes(model) if keep_model else None,
    )
