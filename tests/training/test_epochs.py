"""The notes of a training: scores and seconds by epoch, and the weights of the best one."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rnnbench.training.epochs import Epochs

NAN, INF = float("nan"), float("inf")


def noted(validation, on_epoch=lambda *_: None):
    """Return the notes of epochs with these validation losses and accuracies.

    The weights of an epoch are its number; also returns the epochs whose weights were read.
    """
    epochs, read = Epochs(on_epoch), []
    for number, judged in enumerate(validation, start=1):
        epochs.note(1 / number, number / 100, judged, lambda n=number: read.append(n) or [n])
    return epochs, read


few = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(st.lists(st.tuples(few | st.just(NAN) | st.just(INF), few), min_size=1, max_size=12))
def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss_and_comes_first(validation):
    def rank(number):
        loss, accuracy = validation[number - 1]
        return (False, -accuracy, loss) if math.isfinite(loss) else (True, 0, 0)

    epochs, read = noted(validation)

    numbers = range(1, len(validation) + 1)
    assert epochs.best_weights == [epochs.best_epoch] == [min(numbers, key=rank)]
    assert read == [n for n in numbers if all(rank(n) < rank(before) for before in range(1, n))]


@given(st.sampled_from([None, (0.5, 0.5)]), st.integers(0, 5))
def test_every_epoch_is_recorded_timed_and_told(judged, n):
    validation, told = [judged] * n, []

    epochs, _ = noted(validation, lambda *epoch: told.append(epoch))

    history, judged = epochs.history, [each for each in validation if each]
    assert told == [(epoch, 1 / epoch, epoch / 100) for epoch in range(1, n + 1)]
    assert list(zip(history.loss, history.accuracy, strict=True)) == [each[1:] for each in told]
    assert list(zip(history.val_loss, history.val_accuracy, strict=True)) == judged
    assert (epochs.best_epoch is None) == (not judged)
    assert len(epochs.seconds) == n
    assert all(seconds >= 0 for seconds in epochs.seconds)
