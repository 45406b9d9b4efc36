"""Networks trained on a dataset: what held-out wires decide, and what test wires do not."""

from dataclasses import replace

import numpy as np
import pytest
from factories import benchmark

from rnnbench.config.schema import Training
from rnnbench.data.dataset import START, Dataset
from rnnbench.training.engines import ignore
from rnnbench.training.network import train
from rnnbench.training.validation import hold_out

NETWORK = benchmark().models["rnn"]
SHARE, EPOCHS = 0.4, 12
KEPT, HELD_OUT = hold_out(60, SHARE)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Wires whose last word mostly tells the topic; the test wires are those held out."""
    random = np.random.default_rng(0)
    x = random.integers(2, 5, (60, 5), dtype=np.int32)
    x[:, 0] = START
    y = np.where(random.random(60) < 0.2, random.integers(0, 3, 60), x[:, -1] - 2).astype(np.int32)
    places = np.arange(60)
    return Dataset(x, y, x[HELD_OUT], y[HELD_OUT], ("a", "b", "c"), places, places[HELD_OUT])


def trained(dataset, engine="compiled", seed=0, validation_split=SHARE):
    training = Training(
        epochs=EPOCHS,
        batch_size=9,
        learning_rate=0.1,
        engine=engine,
        validation_split=validation_split,
    )
    return train(NETWORK, dataset, training, seed, ignore)


ENGINES = ["compiled", "keras"]


@pytest.fixture(scope="module")
def outcomes(dataset):
    """What each engine makes of the same wires."""
    return {engine: trained(dataset, engine) for engine in ENGINES}


@pytest.fixture(params=ENGINES)
def outcome(request, outcomes):
    return outcomes[request.param]


def test_it_tells_of_its_epochs_and_steps(outcome):
    assert outcome.scores_are == "probabilities"
    assert (outcome.epochs, outcome.steps_per_epoch) == (EPOCHS, 4)
    assert {len(values) for values in outcome.history.model_dump().values()} == {EPOCHS}
    assert outcome.ms_per_step > 0


def test_what_answers_is_the_network_of_the_epoch_that_was_best_on_the_held_out_wires(
    outcome, dataset
):
    accuracies = outcome.history.val_accuracy
    answered = np.mean(outcome.scores.argmax(axis=1) == dataset.y_test)

    assert answered == pytest.approx(accuracies[outcome.best_epoch - 1])
    assert answered == pytest.approx(max(accuracies))
    assert answered > accuracies[-1] + 0.01, "the last epoch would have been worse"


def test_both_engines_keep_the_same_epoch_of_the_same_training(outcomes):
    ours, kerass = outcomes.values()

    assert ours.best_epoch == kerass.best_epoch
    np.testing.assert_allclose(ours.scores, kerass.scores, atol=1e-3)
    np.testing.assert_allclose(ours.history.val_loss, kerass.history.val_loss, rtol=1e-3)


def test_without_held_out_wires_there_is_no_best_epoch_and_all_wires_are_trained_on(dataset):
    outcome = trained(dataset, validation_split=0.0)

    assert outcome.best_epoch is None
    assert (outcome.history.val_loss, outcome.history.val_accuracy) == ([], [])
    assert outcome.steps_per_epoch == 7


def test_test_wires_have_no_influence_on_the_training_and_on_the_choice(dataset):
    other = replace(dataset, x_test=dataset.x_test[::-1].copy(), y_test=(dataset.y_test + 1) % 3)

    ours, others = trained(dataset), trained(other)

    assert ours.history == others.history
    assert ours.best_epoch == others.best_epoch
    np.testing.assert_allclose(ours.scores, others.scores[::-1], atol=1e-6)


def test_held_out_wires_decide_the_choice_and_nothing_else(dataset):
    labels = dataset.y_train.copy()
    labels[HELD_OUT] = (labels[HELD_OUT] + 1) % 3

    ours, others = trained(dataset), trained(replace(dataset, y_train=labels))

    training = [(each.history.loss, each.history.accuracy) for each in (ours, others)]
    assert training[0] == training[1]
    assert ours.history.val_accuracy != others.history.val_accuracy
    assert ours.best_epoch != others.best_epoch


def test_no_seed_changes_how_many_wires_are_trained_on_and_held_out(dataset):
    first, second = (trained(dataset, seed=seed).history for seed in (0, 1))

    assert first.loss != second.loss
    for history in (first, second):
        for accuracy, wires in ((history.accuracy, KEPT), (history.val_accuracy, HELD_OUT)):
            hits = np.array(accuracy) * len(wires)
            np.testing.assert_allclose(hits, hits.round(), atol=1e-4)
