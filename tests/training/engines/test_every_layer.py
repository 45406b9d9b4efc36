"""Every kind of layer in both engines, against Keras's own steps.

Layers that draw at random have other masks than Keras's; ``test_network`` trains them.
"""

from functools import cache
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.random import default_rng
from numpy.testing import assert_allclose
from stacks import (
    EMBEDDING,
    MEAN,
    STACKS,
    bag_of_words,
    both_ways,
    conv1d,
    line_by_line,
    network,
    pooling,
    recurrent,
)

from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import START
from rnnbench.models.build import build
from rnnbench.models.keras_layers import BagOfWords
from rnnbench.models.layers.base import Shape
from rnnbench.training.engines import ENGINES, FitRequest, ignore
from rnnbench.training.hyperparameters import OptimizerName
from rnnbench.training.outcome import History
from rnnbench.training.settings import Training

N = 5
N_IDS = 12
STEPS = 5
TOPICS = ("a", "b", "c")
SEED = 7
TOLERANCE = 1e-4
"""Most weights move much more than the tolerance, which is for rounding."""
BAG = [bag_of_words("tfidf")]
DRAWING = {"dropout", "weight_drop"}
COMPARED = {name: STACKS[name] for name in STACKS if name not in DRAWING} | {
    "covered convolutions": [
        EMBEDDING,
        conv1d("same"),
        conv1d("causal"),
        pooling("last"),
    ],
    "covered directions": [
        EMBEDDING,
        both_ways("gru"),
        recurrent("lstm"),
        pooling("max"),
    ],
}


def documents():
    """Return documents of one to five words, padded behind."""
    random = default_rng(0)
    ids = random.integers(START + 1, N_IDS, (N, STEPS), dtype=np.int32)
    ids[np.arange(STEPS) >= random.integers(1, STEPS + 1, (N, 1))] = 0
    labels = random.integers(0, 3, N, dtype=np.int32)
    places = np.arange(N)
    return Dataset(
        ids, labels, ids, labels, TOPICS, N_IDS, places, places, documents=ids
    )


def fresh(stack):
    """Return the model with which both engines begin."""
    keras.utils.clear_session(free_memory=False)
    dataset = documents()
    model = build(network(stack), Shape.of(dataset), SEED)
    for layer in model.layers:
        if isinstance(layer, BagOfWords):
            layer.adapt(dataset.x_train)
    return model


def training_with(optimizer="adam", learning_rate=0.02, epochs=1):
    return Training(
        epochs=epochs, batch_size=3, learning_rate=learning_rate, optimizer=optimizer
    )


def train(stack, engine, **changes):
    """Return the weights after two steps an epoch, and the history."""
    request = FitRequest(
        network(stack),
        documents(),
        training_with(**changes),
        SEED,
        ignore,
        keep_model=True,
    )
    with line_by_line(if_so=engine == "keras"):
        trained = ENGINES[engine].fit(request)
    return trained.weights, trained.record.history


def step_by_step(stack, **changes):
    """Train step by step, with a single gradient for each word.

    Return the model, the weights with which it began, and the history.
    """
    model = fresh(stack)
    training = training_with(**changes)
    history = History()
    dataset = documents()
    weights = model.trainable_variables
    first = model.get_weights()
    rule = keras.optimizers.get(training.optimizer)
    rule.learning_rate = training.learning_rate
    for epoch in range(1, training.epochs + 1):
        losses = []
        correct = []
        for rows in training.batches(N, SEED, epoch):
            y = dataset.y_train[rows]
            with tf.GradientTape() as tape:
                answers = model(dataset.x_train[rows], training=True)
                loss = keras.losses.sparse_categorical_crossentropy(y, answers)
                mean = tf.reduce_mean(loss)
            gradients = tape.gradient(mean, [weight.value for weight in weights])
            rule.apply([*map(tf.convert_to_tensor, gradients)], weights)
            losses += loss.numpy().tolist()
            correct += (answers.numpy().argmax(axis=1) == y).tolist()
        history.loss.append(np.mean(losses))
        history.score.append(np.mean(correct))
    return model, first, history


@cache
def stock(name):
    """Return what these steps make of a stack that is compared."""
    return step_by_step(COMPARED[name])


@cache
def trained_by(engine, name):
    """Return what an engine makes of a stack that is compared."""
    return train(COMPARED[name], engine)


def assert_same_training(ours, theirs):
    weights, history = ours
    model, _, expected = theirs
    assert_allclose(history.loss, expected.loss, rtol=1e-5)
    assert_allclose(history.score, expected.score, atol=1e-6)
    for mine, other in zip(weights, model.get_weights(), strict=True):
        assert_allclose(mine, other, rtol=0, atol=TOLERANCE)


COVERED = {
    f"{engine}, {name}": (engine, name)
    for name, stack in COMPARED.items()
    for engine in ("native", "keras")
    if ENGINES[engine].covers(network(stack), Training())
}


def test_both_engines_are_compared():
    assert len(COVERED) > len(COMPARED) + 3


@pytest.mark.parametrize(("engine", "name"), COVERED.values(), ids=COVERED)
def test_an_engine_takes_the_steps_of_keras(engine, name):
    assert_same_training(trained_by(engine, name), stock(name))


@pytest.mark.parametrize(("engine", "name"), COVERED.values(), ids=COVERED)
def test_an_engine_moves_all_that_is_trained(engine, name):
    weights, _ = trained_by(engine, name)
    model, first, _ = stock(name)
    trainable = {id(weight) for weight in model.trainable_weights}
    for weight, before, after in zip(model.weights, first, weights, strict=True):
        moved = float(np.abs(after - before).max())
        assert (moved > 0) is (id(weight) in trainable), weight.path


@pytest.mark.parametrize("optimizer", sorted({*get_args(OptimizerName)} - {"adam"}))
def test_every_optimizer_takes_the_steps_of_keras(optimizer):
    stack = [EMBEDDING, MEAN]

    ours = train(stack, "keras", optimizer=optimizer, epochs=2)

    assert_same_training(ours, step_by_step(stack, optimizer=optimizer, epochs=2))


@pytest.mark.parametrize(
    "dropping",
    [
        {"dropout": {"rate": 0.5}},
        {"transformer_encoder": {"heads": 2, "units": 5, "dropout": 0.5}},
    ],
)
def test_model_fit_takes_the_same_steps_with_dropout(dropping):
    stack = [EMBEDDING, dropping, MEAN]

    assert_same_training(train(stack, "keras"), step_by_step(stack))


@pytest.mark.parametrize("engine", ["native", "keras"])
def test_a_loss_that_probabilities_are_too_coarse_for_is_that_of_keras(engine):
    _, ours = train(BAG, engine, learning_rate=500)
    *_, theirs = step_by_step(BAG, learning_rate=500)

    assert theirs.loss[0] > 20
    assert_allclose(ours.loss, theirs.loss, rtol=1e-5)
