"""The order of steps, which nothing but the arguments decides; notes on epochs; and
phases.
"""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.utils.class_weight import compute_sample_weight

from rnnbench.training.epochs import (
    EarlyStopping,
    Epochs,
    TrainingSettings,
    begin,
    report_phases_to,
)

NAN, INF = float("nan"), float("inf")


def noted(validation, on_epoch=lambda *_: None):
    """Return the notes of epochs with these validation losses and accuracies.

    The weights of an epoch are its number; also returns the epochs whose weights were
    read.
    """
    epochs, read = Epochs(on_epoch), []
    for number, judged in enumerate(validation, start=1):
        epochs.note(
            (1 / number, number / 100), judged, lambda n=number: read.append(n) or [n]
        )
    return epochs, read


few = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(
    st.lists(st.tuples(few | st.just(NAN) | st.just(INF), few), min_size=1, max_size=12)
)
def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss_and_comes_first(
    validation,
):
    def rank(number):
        loss, accuracy = validation[number - 1]
        return (False, -accuracy, loss) if math.isfinite(loss) else (True, 0, 0)

    epochs, read = noted(validation)

    numbers = range(1, len(validation) + 1)
    assert epochs.best_weights == [epochs.best_epoch] == [min(numbers, key=rank)]
    assert read == [
        n for n in numbers if all(rank(n) < rank(before) for before in range(1, n))
    ]


@given(st.sampled_from([None, (0.5, 0.5)]), st.integers(0, 5))
def test_every_epoch_is_recorded_timed_and_told(judged, n):
    validation, told = [judged] * n, []

    epochs, _ = noted(validation, lambda *epoch: told.append(epoch))

    history, judged = epochs.history, list(filter(None, validation))
    assert told == [(epoch, 1 / epoch, epoch / 100) for epoch in range(1, n + 1)]
    assert list(zip(history.loss, history.score, strict=True)) == [
        own[1:] for own in told
    ]
    assert list(zip(history.val_loss, history.val_score, strict=True)) == judged
    assert (epochs.best_epoch is None) == (not judged)
    assert len(epochs.ends) == n + 1
    assert epochs.ends == sorted(epochs.ends)


@given(st.lists(st.tuples(few, few), min_size=1, max_size=12), st.integers(1, 4))
def test_a_training_is_over_when_its_best_epoch_is_long_past(validation, patience):
    epochs = Epochs(stopping=EarlyStopping(patience=patience, on="loss"))
    for number, judged in enumerate(validation, start=1):
        assert not epochs.is_over
        epochs.note((0, 0), judged, list)
        losses = [(loss, -accuracy) for loss, accuracy in validation[:number]]
        best = losses.index(min(losses)) + 1
        assert (epochs.best_epoch, epochs.is_over) == (best, number >= best + patience)
        if epochs.is_over:
            return


def test_early_stopping_needs_documents_to_validate_on():
    with pytest.raises(ValidationError, match="early_stopping needs validation_split"):
        TrainingSettings(early_stopping={})


def test_learning_rates_fall_as_those_of_keras():
    from keras.optimizers import schedules

    cosine = TrainingSettings(
        epochs=3, batch_size=4, learning_rate={"start": 0.1, "schedule": "cosine"}
    )
    falling = {"start": 0.1, "schedule": "step", "every": 2, "factor": 0.5}
    step = TrainingSettings(epochs=5, batch_size=4, learning_rate=falling)

    keras = schedules.CosineDecay(0.1, 9)
    np.testing.assert_allclose(
        cosine.learning_rates(10), [keras(n) for n in range(9)], rtol=1e-5
    )
    assert step.learning_rates(8).tolist() == [0.1] * 4 + [0.05] * 4 + [0.025] * 2
    assert TrainingSettings(epochs=2).learning_rates(1).tolist() == [0.001] * 2


def test_balanced_weights_are_those_of_scikit_learn():
    y = np.array([0, 2, 2, 2], np.int32)

    expected = compute_sample_weight("balanced", y)
    np.testing.assert_allclose(
        TrainingSettings(class_weights="balanced").weights_of(y), expected
    )
    assert TrainingSettings().weights_of(y).tolist() == [1] * 4


sizes, numbers = st.integers(1, 300), st.integers(1, 1000)
seeds = st.integers(0, 2**32 - 1)


@given(n=sizes, batch_size=sizes, seed=seeds, epoch=numbers, other=seeds)
def test_the_order_is_the_documented_one_whatever_was_drawn_before(
    n, batch_size, seed, epoch, other
):
    expected = np.random.default_rng([seed, epoch]).permutation(n).tolist()
    random.seed(other)
    np.random.seed(other)

    recipe = TrainingSettings(batch_size=batch_size)
    found = [part.tolist() for part in recipe.batches(n, seed, epoch)]

    assert found == [
        expected[start : start + batch_size] for start in range(0, n, batch_size)
    ]
    assert len(found) == recipe.count_batches(n)


@given(trial=st.tuples(seeds, numbers), other=st.tuples(seeds, numbers))
def test_each_seed_and_each_epoch_has_an_order_of_its_own(trial, other):
    recipe = TrainingSettings(batch_size=100)
    (ours,), (theirs,) = recipe.batches(100, *trial), recipe.batches(100, *other)

    assert np.array_equal(ours, theirs) == (trial == other)


def test_the_time_of_a_step_is_that_of_the_median_epoch_without_the_first_which_compiles():
    def ms_per_step(ends, documents, **timed):
        facts = {
            "engine": "any",
            "params": 1,
            "settings": TrainingSettings(batch_size=1),
        }
        return (
            Epochs(ends=ends).record(**facts, documents=documents, **timed).ms_per_step
        )

    assert ms_per_step([0.0, 60.0, 61.0, 70.0, 72.0], 4) == 500
    assert ms_per_step([0.0, 60.0, 61.0, 70.0, 72.0], 4, timed=2) == 250
    assert ms_per_step([0.0, 3.0], 2) == 1500, "it counts if it is the only one"


def test_phases_are_told_in_a_block_and_not_after_it():
    told, inner = [], []

    begin("before")
    with report_phases_to(told.append):
        begin("compiling")
        with report_phases_to(inner.append):
            begin("inside")
        begin("testing")
    begin("after")

    assert (told, inner) == (["compiling", "testing"], ["inside"])
