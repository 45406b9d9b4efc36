"""The order of steps, which nothing but the arguments decides; epochs; and phases."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.testing import assert_allclose
from pydantic import ValidationError
from sklearn.utils.class_weight import compute_sample_weight

from rnnbench.training.epochs import Epochs, begin, ignore, report_phases_to
from rnnbench.training.hyperparameters import EarlyStopping, TrainingSettings

FEW = st.sampled_from([0.0, 0.25, 0.5, 1.0])
NO_NUMBERS = st.sampled_from([math.nan, math.inf])
LOSSES = FEW | NO_NUMBERS


def noted(validation, on_epoch=ignore):
    """Return the epochs with these validation losses and accuracies.

    The weights of an epoch are its number; the epochs whose weights were read are
    returned, too.
    """
    epochs = Epochs(on_epoch)
    read = []
    for number, validated in enumerate(validation, start=1):

        def read_weights(number=number):
            read.append(number)
            return [number]

        epochs.note((1 / number, number / 100), validated, read_weights)
    return epochs, read


def rank(validated):
    """Return what is smallest for the best epoch."""
    loss, accuracy = validated
    if not math.isfinite(loss):
        return True, 0, 0
    return False, -accuracy, loss


@given(st.lists(st.tuples(LOSSES, FEW), min_size=1, max_size=12))
def test_the_first_of_the_best_epochs_is_kept(validation):
    epochs, _ = noted(validation)

    ranks = list(map(rank, validation))
    assert epochs.best_epoch == ranks.index(min(ranks)) + 1
    assert epochs.best_weights == [epochs.best_epoch]


@given(st.lists(st.tuples(LOSSES, FEW), min_size=1, max_size=12))
def test_weights_are_read_when_an_epoch_is_better_than_all_before(validation):
    _, read = noted(validation)

    better = []
    for number, validated in enumerate(validation, start=1):
        if all(rank(validated) < rank(before) for before in validation[: number - 1]):
            better.append(number)
    assert read == better


@given(st.integers(0, 5))
def test_every_epoch_is_noted(n):
    told = []

    epochs, _ = noted([None] * n, lambda *epoch: told.append(epoch))

    history = epochs.history
    assert told == [(epoch, 1 / epoch, epoch / 100) for epoch in range(1, n + 1)]
    assert history.loss == [loss for _, loss, _ in told]
    assert history.score == [score for *_, score in told]
    assert len(epochs.ends) == n + 1
    assert epochs.ends == sorted(epochs.ends)


def test_the_validation_of_every_epoch_is_recorded():
    epochs, _ = noted([(0.5, 0.25)] * 3)

    assert epochs.history.val_loss == [0.5] * 3
    assert epochs.history.val_score == [0.25] * 3


def test_without_validation_no_epoch_is_the_best():
    epochs, _ = noted([None] * 3)

    assert epochs.best_epoch is None
    assert (epochs.history.val_loss, epochs.history.val_score) == ([], [])


@given(st.lists(st.tuples(FEW, FEW), min_size=1, max_size=12), st.integers(1, 4))
def test_a_training_is_over_when_its_best_epoch_is_long_past(validation, patience):
    epochs = Epochs(stopping=EarlyStopping(patience=patience, on="loss"))
    for number, validated in enumerate(validation, start=1):
        assert not epochs.is_over
        epochs.note((0, 0), validated, list)
        losses = [(loss, -accuracy) for loss, accuracy in validation[:number]]
        best = losses.index(min(losses)) + 1
        assert epochs.best_epoch == best
        assert epochs.is_over == (number >= best + patience)
        if epochs.is_over:
            return


def test_early_stopping_needs_documents_to_validate_on():
    with pytest.raises(ValidationError, match="early_stopping needs validation_split"):
        TrainingSettings(early_stopping={})


@pytest.mark.parametrize(
    ("documents", "epochs"),
    [(80, 60), (200, 40), (320, 25), (200_000, 1)],
    ids=["all fit", "as many as fit", "a part left over", "at least one"],
)
def test_many_documents_have_fewer_epochs(documents, epochs):
    settings = TrainingSettings(epochs=60, batch_size=4, max_steps=2_000)

    assert settings.within_steps(documents).epochs == epochs


def test_steps_are_counted_without_held_out_documents():
    settings = TrainingSettings(
        epochs=60, batch_size=4, max_steps=2_000, validation_split=0.5
    )

    assert settings.within_steps(400).epochs == 40


def rates(documents, **settings):
    return TrainingSettings(batch_size=4, **settings).learning_rates(documents)


def test_learning_rates_fall_along_the_cosine_of_keras():
    from keras.optimizers import schedules

    cosine = {"start": 0.1, "schedule": "cosine"}

    keras = schedules.CosineDecay(0.1, 9)
    expected = [keras(step) for step in range(9)]
    ours = rates(10, epochs=3, learning_rate=cosine)
    assert_allclose(ours, expected, rtol=1e-5)


def test_learning_rates_fall_in_steps():
    falling = {"start": 0.1, "schedule": "step", "every": 2, "factor": 0.5}

    ours = rates(8, epochs=5, learning_rate=falling)
    assert ours.tolist() == [0.1] * 4 + [0.05] * 4 + [0.025] * 2


def test_a_learning_rate_without_a_schedule_stays():
    assert rates(1, epochs=2).tolist() == [0.001] * 2


def test_balanced_weights_are_those_of_scikit_learn():
    y = np.array([0, 2, 2, 2], np.int32)

    balanced = TrainingSettings(class_weights="balanced")
    expected = compute_sample_weight("balanced", y)
    assert_allclose(balanced.weights_of(y), expected)
    assert TrainingSettings().weights_of(y).tolist() == [1] * 4


SIZES = st.integers(1, 300)
NUMBERS = st.integers(1, 1000)
SEEDS = st.integers(0, 2**32 - 1)


@given(n=SIZES, batch_size=SIZES, seed=SEEDS, epoch=NUMBERS, other=SEEDS)
def test_the_order_is_the_documented_one_whatever_was_drawn_before(
    n, batch_size, seed, epoch, other
):
    order = default_rng([seed, epoch]).permutation(n).tolist()
    random.seed(other)
    np.random.seed(other)

    settings = TrainingSettings(batch_size=batch_size)
    batches = [rows.tolist() for rows in settings.batches(n, seed, epoch)]

    starts = range(0, n, batch_size)
    assert batches == [order[start : start + batch_size] for start in starts]
    assert len(batches) == settings.count_batches(n)


@given(n=SIZES, batch_size=SIZES, steps=st.integers(1, 30), seed=SEEDS)
def test_epochs_of_some_steps_are_parts_of_all_passes(n, batch_size, steps, seed):
    settings = TrainingSettings(batch_size=batch_size, steps_per_epoch=steps)
    batches = []
    for epoch in (1, 2, 3):
        batches += settings.batches(n, seed, epoch)

    size = min(batch_size, n)
    assert [len(rows) for rows in batches] == [size] * 3 * settings.count_batches(n)
    passes = [default_rng([seed, number]).permutation(n) for number in range(1, 92)]
    read = np.concatenate(batches)
    assert np.array_equal(read, np.concatenate(passes)[: len(read)])


def test_an_epoch_has_no_more_steps_than_a_training():
    with pytest.raises(ValidationError, match="allowed: up to max_steps, 3"):
        TrainingSettings(max_steps=3, steps_per_epoch=4)


@given(trial=st.tuples(SEEDS, NUMBERS), other=st.tuples(SEEDS, NUMBERS))
def test_each_epoch_of_each_seed_has_an_order_of_its_own(trial, other):
    settings = TrainingSettings(batch_size=100)
    (ours,) = settings.batches(100, *trial)
    (theirs,) = settings.batches(100, *other)

    assert np.array_equal(ours, theirs) == (trial == other)


@pytest.mark.parametrize(
    ("ends", "timed", "ms"),
    [
        ([0.0, 60.0, 61.0, 70.0, 72.0], 0, 2000),
        ([0.0, 60.0, 61.0, 70.0, 72.0], 2, 1000),
        ([0.0, 3.0], 0, 3000),
    ],
    ids=["median", "of the first ones", "the only one"],
)
def test_the_time_of_a_step_is_that_of_the_median_epoch_after_the_first(
    ends, timed, ms
):
    record = Epochs(ends=ends).record("any", 1, TrainingSettings(), 1, timed)

    assert record.ms_per_step == ms


def test_the_time_of_an_epoch_is_that_of_all_its_steps():
    one_by_one = TrainingSettings(batch_size=1)

    assert Epochs(ends=[0.0, 3.0]).record("any", 1, one_by_one, 2).ms_per_step == 1500


def test_phases_are_told_in_a_block():
    told = []
    inner = []

    begin("before")
    with report_phases_to(told.append):
        begin("compiling")
        with report_phases_to(inner.append):
            begin("inside")
        begin("testing")
    begin("after")

    assert (told, inner) == (["compiling", "testing"], ["inside"])


@pytest.mark.parametrize(
    ("documents", "epochs"), [(1000, 10), (500, 20), (300, 32), (100, 80), (10, 100)]
)
def test_a_subset_has_as_many_steps_in_at_most_ten_times_the_epochs(documents, epochs):
    settings = TrainingSettings(epochs=10, batch_size=32)

    assert settings.with_steps_on(documents, 1000).epochs == epochs


def test_what_counts_in_epochs_grows_with_the_epochs_of_a_subset():
    settings = TrainingSettings(
        epochs=10,
        validation_split=0.1,
        early_stopping={"patience": 3},
        learning_rate={"schedule": "step", "every": 4},
    )

    subset = settings.with_steps_on(100, 1000)

    assert subset.early_stopping.patience == 24
    assert subset.schedule.every == 32
