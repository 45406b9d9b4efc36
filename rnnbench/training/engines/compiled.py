"""The fast way: recurrent cores of our own, and a whole epoch as one compiled program."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.models.fused import with_cores
from rnnbench.training.engines import OnEpoch, Outcome, Wires
from rnnbench.training.optimizer import make_optimizer
from rnnbench.training.outcome import History
from rnnbench.training.recipe import Recipe, Training
from rnnbench.training.steps import order_generator
from rnnbench.training.validation import BestEpoch

Epoch = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

Evaluate = Callable[[NDArray[np.int32], NDArray[np.int32]], tuple[tf.Tensor, tf.Tensor]]


@dataclass(frozen=True)
class Program:
    """An epoch of training, compiled once for all seeds of a model.

    Attributes:
        model: a copy of the model; its variables live where the program runs.
        optimizer: its variables too.
        start: the optimizer's variables before the first step.
        epoch: trains for one epoch and returns the mean loss and the accuracy over it.
        evaluate: returns loss and accuracy on other wires.
        stock_layers: recurrent layers that Keras's own code computes, and why.
    """

    model: keras.Model
    optimizer: keras.Optimizer
    start: list[NDArray]
    epoch: Epoch
    evaluate: Evaluate
    stock_layers: set[str]


def fit(
    model: keras.Model,
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    training: Training,
    on_epoch: OnEpoch,
    validation: Wires | None = None,
) -> Outcome:
    """Train ``model`` in place, as ``model.fit`` would; see ``engines.Engine``.

    All batches have one size; what fills the last one up has no weight.

    Raises:
        RnnbenchError: a layer mixes the rows of a batch, as batch normalization does; or a layer
            from outside does not copy as it is.
    """
    order = order_generator()
    size = min(training.batch_size, len(y))
    program = _program(model, training, size)
    _copy(model, program.model)
    _check_copy(model, program.model, x[:2])
    for variable, value in zip(program.optimizer.variables, program.start, strict=True):
        variable.assign(value)
    features, labels = tf.constant(x), tf.constant(y)
    best = BestEpoch(lambda: [variable.numpy() for variable in program.model.variables])
    history, validated, times = [], [], [time.perf_counter()]
    for epoch in range(1, training.epochs + 1):
        rows, weights = batches(order.permutation(len(y)), size)
        loss, accuracy = map(float, program.epoch(features, labels, rows, weights))
        history.append((loss, accuracy))
        if validation:
            validated.append(tuple(map(float, program.evaluate(*validation))))
            best.note(epoch, *validated[-1])
        times.append(time.perf_counter())
        on_epoch(epoch, loss, accuracy)
    if validation:
        for variable, value in zip(program.model.variables, best.weights, strict=True):
            variable.assign(value)
    _copy(program.model, model)
    return Outcome(
        History(
            loss=[loss for loss, _ in history],
            accuracy=[accuracy for _, accuracy in history],
            val_loss=[loss for loss, _ in validated],
            val_accuracy=[accuracy for _, accuracy in validated],
        ),
        np.diff(times).tolist(),
        best.epoch if validation else None,
        sorted(program.stock_layers),
    )


def batches(order: NDArray[np.integer], batch_size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the rows of each batch, all of one size.

    Args:
        order: the numbers of the rows, as they are to be trained on.
        batch_size: rows a batch.

    Returns:
        int32 ``(steps, batch_size)``, the rows, zeros after the last one, and float32 of the
        same shape, the weight of each: 0 for those zeros, else 1.
    """
    padding = (0, -len(order) % batch_size)
    rows = np.pad(order.astype(np.int32), padding).reshape(-1, batch_size)
    weights = np.pad(np.ones(len(order), np.float32), padding).reshape(-1, batch_size)
    return tf.constant(rows), tf.constant(weights)


_programs: dict[str, Program] = {}
"""The last program; a worker trains all seeds of a model one after the other."""


def _program(model: keras.Model, recipe: Recipe, batch_size: int) -> Program:
    layers = re.sub(r'seed": \d+', 'seed": null', model.to_json())  # weights are copied
    key = f"{layers} {recipe.optimizer} {recipe.learning_rate} {batch_size}"
    if key not in _programs:
        _programs.clear()
        _programs[key] = make_program(model, recipe, batch_size)
    return _programs[key]


def make_program(model: keras.Model, recipe: Recipe, batch_size: int) -> Program:
    """Return an epoch of training ``model`` in batches, with the optimizer of ``recipe``."""
    stock_layers: set[str] = set()
    copy = with_cores(model, stock_layers.add, batch_size)
    optimizer = make_optimizer(recipe)
    optimizer.build(copy.trainable_variables)
    start = [variable.numpy() for variable in optimizer.variables]
    step = _make_step(copy, optimizer)

    @tf.function(jit_compile=True, autograph=False)
    def epoch(
        x: tf.Tensor, y: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def body(n: tf.Tensor, loss: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, ...]:
            batch = tf.gather(x, rows[n]), tf.gather(y, rows[n])
            batch_loss, batch_hits = step(*batch, weights[n])
            return n + 1, loss + batch_loss, hits + batch_hits

        steps = rows.shape[0]
        _, loss, hits = tf.while_loop(
            lambda n, *_: n < steps, body, (0, 0.0, 0.0), maximum_iterations=steps
        )
        return loss / x.shape[0], hits / x.shape[0]

    @tf.function(jit_compile=True, autograph=False)
    def evaluate(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probabilities = copy(x, training=False)
        losses = keras.losses.sparse_categorical_crossentropy(y, probabilities)
        is_hit = tf.argmax(probabilities, axis=-1, output_type=y.dtype) == y
        return tf.reduce_mean(losses) + sum(copy.losses), tf.reduce_mean(
            tf.cast(is_hit, losses.dtype)
        )

    return Program(copy, optimizer, start, epoch, evaluate, stock_layers)


def _make_step(
    model: keras.Model, optimizer: keras.Optimizer
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return an optimizer step on a batch, some of whose rows may have the weight 0."""

    def step(x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = tf.reduce_sum(weights)
        with tf.GradientTape() as tape:
            probabilities = model(x, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(y, probabilities)
            loss = tf.reduce_sum(losses * weights) / size + sum(model.losses)
        values = [variable.value for variable in model.trainable_variables]
        optimizer.apply(tape.gradient(loss, values), model.trainable_variables)
        is_hit = tf.argmax(probabilities, axis=-1, output_type=y.dtype) == y
        return loss * size, tf.reduce_sum(tf.cast(is_hit, weights.dtype) * weights)

    return step


def _check_copy(model: keras.Model, copy: keras.Model, x: NDArray[np.int32]) -> None:
    if any(isinstance(each, keras.layers.BatchNormalization) for each in model.layers):
        raise RnnbenchError("batch normalization needs training.engine: keras")
    if all(type(each).__module__.startswith(("keras.", "rnnbench.")) for each in model.layers):
        return
    answers = [keras.ops.convert_to_numpy(each(x, training=False)) for each in (model, copy)]
    if not np.allclose(*answers, atol=1e-4):
        raise RnnbenchError(
            "a copy of the model answers otherwise, so a layer's get_config does not tell all of "
            "it; mend that, or use training.engine: keras"
        )


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Copy all variables, the states of random generators too."""
    for ours, theirs in zip(target.variables, source.variables, strict=True):
        ours.assign(theirs.value)
