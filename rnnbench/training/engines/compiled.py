"""The engine ``compiled``: our own recurrent cores, and a whole epoch as one compiled program.

Importing this module imports TensorFlow.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.models.fused import with_cores
from rnnbench.training.engines.keras_engine import make_optimizer
from rnnbench.training.engines.keras_fit import Averages, averages_of
from rnnbench.training.epochs import TRAINING, Documents, Epochs, batches, begin
from rnnbench.training.settings import Recipe

Scores = tuple[tf.Tensor, tf.Tensor]
"""Loss and accuracy, means or sums."""


@dataclass(frozen=True)
class Program:
    """An epoch of training, compiled once for all seeds and learning rates of a model.

    It trains the variables of a copy of the model.
    """

    model: keras.Model
    optimizer: keras.Optimizer
    start: list[NDArray[np.generic]]
    """The optimizer's variables before the first step."""
    averages: Averages
    epoch: Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], Scores]
    """Takes all documents and their labels, both filled up to whole batches, and the batches and
    weights of ``pad``; returns the scores in training."""
    evaluate: Callable[[NDArray[np.int32], NDArray[np.int32]], Scores]
    """Returns the scores on other documents and labels."""
    keras_layers: set[str]
    """Recurrent layers that are run by Keras itself, and why."""


def train(
    model: keras.Model,
    documents: Documents,
    validation: Documents | None,
    recipe: Recipe,
    seed: int,
    epochs: Epochs,
) -> list[str]:
    """Train ``model`` in place, as ``model.fit`` would; see ``keras_engine.Train``.

    Raises:
        RnnbenchError: a layer mixes the rows of a batch, as batch normalization does; or a layer
            from another package cannot be copied exactly.
    """
    x, y = documents
    size = min(recipe.batch_size, len(y))
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        raise RnnbenchError("batch normalization needs training.engine: keras")
    program = _program(model, recipe, size)
    _copy(model, program.model)
    if not all(type(own).__module__.startswith(("keras.", "rnnbench.")) for own in model.layers):
        ours, theirs = (np.array(net(x[:2], training=False)) for net in (model, program.model))
        if not np.allclose(ours, theirs, atol=1e-4):
            raise RnnbenchError(
                "a copy of the model gives different answers, so the get_config of a layer leaves "
                "something out; complete it, or use training.engine: keras"
            )
    for variable, value in zip(program.optimizer.variables, program.start, strict=True):
        variable.assign(value)
    program.averages.clear()
    program.optimizer.learning_rate = recipe.learning_rate
    features, labels = _filled(x, size), _filled(y, size)
    for epoch in range(1, recipe.epochs + 1):
        rows, weights = pad(batches(len(y), size, seed, epoch), size)
        loss, accuracy = map(float, program.epoch(features, labels, rows, weights))
        with program.averages.in_use():
            val_loss, val_accuracy = program.evaluate(*validation) if validation else (0, 0)
            judged = (float(val_loss), float(val_accuracy)) if validation else None
            epochs.note(loss, accuracy, judged, program.model.get_weights)
    program.averages.swap()
    _copy(program.model, model)
    return sorted(program.keras_layers)


def pad(rows: Sequence[NDArray[np.intp]], size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return batches and their weights, both ``(steps, size)``, filled up with document 0.

    It has the weight 0 there; all other weights are 1.
    """
    padded = np.zeros((len(rows), size), np.int32)
    weights = np.zeros((len(rows), size), np.float32)
    for step, batch in enumerate(rows):
        padded[step, : len(batch)] = batch
        weights[step, : len(batch)] = 1
    return tf.constant(padded), tf.constant(weights)


def _filled(array: NDArray[np.generic], size: int) -> tf.Tensor:
    """Return ``array``, filled up with zeros to whole batches.

    No batch contains the zeros. Without them, the program would be compiled again for each number
    of documents, and folds may differ by one document.
    """
    missing = -len(array) % size
    return tf.constant(np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1)))


_programs: dict[str, Program] = {}
"""Only the last program is kept, because a worker trains all seeds of a model in a row, and one
after another the points of a grid that differ in the learning rate."""


def _program(model: keras.Model, recipe: Recipe, batch_size: int) -> Program:
    # Seeds and the learning rate are left out: weights and the states of random generators are
    # copied for each training, and the learning rate is a variable.
    layers = re.sub(r'seed": (\d+|null)', "", model.to_json())
    key = f"{layers} {recipe.optimizer} {recipe.ema} {batch_size}"
    begin(TRAINING if key in _programs else "compiling")  # the first epoch compiles the program
    if key not in _programs:
        _programs.clear()
        _programs[key] = make_program(model, recipe, batch_size)
    return _programs[key]


def make_program(model: keras.Model, recipe: Recipe, batch_size: int) -> Program:
    """Return a program that trains a copy of ``model``, with the layers that the cores cover.

    Every batch that the program is given has ``batch_size`` documents.
    """
    keras_layers: set[str] = set()
    copy = with_cores(model, keras_layers, batch_size)
    optimizer = make_optimizer(recipe)
    optimizer.build(copy.trainable_variables)
    start = [variable.numpy() for variable in optimizer.variables]
    averages = averages_of(copy, recipe.ema)

    def epoch(x: tf.Tensor, y: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor) -> Scores:
        def body(n: tf.Tensor, loss: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, ...]:
            batch = tf.gather(x, rows[n]), tf.gather(y, rows[n]), weights[n]
            batch_loss, batch_hits = _step(copy, optimizer, averages, *batch)
            return n + 1, loss + batch_loss, hits + batch_hits

        steps, count = rows.shape[0], tf.reduce_sum(weights)
        start = 0, 0.0, 0.0
        _, loss, hits = tf.while_loop(
            lambda n, *_: n < steps, body, start, maximum_iterations=steps
        )
        return loss / count, hits / count

    def evaluate(x: tf.Tensor, y: tf.Tensor) -> Scores:
        probabilities = copy(x, training=False)
        losses = keras.losses.sparse_categorical_crossentropy(y, probabilities)
        hits = tf.cast(_is_hit(probabilities, y), losses.dtype)
        return tf.reduce_mean(losses) + sum(copy.losses), tf.reduce_mean(hits)

    compile_whole = partial(tf.function, jit_compile=True, autograph=False)
    programs = compile_whole(epoch), compile_whole(evaluate)
    return Program(copy, optimizer, start, averages, *programs, keras_layers)


def _step(
    model: keras.Model,
    optimizer: keras.Optimizer,
    averages: Averages,
    x: tf.Tensor,
    y: tf.Tensor,
    weights: tf.Tensor,
) -> Scores:
    """Take one optimizer step; return the sum of the losses and the number of right answers.

    Rows of the batch ``(batch_size, timesteps)`` with the weight 0 are ignored.
    """
    size = tf.reduce_sum(weights)
    with tf.GradientTape() as tape:
        probabilities = model(x, training=True)
        losses = keras.losses.sparse_categorical_crossentropy(y, probabilities)
        loss = tf.reduce_sum(losses * weights) / size + sum(model.losses)
    values = [variable.value for variable in model.trainable_variables]
    optimizer.apply(tape.gradient(loss, values), model.trainable_variables)
    averages.update(optimizer.iterations.value)
    hits = tf.cast(_is_hit(probabilities, y), weights.dtype)
    return loss * size, tf.reduce_sum(hits * weights)


def _is_hit(probabilities: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.argmax(probabilities, axis=-1, output_type=y.dtype) == y


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Copy all variables, including the states of random generators, which draw the dropout."""
    for ours, theirs in zip(target.variables, source.variables, strict=True):
        ours.assign(theirs.value)
