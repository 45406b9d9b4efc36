"""What every engine does with validation wires."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

from rnnbench.models.build import predict
from rnnbench.training.engines import Outcome, ignore, load_engine
from rnnbench.training.recipe import Training

ENGINES = ["compiled", "keras"]
STEPS, TOPICS, EPOCHS = 6, 3, 12


def wires(n, seed):
    """Return sequences whose topic is which of three steps is the largest; a tenth is wrong."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, STEPS, 1)).astype(np.float32)
    y = x[:, -3:, 0].argmax(axis=1)
    return x, np.where(random.random(n) < 0.1, (y + 1) % 3, y).astype(np.int32)


TRAINED_ON, HELD_OUT = wires(48, seed=0), wires(40, seed=1)


def classifier(*above):
    """Return a model as a trial makes it: named as if it were the first, its seed set."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    topics = layers.Dense(TOPICS, activation="softmax")
    return keras.Sequential([keras.Input((STEPS, 1)), layers.SimpleRNN(4), *above, topics])


def fit(engine, model, validation, on_epoch=ignore, **recipe):
    training = Training(**{"epochs": EPOCHS, "batch_size": 16, "learning_rate": 0.1} | recipe)
    return load_engine(engine)(model, *TRAINED_ON, training, on_epoch, validation)


def loss_and_accuracy(model, x, y):
    probabilities = predict(model, x)
    own = probabilities[np.arange(len(y)), y]
    return -np.log(own).mean(), np.mean(probabilities.argmax(axis=1) == y)


@dataclass
class Trained:
    """A model, trained with validation wires, and what was told meanwhile."""

    engine: str
    model: keras.Model
    outcome: Outcome
    told: list[tuple[int, float, float]]


def train(engine):
    model, told = classifier(), []
    outcome = fit(engine, model, HELD_OUT, lambda *report: told.append(report))
    return Trained(engine, model, outcome, told)


@pytest.fixture(scope="module")
def both():
    return {engine: train(engine) for engine in ENGINES}


@pytest.fixture(params=ENGINES)
def trained(request, both):
    return both[request.param]


def test_the_best_epoch_is_that_of_the_highest_accuracy_on_the_validation_wires(trained):
    accuracies = trained.outcome.history.val_accuracy

    assert trained.outcome.best_epoch == np.argmax(accuracies) + 1
    assert max(accuracies) > accuracies[-1] + 0.05, "it is better than the last one"


def test_the_model_keeps_the_weights_of_the_best_epoch(trained):
    best, history = trained.outcome.best_epoch - 1, trained.outcome.history

    loss, accuracy = loss_and_accuracy(trained.model, *HELD_OUT)

    assert accuracy == pytest.approx(history.val_accuracy[best], abs=1e-6)
    assert loss == pytest.approx(history.val_loss[best], rel=1e-4)


def test_the_weights_are_those_of_a_training_that_ends_with_the_best_epoch(trained):
    best, history, model = trained.outcome.best_epoch, trained.outcome.history, classifier()

    shorter = fit(trained.engine, model, None, epochs=best)

    assert shorter.best_epoch is None
    assert (shorter.history.val_loss, shorter.history.val_accuracy) == ([], [])
    np.testing.assert_allclose(shorter.history.loss, history.loss[:best], rtol=1e-5)
    for ours, others in zip(trained.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, others, atol=1e-5)


def test_every_epoch_is_validated_and_told_of_with_its_scores_in_training(trained):
    history = trained.outcome.history

    assert {len(values) for values in history.model_dump().values()} == {EPOCHS}
    assert trained.told == list(
        zip(range(1, EPOCHS + 1), history.loss, history.accuracy, strict=True)
    )
    assert len(trained.outcome.epoch_seconds) == EPOCHS


def test_the_engines_agree_up_to_rounding(both):
    ours, kerass = (both[engine] for engine in ENGINES)

    assert ours.outcome.best_epoch == kerass.outcome.best_epoch
    for name, values in ours.outcome.history:
        np.testing.assert_allclose(values, getattr(kerass.outcome.history, name), rtol=1e-3)
    for mine, theirs in zip(ours.model.get_weights(), kerass.model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_dropped_while_validating(engine):
    model = classifier(layers.Dropout(0.5))
    expected = loss_and_accuracy(model, *HELD_OUT)

    history = fit(engine, model, HELD_OUT, epochs=2, optimizer="sgd", learning_rate=1e-12).history

    assert abs(history.loss[0] - history.loss[1]) > 1e-3, "while training there is"
    np.testing.assert_allclose(history.val_loss, [expected[0]] * 2, rtol=1e-5)
    np.testing.assert_allclose(history.val_accuracy, [expected[1]] * 2, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 16, 17])
def test_there_may_be_as_many_validation_wires_as_in_a_batch_or_fewer_or_more(size):
    model = classifier()
    x, y = (each[:size] for each in HELD_OUT)

    history = fit("compiled", model, (x, y), epochs=1).history

    loss, accuracy = loss_and_accuracy(model, x, y)
    assert history.val_loss == [pytest.approx(loss, rel=1e-4)]
    assert history.val_accuracy == [pytest.approx(accuracy)]
